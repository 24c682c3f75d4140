// Partners that may read some of what is known: what each may read and what for, and leave given and withdrawn.

import { $, button, h, notice } from "./dom.js";
import { fill, me } from "./part.js";
import * as receipts from "./receipts.js";
import { say } from "./status.js";
import { put, t } from "./texts.js";
import { plainDay } from "./when.js";

/** What a partner is shown, in words. */
export const fieldWords = (fields) => fields.map((field) => t(`field_${field}`)).join(", ");

async function grant(partner, granted, problem) {
  problem.replaceChildren();
  try {
    await me("PUT", `/partners/${encodeURIComponent(partner.id)}`, { body: { granted } });
  } catch {
    return problem.replaceChildren(notice("error", t("consent_failed")));
  }
  say(t(granted ? "partner_given_said" : "partner_withdrawn_said", { name: partner.name }));
  await receipts.load().catch(() => {});
  await load();
  return $(`[data-partner="${CSS.escape(partner.id)}"] button`)?.focus();
}

function past(partner, history) {
  const entries = history.filter((one) => one.partner === partner.id).reverse();
  if (entries.length === 0) return null;
  const said = ({ granted, time }) => t(granted ? "consent_given" : "consent_withdrawn", { date: plainDay(time) });
  const word = ({ granted, time }) => ({ purpose: `partner:${partner.id}`, title: partner.name, said: said({ granted, time }), granted, time });
  return receipts.disclosure(`partner-${partner.id}`, t("partner_history", { name: partner.name }),
    h("ol", { class: "rows" }, ...entries.map((one) => receipts.decision(word(one)))));
}

function box(partner, history) {
  const { id, name, purpose, fields, expires, granted } = partner;
  const problem = h("div", { role: "alert" });
  const key = granted ? "partner_withdraw" : "partner_give";
  const press = { "data-granted": String(granted), "aria-label": t(`${key}_named`, { name }), onclick: () => grant(partner, !granted, problem) };
  return h("li", { class: "panel", "data-partner": id }, h("h3", {}, name), put(h("p"), purpose),
    h("dl", { class: "terms" }, h("dt", {}, t("partner_fields")), h("dd", {}, fieldWords(fields)),
      h("dt", {}, t("partner_expires")), h("dd", {}, plainDay(expires))),
    problem,
    h("p", { class: "acts" }, button(t(key), "secondary", press), h("span", { class: "purpose__state" }, t(granted ? "partner_may" : "partner_may_not"))),
    past(partner, history));
}

export const load = () => fill("partners", () => me("GET", "/partners"), (body, { items, history }) =>
  body.replaceChildren(items.length ? h("ul", { class: "stack" }, ...items.map((one) => box(one, history))) : h("p", { class: "panel" }, t("partners_none"))));
