// Three views in one page, told apart by the address: #tips, #saved, #choices.

import { $, $$ } from "./dom.js";

const VIEWS = ["tips", "saved", "choices"];
const title = document.title;
const listeners = {};

export const current = () => VIEWS.find((name) => `#${name}` === location.hash) ?? "tips";

/** Call `listener` whenever the view `name` comes into sight. */
export const onShow = (name, listener) => { listeners[name] = listener; };

function show(focus) {
  const name = current();
  for (const one of VIEWS) $(`#${one}`).hidden = one !== name;
  for (const link of $$("[data-view]")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const heading = $(`#${name}-heading`);
  document.title = name === "tips" ? title : `${heading.textContent} – Vinkki`;
  if (focus) {
    scrollTo(0, 0);
    heading.focus({ preventScroll: true });
  }
  listeners[name]?.();
}

export function begin() {
  addEventListener("hashchange", () => show(true));
  // A link to the view that is in sight changes no address; it still leads to the view's heading.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (link && link.getAttribute("href") === (location.hash || "#tips")) {
      event.preventDefault();
      show(true);
    }
  });
  show(false);
}
