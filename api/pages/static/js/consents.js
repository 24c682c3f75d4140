// What the resident allows: shown, given and withdrawn in the words of the notices, beside the reasons they lead to.

import { call } from "./api.js";
import { $, button, h, notice } from "./dom.js";
import * as session from "./session.js";
import { say } from "./status.js";
import { pick, put, t } from "./texts.js";
import { plainDay } from "./when.js";

const MOST_QUOTES = 3;
let purposes = [];
let states = new Map();
let quotes = new Map();
let changed = () => {};
let signIn = () => {};

export const granted = (purpose) => states.get(purpose)?.granted === true;
/** Whether the list learns from what the resident does. */
export const learns = () => session.signedIn() && granted("activity");
export const find = (id) => purposes.find((purpose) => purpose.id === id);
export const titleOf = (id) => pick(find(id)?.notice.title).text;

/** Read what could not be read earlier; says so where it still cannot be. */
export async function complete() {
  if (purposes.length) return;
  const again = () => button(t("retry"), "secondary", { onclick: complete }, "refresh");
  await load().catch(() => $("#choices-notice").replaceChildren(notice("error", t("choices_error"), null, again())));
}

/** Read the purposes, and where somebody is signed in, what they allow. */
export async function load() {
  // Leave to send messages, by topic and channel, is asked for where messages are: not here.
  purposes = (await call("GET", "/v1/purposes", { anonymous: true })).items.filter(({ channel }) => !channel);
  states = new Map();
  if (session.signedIn()) {
    const told = await call("GET", "/v1/residents/me/consents");
    states = new Map(told.items.map((state) => [state.purpose, state]));
  }
  show();
}

export function forget() {
  states = new Map();
  show();
}

/** Where the wording has changed meanwhile, the new one is shown: nobody agrees to what they have not read. */
async function refused(error, problem) {
  if (error.code !== "unknown_notice") {
    problem.replaceChildren(notice("error", t("consent_failed")));
    return false;
  }
  await load().catch(() => {});
  changed();
  say(t("consent_changed"));
  return false;
}

/** Record the resident's word; the page shows it only when the API has said that it is in force. */
async function decide(purpose, value, problem) {
  problem.replaceChildren();
  try {
    const state = await call("PUT", `/v1/residents/me/consents/${purpose.id}`, {
      body: { granted: value, notice: purpose.notice.version },
    });
    states.set(purpose.id, state);
  } catch (error) {
    return refused(error, problem);
  }
  say(t(value ? "consent_given_said" : "consent_withdrawn_said", { title: titleOf(purpose.id) }));
  show();
  changed();
  return true;
}

function stateWords({ granted: given, since } = {}) {
  if (given) return since ? t("consent_given", { date: plainDay(since) }) : t("consent_given_undated");
  return since ? t("consent_withdrawn", { date: plainDay(since) }) : t("consent_none");
}

/** The notice of one purpose with the button that gives or withdraws; afterwards the focus goes to `next`. */
export function ballot(purpose, heading, next, look = "secondary") {
  const { id, notice: { title, text } } = purpose;
  const problem = h("div", { role: "alert" });
  const given = granted(id);
  const key = given ? "consent_withdraw" : "consent_give";
  const press = button(t(key), look, {
    "data-granted": String(given),
    "aria-label": t(`${key}_named`, { title: pick(title).text }),
    onclick: async () => { if (await decide(purpose, !given, problem)) $(next)?.focus(); },
  });
  return [put(h(heading, { class: "purpose__title" }), title), put(h("p"), text), problem,
    h("p", { class: "acts" }, press, h("span", { class: "purpose__state" }, stateWords(states.get(id))))];
}

/** Show the reasons that a purpose leads to now beside its notice, given as {purpose: set of texts}. */
export function quote(texts) {
  quotes = texts;
  show();
}

function because(id) {
  const shown = [...(quotes.get(id) ?? [])].slice(0, MOST_QUOTES).map((text) => t("quote", { text })).join(" ");
  return shown ? h("p", { class: "purpose__because" }, `${t("consent_shown")} ${shown}`) : null;
}

function show() {
  const out = !session.signedIn();
  const read = ({ notice: { title, text } }) => [put(h("h3", { class: "purpose__title" }), title), put(h("p"), text)];
  const focused = document.activeElement?.closest?.(".purpose")?.id;
  $("#purposes").replaceChildren(...purposes.map((purpose) => h("section", { class: "purpose", id: `purpose-${purpose.id}` },
    ...(out ? read(purpose) : ballot(purpose, "h3", `#purpose-${purpose.id} button`)), because(purpose.id))));
  if (focused) $(`#${focused} button`)?.focus();
  $("#choices-notice").replaceChildren(...(out ? [notice("info", t("choices_signed_out"), null, signInButton())] : []));
}

export const signInButton = () => button(t("sign_in"), "primary", { onclick: () => signIn() }, "signin");

/** Lead to the notice of a purpose: it is marked, and its button gets the focus. */
export function point(id) {
  for (const box of $("#purposes").children) box.classList.toggle("purpose--pointed", box.id === `purpose-${id}`);
  if (!id) return;
  $(`#purpose-${id}`)?.scrollIntoView({ block: "center" });
  $(`#purpose-${id} button`)?.focus({ preventScroll: true });
}

/** `onChange` is called after a decision is in force, `onSignIn` when somebody wants to sign in. */
export function begin({ onChange, onSignIn }) {
  changed = onChange;
  signIn = onSignIn;
}
