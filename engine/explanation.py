"""Finds what contributed to an offer's score, and has the largest put into words (`engine.sayings`)."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.catalogue import K_ANONYMITY, Live
from engine.columns import FAMILY_WEIGHTS, Columns, Vocabulary
from engine.contributions import Facts, Leaned, Opinion, Plain, Scales, Shown, reasons
from engine.districts import Divisions
from engine.language import Language
from engine.profile import Leaning, Source, joined
from engine.ranker import PARTS, Part
from engine.ranking import Filters, Ranked, Weights
from engine.reasons import HELSINKI, MOST_REASONS, Code, Reason, say
from engine.sayings import ALL, NUMBER, Sayings
from engine.steering import Mark

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
_OF_PARTS = {
    Part.TOPIC: (Code.INTERESTED_TOPIC, Code.INTERESTED_LIKE),
    Part.ALIKE: (None, Code.INTERESTED_ALIKE),
    Part.POPULAR: (Code.POPULAR, None),
    Part.PLACE: (Code.INTERESTED_PLACE, None),
    Part.AREA: (Code.INTERESTED_AREA, None),
    Part.ORGANISER: (Code.INTERESTED_BY, None),
    Part.KIND: (Code.INTERESTED_KIND, None),
    Part.TIME: (Code.INTERESTED_TIME, None),
    Part.SOON: (Code.SOON, None),
    Part.REST: (None, None),
}
"""What it is called that a part of a model's opinion contributed: where the taste names what, and where not."""
_PART_WORDS = tuple(
    np.array([-1 if code is None else NUMBER[code] for code in column])
    for column in zip(*_OF_PARTS.values(), strict=True)
)
_PLAIN = Plain(
    seats_code=NUMBER[Code.LAST_SEATS],
    closing_code=NUMBER[Code.ENROLMENT_CLOSING],
    opened_code=NUMBER[Code.ENROLMENT_OPENED],
    when_code=NUMBER[Code.WHEN_AND_WHERE],
    seats=LAST_SEATS,
    closing_minutes=SOON_MINUTES,
    opened_minutes=OPENED_MINUTES,
)


_MARKED = {Mark.HIGHLIGHTED: Code.HIGHLIGHTED, Mark.GIVEN_ROOM: Code.GIVEN_ROOM, Mark.NEW: Code.NEW}
_OF_MARKS = [[code for mark, code in _MARKED.items() if mark & marks] for marks in range(1 << len(Mark))]
"""What is said of an offer by its marks; bits of a plain number, since those of a flag are slow to look at."""


class Asked(NamedTuple):
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
        self._facts = _facts(Columns.empty(0))

    def reasons(
        self, asked: Asked, leanings: Sequence[Leaning], shown: Ranked, moved: NDArray[np.float32] | None = None
    ) -> list[tuple[Reason, ...]]:
        """Return one to three reasons for each offer, the largest first.

        Parameters
        ----------
        leanings
            What the features were weighed by.
        moved
            What a model added to the scores, by `engine.ranker.Part`. Shape (offers, parts).
        """
        point = asked.filters.point
        x, y = point or (0.0, 0.0)
        said = self._sayings(asked)
        its = Shown(shown.rows, shown.starts, asked.live.minute, x, y, point is not None)
        opinion = Opinion(np.zeros((0, PARTS), np.float32) if moved is None else moved, *_PART_WORDS)
        told = reasons(its, self._facts, _leaned(asked.live, leanings), opinion, _scales(asked), _PLAIN)
        return [_chosen(said, *packed) for packed in told.tolist()]

    def _sayings(self, asked: Asked) -> Sayings:
        """Return what is worded already: as long as the offers, the names and the day are the same."""
        if self._live is not asked.live:
            self._live, self._said, self._facts = asked.live, {}, _facts(asked.live.columns)
        if (said := self._said.get(asked.language)) is None:
            today = asked.now.astimezone(HELSINKI).date()
            said = self._said[asked.language] = Sayings(self._vocabulary, self._divisions, asked.language, today)
        return said


def with_marks(
    reasons: Sequence[tuple[Reason, ...]], marks: NDArray[np.uint8], language: Language
) -> list[tuple[Reason, ...]]:
    """Return the offers' reasons behind those of the city's doing (`engine.steering.Mark`).

    Parameters
    ----------
    marks
        Of each offer. Shape (n,).
    """
    said = [tuple(say(code, "", language) for code in codes) for codes in _OF_MARKS]
    return [(*said[its], *own)[:MOST_REASONS] if its else own for its, own in zip(marks.tolist(), reasons, strict=True)]


def _facts(columns: Columns) -> Facts:
    return Facts(*(getattr(columns, name) for name in Facts._fields))


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


def _leaned(live: Live, leanings: Sequence[Leaning]) -> Leaned:
    slots, adds = joined(leanings)
    ends = np.array([*accumulate(len(leaning.slots) for leaning in leanings)], np.int64)
    return Leaned(slots, adds, ends, _numbers(tuple(leaning.source for leaning in leanings)), live.families)


@cache
def _numbers(sources: tuple[Source, ...]) -> NDArray[np.int64]:
    """Return for each source, by the number of a feature's family, the number of what it is called; -1 for nothing."""
    families = ("", *FAMILY_WEIGHTS)
    named = [
        [NUMBER[its[family]] if family in its else -1 for family in families] for its in map(_CODES.get, sources) if its
    ]
    return np.array(named, np.int64).reshape(len(sources), len(families))


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
