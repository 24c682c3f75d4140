"""Two groups of residents compared by what they took up of what they were shown, so that it may be looked at any time.

What is compared is a share: of a group's answers, how many led to something. Answers to one resident resemble each
other, so residents are what is independent here: the variance of a share is that of a ratio of sums over residents
(the delta method, as of a cluster sample).

The interval is valid at all times together: the chance that it ever misses the true difference is 5 %, however often
one looks and whenever one stops. It is Robbins' mixture over a normal prior of the effect, by the information
``1 / variance`` gathered so far; the usual interval, which is right at one moment alone, is narrower by a third to a
half. Sources: H. Robbins, Statistical methods related to the law of the iterated logarithm (1970); Johari et al.,
Always valid inference (2022).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OPENED, SAVED, REGISTERED, ANY = range(4)
KINDS = 4
ALPHA = 0.05
EFFECT = 0.02
"""The scale of differences that the interval is narrowest for: two in a hundred answers."""


class Followed(NamedTuple):
    """What came of what some residents were shown; whoever they are.

    Attributes
    ----------
    on_trial
        Whether the resident is drawn for the model on trial. Shape (n,).
    shown
        Answers shown. Shape (n,).
    kinds
        Of how many of these an offer was opened, saved, registered for, and any of these. Shape (n, 4).
    """

    on_trial: NDArray[np.bool_]
    shown: NDArray[np.float64]
    kinds: NDArray[np.float64]


class Sums(NamedTuple):
    """What is known of one group: sums over its residents.

    Attributes
    ----------
    kinds
        As in `Followed`. Shape (4,).
    shown2, any2, both
        Squares of answers shown, squares of those that led to anything, and products of both.
    """

    residents: int = 0
    shown: float = 0.0
    kinds: tuple[float, ...] = (0.0,) * KINDS
    shown2: float = 0.0
    any2: float = 0.0
    both: float = 0.0

    def plus(self, shown: NDArray[np.float64], kinds: NDArray[np.float64]) -> "Sums":
        """Return the sums with some residents more."""
        led = kinds[:, ANY]
        return Sums(
            self.residents + len(shown),
            self.shown + float(shown.sum()),
            tuple((np.array(self.kinds) + kinds.sum(axis=0)).tolist()),
            self.shown2 + float(shown @ shown),
            self.any2 + float(led @ led),
            self.both + float(shown @ led),
        )

    def shares(self) -> tuple[float, ...]:
        """Return of all answers the shares that led to each of the kinds; nobody may not be asked about."""
        return tuple(led / self.shown for led in self.kinds)

    def variance(self) -> float:
        """Return the variance of the share of answers that led to anything; at least two residents are needed."""
        share = self.kinds[ANY] / self.shown
        residuals = self.any2 - 2 * share * self.both + share * share * self.shown2
        return max(residuals, 0.0) * self.residents / (self.residents - 1) / self.shown**2


class Difference(NamedTuple):
    """How much larger a share is on trial, and between what it lies."""

    value: float
    low: float
    high: float


def difference(current: Sums, on_trial: Sums) -> Difference:
    """Return by how much more of the answers of the model on trial led to anything, with the interval for all times."""
    value = on_trial.shares()[ANY] - current.shares()[ANY]
    variance = current.variance() + on_trial.variance()
    if variance == 0:
        return Difference(value, -1.0, 1.0)  # nobody took anything up, or everybody everything: nothing is known yet
    width = math.sqrt(variance) * boundary(1 / variance)
    return Difference(value, value - width, value + width)


def boundary(information: float) -> float:
    """Return how many standard errors to each side the interval goes."""
    gathered = information * EFFECT**2
    return math.sqrt((1 + 1 / gathered) * math.log((1 + gathered) / ALPHA**2))
