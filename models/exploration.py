"""Thompson sampling: to show now and then what little is known of, the more often the better it may be.

What is not known of an action is drawn from a belief, and the action that the draw puts first is shown. How often that
would be each action is counted over many draws, and the choice is made by these very shares: so the logged propensity
is not an estimate but the probability with which it was chosen, as off-policy estimates need it (`models.off_policy`).
A small part of all choices is made evenly, so that no propensity is too small to divide by.

References
----------
Thompson, W. R. (1933), On the likelihood that one unknown probability exceeds another, Biometrika 25. Agrawal, S. and
Goyal, N. (2013), Thompson sampling for contextual bandits with linear payoffs, ICML.
"""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

DRAWS = 200
EVEN = 0.05
"""The share of choices that is made evenly among all actions."""
WORTH = 20.0
"""What was expected of an offer before anybody saw it counts as much as this many showings."""
SPREAD = 0.3
"""How far a linear belief's draws go, in standard deviations of its weights; rewards are between 0 and 1."""
RIDGE = 1.0

Vector = NDArray[np.float64]


class Explored(NamedTuple):
    """An action that was chosen, and the probability with which it was."""

    action: int
    propensity: float


class Belief(Protocol):
    """What is known of actions, uncertain as it is."""

    def drawn(self, times: int, rng: Generator) -> Vector:
        """Return what each action may be worth, of shape (times, actions)."""
        ...


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known of offers that were shown a few times: a Beta distribution of each.

    Attributes
    ----------
    shown, chosen
        How often each was shown, and chosen then, of shape (offers,).
    expected
        The chance that it is chosen, as said before it was shown to anybody (such as by the re-ranker, which knows what
        the offer is about and whom it is shown to), above 0 and below 1; of shape (offers,).
    """

    shown: NDArray[np.int64]
    chosen: NDArray[np.int64]
    expected: Vector

    @classmethod
    def nothing(cls, expected: Vector) -> Self:
        """Return what is known of offers that nobody was shown."""
        return cls(np.zeros(len(expected), np.int64), np.zeros(len(expected), np.int64), expected)

    def drawn(self, times: int, rng: Generator) -> Vector:
        """Return chances that each offer may have, of shape (times, offers)."""
        missed = np.maximum(self.shown - self.chosen, 0)
        for_, against = self.chosen + WORTH * self.expected, missed + WORTH * (1 - self.expected)
        return rng.beta(for_, against, (times, len(self.expected)))


@dataclass(slots=True)
class Linear:
    """What is known of actions whose reward depends on a context: a ridge regression of each, learned as one goes.

    Parameters
    ----------
    actions, features
        How many actions there are, and how many numbers a context has.
    """

    actions: int
    features: int
    _gram: Vector = field(init=False)
    _sums: Vector = field(init=False)

    def __post_init__(self) -> None:
        self._gram = np.tile(RIDGE * np.eye(self.features), (self.actions, 1, 1))
        self._sums = np.zeros((self.actions, self.features))

    def learn(self, context: Vector, action: int, reward: float) -> None:
        """Take in what came of an action in a context of shape (features,)."""
        self._gram[action] += np.outer(context, context)
        self._sums[action] += reward * context

    def facing(self, context: Vector) -> "Facing":
        """Return what is known of all actions in a context of shape (features,)."""
        solved = np.linalg.solve(self._gram, np.stack([self._sums, np.tile(context, (self.actions, 1))], axis=2))
        return Facing(solved[:, :, 0] @ context, np.sqrt(solved[:, :, 1] @ context))


@dataclass(frozen=True, slots=True)
class Facing:
    """What each action may be worth in one context: normal distributions; arrays of shape (actions,)."""

    means: Vector
    spreads: Vector

    def drawn(self, times: int, rng: Generator) -> Vector:
        """Return rewards that each action may bring, of shape (times, actions)."""
        return self.means + SPREAD * self.spreads * rng.normal(size=(times, len(self.means)))


def propensities(belief: Belief, rng: Generator, draws: int = DRAWS) -> Vector:
    """Return with which probability each action is chosen, of shape (actions,); they add up to 1.

    Raises
    ------
    ValueError
        There is no action.
    """
    drawn = belief.drawn(draws, rng)
    actions = drawn.shape[1]
    if not actions:
        raise ValueError("There is nothing to choose from.")
    shares = np.bincount(drawn.argmax(axis=1), minlength=actions) / draws
    return np.asarray((1 - EVEN) * shares + EVEN / actions)


def explore(belief: Belief, rng: Generator, draws: int = DRAWS) -> Explored:
    """Choose an action by Thompson sampling, and tell with which probability.

    Raises
    ------
    ValueError
        There is none.
    """
    chances = propensities(belief, rng, draws)
    action = int(rng.choice(len(chances), p=chances))
    return Explored(action, float(chances[action]))
