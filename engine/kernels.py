"""The loops of ranking, compiled with numba at the first call and kept on disk. `engine.ranking` is their interface.

Times are minutes, positions metres. Unsigned indices spare numba's check for negative ones, which costs a third here.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.catalogue import BLOCK, SOON_MINUTES
from engine.columns import KIND_BITS, NEVER, Trait
from engine.compilation import compiled, fetch
from engine.topmost import best_of
from engine.variety import Asked, Dated, Spreading, arrange, start_of

ABREAST = 2048
"""How many scores stay near the processor while one factor after another is added to them."""
NEAR2 = np.float32(2_000**2)
"""Square of the metres at which nearness is halved."""
SOON = np.float32(SOON_MINUTES)

_AHEAD = 8
"""Offers between the one that is scored and the one that is fetched."""
_MISFIT = np.float32(-1e30)
_LEAST = 1e-12
_I64, _U32, _U64, _F32 = np.int64, np.uint32, np.uint64, np.float32
_AGE_MIN, _AGE_MAX, _YEARS = _U32(Trait.AGE_MIN), _U32(Trait.AGE_MAX), _U32(255)
_AGE_UNKNOWN, _ACCESS_UNKNOWN = _U32(1 << Trait.AGE_UNKNOWN), _U32(1 << Trait.ACCESS_UNKNOWN)
_SEVERAL_DATES = _U32(1 << Trait.SEVERAL_DATES)
_LANGUAGE_UNKNOWN, _KIND_BITS = _U32(1 << 31), int(KIND_BITS)


class Suiting(NamedTuple):
    """What is asked for that an offer suits or not as long as it stays as it is; bits and years as in `engine.columns`.

    Age, language and access that are asked for and not known take `unknown` off the score.
    """

    kinds: int
    needs: int
    languages: int
    youngest: int
    oldest: int
    by_age: bool
    by_access: bool
    by_language: bool
    unknown: float


class Hot(NamedTuple):
    """What is read of every offer, by row (`engine.columns.Columns`, `engine.catalogue.Live`).

    `rows` are the rows' own numbers; `base` is what the score is whoever asks, minus infinity where an offer is not
    live or does not suit.
    """

    rows: NDArray[np.uint32]
    blocks: NDArray[np.int32]
    traits: NDArray[np.uint32]
    base: NDArray[np.float32]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    next: NDArray[np.int32]
    last: NDArray[np.int32]
    soon: NDArray[np.float32]
    norm: NDArray[np.float32]


class Cold(NamedTuple):
    """What is read of some offers only, by row; and the rows of each slot (`engine.catalogue.Postings`).

    `turned` are the factors once more (`engine.ranking`), for where all offers are asked about.
    """

    slots: NDArray[Any]
    factors: NDArray[np.float32]
    turned: NDArray[np.int16]
    steps: NDArray[np.float32]
    dates_from: NDArray[np.int32]
    dates_to: NDArray[np.int32]
    dates: NDArray[np.int32]
    series: NDArray[np.int32]
    titles: NDArray[np.int32]
    places: NDArray[np.int32]
    topic_counts: NDArray[np.int32]
    posting_starts: NDArray[np.int64]
    posting_rows: NDArray[np.uint32]
    posted: int
    names: int


class Scales(NamedTuple):
    """How much the parts of the score count that are worked out here (`engine.ranking.Weights`)."""

    near: float
    soon: float


@compiled
def lean(cold: Cold, rows: int, slots: NDArray[np.int32], adds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return, for each row, the sum of what its slots add."""
    sums, starts, posted = np.zeros(rows, np.float32), cold.posting_starts, cold.posting_rows
    for n in range(len(slots)):
        # A slot newer than the postings is in rows newer than them.
        if slots[n] >= len(starts) - 1:
            continue
        weight, first, end = adds[n], _U64(starts[slots[n]]), _U64(starts[slots[n] + 1])
        if first < end and _U64(posted[end - _U64(1)] - posted[first]) == end - first - _U64(1):
            # Rows side by side, as those of a kind are, are added to eight at a time.
            for row in range(_U64(posted[first]), _U64(posted[first]) + end - first):
                sums[row] += weight
        else:
            for m in range(first, end):
                sums[posted[m]] += weight
    if rows > cold.posted:
        table = np.zeros(cold.names, np.float32)
        for n in range(len(slots)):
            table[slots[n]] += adds[n]
        for row in range(cold.posted, rows):
            for k in range(cold.slots.shape[1]):
                sums[row] += table[cold.slots[row, k]]
    return sums


@compiled
def suit(traits: NDArray[np.uint32], languages: NDArray[np.uint32], asked: Suiting) -> NDArray[np.float32]:
    """Return for each row what its score loses by what is not known to suit; all of it where something does not."""
    kinds, needs, spoken = _U32(asked.kinds), _U32(asked.needs), _U32(asked.languages)
    youngest, oldest, unknown = _U32(asked.youngest), _U32(asked.oldest), _F32(asked.unknown)
    suits = np.empty(len(traits), np.float32)
    for row in range(_U64(len(traits))):
        of, lowest, highest = traits[row], (traits[row] >> _AGE_MIN) & _YEARS, traits[row] >> _AGE_MAX
        suited = ((of & kinds) != 0) & ((of & needs) == needs) & ((languages[row] & spoken) != 0)
        suited &= (lowest <= oldest) & (highest >= youngest)
        age = ((of & _AGE_UNKNOWN) != 0) | (lowest > youngest) | (highest < oldest)
        doubts = _F32(asked.by_age & age) + _F32(asked.by_access & ((of & _ACCESS_UNKNOWN) != 0))
        doubts += _F32(asked.by_language & (languages[row] >= _LANGUAGE_UNKNOWN))
        suits[row] = -unknown * doubts if suited else _F32(-np.inf)
    return suits


@compiled
def select(  # noqa: PLR0913 - a kernel takes arrays
    hot: Hot,
    cold: Cold,
    asked: Asked,
    scales: Scales,
    leans: NDArray[np.float32],
    rows: NDArray[np.uint32],
    scores: NDArray[np.float32],
) -> int:
    """Write the rows that fit, ascending, and their scores but for the factors; return how many.

    The loops over a block have no branches and words of one width, which the compiler turns into vector instructions;
    the last one collects.
    """
    n, fits, part = _U64(0), np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.float32)
    x, y, radius2, near = _F32(asked.x), _F32(asked.y), _F32(asked.radius2), _F32(scales.near)
    until = np.int32(asked.until)
    for block in range(len(hot.blocks)):
        first, last, several = hot.blocks[block]
        if first >= asked.until or last <= asked.starts_from:
            continue
        start = _U64(block * BLOCK)
        size = min(_U64(BLOCK), _U64(len(hot.next)) - start)
        for i in range(size):
            row = start + i
            fits[i] = _U32((hot.next[row] < until) & (hot.base[row] > _MISFIT))
            part[i] = hot.base[row] + leans[row] * hot.norm[row]
        if asked.near:
            for i in range(size):
                dx, dy = hot.x[start + i] - x, hot.y[start + i] - y
                metres2 = dx * dx + dy * dy
                fits[i] &= _U32(metres2 <= radius2)
                part[i] += near * NEAR2 / (NEAR2 + metres2)
        if asked.later:
            for i in range(size):
                row = start + i
                fits[i] &= _U32(hot.last[row] > asked.starts_from)
                if several and fits[i] and (hot.traits[row] & _SEVERAL_DATES) != 0:
                    later = start_of(cold.dates, cold.dates_from[row], cold.dates_to[row], asked)
                    fits[i] = _U32(later < NEVER)
                    part[i] += _F32(scales.soon) * (SOON / (SOON + _F32(later - asked.now)) - hot.soon[row])
        for i in range(size):
            rows[n], scores[n] = start + i, part[i]
            n += _U64(fits[i])
    return n  # type: ignore[return-value]  # an unsigned number is one


@compiled
def rank(  # noqa: PLR0913 - a kernel takes arrays
    hot: Hot,
    cold: Cold,
    asked: Asked,
    scales: Scales,
    slots: NDArray[np.int32],
    adds: NDArray[np.float32],
    direction: NDArray[np.float32],
    closed: NDArray[np.uint32],
    pool: int,
    most: int,
    takes: NDArray[np.float32],
) -> tuple[NDArray[np.uint32], NDArray[np.float32], NDArray[np.int32]]:
    """Return rows, scores and starts of the `most` best offers; with `takes`, spread over a pool of the best."""
    leans = lean(cold, len(hot.next), slots, adds)
    if not asked.near and not asked.later and asked.until == NEVER:
        # Nothing depends on place or time: no row needs to be left out, the base does that.
        rows, scores = hot.rows, leans
        for n in range(_U64(len(scores))):
            scores[n] = hot.base[n] + scores[n] * hot.norm[n]
        add_factors(cold.turned, cold.steps, direction, scores)
    else:
        room = len(hot.next) + 1 + 2 * _AHEAD
        rows, scores = np.empty(room, np.uint32), np.empty(room, np.float32)
        fitting = _U64(select(hot, cold, asked, scales, leans, rows, scores))
        if len(direction) > 0:
            rows[fitting : fitting + _U64(2 * _AHEAD)] = 0
            add_factors_of(cold.factors, direction, rows, scores[:fitting])
        rows, scores = rows[:fitting], scores[:fitting]
    for row in closed:
        m = np.searchsorted(rows, row)
        if m < len(rows) and rows[m] == row:
            scores[m] = -np.inf
    best, at = best_of(scores, rows, max(pool, most))
    spreading = Spreading(cold.slots, cold.topic_counts, cold.series, cold.titles, cold.places, hot.traits, cold.names)
    dated = Dated(cold.dates_from, cold.dates_to, cold.dates)
    picked, starts = arrange(spreading, dated, asked, at, best, takes, most)
    return at[picked], best[picked], starts


@compiled
def weigh(
    known: NDArray[np.uint64],
    its_slots: NDArray[np.int32],
    idf: NDArray[np.float32],
    keys: NDArray[np.uint64],
    weights: NDArray[np.float32],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the slots of features by their hashes, and what each adds to a score, scaled to a cosine.

    `known` are all hashes, ascending, with their slots; features that are not among them are left out.
    """
    n, length = 0, 0.0
    slots, adds = np.empty(len(keys), np.int32), np.empty(len(keys), np.float32)
    for m in range(len(keys)):
        at = np.searchsorted(known, keys[m])
        if at < len(known) and known[at] == keys[m]:
            slots[n], adds[n] = its_slots[at], weights[m] * idf[its_slots[at]]
            length += adds[n] * adds[n]
            n += 1
    for m in range(n):
        adds[m] *= idf[slots[m]] / np.sqrt(max(length, _LEAST))
    return slots[:n], adds[:n]


@compiled
def add_factors(
    turned: NDArray[np.int16], steps: NDArray[np.float32], direction: NDArray[np.float32], scores: NDArray[np.float32]
) -> None:
    """Add to the score of every row the dot product of its factors, one direction after another over a block of rows.

    Factors that a direction has nothing to do with, as those of another model on trial, are not read.
    """
    for block in range(len(turned)):
        some = scores[block * ABREAST : (block + 1) * ABREAST]
        for k in range(len(direction)):
            if direction[k] != 0:
                part, own = direction[k] * steps[k], turned[block, k]
                for n in range(_U64(len(some))):
                    some[n] += _F32(own[n]) * part


@compiled
def add_factors_of(
    factors: NDArray[np.float32],
    direction: NDArray[np.float32],
    rows: NDArray[np.uint32],
    scores: NDArray[np.float32],
) -> None:
    """Add to each score the dot product of the row's factors; `rows` go on for some beyond the scores.

    Four rows at a time, each number of the direction read once for all of them.
    """
    fours = _U64(len(scores)) // _U64(4) * _U64(4)
    for m in range(_U64(0), fours, _U64(4)):
        one, two, three, four = rows[m], rows[m + _U64(1)], rows[m + _U64(2)], rows[m + _U64(3)]
        for ahead in range(_U64(4)):
            fetch(factors, _U64(rows[m + _U64(_AHEAD) + ahead]))
        a, b, c, d = _F32(0), _F32(0), _F32(0), _F32(0)
        for k in range(_U64(len(direction))):
            part = direction[k]
            a += factors[one, k] * part
            b += factors[two, k] * part
            c += factors[three, k] * part
            d += factors[four, k] * part
        scores[m] += a
        scores[m + _U64(1)] += b
        scores[m + _U64(2)] += c
        scores[m + _U64(3)] += d
    for m in range(fours, _U64(len(scores))):
        for k in range(_U64(len(direction))):
            scores[m] += factors[rows[m], k] * direction[k]


@compiled
def fitting(hot: Hot, cold: Cold, asked: Asked, rows: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return which of some rows `select` would take."""
    fits = np.zeros(len(rows), np.bool_)
    for n in range(len(rows)):
        row = rows[n]
        if hot.base[row] > _MISFIT and hot.next[row] < asked.until:
            dx, dy = hot.x[row] - asked.x, hot.y[row] - asked.y
            there = not asked.near or dx * dx + dy * dy <= asked.radius2
            first, end = cold.dates_from[row], cold.dates_to[row]
            fits[n] = there and start_of(cold.dates, first, end, asked) < NEVER
    return fits


@compiled
def unlike(
    cold: Cold, rows: NDArray[np.uint32], shown: NDArray[np.uint32], closed: NDArray[np.uint32]
) -> NDArray[np.bool_]:
    """Return which of some rows are not among those shown, nor like one of them by series or name, and not closed."""
    apart = np.ones(len(rows), np.bool_)
    for n in range(len(rows)):
        series, title = cold.series[rows[n]], cold.titles[rows[n]]
        for row in shown:
            same = row == rows[n] or (series != 0 and cold.series[row] == series)
            apart[n] &= not (same or (title != 0 and cold.titles[row] == title))
        for row in closed:
            apart[n] &= row != rows[n]
    return apart


@compiled
def starts_of(cold: Cold, asked: Asked, rows: NDArray[np.uint32]) -> NDArray[np.int32]:
    """Return for each row the start of its earliest date that touches the time asked for."""
    starts = np.empty(len(rows), np.int32)
    for n in range(len(rows)):
        starts[n] = start_of(cold.dates, cold.dates_from[rows[n]], cold.dates_to[rows[n]], asked)
    return starts
