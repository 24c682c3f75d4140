// Messages that this very device shows though the page is closed: switched on and off here.

import { call } from "./api.js";
import { button, h } from "./dom.js";
import { fill, me, toggle } from "./part.js";
import { say } from "./status.js";
import { t } from "./texts.js";

const WORKER = "/pushworker.js";
const PATH = "/push-subscriptions";

/** Something went wrong, and this is what the reader is told of it. */
class Told extends Error {
  constructor(told) {
    super(told);
    this.told = told;
  }
}

const possible = () => window.isSecureContext && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

async function subscribed() {
  const registration = await navigator.serviceWorker.getRegistration("/");
  return registration?.pushManager.getSubscription() ?? null;
}

const same = (subscription) => (browser) => browser.endpoint === subscription?.endpoint;

async function give(subscription) {
  const { endpoint, keys } = subscription.toJSON();
  await me("PUT", PATH, { body: { endpoint, keys: { p256dh: keys.p256dh, auth: keys.auth } } });
}

async function switchOn(key) {
  if ((await Notification.requestPermission()) !== "granted") throw new Told(t("push_blocked"));
  await navigator.serviceWorker.register(WORKER, { scope: "/" });
  const { pushManager } = await navigator.serviceWorker.ready;
  await (await pushManager.getSubscription())?.unsubscribe();
  const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
    .catch(() => { throw new Told(t("push_failed")); });
  try {
    await give(subscription);
  } catch (error) {
    await subscription.unsubscribe();
    throw error;
  }
}

async function switchOff(browser) {
  if (browser) await me("DELETE", `${PATH}/${browser.id}`);
  await (await subscribed())?.unsubscribe();
}

/** What is known: the key of the house, the resident's browsers, and which of them is this one. */
async function ask() {
  const { key } = await call("GET", "/v1/push-key", { anonymous: true });
  const { items } = await me("GET", PATH);
  const subscription = possible() ? await subscribed() : null;
  const mine = items.find(same(subscription));
  // A browser that another resident left behind is not made this one's unasked.
  if (mine && Notification.permission === "granted") await give(subscription);
  return { key, items, mine };
}

function others(items, mine) {
  const n = items.filter((one) => one !== mine).length;
  if (n === 0) return [];
  const remove = async () => {
    await me("DELETE", PATH).catch(() => say(t("data_unsaved")));
    await load();
    document.getElementById("device-heading").focus();
  };
  return [h("p", {}, t("push_others", { n })), h("p", { class: "acts" }, button(t("push_remove_all"), "secondary", { onclick: remove }, "cross"))];
}

function draw(body, { key, items, mine }) {
  const save = async (on) => {
    await (on ? switchOn(key) : switchOff(mine));
    say(t(on ? "push_on_said" : "push_off_said"));
    await load();
    document.getElementById("push").focus();
  };
  const control = possible() ? toggle(t("push_label"), Boolean(mine), save, { id: "push" }) : h("p", {}, t("push_impossible"));
  body.replaceChildren(h("div", { class: "panel" }, control, ...others(items, mine)));
}

export const load = () => fill("device", ask, draw);

/** Show nothing more on this device, nor what is shown already: whoever comes next may be somebody else. */
export async function leave() {
  if (!possible()) return;
  const registration = await navigator.serviceWorker.getRegistration("/");
  for (const shown of (await registration?.getNotifications()) ?? []) shown.close();
  await (await subscribed())?.unsubscribe();
}
