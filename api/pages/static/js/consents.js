// What the resident allows: shown, given and withdrawn in the words of the notices, beside the reasons they lead to.

import { $, button, h, notice } from "./dom.js";
import * as ledger from "./ledger.js";
import * as mode from "./mode.js";
import * as session from "./session.js";
import { say } from "./status.js";
import { pick, put, t } from "./texts.js";
import { plainDay } from "./when.js";

export { find, granted, titleOf } from "./ledger.js";

const MOST_QUOTES = 3;
let quotes = new Map();
let changed = () => {};
let signIn = () => {};
let more = () => null;
let invitation = "";

/** Whether the list learns from what the resident does. */
export const learns = () => session.signedIn() && ledger.granted("activity") && !mode.on();

/** Leave to send messages, by topic and channel, is asked for beside each other elsewhere. */
const shown = () => ledger.all().filter(({ channel }) => !channel);

/** Read what could not be read earlier; says so where it still cannot be. */
export async function complete() {
  if (ledger.all().length) return;
  const again = () => button(t("retry"), "secondary", { onclick: complete }, "refresh");
  await load().catch(() => $("#choices-notice").replaceChildren(notice("error", t("choices_error"), null, again())));
}

export async function load() {
  await ledger.load();
  show();
}

export function forget() {
  ledger.forget();
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

/** Record the resident's word and show it; what went wrong is told in `problem`. True when it is in force. */
export async function decide(purpose, value, problem) {
  problem.replaceChildren();
  try {
    await ledger.decide(purpose, value);
  } catch (error) {
    return refused(error, problem);
  }
  say(t(value ? "consent_given_said" : "consent_withdrawn_said", { title: ledger.titleOf(purpose.id) }));
  show();
  changed();
  return true;
}

function stateWords({ granted: given, since, suspended } = {}) {
  if (suspended) return t("consent_suspended");
  if (given) return since ? t("consent_given", { date: plainDay(since) }) : t("consent_given_undated");
  return since ? t("consent_withdrawn", { date: plainDay(since) }) : t("consent_none");
}

/** The notice of one purpose with the button that gives or withdraws; afterwards the focus goes to `next`. */
export function ballot(purpose, heading, next, look = "secondary") {
  const { id, notice: { title, text } } = purpose;
  const problem = h("div", { role: "alert" });
  const given = ledger.granted(id);
  const key = given ? "consent_withdraw" : "consent_give";
  const press = button(t(key), look, {
    "data-granted": String(given),
    "aria-label": t(`${key}_named`, { title: pick(title).text }),
    onclick: async () => { if (await decide(purpose, !given, problem)) $(next)?.focus(); },
  });
  return [put(h(heading, { class: "purpose__title" }), title), put(h("p"), text), problem,
    h("p", { class: "acts" }, press, h("span", { class: "purpose__state" }, stateWords(ledger.state(id))))];
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

function box(purpose) {
  const { id, notice: { title, text } } = purpose;
  const inside = session.signedIn()
    ? ballot(purpose, "h3", `#purpose-${id} button`)
    : [put(h("h3", { class: "purpose__title" }), title), put(h("p"), text)];
  return h("section", { class: "purpose", id: `purpose-${id}` }, ...inside, because(id), more(purpose));
}

/** Show every purpose as it stands. */
export function show() {
  const focused = document.activeElement?.closest?.(".purpose")?.id;
  $("#purposes").replaceChildren(...shown().map(box));
  if (focused) $(`#${focused} button`)?.focus();
  $("#choices-notice").replaceChildren(...(session.signedIn() ? [] : [notice("info", t(invitation), null, signInButton())]));
}

export const signInButton = () => button(t("sign_in"), "primary", { onclick: () => signIn() }, "signin");

/** Lead to the notice of a purpose: it is marked, and its button gets the focus. */
export function point(id) {
  for (const box of $("#purposes").children) box.classList.toggle("purpose--pointed", box.id === `purpose-${id}`);
  if (!id) return;
  $(`#purpose-${id}`)?.scrollIntoView({ block: "center" });
  $(`#purpose-${id} button`)?.focus({ preventScroll: true });
}

/** `onChange` is called after a decision is in force, `onSignIn` when somebody wants to sign in; `toAdd` gives what to
 * show beneath a purpose, `signedOut` is the text that invites to sign in. */
export function begin({ onChange, onSignIn, toAdd = () => null, signedOut = "choices_signed_out" }) {
  changed = onChange;
  signIn = onSignIn;
  more = toAdd;
  invitation = signedOut;
}
