"""Finds what contributed to an offer's score, and has the largest put into words (`engine.reasons`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np

from engine.catalogue import K_ANONYMITY, Live
from engine.columns import NEVER, Trait, Vocabulary
from engine.contributions import Entries, Offers, Scales, contributions
from engine.districts import Divisions
from engine.language import Language
from engine.profile import Leaning, Source
from engine.ranking import Filters, Ranked, Weights
from engine.reasons import (
    HELSINKI,
    KINDS,
    MOST_REASONS,
    TIMES,
    Code,
    Reason,
    day,
    distance,
    local,
    say,
    when,
    when_and_where,
)

NEAR_METRES = 3_000.0
SOON_MINUTES = 3 * 24 * 60
OPENED_MINUTES = 7 * 24 * 60
LAST_SEATS = 5
POPULAR = 0.4
"""Popularity, on its scale of logarithms from 0 to 1, from which an offer is called popular."""
_ASKED = 0.01
"""What a filter counts among reasons: among offers that passed it moved nothing, but it is why they are here."""

_ALL = tuple(Code)
_NUMBER = {code: number for number, code in enumerate(_ALL)}
_CODES = {
    Source.INTERESTED: {
        "keyword": Code.INTERESTED_TOPIC,
        "audience": Code.INTERESTED_GROUP,
        "place": Code.INTERESTED_PLACE,
        "district": Code.INTERESTED_AREA,
        "neighborhood": Code.INTERESTED_AREA,
        "kind": Code.INTERESTED_KIND,
        "when": Code.INTERESTED_TIME,
        "organiser": Code.INTERESTED_BY,
    },
    Source.STATED: {
        "keyword": Code.STATED_TOPIC,
        "district": Code.STATED_AREA,
        "neighborhood": Code.STATED_AREA,
        "kind": Code.STATED_KIND,
    },
    Source.SAME: {
        "keyword": Code.SAME_TOPIC,
        "place": Code.SAME_PLACE,
        "district": Code.SAME_AREA,
        "neighborhood": Code.SAME_AREA,
        "organiser": Code.SAME_BY,
        "kind": Code.SAME_KIND,
    },
}
"""What it is called that a feature of a family contributed, by where the leaning to it comes from."""
_NUMBERS = {source: {family: _NUMBER[code] for family, code in its.items()} for source, its in _CODES.items()}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer was made from, as far as reasons may speak of it."""

    live: Live
    vocabulary: Vocabulary
    filters: Filters
    weights: Weights
    free: bool
    language: Language
    now: datetime


class _Facts(NamedTuple):
    """What reasons speak of in one offer; taken from the columns for all offers of an answer at once."""

    start: int
    metres: float
    seats: int
    opens: int
    closes: int
    traits: int
    place: int
    area: int


class Explainer:
    """Explains the offers of one answer.

    Parameters
    ----------
    asked
        What the answer was made from.
    leanings
        What the features were weighed by.
    divisions
        The names of areas.
    """

    def __init__(self, asked: Asked, leanings: Sequence[Leaning], divisions: Divisions) -> None:
        self._asked = asked
        self._divisions = divisions
        self._today = asked.now.astimezone(HELSINKI).date()
        self._said: dict[int, str] = {}
        families = asked.vocabulary.families
        weighed = [
            (slot, number, adds)
            for source, slots, adds in leanings
            for numbers in (_NUMBERS[source],)
            for slot, adds in zip(slots.tolist(), adds.tolist(), strict=True)
            if (number := numbers.get(families[slot])) is not None
        ]
        slots, numbers, adds = zip(*weighed, strict=True) if weighed else ((), (), ())
        self._entries = Entries(np.array(slots, np.int64), np.array(numbers, np.int64), np.array(adds, np.float64))

    def reasons(self, shown: Ranked) -> list[tuple[Reason, ...]]:
        """Return one to three reasons for each offer, the largest first."""
        asked, columns, rows = self._asked, self._asked.live.columns, shown.rows
        point, waits = asked.filters.point, shown.starts - np.int32(asked.live.minute)
        far = np.full(len(rows), np.inf)
        metres = np.hypot(columns.x[rows] - point[0], columns.y[rows] - point[1]).astype(float) if point else far
        offers = Offers(rows, waits, metres, columns.slots, columns.norm, columns.popularity, columns.visitors)
        numbers, slots = contributions(offers, self._entries, _scales(asked))
        parts = (columns.seats, columns.opens, columns.closes, columns.traits, columns.place, columns.area)
        facts = zip(shown.starts.tolist(), metres.tolist(), *(part[rows].tolist() for part in parts), strict=True)
        explained = zip(numbers.tolist(), slots.tolist(), facts, strict=True)
        return [self._reasons(numbers, slots, _Facts(*of)) for numbers, slots, of in explained]

    def _reasons(self, numbers: Sequence[int], slots: Sequence[int], of: _Facts) -> tuple[Reason, ...]:
        language = self._asked.language
        chosen: list[Reason] = []
        for number, slot in zip(numbers, slots, strict=True):
            if number < 0:
                break
            code = _ALL[number]
            about = self._name(slot) if slot else self._about(code, of)
            if about is not None:
                chosen.append(say(code, about, language))
                if len(chosen) == MOST_REASONS:
                    return tuple(chosen)
        if not chosen:
            chosen.append(say(Code.WHEN_AND_WHERE, self._when_and_where(of), language))
        if (fact := self._fact(of)) is not None:
            chosen.append(fact)
        return tuple(chosen)

    def _about(self, code: Code, of: _Facts) -> str:
        if code is Code.NEAR:
            return distance(of.metres, self._asked.language)
        if code is Code.POPULAR:
            area = self._name(of.area)
            return f": {area}" if area else ""
        return self._moment(of.start) if code is Code.SOON else ""

    def _fact(self, of: _Facts) -> Reason | None:
        now, language = self._asked.live.minute, self._asked.language
        if 1 <= of.seats <= LAST_SEATS:
            return say(Code.LAST_SEATS, str(of.seats), language)
        if of.closes < NEVER and of.closes - now <= SOON_MINUTES:
            return say(Code.ENROLMENT_CLOSING, self._moment(of.closes), language)
        if 0 <= now - of.opens <= OPENED_MINUTES:
            return say(Code.ENROLMENT_OPENED, day(local(of.opens).date(), self._today, language), language)
        return None

    def _when_and_where(self, of: _Facts) -> str:
        any_day = of.traits >> Trait.ANY_DAY & 1 and of.start <= self._asked.live.minute
        start = None if any_day else self._moment(of.start)
        return when_and_where(start, self._name(of.place) or "", self._asked.language)

    def _moment(self, minute: int) -> str:
        return when(minute, self._today, self._asked.language)

    def _name(self, slot: int) -> str | None:
        """Return what a feature is called; None where it has no name for people."""
        if slot not in self._said:
            self._said[slot] = self._look_up(slot)
        return self._said[slot] or None

    def _look_up(self, slot: int) -> str:
        language, family = self._asked.language, self._asked.vocabulary.families[slot]
        value = self._asked.vocabulary.names[slot][len(family) + 1 :]
        if family in ("district", "neighborhood"):
            return self._divisions.name_of(value, language)
        if family == "organiser":
            return value
        words = {"kind": KINDS, "when": TIMES}.get(family, {}).get(value)
        return words[language] if words else self._asked.vocabulary.labels[slot].pick(language)


def _scales(asked: Asked) -> Scales:
    weights = asked.weights
    return Scales(
        codes=len(_ALL),
        near_code=_NUMBER[Code.NEAR],
        popular_code=_NUMBER[Code.POPULAR],
        soon_code=_NUMBER[Code.SOON],
        free_code=_NUMBER[Code.FREE],
        near=weights.near,
        near_metres=NEAR_METRES,
        popular=weights.popularity,
        popular_from=POPULAR,
        visitors_from=K_ANONYMITY,
        soon=weights.soon,
        soon_minutes=SOON_MINUTES,
        free=_ASKED if asked.free else 0.0,
    )
