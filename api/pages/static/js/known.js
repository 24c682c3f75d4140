// What is known of the resident, where each thing came from, and what can be done about it.

import * as consents from "./consents.js";
import { $, $$, button, h, icon, notice } from "./dom.js";
import { fill, me } from "./part.js";
import { say } from "./status.js";
import { lang, t } from "./texts.js";
import { momentWords } from "./when.js";

const FEW = 5;
/** Parts of the view that have a place of their own on the page. */
const ELSEWHERE = ["partners", "accesses", "family"];
/** Where a thing is corrected that the resident has told. */
const TOLD = ["interests", "taste"];
const whole = new Set();

const when = (time) => h("p", { class: "note" }, h("time", { datetime: time }, momentWords(time, new Date())));

function row(section, item) {
  const remove = item.remove && h("button", {
    type: "button", class: "remove", "aria-label": t("known_remove_named", { name: item.text }),
    onclick: (event) => forget(section, item, event.currentTarget),
  }, icon("cross"), h("span", {}, t("known_remove")));
  return h("li", { class: "row" }, h("div", { class: "row__text" },
    h("p", { class: "row__name" }, item.text), item.detail && h("p", {}, item.detail), item.time && when(item.time)), remove);
}

/** Remove one thing: what was learned from it goes with it, so all is read anew. The focus goes to what takes its place. */
async function forget(section, item, pressed) {
  const place = $$(`#known-${section.id} .remove`).indexOf(pressed);
  const problem = $(`#known-${section.id} [role="alert"]`);
  problem.replaceChildren();
  try {
    await me("DELETE", `/data/${section.id}/${encodeURIComponent(item.id)}`);
  } catch (error) {
    // What is gone already is removed all the same.
    if (error.status !== 404) return problem.replaceChildren(notice("error", t("known_kept", { name: item.text })));
  }
  say(t("known_removed_said", { name: item.text }));
  await load();
  return ($$(`#known-${section.id} .remove`).slice(0, place + 1).at(-1) ?? $(`#known-${section.id}-heading`))?.focus();
}

async function stop(section, problem) {
  if (await consents.decide(consents.find(section.purpose), false, problem)) $(`#known-${section.id}-heading`)?.focus();
}

function acts(section, problem) {
  const told = TOLD.includes(section.id)
    && h("a", { class: "hds-link", href: `/app?lang=${lang}#choices` }, t(section.id === "taste" ? "tell_interests" : "known_correct"));
  const may = section.purpose && consents.granted(section.purpose);
  const name = may && t("known_stop_named", { name: section.title, title: consents.titleOf(section.purpose) });
  const end = may && button(t("known_stop"), "secondary", { "aria-label": name, onclick: () => stop(section, problem) }, "eye-crossed");
  const given = section.id === "addresses" && h("a", { class: "hds-link", href: `/viestit?lang=${lang}` }, t("messages_to_page"));
  return (told || end || given) && h("p", { class: "acts" }, told, end, given);
}

function leave({ purpose }) {
  if (!purpose || !consents.find(purpose)) return null;
  const link = h("a", { class: "hds-link", href: `#purpose-${purpose}` }, consents.titleOf(purpose));
  return h("p", {}, h("b", {}, t(consents.granted(purpose) ? "known_allowed" : "known_not_allowed")), " ", link);
}

/** Where things come from; of what is not gathered yet it is said alone that it is not. */
function source({ items, purpose, source: words }) {
  return h("p", {}, (items.length > 0 || purpose) && h("b", {}, `${t("known_source")} `), words);
}

function showAll(section) {
  whole.add(section.id);
  const node = draw(section);
  $(`#known-${section.id}`).replaceWith(node);
  const next = $$(".row", node)[FEW];
  next.tabIndex = -1;
  next.focus();
}

function list(section) {
  if (section.items.length === 0) return [h("p", { class: "known__empty" }, section.empty ?? t("known_empty"))];
  const shown = whole.has(section.id) ? section.items : section.items.slice(0, FEW);
  const rest = section.items.length - shown.length;
  return [h("ul", { class: "rows" }, ...shown.map((item) => row(section, item))),
    rest > 0 && h("p", {}, button(t("known_more", { n: rest }), "supplementary", { onclick: () => showAll(section) }))];
}

function draw(section) {
  const id = `known-${section.id}`;
  const problem = h("div", { role: "alert" });
  return h("section", { class: "panel", id, "aria-labelledby": `${id}-heading` },
    h("h3", { id: `${id}-heading`, tabindex: "-1" }, section.title),
    h("div", { class: "note known__source" }, source(section), leave(section)),
    ...list(section), problem, acts(section, problem));
}

/** Read all that is known, and show it. */
export const load = () => fill("known", () => me("GET", "/data", { query: { lang } }), (body, { sections }) => {
  const focused = document.activeElement?.closest?.('[id^="known-"]')?.id;
  body.replaceChildren(...sections.filter(({ id }) => !ELSEWHERE.includes(id)).map(draw));
  if (focused && !$(`#${focused}`)?.contains(document.activeElement)) $(`#${focused}-heading`)?.focus();
});
