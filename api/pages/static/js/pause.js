// Pausing everything for a month, with one tap, and going on.

import { $, button, h, notice } from "./dom.js";
import { me } from "./part.js";
import * as session from "./session.js";
import { say } from "./status.js";
import { t } from "./texts.js";
import { plainDay } from "./when.js";

const box = $("#pause");
let changed = () => {};

async function turn(paused) {
  const problem = $('[role="alert"]', box);
  problem.replaceChildren();
  try {
    const told = paused ? await me("PUT", "/pause") : await me("DELETE", "/pause");
    show(told ?? { paused: false, until: null });
  } catch {
    return problem.replaceChildren(notice("error", t("data_unsaved")));
  }
  say(t(paused ? "pause_said" : "pause_ended_said"));
  $("button", box).focus();
  return changed();
}

function show({ paused, until }) {
  box.hidden = false;
  box.classList.toggle("control--on", paused);
  box.replaceChildren(
    h("h3", {}, t(paused ? "pause_on" : "pause_heading")),
    h("p", {}, paused && until ? t("pause_until", { date: plainDay(until) }) : t("pause_about")),
    h("div", { role: "alert" }),
    h("p", {}, button(t(paused ? "pause_end" : "pause_start"), "primary", { onclick: () => turn(!paused) })));
}

export async function load() {
  const told = await me("GET", "/pause").catch(() => null);
  box.hidden = !told || !session.signedIn();
  if (told) show(told);
}

/** `listener` is called after a pause began or ended. */
export function begin(listener) {
  changed = listener;
}
