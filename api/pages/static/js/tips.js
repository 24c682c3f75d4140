// The suggestions: asks for them, shows them, and asks again after the resident has done something.

import { call, Offline } from "./api.js";
import * as basis from "./basis.js";
import * as card from "./card.js";
import { $, button, h, notice, sleep } from "./dom.js";
import * as filters from "./filters.js";
import * as list from "./list.js";
import * as mode from "./mode.js";
import * as nowtopics from "./nowtopics.js";
import * as session from "./session.js";
import { say } from "./status.js";
import { lang, t } from "./texts.js";

const STEP = 12;
const MOST = 48;
const INVITED_AT = 2;
/** When to look whether the list has learned, in milliseconds after each other: mostly it has at the first look. */
const LOOKS_MS = [250, 350, 600, 1000, 1800, 3000];

const state = { answer: null, items: [], limit: STEP, stub: null, hidden: new Set(), fresh: new Set(), asked: 0, ready: null };

export const items = () => state.items;
export const answer = () => state.answer;
export const indexOf = (id) => state.items.findIndex((item) => item.offer.id === id);
export const find = (id) => state.items.find((item) => item.offer.id === id);

/** Where to ask: without a profile as anybody, with the topics chosen now. */
function where() {
  if (mode.on()) return ["/v1/suggestions", { topics: nowtopics.chosen().join() }, true];
  return [session.signedIn() ? "/v1/residents/me/suggestions" : "/v1/offers/popular", {}, false];
}

async function ask() {
  const [path, more, anonymous] = where();
  try {
    return await call("GET", path, { query: { limit: state.limit, lang, ...filters.query(), ...more }, anonymous });
  } catch (error) {
    // A token that has just expired: what everybody may see is still there.
    if (error.status === 401 && !session.signedIn()) return ask();
    throw error;
  }
}

/** Fetch the list and show it. `say` it if it changed by itself. */
export async function load({ announce = false } = {}) {
  const turn = ++state.asked;
  list.busy(true);
  try {
    const [told] = await Promise.all([ask(), state.ready]);
    if (turn === state.asked) take(told, announce);
  } catch (error) {
    if (turn === state.asked) fail(error);
  } finally {
    if (turn === state.asked) list.busy(false);
  }
}

function take(told, announce) {
  const known = new Set(state.items.map((item) => item.offer.id));
  const order = state.items.map((item) => item.offer.id).join();
  state.answer = told;
  state.items = told.items.filter((item) => !state.hidden.has(item.offer.id));
  state.fresh = new Set(announce ? state.items.map((item) => item.offer.id).filter((id) => !known.has(id)) : []);
  $("#tips-notice").replaceChildren();
  show();
  if (!announce) return;
  if (state.fresh.size) say(t("updated_new", { n: state.fresh.size }));
  else if (order !== state.items.map((item) => item.offer.id).join()) say(t("updated_order"));
}

/** Show what is known, with the stub of the last act in its place. */
export function show() {
  const entries = state.items.map((item) => ({
    key: item.offer.id,
    make: () => card.make(item),
    refresh: (node) => card.refresh(node, item, state.fresh.has(item.offer.id)),
  }));
  if (state.stub) put(entries, state.stub.index, `stub ${state.stub.offer.id}`, state.stub.node);
  const invitation = basis.invitation(state.answer?.basis);
  if (invitation && entries.length) put(entries, INVITED_AT, "invitation", invitation);
  list.show(entries);
  count();
  if (state.items.length === 0) empty();
  $("#more").hidden = !(state.answer && state.answer.items.length >= state.limit && state.limit < MOST);
  basis.show(state.answer, state.items);
}

const put = (entries, index, key, node) => entries.splice(index, 0, { key, make: () => node, refresh: () => {} });

function count() {
  $("#count").tabIndex = -1;
  $("#count").textContent = t("count", { n: state.items.length });
}

function empty() {
  if (!filters.any()) return $("#tips-notice").replaceChildren(notice("info", t("empty_bare"), t("empty_bare_help")));
  const box = notice("info", t("empty"), t("empty_help"));
  box.firstElementChild.append(h("ul", { class: "active" }, ...filters.chips()));
  return $("#tips-notice").replaceChildren(box);
}

function fail(error) {
  const again = button(t("retry"), "secondary", { onclick: () => load() }, "refresh");
  const nothing = state.items.length === 0;
  const label = error instanceof Offline ? t("offline") : nothing ? t("error") : t("error_kept");
  const body = error.status === 400 || error.status === 422 ? unusable(error) : t("error_help");
  const box = notice("error", label, body, again);
  box.setAttribute("role", "alert");
  $("#tips-notice").replaceChildren(box);
  if (nothing) list.show([]);
  if (!state.answer) basis.show(null, []);
}

/** What to do where the API could not use a filter. */
const unusable = ({ errors }) => t(errors.some(({ field }) => field === "near") ? "near_outside" : "error_filters");

/** Put a stub in the place of an offer and leave the offer out; an earlier stub goes. */
export function settle(offer, node) {
  const index = Math.max(0, indexOf(offer.id));
  state.hidden.add(offer.id);
  state.items = state.items.filter((item) => item.offer.id !== offer.id);
  state.stub = { offer, node, index };
  show();
}

/** Take the stub away, and with `back` put its suggestion where it was. */
export function unsettle(back = null) {
  if (!state.stub) return;
  const { offer, index } = state.stub;
  const focused = state.stub.node.contains(document.activeElement);
  state.stub = null;
  if (back) {
    state.hidden.delete(offer.id);
    state.items.splice(Math.min(index, state.items.length), 0, back);
  }
  show();
  if (focused) list.focusAt(index);
}

export const stubbed = () => state.stub?.offer.id ?? null;

/** Let offers that were put aside be shown again. */
export const reveal = (id) => state.hidden.delete(id);

/** Look until the list has learned from what was just done, and show it. */
export async function learn() {
  const before = state.answer?.items.map((item) => item.offer.id).join();
  for (const wait of LOOKS_MS) {
    await sleep(wait);
    const turn = ++state.asked;
    const told = await ask().catch(() => null);
    if (turn !== state.asked) return;
    if (told && told.items.map((item) => item.offer.id).join() !== before) {
      take(told, true);
      return;
    }
  }
}

/** Begin anew: another resident, or none. */
export function reset() {
  Object.assign(state, { answer: null, stub: null, limit: STEP, fresh: new Set() });
  state.hidden.clear();
  return load();
}

/** `ready` is a promise: what the list says of itself depends on it. */
export function begin(ready) {
  state.ready = ready;
  filters.begin(() => {
    state.limit = STEP;
    state.stub = null;
    load();
  });
  $("#more").addEventListener("click", async () => {
    const index = state.items.length;
    state.limit = Math.min(MOST, state.limit + STEP);
    await load();
    list.focusAt(index);
  });
}
