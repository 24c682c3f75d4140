// What the page says by itself: a line that screen readers read out, and notices that stay until they are settled.

import { $, notice } from "./dom.js";

const SHOWN_MS = 7000;
let timer = 0;

/** Say something that changed; it is shown for a while and read out politely. */
export function say(text) {
  const line = $("#status");
  line.textContent = text;
  line.classList.add("status--shown");
  clearTimeout(timer);
  timer = setTimeout(() => line.classList.remove("status--shown"), SHOWN_MS);
}

/** Show a notice at the top of the page under a name; the same name replaces it. */
export function warn(name, look, label, body, ...acts) {
  settle(name);
  const element = notice(look, label, body, ...acts);
  element.dataset.notice = name;
  $("#notices").append(element);
}

export const settle = (name) => $(`[data-notice="${name}"]`)?.remove();
