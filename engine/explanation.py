"""Finds what contributed to an offer's score, and has the largest put into words (`engine.sayings`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from engine.catalogue import K_ANONYMITY, Live
from engine.columns import FAMILY_WEIGHTS, Vocabulary
from engine.contributions import Entries, Facts, Offers, Plain, Scales, reasons
from engine.districts import Divisions
from engine.language import Language
from engine.profile import Leaning, Source
from engine.ranking import Filters, Ranked, Weights
from engine.reasons import HELSINKI, MOST_REASONS, Code, Reason
from engine.sayings import ALL, NUMBER, Sayings

NEAR_METRES = 3_000.0
SOON_MINUTES = 3 * 24 * 60
OPENED_MINUTES = 7 * 24 * 60
LAST_SEATS = 5
POPULAR = 0.4
"""Popularity, on its scale of logarithms from 0 to 1, from which an offer is called popular."""
_ASKED = 0.01
"""What a filter counts among reasons: among offers that passed it moved nothing, but it is why they are here."""

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
_NUMBERS = {
    source: np.array([NUMBER[its[family]] if family in its else -1 for family in ("", *FAMILY_WEIGHTS)], np.int64)
    for source, its in _CODES.items()
}
"""The same as numbers, by the number of the family (`engine.columns.Vocabulary`); -1 where nothing is said."""
_PLAIN = Plain(
    seats_code=NUMBER[Code.LAST_SEATS],
    closing_code=NUMBER[Code.ENROLMENT_CLOSING],
    opened_code=NUMBER[Code.ENROLMENT_OPENED],
    when_code=NUMBER[Code.WHEN_AND_WHERE],
    seats=LAST_SEATS,
    closing_minutes=SOON_MINUTES,
    opened_minutes=OPENED_MINUTES,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer was made from, as far as reasons may speak of it."""

    live: Live
    filters: Filters
    weights: Weights
    free: bool
    language: Language
    now: datetime


class Explainer:
    """Explains the offers of answers.

    Parameters
    ----------
    vocabulary
        The names of features.
    divisions
        The names of areas.
    """

    def __init__(self, vocabulary: Vocabulary, divisions: Divisions) -> None:
        self._vocabulary = vocabulary
        self._divisions = divisions
        self._live: Live | None = None
        self._said: dict[Language, Sayings] = {}

    def reasons(self, asked: Asked, leanings: Sequence[Leaning], shown: Ranked) -> list[tuple[Reason, ...]]:
        """Return one to three reasons for each offer, the largest first.

        Parameters
        ----------
        leanings
            What the features were weighed by.
        """
        live, columns, rows = asked.live, asked.live.columns, shown.rows
        offers = Offers(
            rows,
            shown.starts - np.int32(live.minute),
            _metres(asked, rows),
            columns.slots,
            columns.norm,
            columns.popularity,
            columns.visitors,
        )
        facts = Facts(
            live.minute,
            shown.starts,
            columns.seats,
            columns.opens,
            columns.closes,
            columns.traits,
            columns.place,
            columns.area,
        )
        told = reasons(offers, _entries(live, leanings), _scales(asked), facts, _PLAIN)
        said = self._sayings(asked)
        return [_chosen(said, *its) for its in told.tolist()]

    def _sayings(self, asked: Asked) -> Sayings:
        """Return what is worded already: as long as the offers, the names and the day are the same."""
        if self._live is not asked.live:
            self._live, self._said = asked.live, {}
        if (said := self._said.get(asked.language)) is None:
            today = asked.now.astimezone(HELSINKI).date()
            said = self._said[asked.language] = Sayings(self._vocabulary, self._divisions, asked.language, today)
        return said


def _chosen(said: Sayings, fact: int, when_and_where: int, *added: int) -> tuple[Reason, ...]:
    chosen = []
    for packed in added:
        if packed < 0:
            break
        if (reason := said[packed]) is not None:
            chosen.append(reason)
            if len(chosen) == MOST_REASONS:
                return tuple(chosen)
    plain = (fact,) if chosen else (when_and_where, fact)
    return (*chosen, *(reason for packed in plain if packed >= 0 and (reason := said[packed]) is not None))


def _entries(live: Live, leanings: Sequence[Leaning]) -> Entries:
    """Return the features that were weighed and can be spoken of."""
    slots = np.concatenate([leaning.slots for leaning in leanings] or [np.zeros(0, np.int32)])
    adds = np.concatenate([leaning.adds for leaning in leanings] or [np.zeros(0, np.float32)])
    numbers = [_NUMBERS[leaning.source][live.families[leaning.slots]] for leaning in leanings]
    return Entries(slots, np.concatenate(numbers or [np.zeros(0, np.int64)]), adds)


def _metres(asked: Asked, rows: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Return how far the offers are from the point that was asked for."""
    if (point := asked.filters.point) is None:
        return np.full(len(rows), np.inf)
    columns = asked.live.columns
    metres: NDArray[np.float64] = np.hypot(columns.x[rows] - point[0], columns.y[rows] - point[1]).astype(float)
    return metres


def _scales(asked: Asked) -> Scales:
    weights = asked.weights
    return Scales(
        codes=len(ALL),
        near_code=NUMBER[Code.NEAR],
        popular_code=NUMBER[Code.POPULAR],
        soon_code=NUMBER[Code.SOON],
        free_code=NUMBER[Code.FREE],
        near=weights.near,
        near_metres=NEAR_METRES,
        popular=weights.popularity,
        popular_from=POPULAR,
        visitors_from=K_ANONYMITY,
        soon=weights.soon,
        soon_minutes=SOON_MINUTES,
        free=_ASKED if asked.free else 0.0,
    )
