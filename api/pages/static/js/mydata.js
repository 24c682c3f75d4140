// Puts the page /oma-data together: what is known, what is allowed, and the resident's power over both.

import * as accesses from "./accesses.js";
import * as account from "./account.js";
import * as consents from "./consents.js";
import { $ } from "./dom.js";
import * as family from "./family.js";
import * as known from "./known.js";
import * as leaving from "./leaving.js";
import * as messages from "./messages.js";
import * as mode from "./mode.js";
import * as news from "./news.js";
import * as outbox from "./outbox.js";
import { reveal } from "./part.js";
import * as partners from "./partners.js";
import * as pause from "./pause.js";
import * as receipts from "./receipts.js";
import * as saved from "./saved.js";
import * as session from "./session.js";
import { warn } from "./status.js";
import * as texts from "./texts.js";
import * as why from "./why.js";

const { t } = texts;
const FORGOTTEN_BY = [1000, 2500, 5500];
const RESIDENTS = ["known", "reasons", "messages", "partners", "accesses", "family", "download", "erase"];

/** Show the receipts of what has just been decided. */
async function showReceipts() {
  await receipts.load().catch(() => {});
  consents.show();
  messages.refresh();
}

/** After a decision, what is known and why are others. What a withdrawal forgets is gone within five seconds. */
function onChange() {
  for (const wait of FORGOTTEN_BY) setTimeout(() => session.signedIn() && known.load(), wait);
  return Promise.all([showReceipts(), known.load(), why.load()]);
}

async function loadConsents() {
  await Promise.all([consents.load(), receipts.load()]);
  consents.show();
}

async function load() {
  await loadConsents().catch(consents.complete);
  if (!session.signedIn()) return;
  messages.show();
  for (const name of ["download", "erase"]) reveal(name, true);
  await Promise.all([pause.load(), known.load(), why.load(), partners.load(), accesses.load(), family.load()]);
}

function onEnd(reason) {
  for (const name of RESIDENTS) reveal(name, false);
  $("#pause").hidden = true;
  outbox.clear();
  receipts.forget();
  consents.forget();
  account.tellEnd(reason);
}

/** Nothing is left: neither there nor on this device. */
function onErased() {
  saved.clear();
  session.end("erased");
  warn("erased", "success", t("erased"), t("erased_help"));
  $("#data-heading").focus();
}

/** A link to a part leads the focus there. */
function followContents() {
  document.addEventListener("click", (event) => {
    const name = event.target.closest?.('a[href^="#"]')?.hash.slice(1);
    const target = name && ($(`#${CSS.escape(name)}-heading`) ?? $(`#${CSS.escape(name)} button`) ?? $(`#${CSS.escape(name)}`));
    if (target) setTimeout(() => target.focus(), 0);
  });
}

async function begin() {
  await texts.load();
  await account.comeBack();
  session.onEnd(onEnd);
  saved.count();
  account.begin(saved.clear);
  mode.begin(() => session.signedIn() && why.load());
  pause.begin(() => Promise.all([known.load(), why.load()]));
  consents.begin({ onChange, onSignIn: account.signIn, toAdd: receipts.beneath, signedOut: "data_signed_out" });
  messages.begin(showReceipts);
  leaving.begin(onErased);
  followContents();
  await load();
  news.begin();
}

begin().catch((error) => {
  $("#broken").hidden = false;
  throw error;
});
