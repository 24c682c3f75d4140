"""The loops of ranking, compiled with numba at the first call and kept on disk. `engine.ranking` is their interface.

Times are minutes, positions metres. Unsigned indices spare numba's check for negative ones, which costs a third here.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from engine.catalogue import BLOCK
from engine.columns import NEVER, Trait

NEAR2 = np.float32(2_000**2)
"""Square of the metres at which nearness is halved."""
SOON = np.float32(7 * 24 * 60)
"""Minutes at which soonness is halved."""
ANY_DAY = np.float32(11 * 24 * 60)
"""How far off what is there on any day is taken to be: after what is on this week, before what is next month."""

_AHEAD = 8
"""Offers between the one that is scored and the one that is fetched."""
_SAMPLED = 16
_I64, _U32, _U64, _F32 = np.int64, np.uint32, np.uint64, np.float32
_AGE_MIN, _AGE_MAX, _YEARS = _U32(Trait.AGE_MIN), _U32(Trait.AGE_MAX), _U32(255)
_AGE_UNKNOWN, _ACCESS_UNKNOWN = _U32(1 << Trait.AGE_UNKNOWN), _U32(1 << Trait.ACCESS_UNKNOWN)
_SEVERAL_DATES = _U32(1 << Trait.SEVERAL_DATES)
_LANGUAGE_UNKNOWN, _IS_ANY_DAY = _U32(1 << 31), _U32(1 << Trait.ANY_DAY)

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a loop; it lets other threads run, and may add in any order, so that it adds eight at a time."""
    fast = {"reassoc", "contract", "nsz"}
    return cast("F", numba.njit(function, cache=True, nogil=True, error_model="numpy", fastmath=fast))


class Asked(NamedTuple):
    """What is asked for, in the widths it is compared in; bits and years as in `engine.columns`.

    `windowed` tells that days were asked for, the `by_` fields what else was, so that its absence can be held against.
    """

    kinds: np.uint32
    needs: np.uint32
    languages: np.uint32
    youngest: np.uint32
    oldest: np.uint32
    x: np.float32
    y: np.float32
    radius2: np.float32
    now: np.int32
    starts_from: np.int32
    until: np.int32
    windowed: bool
    by_age: bool
    by_access: bool
    by_language: bool


class Hot(NamedTuple):
    """What is read of every offer, by row (`engine.columns.Columns`, `engine.catalogue.Live`)."""

    blocks: NDArray[np.int32]
    traits: NDArray[np.uint32]
    languages: NDArray[np.uint32]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    next: NDArray[np.int32]
    last: NDArray[np.int32]
    norm: NDArray[np.float32]
    popularity: NDArray[np.float32]


class Cold(NamedTuple):
    """What is read of some offers only, by row; and the rows of each slot (`engine.catalogue.Postings`)."""

    slots: NDArray[Any]
    factors: NDArray[np.float32]
    dates_from: NDArray[np.int32]
    dates_to: NDArray[np.int32]
    dates: NDArray[np.int32]
    posting_starts: NDArray[np.int64]
    posting_rows: NDArray[np.uint32]
    posted: int


class Scales(NamedTuple):
    """How much the parts of the score count (`engine.ranking.Weights`)."""

    popularity: np.float32
    near: np.float32
    soon: np.float32
    unknown: np.float32


@cast("Callable[[Callable[..., Any]], Callable[[NDArray[Any], np.uint64], None]]", intrinsic)
def _fetch(_: Any, matrix: Any, row: Any) -> Any:  # noqa: ANN401 - numba's types
    """Ask for a row ahead of its use: as rows between are skipped, the processor cannot guess it."""
    utilities: Any = cgutils

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ANN401 - as above
        kind = signature.args[0]
        held = context.make_array(kind)(context, builder, values[0])
        first = [values[1], context.get_constant(types.uint64, 0)]
        start = utilities.get_item_pointer(context, builder, kind, held, first, wraparound=False)
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        form = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        prefetch = utilities.get_or_insert_function(builder.module, form, "llvm.prefetch.p0i8")
        for line in range(4):
            at = builder.gep(builder.bitcast(start, byte), [ir.Constant(ir.IntType(64), 64 * line)])
            builder.call(prefetch, [at, *(ir.Constant(flag, value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(matrix, row), generate


@compiled
def start_of(dates: NDArray[np.int32], first: int, end: int, asked: Asked) -> int:
    """Return the start of the earliest of some dates that touches the time asked for, or `NEVER`."""
    best = NEVER
    for date in range(first, end):
        starts, ends = dates[date]
        if starts < asked.until and ends > asked.starts_from and starts < best:
            best = starts
    return best


@compiled
def starts_of(cold: Cold, asked: Asked, rows: NDArray[np.uint32], starts: NDArray[np.int32]) -> None:
    """Write for each row the start of its earliest date that touches the time asked for."""
    for n in range(len(rows)):
        starts[n] = start_of(cold.dates, cold.dates_from[rows[n]], cold.dates_to[rows[n]], asked)


@compiled
def lean(cold: Cold, rows: int, table: NDArray[np.float32], slots: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return, for each row, the sum of the table over its slots; `slots` are those where the table is not 0."""
    sums, starts, posted = np.zeros(rows, np.float32), cold.posting_starts, cold.posting_rows
    for slot in slots:
        # A slot newer than the postings is in rows newer than them.
        if slot < len(starts) - 1:
            weight, first, end = table[slot], _U64(starts[slot]), _U64(starts[slot + 1])
            for n in range(first, end):
                sums[posted[n]] += weight
    for row in range(cold.posted, rows):
        for k in range(cold.slots.shape[1]):
            sums[row] += table[cold.slots[row, k]]
    return sums


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

    Two loops over a block compute without branches, which the compiler turns into vector instructions. The fourth
    collects. The third is for offers with several dates, where the time asked for may lie between them.
    """
    n, fits, part = _U64(0), np.empty(BLOCK, np.uint8), np.empty(BLOCK, np.float32)
    for block in range(len(hot.blocks)):
        kinds, first, last, several = hot.blocks[block]
        if (_U32(kinds) & asked.kinds) == 0 or first >= asked.until or last <= asked.starts_from:
            continue
        start = _U64(block * BLOCK)
        size = min(_U64(BLOCK), _U64(len(hot.next)) - start)
        for i in range(size):
            row = start + i
            traits = hot.traits[row]
            dx, dy = hot.x[row] - asked.x, hot.y[row] - asked.y
            fits[i] = (
                ((traits & asked.kinds) != 0)
                & ((traits & asked.needs) == asked.needs)
                & (((traits >> _AGE_MIN) & _YEARS) <= asked.oldest)
                & ((traits >> _AGE_MAX) >= asked.youngest)
                & ((hot.languages[row] & asked.languages) != 0)
                & (dx * dx + dy * dy <= asked.radius2)
                & (hot.next[row] < asked.until)
                & (hot.last[row] > asked.starts_from)
            )
        for i in range(size):
            row = start + i
            traits = hot.traits[row]
            age = ((traits & _AGE_UNKNOWN) != 0) | (((traits >> _AGE_MIN) & _YEARS) > asked.youngest)
            age |= (traits >> _AGE_MAX) < asked.oldest
            doubts = _F32(asked.by_age & age) + _F32(asked.by_access & ((traits & _ACCESS_UNKNOWN) != 0))
            doubts += _F32(asked.by_language & (hot.languages[row] >= _LANGUAGE_UNKNOWN))
            dx, dy = hot.x[row] - asked.x, hot.y[row] - asked.y
            metres2 = dx * dx + dy * dy + NEAR2
            minutes = SOON + (ANY_DAY if (traits & _IS_ANY_DAY) != 0 else max(_F32(hot.next[row] - asked.now), _F32(0)))
            # The two halvings over one denominator: a division costs as much as ten multiplications.
            part[i] = (scales.near * NEAR2 * minutes + scales.soon * SOON * metres2) / (metres2 * minutes)
            part[i] += leans[row] * hot.norm[row] + scales.popularity * hot.popularity[row] - scales.unknown * doubts
        if asked.windowed and several:
            for i in range(size):
                row = start + i
                if fits[i] and (hot.traits[row] & _SEVERAL_DATES) != 0:
                    later = start_of(cold.dates, cold.dates_from[row], cold.dates_to[row], asked)
                    fits[i] = later < NEVER
                    part[i] += scales.soon * SOON / (SOON + max(_F32(later - asked.now), _F32(0)))
                    part[i] -= scales.soon * SOON / (SOON + max(_F32(hot.next[row] - asked.now), _F32(0)))
        for i in range(size):
            rows[n], scores[n] = start + i, part[i]
            n += _U64(fits[i])
    return n  # type: ignore[return-value]  # an unsigned number is one


@compiled
def keep_best(scores: NDArray[np.float32], rows: NDArray[np.uint32], most: int) -> None:
    """Bring the `most` best to the front, in no order (Hoare's selection)."""
    low, high = 0, len(scores) - 1
    while low < high:
        pivot = scores[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while scores[i] > pivot:
                i += 1
            while scores[j] < pivot:
                j -= 1
            if i <= j:
                scores[i], scores[j] = scores[j], scores[i]
                rows[i], rows[j] = rows[j], rows[i]
                i, j = i + 1, j - 1
        if j < most - 1:
            low = i
        if i > most - 1:
            high = j


@compiled
def collect(
    scores: NDArray[np.float32],
    rows: NDArray[np.uint32],
    above: float,
    best: NDArray[np.float32],
    at: NDArray[np.uint32],
) -> int:
    """Write the scores above a threshold and their rows; return how many."""
    n = 0
    for m in range(_U64(len(scores))):
        best[n], at[n] = scores[m], rows[m]
        n += int(scores[m] > above)
    return n


@compiled
def likely_least(scores: NDArray[np.float32], most: int) -> float:
    """Guess from a sample a score that some more than `most` are above; minus infinity where there are few."""
    if len(scores) < 8 * most:
        return -np.inf
    sample = scores[::_SAMPLED].copy()
    wanted = 2 * most // _SAMPLED + 8
    keep_best(sample, np.empty(len(sample), np.uint32), wanted)
    return float(sample[:wanted].min())


@compiled
def rank(  # noqa: PLR0913 - a kernel takes arrays
    hot: Hot,
    cold: Cold,
    asked: Asked,
    scales: Scales,
    table: NDArray[np.float32],
    slots: NDArray[np.int64],
    direction: NDArray[np.float32],
    closed: NDArray[np.uint32],
    best: NDArray[np.float32],
    at: NDArray[np.uint32],
) -> int:
    """Write scores and rows of the best offers, in no order; return how many. `best` and `at` bound how many."""
    room = len(hot.next) + 1 + _AHEAD
    rows, scores = np.empty(room, np.uint32), np.empty(room, np.float32)
    leans = lean(cold, len(hot.next), table, slots)
    fitting = _U64(select(hot, cold, asked, scales, leans, rows, scores))
    if len(direction) > 0:
        rows[fitting : fitting + _U64(_AHEAD)] = 0
        add_factors(cold.factors, direction, rows, scores[:fitting])
    rows, scores = rows[:fitting], scores[:fitting]
    for row in closed:
        m = np.searchsorted(rows, row)
        if m < len(rows) and rows[m] == row:
            scores[m] = -np.inf
    most, kept, kept_rows = len(best), np.empty(fitting + 1, np.float32), np.empty(fitting + 1, np.uint32)
    n = collect(scores, rows, likely_least(scores, most), kept, kept_rows)
    if n < most:
        n = collect(scores, rows, -np.inf, kept, kept_rows)
    keep_best(kept[:n], kept_rows[:n], most)
    n = min(n, most)
    best[:n], at[:n] = kept[:n], kept_rows[:n]
    return n


@compiled
def add_factors(
    factors: NDArray[np.float32],
    direction: NDArray[np.float32],
    rows: NDArray[np.uint32],
    scores: NDArray[np.float32],
) -> None:
    """Add to each score the dot product of the row's factors; `rows` go on for some beyond the scores."""
    for m in range(_U64(len(scores))):
        _fetch(factors, _U64(rows[m + _U64(_AHEAD)]))
        row, total = rows[m], scores[m]
        for k in range(_U64(len(direction))):
            total += factors[row, k] * direction[k]
        scores[m] = total


@compiled
def vary(  # noqa: C901, PLR0913 - a call costs more than a branch
    scores: NDArray[np.float32],
    rows: NDArray[np.uint32],
    kinds: NDArray[np.uint32],
    topics: NDArray[Any],
    topic_counts: NDArray[np.int32],
    places: NDArray[np.int32],
    series: NDArray[np.int32],
    takes: NDArray[np.float32],
    worn: NDArray[np.float32],
    picked: NDArray[np.int64],
) -> int:
    """Write which offers to show, in order; return how many.

    Each pick is the offer with the best score after what the picks before take off: `takes[0]` for its topics and
    `takes[1]` for its place, the more the more picks share them, and `takes[2]` for its kind's share of the picks.

    `scores` fall. `worn` has room for every slot and is zero. As nothing is ever added to a score, the search for the
    next pick ends where the bare score is below the best found.
    """
    n, size = 0, len(scores)
    free, same_kind = np.ones(size, np.bool_), np.zeros(size, np.float32)
    while n < len(picked):
        top, top_worth = -1, _F32(-np.inf)
        for i in range(size):
            if scores[i] <= top_worth:
                break
            if free[i]:
                row = rows[i]
                common = _F32(0)
                for k in range(topic_counts[row]):
                    common += worn[topics[row, k]]
                worth = scores[i] - takes[0] * common / _F32(max(topic_counts[row], 1)) - takes[1] * worn[places[row]]
                worth -= takes[2] * same_kind[i] / _F32(max(n, 1))
                if worth > top_worth:
                    top, top_worth = i, worth
        if top < 0:
            break
        picked[n] = top
        n += 1
        row = rows[top]
        for k in range(topic_counts[row]):
            worn[topics[row, k]] = (_F32(1) + worn[topics[row, k]]) / _F32(2)
        if places[row] != 0:
            worn[places[row]] = (_F32(1) + worn[places[row]]) / _F32(2)
        for i in range(size):
            same_kind[i] += _F32(kinds[i] == kinds[top])
            same_series = series[rows[i]] != 0 and series[rows[i]] == series[row]
            free[i] = free[i] and i != top and not same_series
    return n
