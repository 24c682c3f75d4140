// What is unread, on every page and at once: the API tells of it over a line that stays open while somebody is signed in.

import { events, Problem } from "./api.js";
import { $, sleep } from "./dom.js";
import * as session from "./session.js";
import { t } from "./texts.js";

const SOON_MS = 1000;
const LATEST_MS = 60_000;
let line = new AbortController();
let told = () => {};

function count(n) {
  const badge = $("#messages-count");
  badge.replaceChildren(String(n));
  badge.setAttribute("aria-label", t("inbox_unread", { n }));
  badge.hidden = n === 0;
}

const online = () => navigator.onLine || new Promise((come) => addEventListener("online", come, { once: true }));

async function follow(listener, { signal }) {
  for (let wait = SOON_MS; session.signedIn() && !signal.aborted; wait = Math.min(wait * 2, LATEST_MS)) {
    await online();
    let again = wait;
    try {
      for await (const { unread } of events("/v1/residents/me/inbox", signal)) {
        wait = again = SOON_MS;
        count(unread);
        listener();
      }
    } catch (error) {
      if (signal.aborted || (error instanceof Problem && error.status === 404)) return;
      listener();
      again = (error.retryAfter ?? 0) * 1000 || wait;
    }
    await sleep(again);
  }
}

/** Ask anew at once: with a first consent there is an inbox, of which the line that is open does not know yet. */
export function renew() {
  line.abort();
  line = new AbortController();
  follow(told, line);
}

/** Follow while somebody is signed in; `listener` is told at once, whenever something in the inbox has changed, and each
 * time that there is no line to hear it by. */
export function begin(listener = () => {}) {
  told = listener;
  session.onEnd(() => {
    line.abort();
    count(0);
  });
  renew();
}
