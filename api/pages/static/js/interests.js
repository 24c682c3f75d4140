// What the resident tells: topics of what is on offer now, kinds, areas, languages, needs and the year of birth.

import { call } from "./api.js";
import * as consents from "./consents.js";
import { $, $$, h, notice } from "./dom.js";
import * as session from "./session.js";
import { say } from "./status.js";
import { capital, languageName, t } from "./texts.js";
import { topicPill, topics } from "./topics.js";

const form = $("#interests");
const MOST_TOPICS = 30;
const OLDEST_YEARS = 120;
let told = null;
let changed = () => {};

async function showTopics() {
  const found = await topics(MOST_TOPICS);
  $("#topics").replaceChildren(...found.map((topic) => topicPill(topic, "keywords")));
  $("#topics-group").hidden = found.length === 0;
}

function fill(interests) {
  for (const name of ["keywords", "kinds", "districts", "languages", "access"]) {
    for (const box of $$(`[name="${name}"]`, form)) box.checked = interests[name]?.includes(box.value) ?? false;
  }
  form.birth_year.value = interests.birth_year ?? "";
}

/** What the form says; topics told before that are not on offer now stay told. */
function read() {
  const chosen = (name) => $$(`[name="${name}"]:checked`, form).map((box) => box.value);
  const shown = new Set($$('[name="keywords"]', form).map((box) => box.value));
  const kept = (told?.keywords ?? []).filter((id) => !shown.has(id));
  const places = new Set($$('[name="districts"]', form).map((box) => box.value));
  const keptPlaces = (told?.districts ?? []).filter((id) => !places.has(id));
  const year = form.birth_year.value.trim();
  return {
    keywords: [...chosen("keywords"), ...kept], kinds: chosen("kinds"), districts: [...chosen("districts"), ...keptPlaces],
    languages: chosen("languages"), access: chosen("access"), ...(year && { birth_year: Number(year) }),
  };
}

function yearFits() {
  const [to, text] = [new Date().getFullYear(), form.birth_year.value.trim()];
  const from = to - OLDEST_YEARS;
  const fits = text === "" || (/^\d{4}$/.test(text) && Number(text) >= from && Number(text) <= to);
  const error = $("#birth-year-error");
  error.hidden = fits;
  error.textContent = fits ? "" : t("interests_birth_year_wrong", { from: String(from), to: String(to) });
  form.birth_year.setAttribute("aria-invalid", String(!fits));
  $("#birth-year-field").classList.toggle("hds-text-input--invalid", !fits);
  if (!fits) form.birth_year.focus();
  return fits;
}

async function save(event) {
  event.preventDefault();
  if (!yearFits()) return;
  const box = $("#interests-notice");
  try {
    told = await call("PUT", "/v1/residents/me/interests", { body: read() });
  } catch (error) {
    const why = error.code === "consent_required" ? t("interests_need", { title: consents.titleOf("interests") }) : null;
    box.replaceChildren(notice("error", t("interests_failed"), why));
    box.scrollIntoView({ block: "center" });
    return;
  }
  box.replaceChildren();
  say(t("interests_saved"));
  changed();
}

/** Show the form as it may be used now: whoever has not allowed it sees what to do first. */
export function refresh() {
  const may = session.signedIn() && consents.granted("interests");
  for (const control of form.elements) control.disabled = !may;
  form.classList.toggle("interests--closed", !may);
  const located = !may || consents.granted("location");
  $("#districts-note").hidden = located;
  $("#districts-note").textContent = located ? "" : t("interests_districts_need", { title: consents.titleOf("location") });
  const need = session.signedIn() && !may;
  $("#interests-notice").replaceChildren(...(need ? [notice("info", t("interests_need", { title: consents.titleOf("interests") }), null, needLink())] : []));
}

const needLink = () => h("a", { class: "hds-link", href: "#choices", onclick: (event) => { event.preventDefault(); $("#purpose-interests button")?.focus(); } }, consents.titleOf("interests"));

/** Fill the form when the view is opened. What is being typed is never overwritten. */
export async function open() {
  refresh();
  if (!$("#topics").children.length) await showTopics().catch(() => {});
  refresh();
  if (told || !session.signedIn()) return;
  told = await call("GET", "/v1/residents/me/interests").catch(() => null);
  if (told) fill(told);
}

export function forget() {
  told = null;
  form.reset();
  refresh();
}

export function begin(onChange) {
  changed = onChange;
  for (const label of $$("[data-spoken]", form)) label.textContent = capital(languageName(label.dataset.spoken));
  form.addEventListener("submit", save);
}
