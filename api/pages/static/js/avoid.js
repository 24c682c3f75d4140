// Not interested in this topic, kind or place: said where an offer is, and kept with what the resident has told.

import * as consents from "./consents.js";
import { button, h } from "./dom.js";
import * as interests from "./interests.js";
import * as mode from "./mode.js";
import * as session from "./session.js";
import { say } from "./status.js";
import { capital, pick, t } from "./texts.js";
import * as tips from "./tips.js";

const MOST_TOPICS = 2;

const may = () => session.signedIn() && consents.granted("interests") && !mode.on();

/** What of an offer can be avoided: [family, value, name]. */
function things(offer) {
  const named = (offer.keywords ?? []).filter(({ id, label }) => id.startsWith("yso:") && pick(label).text);
  const topics = named.slice(0, MOST_TOPICS).map(({ id, label }) => ["topic", id, capital(pick(label).text)]);
  const place = !offer.online && !offer.city_wide && offer.place && pick(offer.place.name).text;
  return [...topics, ["kind", offer.kind, t(`kinds_${offer.kind}`)], ...(place ? [["place", offer.place.id, place]] : [])];
}

async function turn(pressed, family, value, name) {
  const on = pressed.getAttribute("aria-pressed") !== "true";
  try {
    await interests.avoid(family, value, on);
  } catch {
    return say(t("data_unsaved"));
  }
  pressed.setAttribute("aria-pressed", String(on));
  say(t(on ? "avoided_said" : "avoided_not_said", { name }));
  return tips.load({ announce: true });
}

function toggle([family, value, name]) {
  const made = button(name, "secondary", { "aria-pressed": "false", "aria-label": t("avoid_named", { name }), "data-avoid": `${family}:${value}`, onclick: () => turn(made, family, value, name) });
  return made;
}

/** Buttons for what can be avoided of an offer; null for who is not signed in or has not allowed it. */
export function choices(offer) {
  if (!may()) return null;
  const made = things(offer);
  const buttons = made.map(toggle);
  interests.avoided().then((held) => buttons.forEach((one, n) => one.setAttribute("aria-pressed", String(held(made[n][0], made[n][1]))))).catch(() => {});
  return h("div", { class: "avoid", role: "group", "aria-label": t("avoid_heading") }, h("p", { "aria-hidden": "true" }, t("avoid_heading")), h("p", { class: "acts" }, ...buttons));
}
