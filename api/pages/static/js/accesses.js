// Who else has reached the resident's data, and what for, in words.

import { h } from "./dom.js";
import { fill, me, rows } from "./part.js";
import { fieldWords } from "./partners.js";
import { t } from "./texts.js";
import { momentWords } from "./when.js";

/** What was done: a partner reads fields, anybody else does what a scope such as `interests:read` allows. */
function done({ capacity, purpose, fields }) {
  if (capacity !== "partner") return t(`scope_${purpose.replace(":", "_")}`);
  return t(fields.length ? "access_read" : "access_nothing");
}

function row(access) {
  const { time, who, capacity, fields } = access;
  return h("li", { class: "row" }, h("div", { class: "row__text" },
    h("p", { class: "row__name" }, done(access)), h("p", {}, `${who} (${t(`capacity_${capacity}`)})`),
    fields.length > 0 && h("p", { class: "note" }, t("access_fields", { fields: fieldWords(fields) })),
    h("p", { class: "note" }, h("time", { datetime: time }, momentWords(time, new Date())))));
}

export const load = () => fill("accesses", () => me("GET", "/accesses"), (body, { items }) =>
  body.replaceChildren(rows(items, row, t("accesses_none"))));
