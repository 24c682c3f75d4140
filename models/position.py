"""Position bias: how much less a place in a list is looked at than the first, learned from what moved between places.

That a lower place is chosen less tells nothing by itself, since what stands lower also suits less. So an offer is held
against itself: the same resident was shown it in several lists, in another place in each, and chose it in one. With a
chance of ``place ** -power`` that a place is looked at, and one of its own that the offer is chosen once it is, the
power that makes the places of the choices likeliest is a conditional logit, in which the offer's own chance cancels.

Places may drift, as towards the top when a date comes near, and a choice always comes last. The same is worked out for
offers that were never chosen, with a choice made up at random among their showings: that power is drift alone, and is
taken off.

References
----------
Agarwal, A. et al. (2019), Estimating position bias without intrusive interventions, WSDM: the same offer in several
places. McFadden, D. (1974), Conditional logit analysis. Suissa, S. (1995), The case-time-control design,
Epidemiology 6: the drift.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

LEAST_MOVED = 200
"""With fewer choices of offers that had stood in another place before nothing is said of positions."""
MOST_POWER = 2.0
LEAST_CHANCE = 0.1
"""Places that are looked at less often count as if they were this often: a weight is at most ten."""

Numbers = NDArray[np.integer]


def looked_at(places: Numbers, power: float) -> NDArray[np.float64]:
    """Return the chance that places, from 1, are looked at, against the first."""
    return np.maximum(np.asarray(places, np.float64) ** -power, LEAST_CHANCE)


def power_of(pairs: Numbers, places: Numbers, chosen: NDArray[np.bool_], seed: int = 0) -> float | None:
    """Return the power with which places are looked at less; None where too few offers moved to tell.

    Parameters
    ----------
    pairs
        For each showing the number of its resident and offer together, in the order of time for each. Shape (n,).
    places
        From 1. Shape (n,).
    chosen
        Whether it was chosen then; at most once, and no showing comes after. Shape (n,).
    """
    order = np.argsort(pairs, kind="stable")
    pairs, places, chosen = pairs[order], places[order], chosen[order]
    begins = np.flatnonzero(np.diff(pairs, prepend=pairs[:1] - 1))
    lengths = np.diff(np.append(begins, len(pairs)))
    of_chosen = np.repeat(np.logical_or.reduceat(chosen, begins) if len(begins) else chosen, lengths)
    if _moved(pairs[of_chosen], places[of_chosen]) < LEAST_MOVED:
        return None
    power = _likeliest(pairs[of_chosen], places[of_chosen])
    kept = ~of_chosen & _cut(lengths, np.random.default_rng(seed))
    drift = _likeliest(pairs[kept], places[kept]) if _moved(pairs[kept], places[kept]) >= LEAST_MOVED else 0.0
    return float(np.clip(power - drift, 0.0, MOST_POWER))


def _cut(lengths: Numbers, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which showings stay where each of the groups, one after another, ends at one of its own, by chance."""
    last = np.floor(rng.random(len(lengths)) * lengths).astype(np.intp)
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) <= np.repeat(last, lengths)


def _moved(pairs: Numbers, places: Numbers) -> int:
    """Return how many groups have several places."""
    begins = np.flatnonzero(np.diff(pairs, prepend=pairs[:1] - 1))
    if not len(begins):
        return 0
    return int((np.maximum.reduceat(places, begins) > np.minimum.reduceat(places, begins)).sum())


def _likeliest(pairs: Numbers, places: Numbers) -> float:
    """Return the power under which the last showing of each group, rather than another, is the likeliest."""
    begins = np.flatnonzero(np.diff(pairs, prepend=pairs[:1] - 1))
    last, told = np.append(begins[1:], len(pairs)) - 1, np.log(places)

    def unlikeliness(power: float) -> float:
        return float(np.log(np.add.reduceat(np.exp(-power * told), begins)).sum() + power * told[last].sum())

    return float(minimize_scalar(unlikeliness, bounds=(-MOST_POWER, MOST_POWER), method="bounded").x)
