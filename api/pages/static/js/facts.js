// What a card and the detail view say of an offer. What is not known is said to be unknown, never left to be guessed.

import { capital, distance, languageList, pick, small, t } from "./texts.js";

const FEW_SEATS = 5;
const EARTH_RADIUS_METRES = 6_371_000;

export function metresBetween([lat1, lon1], [lat2, lon2]) {
  const rad = (degrees) => (degrees * Math.PI) / 180;
  const x = rad(lon2 - lon1) * Math.cos(rad((lat1 + lat2) / 2));
  return EARTH_RADIUS_METRES * Math.hypot(x, rad(lat2 - lat1));
}

/** Where it is, as {text, code, extra}: the place's name in its language, and how far it is from `here`. */
export function where(offer, here) {
  if (offer.online) return { text: t("where_online") };
  if (offer.city_wide) return { text: t("where_city") };
  if (!offer.place || !pick(offer.place.name).text) return { text: t("where_unknown") };
  const known = here && offer.place.lat !== undefined && offer.place.lon !== undefined;
  const extra = known ? distance(metresBetween(here, [offer.place.lat, offer.place.lon])) : null;
  return { ...pick(offer.place.name), extra };
}

export function price(offer) {
  if (offer.free) return { text: t("free") };
  const told = pick(offer.price);
  if (told.text) return told;
  return { text: t(offer.free === false ? "paid" : "price_unknown") };
}

export function fewSeats(offer) {
  const left = offer.seats_left;
  return typeof left === "number" && left > 0 && left <= FEW_SEATS ? t("seats_few", { n: left }) : null;
}

export function age(offer) {
  const [from, to] = [offer.age_min ?? null, offer.age_max ?? null];
  if (from === null && to === null) return null;
  if (from !== null && from === to) return t("age_exact", { from });
  if (to === null) return t("age_from", { from });
  return from === null ? t("age_to", { to }) : t("age_between", { from, to });
}

export const languages = (offer) => (offer.languages?.length ? capital(languageList(offer.languages)) : t("language_unknown"));

export function access(offer) {
  if (offer.access === undefined || offer.access === null) return t("access_unknown");
  if (offer.access.length === 0) return t("access_none");
  return offer.access.map((feature, n) => (n ? small : capital)(t(`access_${feature}`))).join(", ");
}
