// An infoscreen: slides in turn, asked for anew every few seconds. Without a network it goes on until they are too old,
// and comes up again with what it has kept.

import { call, Problem } from "./api.js";
import { $, h } from "./dom.js";
import { lang, load, t } from "./texts.js";

const ASK_MS = 5000;
const TURN_MS = 12_000;
const AFRESH_MS = 24 * 3600 * 1000;
const LONG = 60;
const began = Date.now();
const ZONE = { timeZone: "Europe/Helsinki" };
const LOCALES = { fi: "fi-FI", sv: "sv-FI", en: "en-GB" };
const day = new Intl.DateTimeFormat("sv-SE", ZONE);
const { place } = document.documentElement.dataset;
const KEY = `vinkki.screen.${place}`;
let playlist = null;
let at = 0;
let paused = false;
let turned = 0;

const format = (code, options) => new Intl.DateTimeFormat(LOCALES[code] ?? code, { ...ZONE, ...options });
const time = (code, date) => format(code, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(date);

function dayWords(code, date) {
  const ahead = Math.round((Date.parse(day.format(date)) - Date.parse(day.format(Date.now()))) / 86_400_000);
  if (ahead === 0 || ahead === 1) return new Intl.RelativeTimeFormat(LOCALES[code] ?? code, { numeric: "auto" }).format(ahead, "day");
  return format(code, { weekday: "long", day: "numeric", month: code === "en" ? "long" : "numeric" }).format(date);
}

/** When it is, in the slide's own language: "tänään 17.00–19.00". */
function when(code, { starts, ends, ongoing }) {
  if (!starts) return "";
  const [from, to] = [new Date(starts), ends && new Date(ends)];
  if (ongoing && to && from <= Date.now()) return `– ${dayWords(code, to)}`;
  const hours = to && day.format(from) === day.format(to) && to > from ? `${time(code, from)}–${time(code, to)}` : time(code, from);
  return `${dayWords(code, from)} ${hours}`;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function facts(code, slide, words) {
  const told = [capital(when(code, slide)), words.where, words.price].filter(Boolean).join(" · ");
  return told && h("p", { class: "slide__facts" }, told);
}

function draw(slide) {
  const order = Object.keys(slide.texts).sort((a, b) => (b === lang) - (a === lang));
  const [first, ...others] = order;
  const words = slide.texts[first];
  return h("div", { class: "slide__body", "data-length": words.title.length > LONG ? "long" : "short" },
    h("div", { class: "slide__first", lang: first }, h("h1", {}, words.title), facts(first, slide, words), words.text && h("p", {}, words.text)),
    others.length > 0 && h("div", { class: "slide__others" }, ...others.map((code) => h("div", { lang: code },
      h("h2", {}, slide.texts[code].title), facts(code, slide, slide.texts[code]), slide.kind === "notice" && h("p", {}, slide.texts[code].text)))));
}

const held = () => (playlist && Date.parse(playlist.valid_until) > Date.now() ? playlist.slides.filter(({ until }) => Date.parse(until) > Date.now()) : []);

function show() {
  const slides = held();
  const box = $("#slide");
  turned = Date.now();
  at = slides.length ? (at + slides.length) % slides.length : 0;
  $("#count").textContent = slides.length ? `${at + 1} / ${slides.length}` : "";
  for (const name of ["previous", "next", "pause"]) $(`#${name}`).hidden = slides.length < 2;
  if (slides.length === 0) {
    box.className = "slide";
    return box.replaceChildren(h("h1", {}, t(playlist ? "screen_nothing" : "screen_loading")));
  }
  const slide = slides[at];
  box.className = `slide slide--${slide.kind}${playlist.alone ? " slide--alone" : ""}`;
  return box.replaceChildren(draw(slide));
}

function step(by) {
  at += by;
  show();
}

/** While slides turn by themselves nothing is read out; who stops them is told of each, and everybody of an emergency. */
function announce() {
  const box = $("#slide");
  if (playlist?.alone) box.setAttribute("role", "alert");
  else box.removeAttribute("role");
  box.setAttribute("aria-live", playlist?.alone ? "assertive" : paused ? "polite" : "off");
}

function pause() {
  paused = !paused;
  $("#pause").textContent = t(paused ? "screen_go_on" : "screen_pause");
  announce();
}

function name(localized) {
  const code = [lang, "fi", "sv", "en"].find((one) => localized[one]);
  $("#place").textContent = code ? localized[code] : "Vinkki";
  $("#place").lang = code ?? lang;
}

function take(told) {
  const same = playlist && JSON.stringify(playlist.slides) === JSON.stringify(told.slides);
  const alarm = told.alone && !playlist?.alone;
  playlist = told;
  name(told.name);
  if (same) return;
  if (alarm) at = 0;
  announce();
  show();
}

function remember() {
  const kept = localStorage.getItem(KEY);
  if (!playlist && kept) take(JSON.parse(kept));
}

async function ask() {
  try {
    const told = await call("GET", `/v1/screens/${encodeURIComponent(place)}`, { anonymous: true });
    take(told);
    localStorage.setItem(KEY, JSON.stringify(told));
    $("#trouble").textContent = "";
  } catch (error) {
    if (error instanceof Problem && error.status === 404) {
      playlist = null;
      localStorage.removeItem(KEY);
      $("#slide").replaceChildren(h("h1", {}, t("screen_unknown")));
    } else {
      $("#trouble").textContent = t("screen_offline");
      remember();
    }
  }
}

function tick() {
  // A screen stands for years: once a day, while the house answers, it takes what is new of the page itself.
  if (Date.now() - began >= AFRESH_MS && playlist && !playlist.alone && !$("#trouble").textContent) location.reload();
  $("#clock").textContent = time(lang, Date.now());
  const old = held().length !== playlist?.slides.length;
  if (playlist && (old || (!paused && Date.now() - turned >= TURN_MS))) step(paused ? 0 : 1);
}

async function begin() {
  navigator.serviceWorker?.register("/screenworker.js", { scope: "/naytto/" }).catch(() => {});
  await load();
  $("#previous").addEventListener("click", () => step(-1));
  $("#next").addEventListener("click", () => step(1));
  $("#pause").addEventListener("click", pause);
  await ask();
  if (playlist) show();
  tick();
  setInterval(tick, 1000);
  setInterval(ask, ASK_MS);
}

begin();
