// Puts the page together: texts, views, sign-in, consents, suggestions.

import * as acts from "./acts.js";
import { purposeOf } from "./basis.js";
import * as card from "./card.js";
import * as consents from "./consents.js";
import * as detail from "./detail.js";
import { $, button } from "./dom.js";
import * as interests from "./interests.js";
import * as outbox from "./outbox.js";
import * as saved from "./saved.js";
import * as session from "./session.js";
import * as signin from "./signin.js";
import { say, settle, warn } from "./status.js";
import * as texts from "./texts.js";
import * as tips from "./tips.js";
import * as views from "./views.js";

const { t } = texts;
let pointed = null;

async function signIn() {
  if (!signin.possible()) return warn("signin", "alert", t("sign_in_insecure"));
  settle("expired");
  return signin.start().catch(() => warn("signin", "error", t("sign_in_failed")));
}

function signOut() {
  saved.clear();
  session.end("left");
}

function showAccount() {
  $("#sign-in").hidden = session.signedIn();
  $("#sign-out").hidden = !session.signedIn();
}

function onEnd(reason) {
  showAccount();
  outbox.clear();
  consents.forget();
  interests.forget();
  tips.reset();
  if (reason === "expired") warn("expired", "alert", t("sign_in_expired"), null, button(t("sign_in"), "primary", { onclick: signIn }, "signin"));
  else {
    say(t("signed_out"));
    $("#sign-in").focus();
  }
  if (views.current() === "saved") showSaved();
}

const showSaved = () => saved.show((offer) => {
  const item = card.make({ offer });
  item.querySelector('[data-act="unsave"]').addEventListener("click", () => {
    const next = item.nextElementSibling ?? item.previousElementSibling;
    acts.unsave(offer);
    item.remove();
    if (next) next.querySelector("a, button").focus();
    else showSaved().then(() => $("#saved-heading").focus());
  });
  return item;
});

/** A reason leads to the consent that it rests on. */
async function showChoices() {
  const purpose = pointed;
  pointed = null;
  await consents.complete();
  consents.point(purpose);
  await interests.open();
}

function followReasons() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-code]");
    if (link) pointed = purposeOf(link.dataset.code);
  });
}

function watchNetwork() {
  addEventListener("offline", () => warn("offline", "alert", t("offline"), t("offline_help")));
  addEventListener("online", async () => {
    settle("offline");
    say(t("online_again"));
    await outbox.flush();
    tips.load();
  });
  if (!navigator.onLine) dispatchEvent(new Event("offline"));
}

async function comeBack() {
  if (!signin.returning()) return;
  try {
    await signin.finish();
    if (session.signedIn()) say(t("signed_in"));
  } catch {
    warn("signin", "error", t("sign_in_failed"), null, button(t("sign_in"), "primary", { onclick: signIn }, "signin"));
  }
}

async function begin() {
  await texts.load();
  await comeBack();
  session.onEnd(onEnd);
  saved.count();
  showAccount();
  $("#sign-in").addEventListener("click", signIn);
  $("#sign-out").addEventListener("click", signOut);
  consents.begin({ onChange: () => { interests.refresh(); tips.load({ announce: true }); }, onSignIn: signIn });
  interests.begin(() => tips.load({ announce: true }));
  tips.begin(consents.load().catch(() => {}));
  acts.begin($("#cards"));
  views.onShow("saved", showSaved);
  views.onShow("choices", showChoices);
  views.onShow("tips", () => tips.answer() && tips.show());
  followReasons();
  watchNetwork();
  views.begin();
  await tips.load();
  detail.begin();
  outbox.flush();
}

begin().catch((error) => {
  $("#broken").hidden = false;
  throw error;
});
