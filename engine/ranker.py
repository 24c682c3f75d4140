"""What a learned model is to the engine: an opinion of the few offers that a first stage found, and what it rests on.

Models are made elsewhere and handed in; the engine decides what of a resident may be used, and hands in no more.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Part(IntEnum):
    """What an opinion rests on; its places in arrays."""

    TOPIC = 0
    ALIKE = 1
    POPULAR = 2
    PLACE = 3
    AREA = 4
    ORGANISER = 5
    KIND = 6
    TIME = 7
    SOON = 8
    REST = 9


PARTS = len(Part)
LOCATED = frozenset({Part.PLACE, Part.AREA})
"""Parts that tell where a resident goes."""
FAMILIES: Mapping[str, frozenset[Part]] = {
    "topic": frozenset({Part.TOPIC}),
    "group": frozenset(),
    "place": frozenset({Part.PLACE}),
    "area": frozenset({Part.AREA}),
    "kind": frozenset({Part.KIND}),
    "time": frozenset({Part.TIME}),
    "organiser": frozenset({Part.ORGANISER}),
    "popular": frozenset({Part.POPULAR}),
    "alike": frozenset({Part.ALIKE}),
}
"""Which parts the reasons of each family (`engine.choices`) speak of."""


class Chosen(NamedTuple):
    """The offers that a resident chose, by the hashes of their ids, and when, in Unix seconds. Shape (n,), both."""

    offers: NDArray[np.uint64]
    times: NDArray[np.float64]


class Opinions(NamedTuple):
    """What a model thinks of some offers, in log-odds against the mean of them.

    Attributes
    ----------
    scores
        How much more each is what the resident will choose; 0 for an offer that the model does not know, or that was
        chosen already. Shape (n,).
    parts
        How much of that rests on each `Part`; they add up to the scores. Shape (n, parts).
    """

    scores: NDArray[np.float32]
    parts: NDArray[np.float32]


class Facing(Protocol):
    """A model in front of one resident, for the length of one answer."""

    @property
    def direction(self) -> NDArray[np.float32]:
        """What offers' factors are multiplied with in the first stage. Shape (d,)."""

    def opinions(self, numbers: NDArray[np.int32], seats: NDArray[np.int32]) -> Opinions:
        """Return what the model thinks of offers, by their numbers in it; -1 for one that it does not know.

        Parameters
        ----------
        seats
            How many are left now; -1 where there is no limit. Shape (n,), as `numbers`.
        """


class Ranker(Protocol):
    """A model, ready to be asked."""

    @property
    def name(self) -> str:
        """The published model's name."""

    @property
    def factors(self) -> NDArray[np.float32]:
        """The offers' factors for the first stage, by number. Shape (offers, d)."""

    @property
    def sharing(self) -> float:
        """How strongly exposure is shared out (`engine.exposure.lowered`); 0 for not at all."""

    def numbers(self, offers: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the offers' numbers by the hashes of their ids; -1 for one that the model does not know."""

    def facing(self, chosen: Chosen, now: float, off: frozenset[Part]) -> Facing | None:
        """Return the model in front of a resident; None where it knows nothing that they chose.

        Parameters
        ----------
        now
            Unix seconds.
        off
            Parts that may not count.
        """
