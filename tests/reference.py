"""Ranking as it is meant, written plainly over `Offer` objects: what the columns and kernels are compared with."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import hypot, log1p, sqrt

from engine.columns import FAMILY_WEIGHTS, metres
from engine.offers import NO_END_MEANS, Offer, live
from engine.query import Query
from engine.ranking import Weights
from engine.taste import features


def dates(offer: Offer) -> list[tuple[datetime | None, datetime | None]]:
    """(start, end) of each date; None is open."""
    if offer.starts is None or offer.ongoing:
        return [(offer.starts, offer.ends)]
    spans = [(d.starts, d.ends) for d in offer.dates] or [(offer.starts, offer.ends)]
    return [(starts, ends or starts + NO_END_MEANS) for starts, ends in spans]


def fitting_start(offer: Offer, query: Query, now: datetime) -> tuple[bool, datetime | None]:
    """Whether a date touches the time asked for and is not over, and the start of the earliest that does."""
    begin = max(query.starts_from or now, now)
    found = [
        start
        for start, end in dates(offer)
        if (end is None or end > begin) and (query.until is None or start is None or start < query.until)
    ]
    return bool(found), min((s for s in found if s is not None), default=None)


def point(offer: Offer) -> tuple[float, float] | None:
    place = None if offer.city_wide or offer.online else offer.place
    return metres(place.lat, place.lon) if place and place.lat is not None and place.lon is not None else None


def away(offer: Offer, query: Query) -> float:
    here = point(offer)
    there = metres(*query.near) if query.near else None
    return hypot(here[0] - there[0], here[1] - there[1]) if here and there else float("inf")


def ages(query: Query, birth_year: int | None, now: datetime) -> tuple[int, int] | None:
    if query.age is not None:
        return query.age, query.age
    return None if birth_year is None else (max(now.year - birth_year - 1, 0), now.year - birth_year)


def fits(offer: Offer, query: Query, birth_year: int | None, now: datetime) -> bool:
    asked = ages(query, birth_year, now)
    return (
        live(offer, now)
        and (not query.kinds or offer.kind in query.kinds)
        and (not query.free or offer.free is True)
        and (not query.languages or not offer.languages or bool(set(query.languages) & set(offer.languages)))
        and (asked is None or (offer.age_min or 0) <= asked[1])
        and (asked is None or offer.age_max is None or offer.age_max >= asked[0])
        and (offer.access is None or set(query.access) <= set(offer.access))
        and (query.radius_metres is None or away(offer, query) <= query.radius_metres)
        and fitting_start(offer, query, now)[0]
    )


def doubts(offer: Offer, query: Query, birth_year: int | None, now: datetime) -> int:
    """How much of what was asked for is not known to fit."""
    asked = ages(query, birth_year, now)
    by_age = asked is not None and (
        (offer.age_min is None and offer.age_max is None)
        or (offer.age_min or 0) > asked[0]
        or (offer.age_max is not None and offer.age_max < asked[1])
    )
    by_language = bool(query.languages) and not offer.languages
    return by_age + by_language + (bool(query.access) and offer.access is None)


class Reference:
    """Scores over the offers that a catalogue would hold."""

    def __init__(self, offers: Iterable[Offer], popularity: Mapping[str, float], weights: Weights) -> None:
        self.offers = {offer.id: offer for offer in offers}
        self.popularity, self.weights = popularity, weights
        counts = Counter(name for offer in self.offers.values() for name in features(offer))
        self.idf = {
            name: FAMILY_WEIGHTS[name.partition(":")[0]] * log1p(len(self.offers) / n) for name, n in counts.items()
        }

    def score(
        self, offer: Offer, query: Query, birth_year: int | None, leaning: Mapping[str, float], now: datetime
    ) -> float:
        names, weights = features(offer), self.weights
        length = sqrt(sum(self.idf[name] ** 2 for name in names))
        total = sum(leaning.get(name, 0.0) for name in names) / length
        total += weights.popularity * self.popularity.get(offer.id, 0.0)
        if query.near:
            total += weights.near / (1 + (away(offer, query) / 2_000) ** 2)
        any_day = offer.starts is None or offer.ongoing
        start = fitting_start(offer, query, now)[1]
        wait = timedelta(days=11) if any_day or start is None else max(start - now, timedelta())
        total += weights.soon / (1 + wait / timedelta(days=7))
        return total - weights.unknown * doubts(offer, query, birth_year, now)
