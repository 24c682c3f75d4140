// What is saved on this device: ids in the browser's storage, shown with what the API says of them now.

import { call, Problem } from "./api.js";
import { $, $$, button, h, notice } from "./dom.js";
import { t } from "./texts.js";

const KEY = "vinkki.saved";

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
}

function write(ids) {
  localStorage.setItem(KEY, JSON.stringify(ids));
  count();
}

export const has = (id) => read().includes(id);
export const add = (id) => write([id, ...read().filter((one) => one !== id)]);
export const remove = (id) => write(read().filter((one) => one !== id));
export const clear = () => write([]);

/** Bring the number in the navigation up to date. */
export function count() {
  const badge = $("#saved-count");
  badge.textContent = read().length;
  badge.hidden = read().length === 0;
}

async function fetchOne(id) {
  try {
    return { id, offer: await call("GET", `/v1/offers/${encodeURIComponent(id)}`, { anonymous: true }) };
  } catch (error) {
    return { id, gone: error instanceof Problem && error.status === 404, failed: true };
  }
}

const soonest = (a, b) => Date.parse(a.offer?.starts ?? 0) - Date.parse(b.offer?.starts ?? 0);

/** Show the saved offers, soonest first; `make` turns an offer into a card. */
export async function show(make) {
  const box = $("#saved-list");
  const ids = read();
  if (ids.length === 0) return box.replaceChildren(...empty());
  if (!$("ol", box)) box.replaceChildren(h("p", { class: "note" }, t("saved_intro")), h("ol", { class: "cards", "aria-busy": "true" }));
  const found = (await Promise.all(ids.map(fetchOne))).sort(soonest);
  const list = h("ol", { class: "cards", "aria-labelledby": "saved-heading" }, ...found.map((one) => (one.offer ? make(one.offer) : missing(one))));
  for (const heading of $$("h3", list)) heading.replaceWith(h("h2", { class: heading.className }, ...heading.childNodes));
  return box.replaceChildren(h("p", { class: "note" }, t("saved_intro")), list);
}

function missing({ id, gone }) {
  const item = h("li", { class: "cards__item stub" }, h("p", {}, t(gone ? "gone" : "detail_error")));
  if (gone) item.append(button(t("unsave"), "secondary", { onclick: () => { remove(id); item.remove(); } }));
  return item;
}

function empty() {
  return [notice("info", t("saved_empty"), t("saved_empty_help")),
    h("p", { class: "acts" }, h("a", { class: "hds-button hds-button--primary hds-button--small", href: "#tips" }, t("saved_to_tips")))];
}
