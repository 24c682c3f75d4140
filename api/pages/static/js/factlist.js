// The facts of one offer as a list of terms, for the detail view.

import { putPlace } from "./card.js";
import { h } from "./dom.js";
import * as facts from "./facts.js";
import { here } from "./filters.js";
import { declare, lang, pick, t } from "./texts.js";
import { comingDates, dateWords, momentWords, whenWords } from "./when.js";

const SHOWN_DATES = 8;

function fact(key, ...values) {
  return [h("dt", {}, t(`fact_${key}`)), ...values.map((value) => h("dd", {}, value))];
}

function dates(offer, now) {
  const coming = comingDates(offer, now);
  if (offer.ongoing || coming.length < 2) return fact("when", whenWords(offer, now));
  const rest = coming.length - SHOWN_DATES;
  const words = coming.slice(0, SHOWN_DATES).map((date) => dateWords(date, now));
  return fact("when", ...words, ...(rest > 0 ? [t("dates_more", { n: rest })] : []));
}

function place(offer) {
  const name = h("span");
  putPlace(name, facts.where(offer, here()));
  const street = pick(offer.place?.address);
  if (!street.text) return fact("where", name);
  const line = h("span", {}, street.text);
  declare(line, street.code);
  return fact("where", name, line);
}

function enrolment(offer, now) {
  const { enrolment_opens: opens, enrolment_closes: closes } = offer;
  if (opens && new Date(opens) > now) return fact("enrol", t("enrol_opens", { when: momentWords(opens, now) }));
  return closes ? fact("enrol", t("enrol_closes", { when: momentWords(closes, now) })) : [];
}

function seats({ seats: all, seats_left: left }) {
  if (typeof left !== "number") return [];
  return fact("seats", typeof all === "number" ? t("seats_left_of", { left, all }) : t("seats_left", { left }));
}

function price(offer) {
  const { text, code } = facts.price(offer);
  const line = h("span", {}, text);
  declare(line, code ?? lang);
  return fact("price", line);
}

/** All that is known of an offer as terms and descriptions, and what is not known said to be so. */
export function factList(offer, now) {
  return h("dl", { class: "facts" }, ...dates(offer, now), ...place(offer), ...price(offer), ...enrolment(offer, now), ...seats(offer),
    ...fact("age", facts.age(offer) ?? t("age_unknown")), ...fact("language", facts.languages(offer)), ...fact("access", facts.access(offer)),
    ...(offer.organiser ? fact("organiser", h("span", { lang: "fi" }, offer.organiser)) : []));
}
