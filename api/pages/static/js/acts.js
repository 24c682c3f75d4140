// Saving, dismissing and undoing, from a card or from the detail view.

import * as card from "./card.js";
import * as consents from "./consents.js";
import { act } from "./dom.js";
import * as list from "./list.js";
import * as outbox from "./outbox.js";
import * as saved from "./saved.js";
import { say } from "./status.js";
import { pick, t } from "./texts.js";
import * as tips from "./tips.js";

/** How long a dismissal can be taken back before it is sent. By keyboard there is no hurry: it waits for the focus. */
const SECOND_THOUGHT_MS = 6000;
let pending = null;

const nameOf = (offer) => pick(offer.name).text;
const origin = (item) => ({ suggestion: tips.answer()?.suggestion_id, rank: item?.rank });

function stubFor(item, what, undo) {
  const node = card.stub(item.offer, what);
  act(node, "undo").addEventListener("click", undo);
  tips.settle(item.offer, node);
  act(node, "undo").focus({ preventScroll: true });
  return node;
}

/** Save an offer: on this device at once, and told to the API, which learns from it if it may. */
export async function save(offer) {
  commit();
  const item = tips.find(offer.id);
  saved.add(offer.id);
  say(t("saved_said", { name: nameOf(offer) }));
  const learns = item && consents.learns();
  if (learns) {
    tips.unsettle();
    stubFor(item, "saved", () => undoSave(item));
  } else swapButtons(offer, "unsave");
  if ((await outbox.send("save", offer.id, origin(item))) && consents.learns()) await tips.learn();
}

function swapButtons(offer, name) {
  const node = list.node(offer.id);
  if (!node) return;
  const within = node.contains(document.activeElement);
  card.mark(node, offer);
  if (within) act(node, name).focus();
}

async function undoSave(item) {
  saved.remove(item.offer.id);
  tips.unsettle(item);
  say(t("undone_said", { name: nameOf(item.offer) }));
  if (await outbox.send("unsave", item.offer.id)) await tips.learn();
}

/** Take an offer off the saved ones. */
export async function unsave(offer) {
  commit();
  saved.remove(offer.id);
  tips.reveal(offer.id);
  say(t("unsaved_said", { name: nameOf(offer) }));
  swapButtons(offer, "save");
  if ((await outbox.send("unsave", offer.id)) && consents.learns()) await tips.learn();
}

/** Take a suggestion off the list. It is sent when a second thought is no longer possible. */
export function dismiss(item, byKeyboard) {
  commit();
  tips.unsettle();
  const node = stubFor(item, "dismissed", () => undoDismiss(item));
  say(t("dismissed_said", { name: nameOf(item.offer) }));
  pending = { item, node, timer: 0, ...origin(item) };
  if (byKeyboard) node.addEventListener("focusout", () => setTimeout(() => node.contains(document.activeElement) || commit(node), 0));
  else wait(node);
}

/** Let the second thought pass; who is about to say what else they do not want is not hurried. */
function wait(node) {
  const over = () => (node.querySelector(".avoid:hover, .avoid:focus-within") ? wait(node) : commit(node));
  if (pending?.node === node) pending.timer = setTimeout(over, SECOND_THOUGHT_MS);
}

function undoDismiss(item) {
  clearTimeout(pending?.timer);
  pending = null;
  tips.unsettle(item);
  say(t("undone_said", { name: nameOf(item.offer) }));
}

/** Send the dismissal that waits, if any (or if it is that of `node`), and let the list learn from it. */
export async function commit(node = pending?.node, keepalive = false) {
  if (!pending || pending.node !== node) return;
  const { item, suggestion, rank, timer } = pending;
  pending = null;
  clearTimeout(timer);
  const sent = outbox.send("dismiss", item.offer.id, { suggestion, rank, keepalive });
  if (keepalive) return;
  if (tips.stubbed() === item.offer.id) tips.unsettle();
  if ((await sent) && consents.learns()) await tips.learn();
}

/** Let the cards of a list be worked with. */
export function begin(root) {
  root.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-act]");
    const id = event.target.closest("[data-offer]")?.dataset.offer;
    if (!pressed || !id) return;
    const item = tips.find(id);
    if (pressed.dataset.act === "save") save(item.offer);
    if (pressed.dataset.act === "unsave") unsave(item.offer);
    if (pressed.dataset.act === "dismiss") dismiss(item, event.detail === 0);
  });
  addEventListener("pagehide", () => commit(undefined, true));
}

