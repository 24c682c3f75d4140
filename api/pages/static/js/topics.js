// Topics that can be chosen: those of what is on offer now.

import { call } from "./api.js";
import { h } from "./dom.js";
import { capital, lang, pick, put } from "./texts.js";

const ENOUGH_OFFERS = 400;
const byName = new Intl.Collator(lang).compare;

const places = new Map();

/** The name of a place where something is on, once topics have been asked for. */
export const placeName = (id) => places.get(id);

async function upcoming() {
  const offers = [];
  let after = "";
  do {
    const page = await call("GET", "/v1/offers", { query: { limit: 100, after }, anonymous: true });
    offers.push(...page.items);
    for (const { place } of page.items) if (place) places.set(place.id, place.name);
    after = page.next;
  } while (after && offers.length < ENOUGH_OFFERS);
  return offers;
}

/** The `most` topics that are on offer most, so that choosing one leads somewhere, by name. */
export async function topics(most) {
  const counts = new Map();
  for (const offer of await upcoming()) for (const keyword of offer.keywords ?? []) {
    if (!keyword.id.startsWith("yso:") || !pick(keyword.label).text) continue;
    const known = counts.get(keyword.id) ?? { keyword, n: 0 };
    counts.set(keyword.id, { keyword, n: known.n + 1 });
  }
  const found = [...counts.values()].sort((a, b) => b.n - a.n).slice(0, most).map(({ keyword }) => keyword);
  return found.sort((a, b) => byName(pick(a.label).text, pick(b.label).text));
}

/** A topic as a checkbox that looks like a pill. */
export function topicPill({ id, label }, name, checked = false) {
  const { text, code } = pick(label);
  const words = put(h("span"), { [code]: capital(text) });
  return h("label", { class: "pill" }, h("input", { type: "checkbox", name, value: id, checked }), words);
}
