"""What residents did with offers, as arrays: the only place where integers stand for people or offers.

A number is a position in a table of ids that is kept beside the arrays (`models.splits.Split`); it means nothing
anywhere else, and is not kept.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

DAY = 86_400.0
"""Seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Interactions:
    """Who did something with what; arrays of shape (n,), in the order in which a source gives them.

    Attributes
    ----------
    people, offers
        Numbers in the tables of ids that belong to these arrays.
    times
        Unix seconds; nan where a source does not know.
    weights
        How much an interaction says; 1 where a source does not tell.
    """

    people: NDArray[np.int32]
    offers: NDArray[np.int32]
    times: NDArray[np.float64]
    weights: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        people: Sequence[int],
        offers: Sequence[int],
        times: Sequence[float] | None = None,
        weights: Sequence[float] | None = None,
    ) -> Self:
        """Return the interactions that some lists tell of."""
        n = len(people)
        return cls(
            np.array(people, np.int32),
            np.array(offers, np.int32),
            np.full(n, math.nan) if times is None else np.array(times, np.float64),
            np.ones(n, np.float32) if weights is None else np.array(weights, np.float32),
        )

    def __len__(self) -> int:
        return len(self.people)

    def taken(self, rows: NDArray[Any]) -> "Interactions":
        """Return some of the interactions: a mask of shape (n,), or positions."""
        return Interactions(self.people[rows], self.offers[rows], self.times[rows], self.weights[rows])

    def before(self, moment: float) -> "Interactions":
        """Return those that are known to be earlier than a moment in Unix seconds; before infinity, all of them."""
        return self if math.isinf(moment) and moment > 0 else self.taken(self.times < moment)

    def matrix(self, people: int, offers: int) -> csr_array:
        """Return the weights as a matrix of shape (people, offers); what was done several times adds up."""
        cells = (self.weights, (self.people, self.offers))
        return csr_array(cells, shape=(people, offers), dtype=np.float32)
