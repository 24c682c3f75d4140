// An offer as a card, and the small place that is left where one was saved or dismissed.

import * as avoid from "./avoid.js";
import { act, clone, icon, part } from "./dom.js";
import * as facts from "./facts.js";
import { here } from "./filters.js";
import * as saved from "./saved.js";
import { declare, lang, pick, put, t } from "./texts.js";
import { whenWords } from "./when.js";

export const address = (offer) => `/app?lang=${lang}&offer=${encodeURIComponent(offer.id)}`;

/** Put a place into an element: its name in its own language, then how far it is. */
export function putPlace(element, { text, code, extra }) {
  element.textContent = text;
  declare(element, code ?? lang);
  if (extra) {
    const far = document.createElement("span");
    far.lang = lang;
    far.textContent = ` · ${extra}`;
    element.append(far);
  }
}

/** A picture from this server, or none: the page shows nothing from another origin. */
export function picture(offer) {
  if (!offer.image || new URL(offer.image.url, location.href).origin !== location.origin) return null;
  const image = new Image(640, 360);
  image.src = offer.image.url;
  image.loading = "lazy";
  const { text, code } = pick(offer.image.alt);
  image.alt = text;
  declare(image, code);
  return image;
}

function paint(art, offer) {
  art.classList.add(`offer__art--${offer.kind}`);
  const shown = picture(offer);
  if (shown) {
    art.classList.add("offer__art--picture");
    art.prepend(shown);
  }
}

/** Make the card of one suggestion. */
export function make({ offer, reasons = [], fit }) {
  const item = clone("card");
  item.dataset.offer = offer.id;
  paint(item.querySelector(".offer__art"), offer);
  part(item, "kind").textContent = t(`kind_${offer.kind}`);
  const link = put(part(item, "name"), offer.name);
  link.href = address(offer);
  put(part(item, "price"), {}).textContent = "";
  const told = facts.price(offer);
  part(item, "price").textContent = told.text;
  declare(part(item, "price"), told.code ?? lang);
  part(item, "languages").textContent = facts.languages(offer);
  part(item, "access").textContent = facts.access(offer);
  nameActs(item, offer);
  refresh(item, { offer, reasons, fit });
  return item;
}

function nameActs(item, offer) {
  const name = pick(offer.name).text;
  act(item, "save").setAttribute("aria-label", t("save_named", { name }));
  act(item, "unsave").setAttribute("aria-label", t("unsave_named", { name }));
  act(item, "dismiss").setAttribute("aria-label", t("dismiss_named", { name }));
}

/** Bring what may change on a card up to date. */
export function refresh(item, { offer, reasons = [], fit }, fresh = false) {
  part(item, "when").textContent = whenWords(offer, new Date());
  putPlace(part(item, "where"), facts.where(offer, here()));
  const few = facts.fewSeats(offer);
  part(item, "seats").textContent = few ?? "";
  part(item, "seats").hidden = few === null;
  part(item, "new").hidden = !fresh;
  // An age limit that is not known is worth a line only to who asked for an age.
  const age = facts.age(offer) ?? (fit?.age === "unknown" ? t("age_unknown") : null);
  part(item, "age").textContent = age ?? "";
  item.querySelector('[data-row="age"]').hidden = age === null;
  because(item, reasons[0]);
  mark(item, offer);
}

function because(item, reason) {
  item.querySelector('[data-row="why"]').hidden = !reason;
  if (!reason) return;
  part(item, "reason").textContent = reason.text;
  part(item, "why").dataset.code = reason.code;
}

/** Show whether the offer is among the saved. */
export function mark(item, offer) {
  const held = saved.has(offer.id);
  act(item, "save").hidden = held;
  act(item, "dismiss").hidden = held;
  act(item, "unsave").hidden = !held;
}

/** What stays in a card's place after `saved` or `dismissed`, with the way back. */
export function stub(offer, what) {
  const item = clone("stub");
  const { text: name } = pick(offer.name);
  item.dataset.stub = offer.id;
  if (what === "dismissed") item.querySelector(".hds-icon").replaceWith(icon("eye-crossed"));
  part(item, "said").textContent = t(`${what}_stub`);
  put(part(item, "name"), offer.name);
  const less = what === "dismissed" && avoid.choices(offer);
  if (less) item.append(less);
  act(item, "undo").setAttribute("aria-label", t(what === "saved" ? "undo_save_named" : "undo_dismiss_named", { name }));
  return item;
}
