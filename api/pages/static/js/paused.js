// Whether the resident has paused everything, as the app says at the top of its list.

import { call } from "./api.js";
import { h } from "./dom.js";
import * as session from "./session.js";
import { settle, warn } from "./status.js";
import { lang, t } from "./texts.js";
import { plainDay } from "./when.js";

let paused = false;

export const on = () => paused && session.signedIn();

/** Ask, and say so where it is. */
export async function load() {
  const told = session.signedIn() ? await call("GET", "/v1/residents/me/pause").catch(() => null) : null;
  paused = told?.paused ?? false;
  settle("paused");
  if (!paused) return;
  const link = h("a", { class: "hds-link", href: `/oma-data?lang=${lang}#control` }, t("pause_change"));
  warn("paused", "info", t("pause_on"), told.until && t("pause_until", { date: plainDay(told.until) }), link);
}
