// When something is, in words ("tänään klo 17–19"). Always Helsinki's time, wherever the reader is.

import { lang, t } from "./texts.js";

const ZONE = { timeZone: "Europe/Helsinki" };
const LOCALE = { fi: "fi-FI", sv: "sv-FI", en: "en-GB" }[lang];
const DAY_MS = 86_400_000;
const format = (options) => new Intl.DateTimeFormat(LOCALE, { ...ZONE, ...options });

const isoDay = new Intl.DateTimeFormat("sv-SE", ZONE);
const clock = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const month = lang === "en" ? "short" : "numeric"; // 4/1 is not the same day on both sides of the Atlantic
const near = format({ weekday: "short", day: "numeric", month });
const far = format({ day: "numeric", month, year: "numeric" });
const relative = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });

/** The day in Helsinki as 2026-11-22. */
export const dayOf = (date) => isoDay.format(date);
export const plusDays = (day, days) => new Date(Date.parse(`${day}T12:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
const daysBetween = (from, to) => Math.round((Date.parse(dayOf(to)) - Date.parse(dayOf(from))) / DAY_MS);

/** "17" or "17.30" where hours stand alone in the language; "17:00" in English. */
function timeOf(date) {
  const text = clock.format(date).replace(":", lang === "en" ? ":" : ".");
  return lang === "en" ? text : text.replace(/\.00$/, "").replace(/^0/, "");
}

/** "tänään", "huomenna", "ti 24.11.", or with the year when it is far away. */
export function dayWords(date, now) {
  const days = daysBetween(now, date);
  if (days === 0 || days === 1) return relative.format(days, "day");
  return Math.abs(days) < 180 ? near.format(date) : far.format(date);
}

const midnight = (date) => clock.format(date).startsWith("00") && clock.format(date).endsWith("00");

/** The last day of something that ends at `date`: a midnight belongs to the day before. */
const lastDay = (date) => (midnight(date) ? new Date(date - 1) : date);

/** One date: "tänään klo 17–19", "la 28.11.", "28.11.–29.11.". */
export function dateWords({ starts, ends }, now) {
  const from = new Date(starts);
  const to = ends ? new Date(ends) : null;
  const day = dayWords(from, now);
  if (to && daysBetween(from, lastDay(to)) > 0 && to - from > DAY_MS / 2) return t("when_range", { from: day, to: dayWords(lastDay(to), now) });
  if (midnight(from) && (!to || midnight(to))) return day;
  if (!to || to - from < 60_000) return t("at_time", { day, time: timeOf(from) });
  return t("at_time", { day, time: `${timeOf(from)}–${timeOf(to)}` });
}

export const momentWords = (iso, now) => dateWords({ starts: iso }, now);
export const plainDay = (iso) => far.format(new Date(iso));

const endOf = (date) => new Date(date.ends ?? Date.parse(date.starts) + DAY_MS / 12);

/** The dates still to come, or going on. */
export function comingDates(offer, now) {
  const dates = offer.dates?.length ? offer.dates : offer.starts ? [{ starts: offer.starts, ends: offer.ends }] : [];
  return dates.filter((date) => endOf(date) > now);
}

/** When an offer is, in one line. */
export function whenWords(offer, now) {
  if (!offer.starts) return t(offer.kind === "space" ? "when_space" : "when_unknown");
  if (offer.ongoing && offer.ends) {
    const [from, to] = [new Date(offer.starts), dayWords(lastDay(new Date(offer.ends)), now)];
    return from <= now ? t("when_until", { date: to }) : t("when_range", { from: dayWords(from, now), to });
  }
  const dates = comingDates(offer, now);
  const next = dates[0] ?? { starts: offer.starts, ends: offer.ends };
  if (dates.length < 2) return nextWords(next, now);
  // A list shows the first dates only: whether there are more is seen from when the whole ends.
  const cut = offer.ends && new Date(offer.ends) > endOf(dates.at(-1));
  return `${nextWords(next, now)} ${cut ? t("when_many") : t("when_more", { n: dates.length - 1 })}`;
}

function nextWords(date, now) {
  if (new Date(date.starts) > now) return dateWords(date, now);
  return date.ends && daysBetween(now, new Date(date.ends)) === 0
    ? t("when_now", { time: timeOf(new Date(date.ends)) })
    : t("when_now_open");
}
