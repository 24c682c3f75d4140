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
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine import kernels, variety
from engine.catalogue import Live
from engine.columns import KIND_BITS, LANGUAGE_UNKNOWN, NEVER, OLDEST, Trait
from engine.steering import Steered

POOL = 200
"""How many of the best are looked through for variety."""

NO_DIRECTION = np.zeros(0, np.float32)
"""That of a request that no model is asked about."""
_NO_SLOTS = np.zeros(0, np.int32)
_ALL_LANGUAGES = (1 << 32) - 1
_MOST_STEPS = 32_767


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


class Filters(msgspec.Struct, frozen=True, kw_only=True):
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
    def by_place_or_time(self) -> bool:
        """Whether a point or a time is asked for."""
        return self.point is not None or self.starts_from > 0 or self.until < NEVER

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


_ANYWHERE: dict[str, Any] = {"point": None, "radius_metres": math.inf, "starts_from": 0, "until": NEVER}


class Request(NamedTuple):
    """What is asked of the first stage.

    Attributes
    ----------
    slots, adds
        What features add to the score of an offer that has them, but for the offer's length; a slot given twice adds
        twice. Shape (n,) both.
    direction
        What factors are multiplied with; empty without a model. Shape (d,) or (0,).
    closed
        Rows of the catalogue that are not to be suggested.
    never
        Slots: offers that have one of these features are not to be suggested. Shape (n,).
    steered
        What the city puts beside the ranking.
    """

    filters: Filters
    weights: Weights
    slots: NDArray[np.int32]
    adds: NDArray[np.float32]
    direction: NDArray[np.float32] = NO_DIRECTION
    closed: Sequence[int] = ()
    never: NDArray[np.int32] = _NO_SLOTS
    steered: Steered | None = None


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


def rank(live: Live, request: Request, most: int, spread: Spread | None = None) -> Ranked:
    """Return the best live offers that fit a request; equal ones in the catalogue's order.

    With a `spread` they are chosen among the `POOL` best, so that topics, places and kinds spread, at most one of a
    series is there and at most two (in longer answers a tenth) go by one name while others are left; the first is
    always the best.
    """
    weights = request.weights
    slots, adds = _leant(request)
    rows, scores, starts = kernels.rank(
        _hot(live, request),
        _cold(live),
        _asked(request.filters, live.minute),
        kernels.Scales(weights.near, weights.soon),
        slots,
        adds,
        request.direction,
        np.array(request.closed, np.uint32),
        POOL if spread else most,
        most,
        np.array(spread or (), np.float32),
    )
    return Ranked(rows, scores, starts)


def reranked(live: Live, request: Request, pool: Ranked, most: int, spread: Spread) -> tuple[Ranked, NDArray[np.intp]]:
    """Return the best of a pool by scores that it did not have when it was ranked, spread; and their places in it."""
    order = np.argsort(-pool.scores, kind="stable")
    rows, falling, columns = pool.rows[order], pool.scores[order], live.columns
    picked, starts = variety.arrange(
        variety.Spreading(
            columns.slots, columns.keywords, columns.series, columns.title, columns.place, columns.traits, live.slots
        ),
        variety.Dated(columns.dates_from, columns.dates_to, live.dates),
        _asked(request.filters, live.minute),
        rows,
        falling,
        np.array(spread, np.float32),
        most,
    )
    return Ranked(rows[picked], falling[picked], starts), order[picked]


def beside(shown: Ranked, pool: Ranked, parts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what each of a pool has, for those shown; noughts for one that was not in it. Shape (n, parts)."""
    same = shown.rows[:, None] == pool.rows
    found: NDArray[np.float32] = np.where(same.any(axis=1)[:, None], parts[same.argmax(axis=1)], np.float32(0))
    return found


def pinned_first(live: Live, request: Request, ranked: Ranked, most: int) -> Ranked:
    """Return the ranked offers behind those that the city pins, as far as these fit the request."""
    if request.steered is None or not request.steered.pinned:
        return ranked
    pinned = np.array([row for row in request.steered.pinned if row not in request.closed], np.uint32)
    pinned = pinned[~np.isin(live.columns.slots[pinned], request.never).any(axis=1)]
    asked, hot, cold = _asked(request.filters, live.minute), _hot(live, request), _cold(live)
    front = pinned[kernels.fitting(hot, cold, asked, pinned)][:most]
    rest = (ranked.rows[:, None] != front).all(axis=1)
    starts = kernels.starts_of(cold, asked, front)
    best = np.full(len(front), ranked.scores.max(initial=0.0), np.float32)
    parts = zip((front, best, starts), ranked, strict=True)
    return Ranked(*(np.concatenate([first, its[rest]])[:most] for first, its in parts))


def fits(live: Live, request: Request, rows: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return which of some rows fit a request. Shape (n,)."""
    asked = _asked(request.filters, live.minute)
    fitting: NDArray[np.bool_] = kernels.fitting(_hot(live, request), _cold(live), asked, rows)
    if len(request.never):
        fitting &= ~np.isin(live.columns.slots[rows], request.never).any(axis=1)
    return fitting


def unlike(live: Live, request: Request, rows: NDArray[np.uint32], ranked: Ranked) -> NDArray[np.bool_]:
    """Return which of some rows are neither ranked, nor like what is by series or name, nor closed. Shape (n,)."""
    closed = np.array(request.closed, np.uint32)
    apart: NDArray[np.bool_] = kernels.unlike(_cold(live), rows, ranked.rows, closed)
    return apart


def worth(live: Live, request: Request, rows: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Return the scores of a few rows, as `rank` gives them but for the time that is asked for. Shape (n,)."""
    columns, weights = live.columns, np.zeros(live.slots, np.float32)
    np.add.at(weights, request.slots, request.adds)
    weights[0] = 0
    scores: NDArray[np.float32] = _base(live, request)[rows]
    scores = scores + weights[columns.slots[rows]].sum(axis=1) * columns.norm[rows]
    if len(request.direction):
        scores = scores + columns.factors[rows] @ request.direction
    if request.filters.point is not None:
        x, y = request.filters.point
        metres2 = (columns.x[rows] - np.float32(x)) ** 2 + (columns.y[rows] - np.float32(y)) ** 2
        near = np.float32(request.weights.near) / (1 + metres2 / kernels.NEAR2)
        scores = scores + near.astype(np.float32)
    return scores


def inserted(live: Live, request: Request, ranked: Ranked, row: int, at: int) -> Ranked:
    """Return the ranked offers with one more, whose score is that of the one whose place it takes."""
    its = np.array([row], np.uint32)
    starts = kernels.starts_of(_cold(live), _asked(request.filters, live.minute), its)
    parts = zip(ranked, (its, ranked.scores[at : at + 1], starts), strict=True)
    return Ranked(*(np.concatenate([all_[:at], new, all_[at:]]) for all_, new in parts))


def warm_up(live: Live, request: Request, spread: Spread) -> None:
    """Have all that ranking needs compiled; the request is one with offers that are pinned."""
    best, _ = reranked(live, request, rank(live, request, 1), 1, spread)
    unlike(live, request, best.rows, pinned_first(live, request, best, 1))


def _leant(request: Request) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return what features add: those that may never be minus infinity, which finds their rows as a leaning does."""
    if not len(request.never):
        return request.slots, request.adds
    nothing = np.full(len(request.never), -np.inf, np.float32)
    return np.concatenate([request.slots, request.never]), np.concatenate([request.adds, nothing])


def _hot(live: Live, request: Request) -> kernels.Hot:
    """Return what is read of every offer; it is the same for many requests, so worked out once."""
    filters, steered = request.filters, request.steered
    anywhere = msgspec.structs.replace(filters, **_ANYWHERE) if filters.by_place_or_time else filters
    key = (anywhere, request.weights, steered and steered.version)

    def work() -> kernels.Hot:
        columns = live.columns
        base = _base(live, request)
        return kernels.Hot(
            live.numbers,
            live.blocks,
            columns.traits,
            base,
            columns.x,
            columns.y,
            live.next,
            columns.last,
            live.soon,
            columns.norm,
        )

    return live.remembered(key, work)


def _base(live: Live, request: Request) -> NDArray[np.float32]:
    """Return what the scores are apart from who asks, when and where."""
    filters, weights, steered = request.filters, request.weights, request.steered
    rows, columns = len(live.next), live.columns
    suits = kernels.suit(columns.traits[:rows], columns.languages[:rows], _suiting(filters, weights.unknown))
    mixed = live.mix(weights.popularity, weights.soon) + suits
    if steered is not None:
        mixed += steered.adds
    return np.where(live.next < NEVER, mixed, np.float32(-np.inf))


def _suiting(filters: Filters, unknown: float) -> kernels.Suiting:
    return kernels.Suiting(
        kinds=filters.kinds,
        needs=filters.needs,
        languages=filters.languages | LANGUAGE_UNKNOWN if filters.languages else _ALL_LANGUAGES,
        youngest=filters.youngest,
        oldest=filters.oldest,
        by_age=filters.by_age,
        by_access=filters.by_access,
        by_language=filters.by_language,
        unknown=unknown,
    )


def _asked(filters: Filters, now: int) -> variety.Asked:
    x, y = filters.point or (0.0, 0.0)
    return variety.Asked(
        x=x,
        y=y,
        radius2=filters.radius_metres**2,
        now=now,
        starts_from=max(filters.starts_from, now),
        until=filters.until,
        near=filters.point is not None,
        later=filters.starts_from > now,
    )


def _cold(live: Live) -> kernels.Cold:
    """Return what is read of some offers only."""

    def work() -> kernels.Cold:
        columns, postings = live.columns, live.postings
        return kernels.Cold(
            columns.slots,
            columns.factors,
            *_turned(columns.factors[: len(live.next)]),
            columns.dates_from,
            columns.dates_to,
            live.dates,
            columns.series,
            columns.title,
            columns.place,
            columns.keywords,
            postings.starts,
            postings.rows,
            postings.until,
            live.slots,
        )

    return live.remembered(kernels.Cold, work)


def _turned(factors: NDArray[np.float32]) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Return factors on their side, `kernels.ABREAST` offers at a time, as whole numbers of steps; and the steps.

    In the order and the width in which they are read, since what takes the time is to read them. Each is off by half a
    step at most.
    """
    rows, size = factors.shape
    largest = np.abs(factors).max(axis=0, initial=0.0)
    steps = np.where(largest > 0, largest / _MOST_STEPS, 1).astype(np.float32)
    blocks = -(-rows // kernels.ABREAST)
    whole = np.zeros((blocks * kernels.ABREAST, size), np.int16)
    whole[:rows] = np.rint(factors / steps)
    return np.ascontiguousarray(whole.reshape(blocks, kernels.ABREAST, size).transpose(0, 2, 1)), steps
