// Why did I get this: suggestions of now with their reasons, and the reasons that may be turned off.

import { $, button, h, icon } from "./dom.js";
import * as mode from "./mode.js";
import { fill, me, toggle } from "./part.js";
import { say } from "./status.js";
import { lang, pick, put, t } from "./texts.js";

const EXAMPLES = 4;
let reasons = [];

const find = (code) => reasons.find((reason) => reason.code === code);

/** Turn a reason on or off; what is suggested then is asked for anew. */
async function turn(reason, on) {
  reason.on = (await me("PUT", `/reasons/${reason.code}`, { body: { on } })).on;
  say(t(on ? "reason_on_said" : "reason_off_said", { name: reason.text }));
  await examples();
}

async function turnOff(reason) {
  const input = $(`#reason-${reason.code}`);
  input.focus();
  input.click();
}

function because({ text, off }) {
  const reason = off && find(off);
  const stop = reason?.on && button(t("reason_off"), "supplementary", { "aria-label": t("reason_off_named", { text }), onclick: () => turnOff(reason) }, "cross");
  return h("li", {}, icon("lightbulb"), h("span", {}, text), stop);
}

function example({ offer, reasons: told = [] }) {
  const name = put(h("a", { class: "hds-link", href: `/app?lang=${lang}&offer=${encodeURIComponent(offer.id)}` }), offer.name);
  return h("li", { class: "panel" }, h("h4", {}, name), h("ul", { class: "because" }, ...told.map(because)));
}

async function examples() {
  const list = $("#why-list");
  const told = mode.on() ? null : await me("GET", "/suggestions", { query: { lang, limit: EXAMPLES } }).catch(() => null);
  const items = (told?.items ?? []).filter(({ offer }) => pick(offer.name).text);
  list.hidden = $("#why-heading").hidden = items.length === 0;
  list.replaceChildren(...items.map(example));
}

const switchOf = (reason) => h("li", {}, toggle(reason.text, reason.on, (on) => turn(reason, on), { id: `reason-${reason.code}` }));

/** Read the reasons and show them. */
export const load = () => fill("reasons", () => me("GET", "/reasons", { query: { lang } }), (body, { items }) => {
  reasons = items;
  body.replaceChildren(
    h("h3", { id: "why-heading", hidden: true }, t("why_examples")), h("ul", { id: "why-list", class: "stack", hidden: true }),
    h("h3", {}, t("reason_switches")), h("ul", { class: "panel switches" }, ...reasons.map(switchOf)));
  examples();
});
