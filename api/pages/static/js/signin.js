// Sign-in: the authorization code flow with PKCE against the issuer that the page names.

import * as session from "./session.js";

const { issuer, client } = document.documentElement.dataset;
const PENDING = "vinkki.signin";
const redirectUri = () => location.origin + location.pathname;

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

async function configuration() {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`);
  if (!response.ok) throw new Error(`The issuer answered ${response.status}.`);
  return response.json();
}

/** Browsers sign only on secure pages: https, or this machine itself. */
export const possible = () => window.isSecureContext;

/** Leave for the issuer's page; what the address says now is there again after the return. */
export async function start() {
  const { authorization_endpoint: endpoint } = await configuration();
  const [verifier, state] = [random(), random()];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(PENDING, JSON.stringify({ verifier, state, back: location.search + location.hash }));
  const asked = {
    response_type: "code", client_id: client, redirect_uri: redirectUri(), scope: "openid", state,
    code_challenge: base64url(new Uint8Array(digest)), code_challenge_method: "S256", ui_locales: document.documentElement.lang,
  };
  location.assign(`${endpoint}?${new URLSearchParams(asked)}`);
}

/** Whether the issuer has just sent the reader back. */
export const returning = () => ["code", "error"].some((name) => new URLSearchParams(location.search).has(name));

/** Finish what `start` began, and put the address back as it was. Throws if it did not work. */
export async function finish() {
  const answer = new URLSearchParams(location.search);
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "null");
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", location.pathname + (pending?.back ?? ""));
  if (answer.get("error") === "access_denied") return;
  if (!pending || answer.get("state") !== pending.state || !answer.has("code")) throw new Error("The answer fits no sign-in.");
  const { token_endpoint: endpoint, end_session_endpoint: end } = await configuration();
  const response = await fetch(endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code", code: answer.get("code"), redirect_uri: redirectUri(), client_id: client,
      code_verifier: pending.verifier,
    }),
  });
  if (!response.ok) throw new Error(`The issuer answered ${response.status}.`);
  const granted = await response.json();
  session.begin(granted.access_token, granted.expires_in ?? 300, end && granted.id_token && { end, hint: granted.id_token });
}

/** Sign out here at once, and let the issuer end the session everywhere. */
export function leave() {
  const farewell = session.farewell();
  session.end("left");
  if (!farewell) return;
  const body = new URLSearchParams({ id_token_hint: farewell.hint, client_id: client });
  fetch(farewell.end, { method: "POST", mode: "no-cors", keepalive: true, body }).catch(() => {});
}
