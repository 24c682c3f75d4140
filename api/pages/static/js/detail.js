// One offer in full, in a dialog; its address can be shared and the browser's back button closes it.

import * as acts from "./acts.js";
import { call } from "./api.js";
import * as avoid from "./avoid.js";
import { purposeOf } from "./basis.js";
import { address, picture } from "./card.js";
import * as consents from "./consents.js";
import { $, button, h, icon, notice } from "./dom.js";
import { factList } from "./factlist.js";
import * as list from "./list.js";
import { richText } from "./richtext.js";
import * as outbox from "./outbox.js";
import * as saved from "./saved.js";
import * as session from "./session.js";
import { say } from "./status.js";
import { declare, lang, languageName, pick, put, t } from "./texts.js";
import * as tips from "./tips.js";
import { whenWords } from "./when.js";

const dialog = $("#detail");
let opener = null;
let among = -1;
let shown = null;

const idInAddress = () => new URLSearchParams(location.search).get("offer");

/** A reason turned off is said no more from the next answer on; here it is marked as such. */
async function turnOff(off, text, line) {
  try {
    await call("PUT", `/v1/residents/me/reasons/${off}`, { body: { on: false } });
  } catch {
    return say(t("data_unsaved"));
  }
  say(t("reason_off_said", { name: text }));
  line.replaceChildren(h("s", {}, text));
  $("#detail-name", dialog).focus();
  return tips.load({ announce: true });
}

function because({ code, text, off }) {
  const purpose = purposeOf(code);
  const title = purpose && consents.titleOf(purpose);
  const line = h("li", {}, text, title && h("a", { class: "hds-link", href: "#choices", "data-code": code }, t("reason_consent", { title })));
  if (off && session.signedIn()) line.append(button(t("reason_off"), "supplementary", { "aria-label": t("reason_off_named", { text }), onclick: () => turnOff(off, text, line) }, "cross"));
  return line;
}

function reasons(item) {
  const told = item?.reasons ?? [];
  if (told.length === 0) return null;
  return h("section", { class: "detail__why" }, h("h3", {}, icon("lightbulb"), t("reasons")), h("ul", {}, ...told.map(because)));
}

function about(offer) {
  const { text, code } = pick(pick(offer.description).text ? offer.description : offer.summary);
  if (!text) return null;
  const body = h("div", { class: "prose" }, ...richText(text));
  declare(body, code);
  const other = code !== lang && h("p", { class: "note" }, t("in_language", { language: languageName(code) }));
  return h("section", {}, h("h3", {}, t("about")), other, body);
}

function outward(offer) {
  const links = [["enrol", offer.enrolment_link], ["source", offer.link]];
  const made = links.map(([key, where]) => [key, pick(where).text]).filter(([, url]) => /^https?:\/\//.test(url));
  return made.length ? h("p", { class: "acts" }, ...made.map(([key, href]) =>
    h("a", { class: "hds-link", href, rel: "noopener noreferrer", target: "_blank" }, t(key), icon("link-external")))) : null;
}

async function share(offer, item) {
  const url = new URL(address(offer), location.href).href;
  try {
    if (navigator.share) await navigator.share({ title: pick(offer.name).text, url });
    else {
      await navigator.clipboard.writeText(url);
      say(t("share_copied"));
    }
  } catch (error) {
    if (error.name !== "AbortError") say(t("share_failed"));
    return;
  }
  outbox.send("share", offer.id, { rank: item?.rank });
}

function bar(offer, item) {
  const held = saved.has(offer.id);
  const name = pick(offer.name).text;
  const keep = held
    ? button(t("unsave"), "secondary", { "aria-label": t("unsave_named", { name }), onclick: () => act(acts.unsave) }, "heart-fill")
    : button(t("save"), "primary", { "aria-label": t("save_named", { name }), onclick: () => act(acts.save) }, "heart");
  const act = (what) => { what(offer); $(".detail__bar", dialog).replaceWith(bar(offer, item)); $(".detail__bar button", dialog).focus(); };
  return h("div", { class: "detail__bar" }, keep, button(t("share"), "supplementary", { onclick: () => share(offer, item) }, "share"));
}

function close() {
  return h("form", { method: "dialog", class: "detail__close" }, h("button", { class: "round", "aria-label": t("close") }, icon("cross")));
}

function fill(offer, item) {
  const now = new Date();
  const art = h("div", { class: `offer__art offer__art--${offer.kind} detail__art` }, picture(offer), h("span", { class: "hds-status-label" }, t(`kind_${offer.kind}`)));
  const name = put(h("h2", { id: "detail-name", tabindex: "-1" }), offer.name);
  dialog.replaceChildren(close(), art, h("div", { class: "detail__body" }, name, bar(offer, item), reasons(item), factList(offer, now), about(offer), outward(offer), avoid.choices(offer), h("div", { class: "detail__similar" })));
}

function problem(error) {
  const gone = error.status === 404;
  dialog.replaceChildren(close(), h("div", { class: "detail__body" }, h("h2", { id: "detail-name", tabindex: "-1" }, t(gone ? "gone" : "detail_error")),
    ...(gone ? [] : [notice("error", t("detail_error"), null, button(t("retry"), "secondary", { onclick: () => read(shown) }, "refresh"))])));
}

async function read(id) {
  const item = tips.find(id);
  if (item) fill(item.offer, item);
  dialog.setAttribute("aria-busy", "true");
  try {
    const offer = await call("GET", `/v1/offers/${encodeURIComponent(id)}`, { anonymous: true });
    if (shown !== id) return;
    fill(offer, item);
    similar(offer);
  } catch (error) {
    if (shown === id && !item) problem(error);
  } finally {
    dialog.removeAttribute("aria-busy");
    if (shown === id && !dialog.contains(document.activeElement)) $("#detail-name", dialog)?.focus();
  }
}

async function similar(offer) {
  const told = await call("GET", `/v1/offers/${encodeURIComponent(offer.id)}/similar`, { query: { limit: 4, lang }, anonymous: true }).catch(() => ({ items: [] }));
  if (shown !== offer.id || told.items.length === 0) return;
  const one = ({ offer: other }) => {
    const link = put(h("a", { class: "hds-link", href: address(other), "data-open": other.id }), other.name);
    return h("li", {}, link, h("span", {}, whenWords(other, new Date())));
  };
  $(".detail__similar", dialog).replaceChildren(h("h3", {}, t("similar")), h("ul", {}, ...told.items.map(one)));
}

function show(id) {
  if (shown === null) {
    opener = document.activeElement;
    among = list.indexOf(opener);
  }
  shown = id;
  dialog.replaceChildren(close(), h("div", { class: "detail__body" }, h("h2", { id: "detail-name", tabindex: "-1" }, t("loading"))));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  $("#detail-name", dialog).focus();
  return read(id);
}

/** Open an offer: the address changes, and the API is told, which learns from it if it may. */
export function open(id) {
  const item = tips.find(id);
  history.pushState({ offer: id }, "", `${addressWith(id)}`);
  outbox.send("open", id, item ? { suggestion: tips.answer()?.suggestion_id, rank: item.rank } : {});
  return show(id);
}

function addressWith(id) {
  const there = new URL(location.href);
  if (id) there.searchParams.set("offer", id);
  else there.searchParams.delete("offer");
  return there.pathname + there.search + there.hash;
}

function onClose() {
  const id = shown;
  shown = null;
  if (idInAddress()) {
    if (history.state?.offer) history.back();
    else history.replaceState(null, "", addressWith(null));
  }
  const place = $(`[data-offer="${CSS.escape(id)}"] a, [data-stub="${CSS.escape(id)}"] button`);
  if (opener?.isConnected && opener !== document.body) opener.focus();
  else if (!place && among >= 0) list.focusAt(among);
  else (place ?? $("h1:not([hidden] h1)"))?.focus();
}

export function begin() {
  dialog.addEventListener("close", onClose);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
    if (event.target.closest('a[href^="#"]')) dialog.close();
  });
  addEventListener("popstate", () => {
    const id = idInAddress();
    if (id && id !== shown) show(id);
    else if (!id && dialog.open) dialog.close();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest('.offer__name a, a[data-open]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(link.dataset.open ?? link.closest("[data-offer]").dataset.offer);
  });
  if (idInAddress()) show(idInAddress());
}
