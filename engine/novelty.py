"""One place of an answer for what few have seen yet, so that new offers get their chance, with the odds written down.

Of the answers a share tries a new offer in its `PLACE`-th place. Which one is chosen by chance, the likelier the better
it may suit, among the few that suit best of those that fit the request: whoever chooses tells with what probability
(`Explorer`). What is shown there, tried or not, had a known chance to be, which is kept with the impression: what came
of it can then be weighed as if everything had been tried everywhere (`models.off_policy`).
"""

from collections.abc import Callable, Iterator
from random import random
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.catalogue import Live
from engine.events import Chance
from engine.ranking import Ranked, Request, fits, inserted, unlike, worth
from engine.steering import Fresh, Mark, Steered

PLACE = 4
MOST_CANDIDATES = 8
_FEW = 16
_CHOSEN_FIRST = 0.25
"""How many are taken to choose an offer that suits as well as the best one shown."""

Numbers = NDArray[np.float64]


class Explorer(Protocol):
    """Chooses among offers of which little is known."""

    def choose(self, shown: Numbers, chosen: Numbers, expected: Numbers) -> tuple[int, float]:
        """Return which is chosen, and with what probability it was.

        Parameters
        ----------
        shown, chosen
            How often each was shown, and chosen then. Shape (n,), n at least 1.
        expected
            The chance that it is chosen, as far as it can be told without. Shape (n,).
        """


class Tried(NamedTuple):
    """An answer's offers; the chance of the one in the place for new ones, and whether it is new."""

    ranked: Ranked
    chance: Chance | None = None
    new: bool = False

    def beside(self, moved: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        """Return what is told of each offer shown, of shape (n, parts), with zeros for the new one."""
        if moved is None or self.chance is None or not self.new:
            return moved
        return np.insert(moved, self.chance.place - 1, 0, axis=0)[: len(self.ranked.rows)]

    def marked(self, steered: Steered) -> NDArray[np.uint8]:
        """Return the marks of each offer shown."""
        shown = len(self.ranked.rows)
        marks = steered.marks[self.ranked.rows] if len(steered.marks) else np.zeros(shown, np.uint8)
        if self.chance is not None and self.new:
            marks[self.chance.place - 1] |= np.uint8(Mark.NEW)
        return marks


class Novelty:
    """Tries new offers.

    Parameters
    ----------
    explorer
        Chooses among them.
    share
        Of the answers, how many try one; from 0 to 1.
    draw
        Gives numbers from 0 to below 1.
    """

    def __init__(self, explorer: Explorer, share: float, draw: Callable[[], float] = random) -> None:
        self._explorer = explorer
        self._share = share
        self._draw = draw

    def tried(self, live: Live, request: Request, ranked: Ranked, most: int, *, told: bool) -> Tried:
        """Return an answer's offers, now and then with a new one among them.

        Parameters
        ----------
        told
            Whether the chance is to be told of a place where nothing is tried, too.
        """
        tries = self._draw() < self._share
        at = PLACE - 1 if request.steered is None else max(PLACE - 1, len(request.steered.pinned))
        if not (tries or told) or self._share <= 0 or len(ranked.rows) <= at or request.steered is None:
            return Tried(ranked)
        fresh = request.steered.fresh
        if not tries:
            there = any(len(_candidates(live, request, ranked, some)[0]) for some in _few_first(fresh))
            return Tried(ranked, Chance(at + 1, 1 - self._share) if there else None)
        rows, shown = _candidates(live, request, ranked, fresh)
        if not len(rows):
            return Tried(ranked)
        scores = worth(live, request, np.concatenate([rows, ranked.rows]).astype(np.uint32)).astype(np.float64)
        best = np.argsort(-scores[: len(rows)], kind="stable")[:MOST_CANDIDATES]
        expected = _CHOSEN_FIRST * np.clip(scores[best] / max(scores[len(rows) :].max(), 1e-6), 0.02, 1.0)
        chosen = live.columns.visitors[rows[best]].astype(np.float64)
        which, propensity = self._explorer.choose(np.maximum(shown[best], chosen), chosen, expected)
        longer = inserted(live, request, ranked, int(rows[best[which]]), at)
        shortened = Ranked(longer.rows[:most], longer.scores[:most], longer.starts[:most])
        return Tried(shortened, Chance(at + 1, self._share * propensity), new=True)


def _few_first(fresh: Fresh) -> Iterator[Fresh]:
    """Yield a few of the new offers, then the others: whether one fits is mostly known by the few."""
    for some in (slice(_FEW), slice(_FEW, None)):
        yield Fresh(fresh.rows[some], fresh.shows[some])


def _candidates(live: Live, request: Request, ranked: Ranked, fresh: Fresh) -> tuple[NDArray[np.uint32], Numbers]:
    """Return the rows of new offers that fit and are unlike those shown, by series and by name; and their shows."""
    if not len(fresh.rows):
        return fresh.rows, fresh.shows
    free = fits(live, request, fresh.rows) & unlike(live, request, fresh.rows, ranked)
    return fresh.rows[free], fresh.shows[free]
