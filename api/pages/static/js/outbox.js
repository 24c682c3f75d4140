// What the resident did, on its way to the API. It waits in this tab while there is no network or no broker; the same
// event ids are sent again, so nothing counts twice.

import { call, Offline } from "./api.js";
import * as mode from "./mode.js";
import * as session from "./session.js";
import { settle, warn } from "./status.js";
import { t } from "./texts.js";

const KEY = "vinkki.outbox";
const AGAIN_MS = 5000;
const MOST_AT_ONCE = 500;
const UNPROCESSABLE = [400, 413, 415, 422];
let retry = 0;

const read = () => JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
const write = (events) => sessionStorage.setItem(KEY, JSON.stringify(events));
const drop = (sent) => write(read().filter((event) => !sent.some((one) => one.id === event.id)));

/** Send one event; true when the API has taken it, false when it waits or none is told: nobody is signed in, or the
 * mode without a profile is on. */
export async function send(type, offer, { suggestion, rank, keepalive } = {}) {
  if (!session.signedIn() || mode.on()) return false;
  const context = { surface: "app", ...(rank && { rank }) };
  const event = { id: crypto.randomUUID(), resident: "me", offer, type, time: new Date().toISOString(), context };
  write([...read(), suggestion ? { ...event, suggestion } : event]);
  return flush(keepalive);
}

/** Send everything that waits. */
export async function flush(keepalive = false) {
  const events = read().slice(0, MOST_AT_ONCE);
  if (events.length === 0 || !session.signedIn()) return false;
  try {
    await call("POST", "/v1/interactions", { body: { events }, keepalive });
  } catch (error) {
    if (UNPROCESSABLE.includes(error.status)) drop(events);
    else later(error);
    return false;
  }
  drop(events);
  settle("waiting");
  return true;
}

function later(error) {
  if (!(error instanceof Offline) && error.status >= 500) warn("waiting", "alert", t("waiting"));
  clearTimeout(retry);
  retry = setTimeout(flush, (error.retryAfter ?? 0) * 1000 || AGAIN_MS);
}

/** Forget what waits: it was another's. */
export const clear = () => sessionStorage.removeItem(KEY);
