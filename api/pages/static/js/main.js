// Puts the page together: texts, views, sign-in, consents, suggestions.

import * as account from "./account.js";
import * as acts from "./acts.js";
import { purposeOf } from "./basis.js";
import * as card from "./card.js";
import * as consents from "./consents.js";
import * as detail from "./detail.js";
import { $ } from "./dom.js";
import * as interests from "./interests.js";
import * as mode from "./mode.js";
import * as news from "./news.js";
import * as nowtopics from "./nowtopics.js";
import * as outbox from "./outbox.js";
import * as paused from "./paused.js";
import * as saved from "./saved.js";
import * as session from "./session.js";
import { say, settle, warn } from "./status.js";
import * as texts from "./texts.js";
import * as tips from "./tips.js";
import * as views from "./views.js";

const { t } = texts;
let pointed = null;

function onEnd(reason) {
  outbox.clear();
  consents.forget();
  interests.forget();
  paused.load();
  tips.reset();
  account.tellEnd(reason);
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

/** With or without a profile: the list begins anew. */
function onMode() {
  nowtopics.show();
  tips.reset();
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

async function begin() {
  await texts.load();
  await account.comeBack();
  session.onEnd(onEnd);
  saved.count();
  account.begin(saved.clear);
  mode.begin(onMode);
  consents.begin({ onChange: () => { interests.refresh(); tips.load({ announce: true }); }, onSignIn: account.signIn });
  interests.begin(() => tips.load({ announce: true }));
  tips.begin(Promise.all([consents.load().catch(() => {}), paused.load()]));
  acts.begin($("#cards"));
  views.onShow("saved", showSaved);
  views.onShow("choices", showChoices);
  views.onShow("tips", () => tips.answer() && tips.show());
  followReasons();
  watchNetwork();
  views.begin();
  await tips.load();
  nowtopics.show();
  detail.begin();
  outbox.flush();
  news.begin();
}

begin().catch((error) => {
  $("#broken").hidden = false;
  throw error;
});
