// Signing in and out, the same on every page.

import { $, button } from "./dom.js";
import * as push from "./push.js";
import * as session from "./session.js";
import * as signin from "./signin.js";
import { say, settle, warn } from "./status.js";
import { t } from "./texts.js";

const again = () => button(t("sign_in"), "primary", { onclick: signIn }, "signin");

export async function signIn() {
  if (!signin.possible()) return warn("signin", "alert", t("sign_in_insecure"));
  settle("expired");
  return signin.start().catch(() => warn("signin", "error", t("sign_in_failed")));
}

/** Show the button that fits: to sign in or to sign out. */
export function show() {
  $("#sign-in").hidden = session.signedIn();
  $("#sign-out").hidden = !session.signedIn();
}

/** Say why the session ended; who signed out is led to the way back in. */
export function tellEnd(reason) {
  show();
  if (reason === "expired") return warn("expired", "alert", t("sign_in_expired"), null, again());
  push.leave().catch(() => {});
  if (reason !== "left") return null;
  say(t("signed_out"));
  return $("#sign-in").focus();
}

/** Finish a sign-in that the reader comes back from, if any. */
export async function comeBack() {
  if (!signin.returning()) return;
  try {
    await signin.finish();
    if (session.signedIn()) say(t("signed_in"));
  } catch {
    warn("signin", "error", t("sign_in_failed"), null, again());
  }
}

/** `leave` is called before a sign-out. */
export function begin(leave) {
  show();
  $("#sign-in").addEventListener("click", signIn);
  $("#sign-out").addEventListener("click", () => {
    leave();
    signin.leave();
  });
}
