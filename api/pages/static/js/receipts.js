// The small print of a purpose, and every decision on it with its signed receipt.

import { button, h } from "./dom.js";
import * as ledger from "./ledger.js";
import { me } from "./part.js";
import { give } from "./savefile.js";
import * as session from "./session.js";
import { pick, put, t } from "./texts.js";
import { momentWords, plainDay } from "./when.js";

let receipts = [];
const opened = new Set();

const same = (entry) => (one) => one.purpose === entry.purpose && one.granted === entry.granted && Date.parse(one.time) === Date.parse(entry.time);

function deleted(receipt) {
  if (!receipt?.deletion) return null;
  const { completed } = receipt.deletion;
  return h("p", { class: "note" }, completed ? t("receipt_deleted", { when: momentWords(completed, new Date()) }) : t("receipt_deleting"));
}

/** One decision, and its receipt: what it was on (`purpose`, `title`), what it `said`; `named` shows the title too. */
export function decision({ purpose, title, said, granted, time, named }) {
  const signed = receipts.find(same({ purpose, granted, time }));
  const name = `vinkki-${purpose.replace(":", "-")}-${time.slice(0, 10)}.json`;
  const save = () => give(new Blob([JSON.stringify(signed, null, 2)], { type: "application/json" }), name);
  return h("li", { class: "row" }, h("div", { class: "row__text" }, named && h("p", { class: "row__name" }, title), h("p", {}, said), deleted(signed?.receipt)),
    signed && button(t("receipt_get"), "supplementary", { "aria-label": t("receipt_get_named", { title, said }), onclick: save }));
}

function words(entry) {
  return { title: ledger.titleOf(entry.purpose), said: t(entry.granted ? "history_given" : "history_withdrawn", { date: plainDay(entry.time), version: entry.notice }) };
}

/** The decisions on some purposes, newest first; `named` says on each which purpose it was. */
export function history(ids, named) {
  const past = ledger.past().filter(({ purpose }) => ids.includes(purpose)).reverse();
  return past.length ? h("ol", { class: "rows" }, ...past.map((entry) => decision({ ...entry, ...words(entry), named }))) : h("p", {}, t("history_none"));
}

function facts(purpose) {
  const told = ["data", "kept", "recipients", "forgotten"].filter((key) => pick(purpose[key]).text);
  return h("dl", { class: "terms" }, ...told.flatMap((key) => [h("dt", {}, t(`term_${key}`)), put(h("dd"), purpose[key])]),
    h("dt", {}, t("term_basis")), h("dd", {}, t(`legal_${purpose.basis}`)));
}

/** What can be opened beneath something: it stays open while the page is drawn anew. */
export function disclosure(key, label, ...inside) {
  const details = h("details", { class: "more-about", open: opened.has(key) }, h("summary", {}, label), ...inside);
  details.addEventListener("toggle", () => (details.open ? opened.add(key) : opened.delete(key)));
  return details;
}

/** What is shown beneath the notice of a purpose. */
export function beneath(purpose) {
  const past = session.signedIn() ? [h("h4", {}, t("history_heading")), history([purpose.id], false)] : [];
  return disclosure(purpose.id, t(session.signedIn() ? "history_open" : "term_open"), facts(purpose), ...past);
}

export async function load() {
  receipts = session.signedIn() ? (await me("GET", "/receipts")).items : [];
}

export function forget() {
  receipts = [];
}
