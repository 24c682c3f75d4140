"""Exposure shared out: an offer that many are shown stands a little lower for the next, as little as it takes.

The first place is never touched. Below it an offer loses log-odds as it has been shown more than the mean offer, by a
share of what lies between the first and the twentieth of the list: where a list is clear about what is best, little
changes; where many are about as good, those that few have seen come first. How strong that is follows from what is
wanted: exposure at most `TARGET` times as uneven as if everybody were shown the same list. Nothing that residents went
on to choose is looked at.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import metrics
from models.recommender import Ranked

TARGET = 0.685
"""The Gini of exposure over that of one list for everybody."""
SEEN = 10
"""How many offers of a list a resident is taken to see."""
STRONGEST = 0.5
STEPS = 7
"""So often the strength is halved in on: to within half a hundredth."""
_SPAN = 20

Vector = NDArray[np.float64]


class Shared(NamedTuple):
    """Lists that share exposure, how strong it had to be, and the Gini that came of it."""

    ranked: list[Ranked]
    strength: float
    gini: float


def share(ranked: Sequence[Ranked], offers: int, target: float = TARGET) -> Shared:
    """Return lists in which exposure is shared out just enough; as they were where it is already.

    Parameters
    ----------
    offers
        How many may be shown.
    target
        How uneven exposure may be, of one list for everybody; what cannot be reached is come near to.
    """
    wanted = target * (1 - min(SEEN / max(offers, 1), 1))
    low, high = 0.0, STRONGEST
    best = passed(ranked, offers, low)
    if best.gini <= wanted:
        return best
    best = passed(ranked, offers, high)
    for _ in range(STEPS):
        middle = (low + high) / 2
        tried = passed(ranked, offers, middle)
        if tried.gini <= wanted:
            high, best = middle, tried
        else:
            low = middle
    return best


def lowered(odds: Vector, shown: NDArray[np.integer], mean: float, strength: float) -> NDArray[np.intp]:
    """Return the order of a list after offers that are shown much were lowered.

    Parameters
    ----------
    odds
        Log-odds, best first, of shape (offers,).
    shown
        How often each of them has been shown, of the same shape.
    mean
        How often the mean offer has been shown.
    """
    span = odds[0] - odds[min(_SPAN, len(odds) - 1)]
    worth = odds - strength * span * np.log1p(shown / max(mean, 1.0))
    return np.concatenate([[0], 1 + np.argsort(-worth[1:], kind="stable")])


def passed(ranked: Sequence[Ranked], offers: int, strength: float) -> Shared:
    """Return lists with exposure shared out at a given strength: each in view of those before it."""
    shown = np.zeros(1 + max((int(one.offers.max(initial=0)) for one in ranked), default=0), np.int64)
    found = []
    for before, one in enumerate(ranked):
        if strength and len(one.offers):
            mean = before * SEEN / max(offers, 1)
            order = lowered(_told(one.odds), shown[one.offers], mean, strength)
            one = Ranked(one.person, one.offers[order], one.odds[order])  # noqa: PLW2901 - the same list, in its new order
        shown[one.offers[:SEEN]] += 1
        found.append(one)
    exposure = np.zeros(offers, np.int64)
    counted = shown[shown > 0]
    exposure[: len(counted)] = counted
    return Shared(found, strength, metrics.gini(exposure) if len(counted) else 0.0)


def _told(odds: Vector) -> Vector:
    """Return log-odds; of a list without them, such as by places."""
    return -np.log1p(np.arange(len(odds))) if np.isnan(odds).any() else odds
