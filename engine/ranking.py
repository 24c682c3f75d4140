"""The first stage: which live offers fit a request, the best of them by one score, and a spread of those.

Filters come first, since of a usual request 22-31 % of the offers pass, and what costs is to read features and factors.
The score of an offer is::

      features     sum of the request's weights over the offer's features, over the length of the offer's IDF weights
    + factors      dot product of the request's direction and the offer's factors, where a model has given some
    + popularity * weights.popularity
    + weights.near / (1 + (distance / 2 km)²), where the request names a point
    + weights.soon / (1 + days until it starts / 7); what is there on any day counts as 11 days away
    - weights.unknown for each of age, language and access that was asked for and is not known to fit
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine import kernels
from engine.catalogue import Live
from engine.columns import KIND_BITS, LANGUAGE_UNKNOWN, NEVER, OLDEST, Trait

BEST = 200
"""How many the first stage hands on to variety."""

_ALL_LANGUAGES = (1 << 32) - 1


class Weights(NamedTuple):
    """How much each part of the score counts; features and factors come with a scale of their own."""

    popularity: float
    near: float
    soon: float
    unknown: float


class Spread(NamedTuple):
    """How much is taken off an offer like earlier ones, as a share of the best score's lead over the last."""

    topic: float
    place: float
    kind: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What an offer must fit. The defaults ask nothing.

    Attributes
    ----------
    kinds, needs, languages
        Bits as in `Columns.traits` and `.languages`: any of the kinds, all of the needs (free, access), any language.
    youngest, oldest
        The years between which the age lies: the same where it is known.
    x, y, radius_metres
        A point as in `Columns`, None where nearness is not asked for.
    starts_from, until
        Minutes. One of the offer's dates must touch this time.
    """

    kinds: int = int(KIND_BITS)
    needs: int = 0
    languages: int = 0
    youngest: int = 0
    oldest: int = OLDEST
    point: tuple[float, float] | None = None
    radius_metres: float = math.inf
    starts_from: int = 0
    until: int = NEVER

    @property
    def by_age(self) -> bool:
        """Whether an age is asked for."""
        return self.oldest < OLDEST

    @property
    def by_language(self) -> bool:
        """Whether a language is asked for."""
        return self.languages != 0

    @property
    def by_access(self) -> bool:
        """Whether an access feature is asked for."""
        return self.needs >= 1 << Trait.ACCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of the first stage.

    Attributes
    ----------
    table
        The weight of each slot of the vocabulary. Shape (len(vocabulary),).
    direction
        What factors are multiplied with; empty without a model. Shape (d,) or (0,).
    closed
        Rows of the catalogue that are not to be suggested.
    """

    filters: Filters
    weights: Weights
    table: NDArray[np.float32]
    direction: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    closed: Sequence[int] = ()


class Ranked(NamedTuple):
    """Offers, best first.

    Attributes
    ----------
    rows
        Rows of the catalogue. Shape (n,), as those below.
    scores
        What they were ranked by.
    starts
        The start, in minutes, of the earliest date that fits the request and is not over.
    """

    rows: NDArray[np.uint32]
    scores: NDArray[np.float32]
    starts: NDArray[np.int32]


def rank(live: Live, request: Request, most: int = BEST) -> Ranked:
    """Return the best live offers that fit a request; equal ones in the catalogue's order."""
    hot, cold = _arrays(live)
    asked = _asked(request.filters, live.minute)
    near = request.weights.near if request.filters.point else 0.0
    scales = kernels.Scales(*(np.float32(weight) for weight in request.weights._replace(near=near)))
    best, rows = np.empty(most, np.float32), np.empty(most, np.uint32)
    closed = np.array(request.closed, np.uint32)
    slots = np.flatnonzero(request.table)
    found = kernels.rank(hot, cold, asked, scales, request.table, slots, request.direction, closed, best, rows)
    order = np.lexsort((rows[:found], -best[:found]))
    starts = np.empty(found, np.int32)
    kernels.starts_of(cold, asked, rows[order], starts)
    return Ranked(rows[order], best[order], starts)


def vary(live: Live, ranked: Ranked, most: int, spread: Spread) -> Ranked:
    """Return up to `most` of the ranked offers, spread over topics, places and kinds, at most one of a series."""
    if not len(ranked.rows):
        return ranked
    columns = live.columns
    lead = float(ranked.scores[0] - ranked.scores[-1])
    picked = np.empty(min(most, len(ranked.rows)), np.int64)
    found = kernels.vary(
        ranked.scores,
        ranked.rows,
        columns.traits[ranked.rows] & KIND_BITS,
        columns.slots,
        columns.keywords,
        columns.place,
        columns.series,
        np.array(spread, np.float32) * lead,
        np.zeros(live.slots, np.float32),
        picked,
    )
    shown = picked[:found]
    return Ranked(ranked.rows[shown], ranked.scores[shown], ranked.starts[shown])


def _asked(filters: Filters, now: int) -> kernels.Asked:
    x, y = filters.point or (0.0, 0.0)
    return kernels.Asked(
        kinds=np.uint32(filters.kinds),
        needs=np.uint32(filters.needs),
        languages=np.uint32(filters.languages | LANGUAGE_UNKNOWN if filters.languages else _ALL_LANGUAGES),
        youngest=np.uint32(filters.youngest),
        oldest=np.uint32(filters.oldest),
        x=np.float32(x),
        y=np.float32(y),
        radius2=np.float32(filters.radius_metres**2),
        now=np.int32(now),
        starts_from=np.int32(max(filters.starts_from, now)),
        until=np.int32(filters.until),
        windowed=filters.starts_from > now or filters.until < NEVER,
        by_age=filters.by_age,
        by_access=filters.by_access,
        by_language=filters.by_language,
    )


def _arrays(live: Live) -> tuple[kernels.Hot, kernels.Cold]:
    columns = live.columns
    hot = kernels.Hot(
        live.blocks,
        columns.traits,
        columns.languages,
        columns.x,
        columns.y,
        live.next,
        columns.last,
        columns.norm,
        columns.popularity,
    )
    cold = kernels.Cold(
        columns.slots,
        columns.factors,
        columns.dates_from,
        columns.dates_to,
        live.dates,
        live.postings.starts,
        live.postings.rows,
        live.postings.until,
    )
    return hot, cold
