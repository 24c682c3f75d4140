// The public API, as any other app would call it. Errors come as RFC 9457 problems.

import * as session from "./session.js";

const PATIENCE_MS = 15_000;

/** The API answered, but not with what was asked. */
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.detail ?? `The service answered ${status}.`);
    this.status = status;
    this.code = body.code;
    this.errors = body.errors ?? [];
    this.retryAfter = retryAfter;
  }
}

/** No answer came: no network, or nobody there. */
export class Offline extends Error {}

/** Call the API. `query` values that are empty are left out, lists are repeated. */
export async function call(method, path, options) {
  const response = await answered(method, path, options);
  return response.status === 204 ? null : response.json();
}

/** What the API gives there as a file. */
export async function file(path, query) {
  return (await answered("GET", path, { query, accept: "*/*" })).blob();
}

/** What the API tells over a line that stays open, as server-sent events with JSON: yields each until the line ends. */
export async function* events(path, signal) {
  const response = await answered("GET", path, { accept: "text/event-stream", signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let begun = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const whole = (begun + value).split(/\r?\n\r?\n/);
    begun = whole.pop();
    for (const event of whole) {
      const data = event.split(/\r?\n/).find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice("data: ".length));
    }
  }
}

async function answered(method, path, { query = {}, body, keepalive = false, anonymous = false, accept = "application/json", signal } = {}) {
  const token = anonymous ? null : session.token();
  const response = await ask(path + search(query), {
    method,
    keepalive,
    headers: {
      Accept: accept,
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(body && { "Content-Type": "application/json" }),
    },
    body: body && JSON.stringify(body),
    signal: signal ?? AbortSignal.timeout(PATIENCE_MS),
  });
  if (response.ok) return response;
  if (response.status === 401 && token) session.end("expired");
  const told = await response.json().catch(() => ({}));
  throw new Problem(response.status, told, Number(response.headers.get("Retry-After")) || null);
}

async function ask(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    throw new Offline(error.message);
  }
}

function search(query) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one !== "" && one !== null && one !== undefined) given.append(name, one);
  }
  return given.size ? `?${given}` : "";
}
