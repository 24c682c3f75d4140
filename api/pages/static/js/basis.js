// Says at the top of the list what it rests on, and offers the one step that would make it better.

import * as consents from "./consents.js";
import { $, h } from "./dom.js";
import * as mode from "./mode.js";
import * as paused from "./paused.js";
import * as session from "./session.js";
import { t } from "./texts.js";

const INVITATION = h("li", { class: "cards__item ask" });
/** Places and areas count only where the resident has allowed that they do, whoever told of them. */
const REASONS = { location: /_(area|place)$/, activity: /^interested_/, interests: /^stated_/ };

/** The purpose that a reason rests on, by the reason's code; none for what is popular, soon or alike. */
export const purposeOf = (code) => (code.startsWith("same_") ? undefined : Object.keys(REASONS).find((purpose) => REASONS[purpose].test(code)));

function sentence(basis) {
  if (mode.on()) return "basis_now";
  if (!session.signedIn()) return "basis_signed_out";
  if (paused.on()) return "basis_paused";
  if (basis === "personal") return consents.granted("interests") ? "basis_personal_stated" : "basis_personal";
  if (basis === "stated") return "basis_stated";
  if (consents.granted("activity")) return "basis_no_history";
  return consents.granted("interests") ? "basis_nothing_told" : "basis_no_consent";
}

function link(basis) {
  if (mode.on()) return [h("a", { class: "hds-link", href: "#choices" }, t("mode_change"))];
  if (!session.signedIn()) return [];
  const telling = consents.granted("interests") && basis === "popular";
  return [h("a", { class: "hds-link", href: "#choices" }, t(telling ? "tell_interests" : "show_choices"))];
}

function byPurpose(items) {
  const found = new Map();
  for (const { code, text } of items.flatMap((item) => item.reasons ?? [])) {
    const purpose = purposeOf(code);
    if (purpose) found.set(purpose, (found.get(purpose) ?? new Set()).add(text));
  }
  return found;
}

/** Show the basis of an answer of the API; null where there is none yet. */
export function show(answer, items) {
  const basis = answer?.basis ?? "popular";
  $("#tips-heading").textContent = t(`heading_${mode.on() ? "now" : basis}`);
  $("#basis").textContent = answer ? t(sentence(basis)) : "";
  $("#basis-links").replaceChildren(...(answer ? link(basis) : []));
  consents.quote(byPurpose(items));
}

/** The card in the list that invites to sign in or to give leave to learn; null where there is nothing to ask. */
export function invitation(basis) {
  const focused = INVITATION.contains(document.activeElement);
  const purpose = consents.find("activity");
  if (mode.on() || paused.on()) return null;
  if (!session.signedIn()) {
    INVITATION.replaceChildren(h("h3", {}, t("benefit_heading")), h("p", {}, t("benefit_text")), h("p", { class: "acts" }, consents.signInButton()));
  } else if (purpose && !consents.granted("activity") && basis !== "personal") {
    INVITATION.replaceChildren(...consents.ballot(purpose, "h3", "#tips-heading", "primary"));
  } else return null;
  if (focused) $("button", INVITATION).focus();
  return INVITATION;
}
