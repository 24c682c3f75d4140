"""A closer look at the few offers that a first stage found, for one resident: compiled, in a fraction of a millisecond.

The features are those of `models.snapshot.found` and `models.context.described`, which work on arrays of many
residents; a test holds both to the same numbers.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.compilation import compiled
from engine.ranker import PARTS
from models.context import FADING, GATHERING
from models.matrix import DAY
from models.person import ATTRIBUTES, MEASURES, Offers, Person, come
from models.scorer import Scorer, score
from models.snapshot import EVEN

RANKERS = ("likeness", "likeness_lately", "ridge", "ease", "factors", "mapped")
_OWN = ("count", "share", "lift", "lately")
_GATHERED = ("loyalty", "draw", "visitors", "return")
NAMES = (
    *RANKERS,
    *MEASURES,
    *(f"{name}_standing" for name in (*RANKERS, *MEASURES)),
    *("new", "history", "days_quiet", "days_to_start", "days_to_close", "far", "far_from_nearest", "seats_left"),
    *(f"{name}_{feature}" for name in ATTRIBUTES for feature in _OWN),
    *(f"{name}_{feature}" for name in ATTRIBUTES[: len(GATHERING)] for feature in _GATHERED),
)
"""The columns of a table; a blend looks at some of them."""
_SCORES, _RANKED = len(RANKERS) + len(MEASURES), len(RANKERS)
_REST = 2 * _SCORES
_ATTRIBUTE = _REST + 8
_GATHERING = _ATTRIBUTE + len(ATTRIBUTES) * len(_OWN)
_N_ATTRIBUTES, _N_OWN, _N_GATHERING, _N_GATHERED = len(ATTRIBUTES), len(_OWN), len(GATHERING), len(_GATHERED)
_FADING = np.array([name in FADING for name in ATTRIBUTES])
_NEW = len(MEASURES)
_USUAL = _NEW + 1
_HELD = _USUAL + _N_ATTRIBUTES
_MARKS = 1 << 14
_FEATURES = 256
"""Room for those of one offer, to begin with."""
_EVEN, _DAY = EVEN, DAY
_NAN, _F32 = np.float32(np.nan), np.float32


class Judges(NamedTuple):
    """A blend, with columns as in `NAMES`.

    Attributes
    ----------
    trees
        What each says, by part.
    line, new_line
        What each column adds to the line, and what more for a new offer. Shape (columns,).
    part
        The `engine.ranker.Part` that each column belongs to. Shape (columns,).
    """

    trees: Scorer
    line: NDArray[np.float32]
    new_line: NDArray[np.float32]
    part: NDArray[np.int64]


class Scratch(NamedTuple):
    """Room that is all noughts before and after: of shape (features, 2), (offers,) and (`_MARKS`,).

    Most features of an offer are none of the profile's. A mark, for many features at once, says so without a look at
    the profile, which is too large to stay near the processor.
    """

    profile: NDArray[np.float32]
    together: NDArray[np.float32]
    marks: NDArray[np.uint8]

    @classmethod
    def of(cls, features: int, offers: int) -> "Scratch":
        """Return empty room."""
        return cls(np.zeros((features, 2), np.float32), np.zeros(offers, np.float32), np.zeros(_MARKS, np.uint8))


@compiled
def opine(  # noqa: PLR0913 - a kernel takes arrays
    its: Offers,
    judges: Judges,
    who: Person,
    numbers: NDArray[np.int32],
    seats: NDArray[np.int32],
    now: float,
    scratch: Scratch,
    off: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Return what each part adds to the log-odds of offers (`judge`); nothing to unknown and to chosen ones.

    Parameters
    ----------
    seats
        How many are left of each now; -1 where there is no limit. Shape (n,).
    off
        Which parts may not count. They are not looked at, nor, where trees count that something is missing, held for or
        against an offer. Shape (parts,).
    """
    open_ = np.empty(len(numbers), np.int64)
    n = 0
    for m in range(len(numbers)):
        if numbers[m] >= 0 and not (who.offers == numbers[m]).any():
            open_[n] = m
            n += 1
    parts = np.zeros((len(numbers), PARTS), np.float32)
    if n == 0:
        return parts
    table = describe(its, who, numbers[open_[:n]], seats[open_[:n]], now, scratch)
    for k in range(table.shape[1]):
        if off[judges.part[k]]:
            table[:, k] = _NAN
    found = judge(judges, table)
    for m in range(n):
        for part in range(PARTS):
            if not off[part]:
                parts[open_[m], part] = found[m, part]
    return parts


@compiled
def describe(  # noqa: PLR0913 - a kernel takes arrays
    its: Offers,
    who: Person,
    numbers: NDArray[np.int32],
    seats: NDArray[np.int32],
    now: float,
    scratch: Scratch,
) -> NDArray[np.float32]:
    """Return the features of a resident and some offers, all of them known; columns as in `NAMES`."""
    table = np.full((len(numbers), len(NAMES)), _NAN, np.float32)
    gather(its, who, scratch)
    rank(its, who, numbers, scratch, table)
    clear(its, who, scratch)
    stand(table)
    chosen = len(who.offers)
    for n in range(len(numbers)):
        offer = numbers[n]
        table[n, _REST] = its.facts[offer, _NEW]
        table[n, _REST + 1] = np.log1p(_F32(chosen))
        table[n, _REST + 2] = np.log1p(who.quiet / _DAY)
        table[n, _REST + 3] = (its.moments[offer, 0] - now) / _DAY
        table[n, _REST + 4] = (its.moments[offer, 1] - now) / _DAY
        if seats[n] >= 0:
            table[n, _REST + 7] = np.log1p(_F32(seats[n]))
    far(its, who, numbers, table)
    affinity(its, who, numbers, table)
    return table


@compiled
def gather(its: Offers, who: Person, scratch: Scratch) -> None:
    """Add up what was chosen says, and what goes with it."""
    for n in range(len(who.offers)):
        offer, worth = who.offers[n], who.worth[n]
        for m in range(its.at[offer], its.at[offer + 1]):
            scratch.profile[its.columns[m], 0] += its.values[m]
            scratch.profile[its.columns[m], 1] += its.values[m] * worth
            scratch.marks[its.columns[m] & (_MARKS - 1)] = 1
        for m in range(its.ease_at[offer], its.ease_at[offer + 1]):
            scratch.together[its.ease_offers[m]] += its.ease_weights[m]


@compiled
def clear(its: Offers, who: Person, scratch: Scratch) -> None:
    """Leave nothing of what was gathered."""
    for offer in who.offers:
        for m in range(its.at[offer], its.at[offer + 1]):
            scratch.profile[its.columns[m]] = 0
            scratch.marks[its.columns[m] & (_MARKS - 1)] = 0
        for m in range(its.ease_at[offer], its.ease_at[offer + 1]):
            scratch.together[its.ease_offers[m]] = 0


@compiled
def rank(its: Offers, who: Person, numbers: NDArray[np.int32], scratch: Scratch, table: NDArray[np.float32]) -> None:
    """Write what each ranker says."""
    root = np.sqrt(_F32(len(who.offers)))
    dimensions, factors = len(who.ridge), len(who.folded)
    marked = np.empty(_FEATURES, np.int64)
    for n in range(len(numbers)):
        if n + 1 < len(numbers):
            come(its, numbers[n + 1])
        offer, alike, lately, common = numbers[n], _F32(0), _F32(0), 0
        first, end = its.at[offer], its.at[offer + 1]
        if end - first > len(marked):
            marked = np.empty(end - first, np.int64)
        for m in range(first, end):
            marked[common] = m
            common += scratch.marks[its.columns[m] & (_MARKS - 1)]
        for m in marked[:common]:
            alike += scratch.profile[its.columns[m], 0] * its.values[m]
            lately += scratch.profile[its.columns[m], 1] * its.values[m]
        ridge, learned, mapped = _F32(0), _F32(0), _F32(0)
        own = its.dense[offer]
        for k in range(dimensions):
            ridge += who.ridge[k] * own[k]
        for k in range(factors):
            learned += who.folded[k] * own[dimensions + k]
            mapped += who.folded[k] * own[dimensions + factors + k]
        row = table[n]
        row[0], row[1], row[2] = alike / root, lately / root, ridge
        row[3], row[4], row[5] = scratch.together[offer], learned, mapped
        row[_RANKED:_SCORES] = its.facts[offer, :_NEW]


@compiled
def stand(table: NDArray[np.float32]) -> None:
    """Write how what each ranker says stands among all that is looked at."""
    whole = len(table)
    for k in range(_SCORES):
        mean, square = 0.0, 0.0
        for n in range(whole):
            mean += table[n, k]
        mean /= whole
        for n in range(whole):
            square += (table[n, k] - mean) ** 2
        spread = np.sqrt(square / whole)
        for n in range(whole):
            table[n, _SCORES + k] = (table[n, k] - mean) / (spread if spread > _EVEN else 1.0)


@compiled
def far(its: Offers, who: Person, numbers: NDArray[np.int32], table: NDArray[np.float32]) -> None:
    """Write how far offers are from the middle of what was chosen and from the nearest of it, in log(1 + km)."""
    been = np.empty((len(who.offers), 2))
    places, x, y = 0, 0.0, 0.0
    for offer in who.offers:
        point = its.moments[offer, 2:]
        if np.isfinite(point[0]):
            been[places] = point
            places, x, y = places + 1, x + point[0], y + point[1]
    if places == 0:
        return
    x, y = x / places, y / places
    for n in range(len(numbers)):
        point = its.moments[numbers[n], 2:]
        if np.isfinite(point[0]):
            nearest = np.inf
            for m in range(places):
                nearest = min(nearest, (been[m, 0] - point[0]) ** 2 + (been[m, 1] - point[1]) ** 2)
            table[n, _REST + 5] = np.log1p(np.hypot(point[0] - x, point[1] - y))
            table[n, _REST + 6] = np.log1p(np.sqrt(nearest))


@compiled
def affinity(its: Offers, who: Person, numbers: NDArray[np.int32], table: NDArray[np.float32]) -> None:
    """Write what was chosen before of the offers' values of each attribute."""
    chosen = len(who.offers)
    theirs = np.ascontiguousarray(its.codes[who.offers].T)
    counts = np.arange(chosen + 1).astype(np.float32)
    of_count, of_share = np.log1p(counts), np.log((counts + _F32(0.5)) / _F32(chosen + 1))
    for n in range(len(numbers)):
        facts, codes = its.facts[numbers[n]], its.codes[numbers[n]]
        for a in range(_N_ATTRIBUTES):
            code, at = codes[a], _ATTRIBUTE + a * _N_OWN
            if code < 0:
                continue
            own, lately = 0, _F32(0)
            for m in range(chosen):
                same = theirs[a, m] == code
                own += same
                lately += who.worth[m] * _F32(same)
            table[n, at] = of_count[own]
            table[n, at + 1] = _F32(own) / _F32(chosen)
            table[n, at + 2] = of_share[own] - facts[_USUAL + a]
            if _FADING[a]:
                table[n, at + 3] = np.log1p(lately)
            if a < _N_GATHERING:
                gathering, held = _GATHERING + a * _N_GATHERED, _HELD + a * _N_GATHERED
                table[n, gathering] = _F32(own) / facts[held]
                table[n, gathering + 1 : gathering + _N_GATHERED] = facts[held + 1 : held + _N_GATHERED]


@compiled
def judge(judges: Judges, table: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what each part adds to the log-odds of each row, less what it adds on average. Shape (rows, parts).

    The line shares out exactly, trees by the steps of each way (`models.scorer`).
    """
    shares = np.zeros((len(table), PARTS), np.float32)
    score(judges.trees, np.ascontiguousarray(table.T), shares)
    for n in range(len(table)):
        row, new = table[n], table[n, _REST]
        for k in range(len(row)):
            if not np.isnan(row[k]):
                shares[n, judges.part[k]] += row[k] * (judges.line[k] + new * judges.new_line[k])
    for part in range(PARTS):
        mean = 0.0
        for n in range(len(table)):
            mean += shares[n, part]
        mean /= len(table)
        for n in range(len(table)):
            shares[n, part] = (shares[n, part] - mean) / 2
    return shares
