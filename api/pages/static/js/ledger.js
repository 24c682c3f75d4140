// What the city asks leave for and what the resident has decided: the page's copy of both.

import { call } from "./api.js";
import * as session from "./session.js";
import { pick } from "./texts.js";

let purposes = [];
let states = new Map();
let history = [];

export const all = () => purposes;
export const find = (id) => purposes.find((purpose) => purpose.id === id);
export const titleOf = (id) => pick(find(id)?.notice.title).text;
export const state = (id) => states.get(id);
export const granted = (id) => states.get(id)?.granted === true;
/** Every decision, oldest first. */
export const past = () => history;

/** Read the purposes, and where somebody is signed in, what they allow. */
export async function load() {
  purposes = (await call("GET", "/v1/purposes", { anonymous: true })).items;
  forget();
  if (!session.signedIn()) return;
  const told = await call("GET", "/v1/residents/me/consents");
  states = new Map(told.items.map((one) => [one.purpose, one]));
  history = told.history;
}

export function forget() {
  states = new Map();
  history = [];
}

/** Record the resident's word; it counts here only when the API has said that it is in force. */
export async function decide({ id, notice }, value) {
  const now = await call("PUT", `/v1/residents/me/consents/${id}`, { body: { granted: value, notice: notice.version } });
  states.set(id, now);
  history = [...history, { purpose: id, granted: value, notice: now.notice, time: now.since }];
}
