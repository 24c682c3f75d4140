// Leave to send messages: seven topics on four channels, each a purpose of its own, as one grid.

import { $, button, h, notice } from "./dom.js";
import * as ledger from "./ledger.js";
import { reveal } from "./part.js";
import * as receipts from "./receipts.js";
import { say } from "./status.js";
import { capital, declare, pick, t } from "./texts.js";
import { shared } from "./wording.js";

let changed = async () => {};

const marketing = () => ledger.all().filter(({ channel }) => channel);

function spoken(tag, text, code, attributes = {}) {
  const element = h(tag, attributes, text);
  declare(element, code);
  return element;
}

function grouped(purposes) {
  const topics = new Map();
  for (const purpose of purposes) topics.set(purpose.topic, [...(topics.get(purpose.topic) ?? []), purpose]);
  return [...topics.values()];
}

async function decide(purpose, input, problem) {
  problem.replaceChildren();
  const value = input.checked;
  try {
    await ledger.decide(purpose, value);
  } catch (error) {
    input.checked = !value;
    problem.replaceChildren(notice("error", t(error.code === "unknown_notice" ? "consent_changed" : "consent_failed")));
    if (error.code === "unknown_notice") await changed();
    return;
  }
  say(t(value ? "consent_given_said" : "message_off_said", { title: ledger.titleOf(purpose.id) }));
  tally();
  await changed();
}

function pill(purpose, channel, problem) {
  const input = h("input", { type: "checkbox", id: purpose.id, checked: ledger.granted(purpose.id), onchange: () => decide(purpose, input, problem) });
  return h("label", { class: "pill" }, input, spoken("span", capital(channel), pick(purpose.notice.title).code));
}

/** One topic: what the messages are about, and each way they may come. */
function topic(purposes) {
  const { title, text, code, channels } = shared(purposes.map(({ notice: words }) => ({ title: pick(words.title), text: pick(words.text) })));
  const problem = h("div", { role: "alert" });
  return h("fieldset", { class: "topic" }, spoken("legend", title, code),
    h("div", { class: "topic__inside" }, spoken("p", text, code, { class: "topic__about" }),
      h("div", { class: "topic__channels" }, ...purposes.map((purpose, n) => pill(purpose, channels[n].name, problem))), problem));
}

/** How the messages come, said once for all topics. */
function ways(purposes) {
  const { channels, ending, code } = shared(purposes.map(({ notice: words }) => ({ title: pick(words.title), text: pick(words.text) })));
  return [h("dl", { class: "terms" }, ...channels.flatMap(({ name, text }) => [spoken("dt", capital(name), code), spoken("dd", text, code)])),
    spoken("p", ending, code)];
}

async function stopAll(problem) {
  problem.replaceChildren();
  try {
    for (const purpose of marketing()) if (ledger.granted(purpose.id)) await ledger.decide(purpose, false);
  } catch {
    problem.replaceChildren(notice("error", t("data_unsaved")));
  }
  for (const { id } of marketing()) $(`#${id}`).checked = ledger.granted(id);
  tally();
  say(t("messages_none"));
  $("#messages-heading").focus();
  await changed();
}

/** Say how many ways are open, and offer to close them all. */
function tally() {
  const n = marketing().filter(({ id }) => ledger.granted(id)).length;
  const problem = h("div", { role: "alert" });
  $("#messages-tally").replaceChildren(h("p", {}, n ? t("messages_some", { n }) : t("messages_none")), problem,
    n > 0 && h("p", {}, button(t("messages_stop"), "secondary", { onclick: () => stopAll(problem) }, "cross")) || "");
}

const past = () => receipts.disclosure("messages", t("messages_history"), receipts.history(marketing().map(({ id }) => id), true));

/** Show what has been decided since. */
export const refresh = () => $("#messages-past")?.replaceChildren(past());

export function show() {
  const topics = grouped(marketing());
  reveal("messages", topics.length > 0);
  if (topics.length === 0) return;
  $("#messages-body").replaceChildren(h("div", { id: "messages-tally" }), ...ways(topics[0]), h("div", { class: "topics" }, ...topics.map(topic)),
    h("div", { id: "messages-past" }, past()));
  tally();
}

/** `listener` is called after a decision is in force. */
export function begin(listener) {
  changed = listener;
}
