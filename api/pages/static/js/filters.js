// The filters: a form whose state is in the address, so that a reload, a language switch or an error loses nothing.
// The position is the exception: it stays in memory.

import { $, $$, h, icon } from "./dom.js";
import { say } from "./status.js";
import { languageName, t } from "./texts.js";
import { dayOf, plainDay, plusDays } from "./when.js";

const form = $("#filters");
const NAMES = ["when", "kind", "free", "from", "to", "age", "languages", "access", "topics"];
const MORE = ["age", "languages", "access"];
const SATURDAY = 6;
const ABOUT_100_METRES = 3; // decimals of a degree

let position = null;
let changed = () => {};

/** The reader's position, rounded, while "near me" is on. */
export const here = () => (form.nearby.checked ? position : null);

const values = (name) => new FormData(form).getAll(name).filter(Boolean);

function days() {
  const today = dayOf(new Date());
  const weekday = new Date(`${today}T12:00:00Z`).getUTCDay();
  const saturday = plusDays(today, weekday === 0 ? -1 : SATURDAY - weekday);
  const spans = {
    today: [today, today],
    tomorrow: [plusDays(today, 1), plusDays(today, 1)],
    weekend: [saturday < today ? today : saturday, plusDays(saturday, 1)],
    week: [today, plusDays(today, 6)],
    dates: [form.from.value, form.to.value],
  };
  return spans[form.when.value] ?? [];
}

/** What to ask the API for. */
export function query() {
  const [from, to] = days();
  const near = here();
  return {
    kind: values("kind"), free: values("free"), age: values("age"), languages: values("languages"), access: values("access"),
    from, to, near: near?.join(","), radius_metres: near ? form.radius_metres.value : null,
  };
}

/** Whether the dates chosen make sense; says so beside them if not. */
export function valid() {
  const wrong = form.when.value === "dates" && form.from.value && form.to.value && form.to.value < form.from.value;
  $("#dates-error").hidden = !wrong;
  form.to.setAttribute("aria-invalid", String(Boolean(wrong)));
  if (wrong) form.to.setAttribute("aria-describedby", "dates-error");
  else form.to.removeAttribute("aria-describedby");
  return !wrong && form.reportValidity();
}

const chosen = (control) => control.selectedOptions[0].textContent;

function when() {
  const [from, to] = [form.from.value, form.to.value].map((day) => day && plainDay(`${day}T12:00:00Z`));
  return form.when.value === "dates" && (from || to) ? t("when_range", { from, to }).trim() : chosen(form.when);
}

/** Each filter in force: what it is called, and how to take it away. */
function active() {
  const found = [];
  const add = (label, clear) => found.push({ label, clear });
  if (form.when.value) add(when(), () => { form.when.value = form.from.value = form.to.value = ""; });
  if (form.kind.value) add(chosen(form.kind), () => { form.kind.value = ""; });
  if (form.free.checked) add(t("filter_free"), () => { form.free.checked = false; });
  if (form.nearby.checked) add(`${t("filter_near")}, ${chosen(form.radius_metres)}`, () => { form.nearby.checked = false; });
  if (form.age.value) add(t("filter_age_value", { n: Number(form.age.value) }), () => { form.age.value = ""; });
  if (form.languages.value) add(chosen(form.languages), () => { form.languages.value = ""; });
  for (const box of $$('[name="access"]:checked', form)) add(t(`access_${box.value}`), () => { box.checked = false; });
  for (const box of $$('[name="topics"]:checked', form)) add(box.nextElementSibling.textContent, () => { box.checked = false; });
  return found;
}

export const any = () => active().length > 0;

/** Buttons that each take one filter away. */
export function chips() {
  return active().map(({ label, clear }) =>
    h("li", {}, h("button", {
      type: "button", class: "chip", "aria-label": t("filter_remove", { name: label }),
      onclick: () => { clear(); apply(); $("#count").focus(); },
    }, h("span", {}, label), icon("cross"))));
}

export function clearAll() {
  form.reset();
  apply();
}

function keepInAddress() {
  const address = new URL(location.href);
  for (const name of NAMES) {
    address.searchParams.delete(name);
    for (const value of values(name)) address.searchParams.append(name, value);
  }
  history.replaceState(history.state, "", address);
  for (const link of $$("[data-language]")) {
    const there = new URL(address);
    there.searchParams.set("lang", link.dataset.language);
    there.searchParams.delete("offer");
    link.href = there.pathname + there.search + there.hash;
  }
}

function restore() {
  const given = new URLSearchParams(location.search);
  for (const name of NAMES) {
    for (const control of $$(`[name="${name}"]`, form)) {
      if (control.type === "checkbox") control.checked = given.getAll(name).includes(control.value);
      else if (given.has(name)) control.value = given.get(name);
    }
  }
  if (MORE.some((name) => values(name).length > 0)) more(true);
}

function more(open) {
  $("#filters-more").hidden = !open;
  $("#more-filters").setAttribute("aria-expanded", String(open));
}

function show() {
  $("#filters-dates").hidden = form.when.value !== "dates";
  $("#filters-near").hidden = !form.nearby.checked;
  const list = $("#active-filters");
  list.replaceChildren(...chips());
  if (any()) list.append(h("li", {}, h("button", { type: "button", class: "chip chip--all", onclick: () => { clearAll(); $("#count").focus(); } }, t("filter_clear"))));
  list.hidden = !any();
}

function apply() {
  show();
  if (!valid()) return;
  keepInAddress();
  changed();
}

function locate() {
  return new Promise((done) => {
    const round = (degrees) => Number(degrees.toFixed(ABOUT_100_METRES));
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => done([round(coords.latitude), round(coords.longitude)]),
      () => done(null),
      { maximumAge: 300_000, timeout: 10_000 });
  });
}

async function onChange(event) {
  if (event.target === form.nearby && form.nearby.checked) {
    position = await locate();
    form.nearby.checked = position !== null;
    if (!position) say(t("near_denied"));
  }
  apply();
}

/** Read the filters from the address and call `listener` whenever they change. */
export function begin(listener) {
  for (const option of $$("option[data-spoken]", form)) option.textContent = languageName(option.dataset.spoken);
  form.from.min = form.to.min = dayOf(new Date());
  restore();
  show();
  keepInAddress();
  changed = listener;
  form.addEventListener("change", onChange);
  form.addEventListener("submit", (event) => event.preventDefault());
  $("#more-filters").addEventListener("click", () => more($("#filters-more").hidden));
}
