"""What an answer shows of the best offers: so spread that topics, places and kinds are many. Compiled loops.

Times are minutes. Unsigned indices spare numba's check for negative ones.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.columns import KIND_BITS, NEVER
from engine.compilation import compiled

_OF_TITLE = 2
"""How many of one name an answer has; a longer one has a tenth of its offers."""
_U32, _F32 = np.uint32, np.float32
_KIND_BITS = int(KIND_BITS)


class Asked(NamedTuple):
    """What is asked for that depends on time and place. `near` and `later` tell that a point, or a later time, is."""

    x: float
    y: float
    radius2: float
    now: int
    starts_from: int
    until: int
    near: bool
    later: bool


class Spreading(NamedTuple):
    """What variety looks at, by row (`engine.columns.Columns`); `names` is how many slots there are."""

    slots: NDArray[Any]
    topic_counts: NDArray[np.int32]
    series: NDArray[np.int32]
    titles: NDArray[np.int32]
    places: NDArray[np.int32]
    traits: NDArray[np.uint32]
    names: int


class Dated(NamedTuple):
    """Where each row's dates lie among all `dates`."""

    dates_from: NDArray[np.int32]
    dates_to: NDArray[np.int32]
    dates: NDArray[np.int32]


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
def arrange(  # noqa: PLR0913 - a kernel takes arrays
    its: Spreading,
    dated: Dated,
    asked: Asked,
    rows: NDArray[np.uint32],
    scores: NDArray[np.float32],
    takes: NDArray[np.float32],
    most: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return which of some rows to show, best first, and the start of the date of each that fits; `scores` fall.

    With `takes` they are spread; without, they are the first.
    """
    picked = np.arange(min(most, len(rows)))
    if len(takes) > 0 and len(rows) > 0:
        lead = scores[0] - scores[-1]
        picked = vary(its, scores, rows, its.traits[rows] & _U32(_KIND_BITS), takes * lead, most)
    starts = np.empty(len(picked), np.int32)
    for n in range(len(picked)):
        row = rows[picked[n]]
        starts[n] = start_of(dated.dates, dated.dates_from[row], dated.dates_to[row], asked)
    return picked, starts


@compiled
def give_way(  # noqa: PLR0913 - a kernel takes arrays
    free: NDArray[np.bool_],
    spare: NDArray[np.bool_],
    its_series: NDArray[np.int32],
    its_title: NDArray[np.int32],
    picked: NDArray[np.int64],
    of_title: int,
) -> None:
    """Close the series of the last pick; set aside what is named like it as soon as `of_title` of them are picked."""
    series, title = its_series[picked[-1]], its_title[picked[-1]]
    if series != 0:
        for i in range(len(free)):
            free[i] &= its_series[i] != series
            spare[i] &= its_series[i] != series
    alike = 0
    for pick in picked:
        alike += its_title[pick] == title
    if title != 0 and alike >= of_title:
        for i in range(len(free)):
            spare[i] |= free[i] & (its_title[i] == title)
            free[i] &= its_title[i] != title


@compiled
def vary(  # noqa: C901, PLR0913 - a call costs more than a branch
    its: Spreading,
    scores: NDArray[np.float32],
    rows: NDArray[np.uint32],
    kinds: NDArray[np.uint32],
    takes: NDArray[np.float32],
    most: int,
) -> NDArray[np.int64]:
    """Return which offers to show, in order.

    Each pick is the offer with the best score after what the picks before take off: `takes[0]` for its topics and
    `takes[1]` for its place, the more the more picks share them, and `takes[2]` for its kind's share of the picks. Of a
    series one is picked. Of a name, as many venues give to the same activity, few are: more only when nothing else is
    left.

    `scores` fall. As nothing is ever added to a score, the search for the next pick ends where the bare score is below
    the best found. What topics and place take off only grows with the picks, so what it was at an earlier pick tells of
    most offers that they are not the next.
    """
    n, size, picked = 0, len(scores), np.empty(min(most, len(scores)), np.int64)
    free, spare, of_kind, worn = (
        np.ones(size, np.bool_),
        np.zeros(size, np.bool_),
        np.zeros(_KIND_BITS + 1, np.float32),
        np.zeros(its.names, np.float32),
    )
    costs, known = np.zeros(size, np.float32), np.zeros(size, np.int64)
    topics, series, places, topic_counts = its.slots, its.series, its.places, its.topic_counts
    its_series, its_place, its_topics = series[rows], places[rows], topic_counts[rows]
    its_title, of_title = its.titles[rows], max(_OF_TITLE, most // 10)
    while n < len(picked):
        top, top_worth = -1, _F32(-np.inf)
        for i in range(size):
            if scores[i] <= top_worth:
                break
            if free[i]:
                shared = takes[2] * of_kind[kinds[i]] / _F32(max(n, 1))
                if scores[i] - costs[i] - shared > top_worth and known[i] < n:
                    common, known[i] = _F32(0), n
                    for k in range(its_topics[i]):
                        common += worn[topics[rows[i], k]]
                    costs[i] = takes[0] * common / _F32(max(its_topics[i], 1)) + takes[1] * worn[its_place[i]]
                worth = scores[i] - costs[i] - shared
                if worth > top_worth:
                    top, top_worth = i, worth
        if top < 0:
            if not spare.any():
                break
            free, spare, of_title = spare, free, most
            continue
        picked[n] = top
        n += 1
        free[top] = False
        of_kind[kinds[top]] += _F32(1)
        for k in range(its_topics[top]):
            worn[topics[rows[top], k]] = (_F32(1) + worn[topics[rows[top], k]]) / _F32(2)
        if its_place[top] != 0:
            worn[its_place[top]] = (_F32(1) + worn[its_place[top]]) / _F32(2)
        give_way(free, spare, its_series, its_title, picked[:n], of_title)
    return picked[:n]
