"""A closer look at the few offers that a first stage found, for one resident: compiled, in a fraction of a millisecond.

The features are those of `models.snapshot.found` and `models.context.described`, which work on arrays of many
residents; a test holds both to the same numbers.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.compilation import compiled
from engine.ranker import PARTS
from models.collaborative import CONFIDENCE, REGULARIZATION
from models.context import FADING, GATHERING
from models.forest import Nodes
from models.matrix import DAY
from models.snapshot import EVEN, RECENT_DAYS

ATTRIBUTES = (*GATHERING, "area", "kind", "weekday", "hour", "price", "language", "ages")
RANKERS = ("likeness", "likeness_lately", "ridge", "ease", "factors", "mapped")
MEASURES = ("popular", "popular_7", "popular_30")
_OWN = ("count", "share", "lift", "lately")
_GATHERED = ("loyalty", "draw", "visitors", "return")
NAMES = (
    *RANKERS,
    *MEASURES,
    *(f"{name}_standing" for name in (*RANKERS, *MEASURES)),
    *("new", "history", "days_quiet", "days_to_start", "days_to_close", "far", "far_from_nearest"),
    *(f"{name}_{feature}" for name in ATTRIBUTES for feature in _OWN),
    *(f"{name}_{feature}" for name in ATTRIBUTES[: len(GATHERING)] for feature in _GATHERED),
)
"""The columns of a table; a blend looks at some of them."""
_SCORES, _RANKED = len(RANKERS) + len(MEASURES), len(RANKERS)
_REST = 2 * _SCORES
_ATTRIBUTE = _REST + 7
_GATHERING = _ATTRIBUTE + len(ATTRIBUTES) * len(_OWN)
_N_ATTRIBUTES, _N_OWN, _N_GATHERING, _N_GATHERED = len(ATTRIBUTES), len(_OWN), len(GATHERING), len(_GATHERED)
_FADING = np.array([name in FADING for name in ATTRIBUTES])
_RECENT, _EVEN, _DAY = RECENT_DAYS * DAY, EVEN, DAY
_CONFIDENCE, _RIDGE = np.float32(CONFIDENCE), np.float32(REGULARIZATION)
_NAN, _F32 = np.float32(np.nan), np.float32


class Offers(NamedTuple):
    """What rankers know of offers, by number.

    Attributes
    ----------
    at, columns, values
        What they say, as sparse rows of length 1.
    latent, solution
        `models.content.Content.latent`, and the ridge's matrix.
    learned, mixed, gram
        `models.collaborative.Factors`.
    ease_at, ease_offers, ease_weights
        `models.strongest.Strongest`, as sparse rows.
    counted
        What `MEASURES` say. Shape (offers, measures).
    new
        1 where nobody had chosen it, else 0.
    codes, usual
        For each of `ATTRIBUTES` the offer's value as a number, -1 for none; and the logarithm of the share of choices
        that go to this value. Shape (attributes, offers).
    held, gathered
        For each of `models.context.GATHERING` how many offers of the value had been chosen; and the draw, visitors and
        returning of the value. Shape (2, offers), (2, 3, offers).
    starts, closes, points
        As in `models.context.Setting`.
    """

    at: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]
    latent: NDArray[np.float32]
    solution: NDArray[np.float32]
    learned: NDArray[np.float32]
    mixed: NDArray[np.float32]
    gram: NDArray[np.float32]
    ease_at: NDArray[np.int64]
    ease_offers: NDArray[np.int32]
    ease_weights: NDArray[np.float32]
    counted: NDArray[np.float32]
    new: NDArray[np.float32]
    codes: NDArray[np.int32]
    usual: NDArray[np.float32]
    held: NDArray[np.float32]
    gathered: NDArray[np.float32]
    starts: NDArray[np.float64]
    closes: NDArray[np.float64]
    points: NDArray[np.float64]


class Person(NamedTuple):
    """A resident as far as a closer look goes.

    Attributes
    ----------
    offers, worth
        What they chose, by number, and what is left of it after fading. Shape (n,).
    quiet
        Seconds since the latest of it.
    ridge
        What the latent space is multiplied with. Shape (dimensions,).
    folded
        Factors. Shape (factors,).
    """

    offers: NDArray[np.int32]
    worth: NDArray[np.float32]
    quiet: float
    ridge: NDArray[np.float32]
    folded: NDArray[np.float32]


class Judges(NamedTuple):
    """A blend, with columns as in `NAMES`.

    Attributes
    ----------
    nodes, gains
        The trees, and what the step to each node adds.
    line, new_line
        What each column adds to the line, and what more for a new offer. Shape (columns,).
    part
        The `engine.ranker.Part` that each column belongs to. Shape (columns,).
    """

    nodes: Nodes
    gains: NDArray[np.float64]
    line: NDArray[np.float64]
    new_line: NDArray[np.float64]
    part: NDArray[np.int64]


class Scratch(NamedTuple):
    """Room that is all noughts before and after: of shape (features, 2) and (offers,)."""

    profile: NDArray[np.float32]
    together: NDArray[np.float32]


@compiled
def opine(  # noqa: PLR0913 - a kernel takes arrays
    its: Offers,
    judges: Judges,
    who: Person,
    numbers: NDArray[np.int32],
    now: float,
    scratch: Scratch,
    off: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Return what each part adds to the log-odds of offers (`judge`); nothing to unknown and to chosen ones.

    Parameters
    ----------
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
    table = describe(its, who, numbers[open_[:n]], now, scratch)
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
def person_of(its: Offers, offers: NDArray[np.int32], times: NDArray[np.float64], now: float) -> Person:
    """Fold a resident in from what they chose, by number, and when."""
    dimensions, factors = its.latent.shape[1], its.gram.shape[0]
    latent, gram = np.zeros(dimensions, np.float32), its.gram.copy()
    wanted, worth = np.zeros(factors, np.float32), np.empty(len(offers), np.float32)
    for k in range(factors):
        gram[k, k] += _RIDGE
    for n in range(len(offers)):
        worth[n] = 0.5 ** ((now - times[n]) / _RECENT)
        latent += its.latent[offers[n]]
        own = its.learned[offers[n]]
        wanted += (1 + _CONFIDENCE) * own
        for k in range(factors):
            weight = _CONFIDENCE * own[k]
            for m in range(factors):
                gram[k, m] += weight * own[m]
    ridge = np.zeros(dimensions, np.float32)
    for k in range(dimensions):
        ridge += latent[k] * its.solution[k]
    return Person(offers, worth, now - float(times.max()), ridge, np.linalg.solve(gram, wanted).astype(np.float32))


@compiled
def describe(its: Offers, who: Person, numbers: NDArray[np.int32], now: float, scratch: Scratch) -> NDArray[np.float32]:
    """Return the features of a resident and some offers, all of them known; columns as in `NAMES`."""
    table = np.full((len(numbers), len(NAMES)), _NAN, np.float32)
    gather(its, who, scratch)
    rank(its, who, numbers, scratch, table)
    clear(its, who, scratch)
    stand(table)
    chosen = len(who.offers)
    for n in range(len(numbers)):
        offer = numbers[n]
        table[n, _REST] = its.new[offer]
        table[n, _REST + 1] = np.log1p(_F32(chosen))
        table[n, _REST + 2] = np.log1p(who.quiet / _DAY)
        table[n, _REST + 3] = (its.starts[offer] - now) / _DAY
        table[n, _REST + 4] = (its.closes[offer] - now) / _DAY
    far(its, who, numbers, table)
    for a in range(_N_ATTRIBUTES):
        affinity(its, who, numbers, a, table)
    return table


@compiled
def gather(its: Offers, who: Person, scratch: Scratch) -> None:
    """Add up what was chosen says, and what goes with it."""
    for n in range(len(who.offers)):
        offer, worth = who.offers[n], who.worth[n]
        for m in range(its.at[offer], its.at[offer + 1]):
            scratch.profile[its.columns[m], 0] += its.values[m]
            scratch.profile[its.columns[m], 1] += its.values[m] * worth
        for m in range(its.ease_at[offer], its.ease_at[offer + 1]):
            scratch.together[its.ease_offers[m]] += its.ease_weights[m]


@compiled
def clear(its: Offers, who: Person, scratch: Scratch) -> None:
    """Leave nothing of what was gathered."""
    for offer in who.offers:
        for m in range(its.at[offer], its.at[offer + 1]):
            scratch.profile[its.columns[m]] = 0
        for m in range(its.ease_at[offer], its.ease_at[offer + 1]):
            scratch.together[its.ease_offers[m]] = 0


@compiled
def rank(its: Offers, who: Person, numbers: NDArray[np.int32], scratch: Scratch, table: NDArray[np.float32]) -> None:
    """Write what each ranker says."""
    root = np.sqrt(_F32(len(who.offers)))
    for n in range(len(numbers)):
        offer, alike, lately = numbers[n], _F32(0), _F32(0)
        for m in range(its.at[offer], its.at[offer + 1]):
            alike += scratch.profile[its.columns[m], 0] * its.values[m]
            lately += scratch.profile[its.columns[m], 1] * its.values[m]
        ridge, factors, mapped = _F32(0), _F32(0), _F32(0)
        for k in range(len(who.ridge)):
            ridge += who.ridge[k] * its.latent[offer, k]
        for k in range(len(who.folded)):
            factors += who.folded[k] * its.learned[offer, k]
            mapped += who.folded[k] * its.mixed[offer, k]
        row = table[n]
        row[0], row[1], row[2] = alike / root, lately / root, ridge
        row[3], row[4], row[5] = scratch.together[offer], factors, mapped
        row[_RANKED:_SCORES] = its.counted[offer]


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
        point = its.points[offer]
        if np.isfinite(point[0]):
            been[places] = point
            places, x, y = places + 1, x + point[0], y + point[1]
    if places == 0:
        return
    x, y = x / places, y / places
    for n in range(len(numbers)):
        point = its.points[numbers[n]]
        if np.isfinite(point[0]):
            nearest = np.inf
            for m in range(places):
                nearest = min(nearest, (been[m, 0] - point[0]) ** 2 + (been[m, 1] - point[1]) ** 2)
            table[n, _REST + 5] = np.log1p(np.hypot(point[0] - x, point[1] - y))
            table[n, _REST + 6] = np.log1p(np.sqrt(nearest))


@compiled
def affinity(its: Offers, who: Person, numbers: NDArray[np.int32], a: int, table: NDArray[np.float32]) -> None:
    """Write what was chosen before of the offers' values of an attribute."""
    codes, at, chosen = its.codes[a], _ATTRIBUTE + a * _N_OWN, len(who.offers)
    for n in range(len(numbers)):
        offer = numbers[n]
        code = codes[offer]
        if code < 0:
            continue
        own, lately = _F32(0), _F32(0)
        for m in range(chosen):
            same = codes[who.offers[m]] == code
            own += _F32(same)
            lately += who.worth[m] * _F32(same)
        table[n, at] = np.log1p(own)
        table[n, at + 1] = own / chosen
        table[n, at + 2] = np.log((own + 0.5) / (chosen + 1)) - its.usual[a, offer]
        if _FADING[a]:
            table[n, at + 3] = np.log1p(lately)
        if a < _N_GATHERING:
            gathering = _GATHERING + a * _N_GATHERED
            table[n, gathering] = own / its.held[a, offer]
            table[n, gathering + 1 : gathering + _N_GATHERED] = its.gathered[a, :, offer]


@compiled
def judge(judges: Judges, table: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what each part adds to the log-odds of each row, less what it adds on average. Shape (rows, parts).

    The line shares out exactly. In a tree, each step from a node to the next is what the feature looked at adds
    (A. Saabas, 2014); the steps add up to the leaf.
    """
    shares, nodes = np.zeros((len(table), PARTS)), judges.nodes
    for n in range(len(table)):
        row, share = table[n], shares[n]
        for root in nodes.roots:
            at = root
            while nodes.column[at] >= 0:
                column = nodes.column[at]
                value = row[column]
                left = nodes.missing_left[at] if np.isnan(value) else value <= nodes.threshold[at]
                at = nodes.left[at] if left else nodes.right[at]
                share[judges.part[column]] += judges.gains[at]
        new = row[_REST]
        for k in range(len(row)):
            if not np.isnan(row[k]):
                share[judges.part[k]] += row[k] * (judges.line[k] + new * judges.new_line[k])
    for part in range(PARTS):
        mean = 0.0
        for n in range(len(table)):
            mean += shares[n, part]
        mean /= len(table)
        for n in range(len(table)):
            shares[n, part] = (shares[n, part] - mean) / 2
    return shares
