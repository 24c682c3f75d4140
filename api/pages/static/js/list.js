// Keeps the list of cards in step with what it should show, calmly: what stays moves, what is new fades in, and the
// focus stays where it is.

import { $, $$ } from "./dom.js";

const MOVE_MS = 420;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const list = $("#cards");
let nodes = new Map();

/** Show entries of {key, make, refresh} in this order, reusing the nodes that are there. */
export function show(entries) {
  const before = new Map([...nodes].map(([key, node]) => [key, node.getBoundingClientRect()]));
  const focused = document.activeElement;
  const at = indexOf(focused);
  const next = new Map(entries.map(({ key, make, refresh }) => {
    const node = nodes.get(key) ?? make();
    refresh(node);
    return [key, node];
  }));
  for (const node of [...list.children]) if (![...next.values()].includes(node)) node.remove();
  [...next.values()].forEach((node, index) => {
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
  });
  nodes = next;
  if (document.activeElement !== focused) {
    if (focused.isConnected) focused.focus({ preventScroll: true });
    else if (at >= 0) focusAt(at, { preventScroll: true });
  }
  if (before.size && !calm.matches) animate(before);
}

function animate(before) {
  for (const [key, node] of nodes) {
    const [was, is] = [before.get(key), node.getBoundingClientRect()];
    const options = { duration: MOVE_MS, easing: "ease-out" };
    if (!was) node.animate([{ opacity: 0 }, { opacity: 1 }], options);
    else if (was.left !== is.left || was.top !== is.top) {
      node.animate([{ transform: `translate(${was.left - is.left}px, ${was.top - is.top}px)` }, { transform: "none" }], options);
    }
  }
}

export const node = (key) => nodes.get(key);
export const busy = (value) => list.setAttribute("aria-busy", String(value));

/** Which of the cards an element is in; -1 for none of them. */
export const indexOf = (element) => [...list.children].findIndex((item) => item.contains(element));

/** Move the focus to the card at `index`, or to the last. */
export function focusAt(index, options = {}) {
  const links = $$(".cards__item", list).map((item) => $("a, button", item)).filter(Boolean);
  (links[index] ?? links.at(-1) ?? $("#count")).focus(options);
}
