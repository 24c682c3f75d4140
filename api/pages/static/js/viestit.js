// Puts the page /viestit together: the messages that have come, what may come, and where.

import * as account from "./account.js";
import * as addresses from "./addresses.js";
import { $, button, notice } from "./dom.js";
import * as inbox from "./inbox.js";
import * as ledger from "./ledger.js";
import * as messages from "./messages.js";
import * as news from "./news.js";
import { reveal } from "./part.js";
import * as push from "./push.js";
import * as receipts from "./receipts.js";
import * as saved from "./saved.js";
import * as session from "./session.js";
import * as texts from "./texts.js";

const { t } = texts;

async function showReceipts() {
  news.renew();
  await receipts.load().catch(() => {});
  messages.refresh();
}

function invite() {
  const signIn = () => button(t("sign_in"), "primary", { onclick: account.signIn }, "signin");
  $("#choices-notice").replaceChildren(...(session.signedIn() ? [] : [notice("info", t("messages_signed_out"), null, signIn())]));
}

async function loadMessages() {
  await Promise.all([ledger.load(), receipts.load()]);
  messages.show();
}

async function load() {
  invite();
  if (!session.signedIn()) return;
  const again = () => button(t("retry"), "secondary", { onclick: load }, "refresh");
  await Promise.all([
    addresses.load(),
    push.load(),
    loadMessages().catch(() => $("#choices-notice").replaceChildren(notice("error", t("choices_error"), null, again()))),
  ]);
}

function onEnd(reason) {
  for (const name of ["inbox", "addresses", "device", "messages"]) reveal(name, false);
  for (const name of ["addresses", "device"]) $(`#${name}-body`).replaceChildren();
  inbox.forget();
  receipts.forget();
  ledger.forget();
  invite();
  account.tellEnd(reason);
}

async function begin() {
  await texts.load();
  await account.comeBack();
  session.onEnd(onEnd);
  saved.count();
  account.begin(saved.clear);
  messages.begin(showReceipts);
  await load();
  news.begin(inbox.load);
}

begin().catch((error) => {
  $("#broken").hidden = false;
  throw error;
});
