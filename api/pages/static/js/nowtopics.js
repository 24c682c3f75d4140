// Topics to choose from while no profile is used: they count for this search alone.

import { $, $$ } from "./dom.js";
import * as mode from "./mode.js";
import { topicPill, topics } from "./topics.js";

const MOST = 12;
const box = $("#now-topics");
const given = new URLSearchParams(location.search).getAll("topics");

const loaded = () => box.children.length > 0;
const checked = () => $$("input:checked", box).map((input) => input.value);

/** What is chosen now; before the topics are there, what the address says. */
export const chosen = () => (loaded() ? checked() : given);

/** Offer topics while the mode is on. */
export async function show() {
  $("#filters-topics").hidden = !mode.on() || !loaded();
  if (!mode.on() || loaded()) return;
  const found = await topics(MOST).catch(() => []);
  box.replaceChildren(...found.map((topic) => topicPill(topic, "topics", given.includes(topic.id))));
  $("#filters-topics").hidden = !mode.on() || !loaded();
}
