"""What the city puts beside the ranking, whoever asks: an amount for each row, and rows that come first.

It moves offers among those that fit a request; it lets in none that the request's filters leave out.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.catalogue import Live
from engine.scenario import Scenario


class Steered(NamedTuple):
    """What is put beside the ranking of one scenario.

    Attributes
    ----------
    version
        Differs where any of the rest differs: scores worked out with another are of no use.
    adds
        What each row's score gains or loses, on the scale of the first stage; -inf leaves it out. Shape (rows,).
    pinned
        Rows to come first where they fit the request, in this order.
    """

    version: Hashable
    adds: NDArray[np.float32]
    pinned: Sequence[int] = ()


class Steering(Protocol):
    """What knows it."""

    def steered(self, scenario: Scenario, live: Live) -> Steered:
        """Return what holds now: a look-up, since every answer asks."""
