// Other people and parties: partners that may read, who has looked, and the family.

import { $, button, h, notice } from "./dom.js";
import { fill, me } from "./part.js";
import { say } from "./status.js";
import { pick, put, t } from "./texts.js";
import { momentWords, plainDay } from "./when.js";

/** A text that may exist in several languages. */
const told = (tag, value) => (typeof value === "string" ? h(tag, {}, value) : put(h(tag), value));

async function grant(partner, granted, problem) {
  problem.replaceChildren();
  try {
    await me("PUT", `/partners/${encodeURIComponent(partner.id)}`, { body: { granted } });
  } catch {
    return problem.replaceChildren(notice("error", t("consent_failed")));
  }
  say(t(granted ? "partner_given_said" : "partner_withdrawn_said", { name: partner.name }));
  await partners();
  return $(`[data-partner="${CSS.escape(partner.id)}"] button`)?.focus();
}

function partnerBox(partner) {
  const { id, name, purpose, fields, expires, granted } = partner;
  const problem = h("div", { role: "alert" });
  const key = granted ? "partner_withdraw" : "partner_give";
  return h("li", { class: "panel", "data-partner": id }, h("h3", {}, name), told("p", purpose),
    h("dl", { class: "terms" }, h("dt", {}, t("partner_fields")), h("dd", {}, (fields ?? []).join(", ")),
      expires && h("dt", {}, t("partner_expires")), expires && h("dd", {}, plainDay(expires))),
    problem, h("p", { class: "acts" },
      button(t(key), granted ? "secondary" : "primary", { "data-granted": String(granted), "aria-label": t(`${key}_named`, { name }), onclick: () => grant(partner, !granted, problem) }),
      h("span", { class: "purpose__state" }, t(granted ? "partner_may" : "partner_may_not"))));
}

const rows = (items, one, empty) => (items.length ? h("ul", { class: "panel rows" }, ...items.map(one)) : h("p", { class: "panel" }, empty));

export const partners = () => fill("partners", () => me("GET", "/partners"), (body, { items }) =>
  body.replaceChildren(items.length ? h("ul", { class: "stack" }, ...items.map(partnerBox)) : h("p", { class: "panel" }, t("partners_none"))));

function access({ time, who, capacity, purpose, what }) {
  return h("li", { class: "row" }, h("div", { class: "row__text" },
    h("p", { class: "row__name" }, `${who} (${t(`capacity_${capacity}`)})`), what && told("p", what),
    purpose && h("p", { class: "note" }, t("access_purpose"), " ", told("span", purpose)),
    h("p", { class: "note" }, h("time", { datetime: time }, momentWords(time, new Date())))));
}

export const accesses = () => fill("accesses", () => me("GET", "/accesses"), (body, { items }) =>
  body.replaceChildren(rows(items, access, t("accesses_none"))));

function person(one) {
  const name = one.name ?? one.id;
  const until = one.until && h("p", { class: "note" }, t("family_until", { date: plainDay(one.until) }));
  return h("li", { class: "row" }, h("div", { class: "row__text" }, h("p", { class: "row__name" }, pick(name).text || String(name)), until));
}

/** Who acts for whom, as a list; to change it is elsewhere. */
export const family = () => fill("family", () => me("GET", "/family"), (body, given) => {
  const groups = ["dependants", "guardians", "helpers"].filter((key) => given[key]?.length);
  const lists = groups.flatMap((key) => [h("h3", {}, t(`family_${key}`)), rows(given[key], person, "")]);
  body.replaceChildren(...(lists.length ? lists : [h("p", { class: "panel" }, t("family_none"))]));
});
