"""Finds what contributed to an offer's score, and has the largest put into words (`engine.reasons`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import hypot

from engine.catalogue import K_ANONYMITY, Live
from engine.columns import NEVER, Trait, Vocabulary
from engine.districts import Divisions
from engine.language import Language
from engine.profile import Leaning, Source
from engine.ranking import Filters, Weights
from engine.reasons import (
    HELSINKI,
    KINDS,
    MOST_REASONS,
    TIMES,
    Code,
    Reason,
    day,
    distance,
    largest,
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

_CODES = {
    (Source.INTERESTED, "keyword"): Code.INTERESTED_TOPIC,
    (Source.INTERESTED, "audience"): Code.INTERESTED_GROUP,
    (Source.INTERESTED, "place"): Code.INTERESTED_PLACE,
    (Source.INTERESTED, "district"): Code.INTERESTED_AREA,
    (Source.INTERESTED, "neighborhood"): Code.INTERESTED_AREA,
    (Source.INTERESTED, "kind"): Code.INTERESTED_KIND,
    (Source.INTERESTED, "when"): Code.INTERESTED_TIME,
    (Source.INTERESTED, "organiser"): Code.INTERESTED_BY,
    (Source.STATED, "keyword"): Code.STATED_TOPIC,
    (Source.STATED, "district"): Code.STATED_AREA,
    (Source.STATED, "neighborhood"): Code.STATED_AREA,
    (Source.STATED, "kind"): Code.STATED_KIND,
    (Source.SAME, "keyword"): Code.SAME_TOPIC,
    (Source.SAME, "place"): Code.SAME_PLACE,
    (Source.SAME, "district"): Code.SAME_AREA,
    (Source.SAME, "neighborhood"): Code.SAME_AREA,
    (Source.SAME, "organiser"): Code.SAME_BY,
    (Source.SAME, "kind"): Code.SAME_KIND,
}


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
        self._adds: dict[int, list[tuple[Code, float]]] = {}
        for leaning in leanings:
            for slot, adds in zip(leaning.slots.tolist(), leaning.adds.tolist(), strict=True):
                family = asked.vocabulary.names[slot].partition(":")[0]
                if code := _CODES.get((leaning.source, family)):
                    self._adds.setdefault(slot, []).append((code, adds))

    def reasons(self, row: int, start: int) -> tuple[Reason, ...]:
        """Return one to three reasons for an offer whose next date starts at minute `start`, the largest first."""
        weights, slots = self._features(row)
        weights |= self._circumstances(row, start)
        chosen = [say(code, self._about(code, slots, row, start), self._asked.language) for code in largest(weights)]
        if not chosen:
            chosen.append(say(Code.WHEN_AND_WHERE, self._when_and_where(row, start), self._asked.language))
        if len(chosen) < MOST_REASONS and (fact := self._fact(row)) is not None:
            chosen.append(fact)
        return tuple(chosen)

    def _features(self, row: int) -> tuple[dict[Code, float], dict[Code, int]]:
        """Return what the offer's features add, by code, and the slot that adds most of it."""
        columns = self._asked.live.columns
        norm = float(columns.norm[row])
        weights: dict[Code, float] = {}
        largest_of: dict[Code, tuple[float, int]] = {}
        for slot in columns.slots[row, : columns.counts[row]].tolist():
            for code, adds in self._adds.get(slot, ()):
                weights[code] = weights.get(code, 0.0) + adds * norm
                if adds > largest_of.get(code, (0.0, 0))[0] and self._name(slot):
                    largest_of[code] = adds, slot
        return {code: weights[code] for code in largest_of}, {code: slot for code, (_, slot) in largest_of.items()}

    def _circumstances(self, row: int, start: int) -> dict[Code, float]:
        live, weights = self._asked.live, self._asked.weights
        found: dict[Code, float] = {}
        if (metres := self._metres(row)) <= NEAR_METRES:
            found[Code.NEAR] = weights.near / (1 + (metres / 2_000) ** 2)
        popularity = float(live.columns.popularity[row])
        if popularity >= POPULAR and live.columns.visitors[row] >= K_ANONYMITY:
            found[Code.POPULAR] = weights.popularity * popularity
        if 0 <= start - live.minute <= SOON_MINUTES:
            found[Code.SOON] = weights.soon / (1 + (start - live.minute) / (7 * 24 * 60))
        if self._asked.free:
            found[Code.FREE] = _ASKED
        return found

    def _about(self, code: Code, slots: dict[Code, int], row: int, start: int) -> str:
        language = self._asked.language
        if (slot := slots.get(code)) is not None:
            return self._name(slot)
        if code is Code.NEAR:
            return distance(self._metres(row), language)
        if code is Code.POPULAR:
            area = self._name(int(self._asked.live.columns.area[row]))
            return f": {area}" if area else ""
        return self._moment(start) if code is Code.SOON else ""

    def _fact(self, row: int) -> Reason | None:
        columns, now, language = self._asked.live.columns, self._asked.live.minute, self._asked.language
        seats, opens, closes = int(columns.seats[row]), int(columns.opens[row]), int(columns.closes[row])
        if 1 <= seats <= LAST_SEATS:
            return say(Code.LAST_SEATS, str(seats), language)
        if closes < NEVER and closes - now <= SOON_MINUTES:
            return say(Code.ENROLMENT_CLOSING, self._moment(closes), language)
        if 0 <= now - opens <= OPENED_MINUTES:
            return say(Code.ENROLMENT_OPENED, day(_moment(opens).date(), self._today, language), language)
        return None

    def _when_and_where(self, row: int, start: int) -> str:
        columns = self._asked.live.columns
        any_day = int(columns.traits[row]) >> Trait.ANY_DAY & 1 and start <= self._asked.live.minute
        place = self._name(int(columns.place[row]))
        return when_and_where(None if any_day else self._moment(start), place, self._asked.language)

    def _metres(self, row: int) -> float:
        point, columns = self._asked.filters.point, self._asked.live.columns
        return hypot(columns.x[row] - point[0], columns.y[row] - point[1]) if point else float("inf")

    def _moment(self, at: int) -> str:
        return when(_moment(at), self._today, self._asked.language)

    def _name(self, slot: int) -> str:
        """Return what a feature is called, or an empty text where it has no name for people."""
        family, _, value = self._asked.vocabulary.names[slot].partition(":")
        language = self._asked.language
        if family in ("district", "neighborhood"):
            return self._divisions.name_of(value, language)
        if family == "organiser":
            return value
        words = {"kind": KINDS, "when": TIMES}.get(family, {}).get(value)
        return words[language] if words else self._asked.vocabulary.labels[slot].pick(language)


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at * 60, UTC).astimezone(HELSINKI)
