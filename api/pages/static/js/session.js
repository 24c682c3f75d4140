// Who is signed in: the token lives in this tab alone and goes with it.

const KEY = "vinkki.token";
const listeners = [];

function read() {
  const held = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (held && held.expires <= Date.now()) end("expired");
  return held && held.expires > Date.now() ? held : null;
}

export const token = () => read()?.token ?? null;
export const signedIn = () => token() !== null;

/** `farewell` is what the issuer wants to hear when the session ends, if anything. */
export function begin(value, lifetimeSeconds, farewell = null) {
  sessionStorage.setItem(KEY, JSON.stringify({ token: value, expires: Date.now() + lifetimeSeconds * 1000, farewell }));
}

export const farewell = () => read()?.farewell ?? null;

/** Forget the token; `reason` is `left` (the resident signed out) or `expired`. */
export function end(reason) {
  if (sessionStorage.getItem(KEY) === null) return;
  sessionStorage.removeItem(KEY);
  for (const listener of listeners) listener(reason);
}

export const onEnd = (listener) => listeners.push(listener);
