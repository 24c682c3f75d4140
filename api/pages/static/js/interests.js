// What the resident tells: topics of what is on offer now, kinds, areas, languages, needs and the year of birth.

import { call } from "./api.js";
import * as consents from "./consents.js";
import { $, $$, h, notice } from "./dom.js";
import * as session from "./session.js";
import { say } from "./status.js";
import { capital, languageName, t } from "./texts.js";
import { placeName, topicPill, topics } from "./topics.js";

const form = $("#interests");
const MOST_TOPICS = 30;
const OLDEST_YEARS = 120;
const AVOIDED = ["keywords", "kinds", "places"];
let told = null;
let changed = () => {};

async function showTopics() {
  const found = await topics(MOST_TOPICS);
  $("#topics").replaceChildren(...found.map((topic) => topicPill(topic, "keywords")));
  $("#avoided-topics").replaceChildren(...found.map((topic) => topicPill(topic, "avoided_keywords")));
  $("#topics-group").hidden = $("#avoided-topics").hidden = found.length === 0;
}

/** Places that are avoided and on offer now, by their names; they are added where an offer is, and taken back here. */
function showPlaces({ avoided }) {
  const found = avoided.places.filter(placeName);
  $("#avoided-places").replaceChildren(...found.map((id) => topicPill({ id, label: placeName(id) }, "avoided_places", true)));
  $("#avoided-places").hidden = found.length === 0;
}

function fill(interests) {
  showPlaces(interests);
  for (const name of AVOIDED) for (const box of $$(`[name="avoided_${name}"]`, form)) box.checked = interests.avoided[name].includes(box.value);
  for (const name of ["keywords", "kinds", "districts", "languages", "access"]) {
    for (const box of $$(`[name="${name}"]`, form)) box.checked = interests[name]?.includes(box.value) ?? false;
  }
  form.birth_year.value = interests.birth_year ?? "";
}

/** What is avoided, as the form says it; what the form does not show stays avoided. */
function readAvoided(name) {
  const boxes = $$(`[name="avoided_${name}"]`, form);
  const shown = new Set(boxes.map((box) => box.value));
  return [...boxes.filter((box) => box.checked).map((box) => box.value), ...(told?.avoided[name] ?? []).filter((id) => !shown.has(id))];
}

/** Nobody wants what they avoid: the later choice stands. */
function choose({ target }) {
  const other = target.name?.startsWith("avoided_") ? target.name.replace("avoided_", "") : `avoided_${target.name}`;
  if (!target.checked) return;
  for (const box of $$(`[name="${other}"]`, form)) if (box.value === target.value) box.checked = false;
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
    avoided: Object.fromEntries(AVOIDED.map((name) => [name, readAvoided(name)])),
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

const FIELDS = { topic: "keywords", kind: "kinds", place: "places" };

/** Avoid one thing, or no more; the form says so too, and nothing that is being typed is overwritten. */
export async function avoid(family, value, on) {
  const path = `/v1/residents/me/interests/avoided/${family}/${encodeURIComponent(value)}`;
  const now = await call(on ? "PUT" : "DELETE", path);
  const before = told;
  told = on ? now : await call("GET", "/v1/residents/me/interests");
  if (!before) return;
  showPlaces(told);
  for (const box of $$(`[name="avoided_${FIELDS[family]}"]`, form)) if (box.value === value) box.checked = on;
  if (on) for (const box of $$(`[name="${FIELDS[family]}"]`, form)) if (box.value === value) box.checked = false;
}

/** Return what says of a thing whether it is avoided. */
export async function avoided() {
  const { avoided: its } = told ?? (await call("GET", "/v1/residents/me/interests"));
  return (family, value) => its[FIELDS[family]].includes(value);
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
  form.addEventListener("change", choose);
}
