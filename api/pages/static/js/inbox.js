// Messages that wait in the service, the newest first: opened, marked and deleted; shown anew when something changes.

import { $, button, h } from "./dom.js";
import { fill, me } from "./part.js";
import { say } from "./status.js";
import { declare, t } from "./texts.js";
import { momentWords } from "./when.js";

const LINK = /(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)])/;
const opened = new Set();
let newest = null;

/** One line of a message; addresses in it can be followed. */
function line(text) {
  return text.split(LINK).map((part, n) => (n % 2 ? h("a", { class: "hds-link", href: part, rel: "noreferrer" }, part) : part));
}

/** The words of a message without their last lines, which lead to this page and to where it is stopped by its own link. */
function words({ text, stop }) {
  const leads = [stop, location.origin + location.pathname].filter(Boolean);
  const said = text.split("\n").filter((one) => !leads.some((lead) => one.includes(lead))).join("\n").trim();
  return said.split(/\n{2,}/).map((lines) => h("p", {}, ...lines.split("\n").flatMap((one, n) => (n ? [h("br"), ...line(one)] : line(one)))));
}

async function change(method, id, options, said) {
  try {
    await me(method, `/inbox/${id}`, options);
    if (said) say(t(said));
  } catch (error) {
    if (error.status !== 404) return say(t("data_unsaved"));
  }
  return load();
}

async function remove(item, items) {
  const at = items.indexOf(item);
  const next = items[at + 1] ?? items[at - 1];
  await change("DELETE", item.id, {}, "inbox_deleted_said");
  $(next ? `#open-${next.id}` : "#inbox-heading").focus();
}

function open(item, box, opener) {
  const shown = box.hidden;
  box.hidden = !shown;
  opener.setAttribute("aria-expanded", String(shown));
  if (!shown) return opened.delete(item.id);
  opened.add(item.id);
  return item.read ? null : change("PUT", item.id, { body: { read: true } });
}

function letter(item, items) {
  const inSight = opened.has(item.id);
  const subject = h("span", {}, item.subject);
  const body = h("div", { class: "letter__text" }, ...words(item));
  for (const element of [subject, body]) declare(element, item.language);
  const unread = () => { opened.delete(item.id); return change("PUT", item.id, { body: { read: false } }, "inbox_unread_said"); };
  const box = h("div", { id: `letter-${item.id}`, class: "letter__body", hidden: !inSight }, body, h("p", { class: "acts" },
    button(t("inbox_mark_unread"), "secondary", { id: `unread-${item.id}`, "aria-label": t("inbox_mark_unread_named", { subject: item.subject }), onclick: unread }, "envelope"),
    button(t("inbox_delete"), "secondary", { id: `delete-${item.id}`, "aria-label": t("inbox_delete_named", { subject: item.subject }), onclick: () => remove(item, items) }, "trash"),
    item.stop && h("a", { class: "hds-link", href: item.stop, rel: "noreferrer" }, t("inbox_stop"))));
  const opener = h("button", { type: "button", id: `open-${item.id}`, "aria-expanded": String(inSight), "aria-controls": box.id, onclick: () => open(item, box, opener) },
    subject, !item.read && h("span", { class: "hds-status-label hds-status-label--info" }, t("inbox_new")));
  return h("li", { class: item.read ? "panel letter" : "panel letter letter--unread" }, h("h3", {}, opener),
    h("p", { class: "note" }, t("inbox_sent", { when: momentWords(item.sent, new Date()) })), box);
}

function draw(body, { items, unread }) {
  const focused = body.contains(document.activeElement) ? document.activeElement.id : null;
  const known = items.length === 0 ? h("p", { class: "panel" }, t("inbox_empty")) : h("ol", { class: "stack" }, ...items.map((item) => letter(item, items)));
  body.replaceChildren(h("p", {}, unread ? t("inbox_unread", { n: unread }) : t(items.length ? "inbox_all_read" : "inbox_none")), known);
  if (focused) document.getElementById(focused)?.focus();
  if (newest !== null && items.length && items[0].sent > newest) say(t("inbox_came"));
  newest = items[0]?.sent ?? newest ?? "";
}

export const load = () => fill("inbox", () => me("GET", "/inbox"), draw);

export function forget() {
  opened.clear();
  newest = null;
  $("#inbox-body").replaceChildren();
}
