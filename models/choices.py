"""From what residents did with offers to what they chose: the one thing that rankers learn from.

An offer counts as chosen from the first act that says so, unless a later one takes it back: a save undone, a place
cancelled, an offer put away, a rating of one or two stars. To look at an offer in passing says nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.events import InteractionType
from engine.taste import CHOICES
from models.matrix import Interactions

_SAYS: Mapping[str, int] = {str(type_): says for type_, says in CHOICES.items()}
_LIKED_STARS = 3


class _Acts(NamedTuple):
    """Acts, as arrays of shape (acts,); `says` is what `CHOICES` tells of each."""

    people: NDArray[np.int32]
    offers: NDArray[np.int32]
    times: NDArray[np.float64]
    says: NDArray[np.int8]

    def taken(self, rows: NDArray[Any]) -> "_Acts":
        return _Acts(self.people[rows], self.offers[rows], self.times[rows], self.says[rows])


_NONE = _Acts(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int8))


@dataclass(slots=True)
class Choices:
    """Collects acts, a chunk at a time.

    Attributes
    ----------
    offers
        Id -> number, in the order in which they came.
    """

    offers: dict[str, int] = field(default_factory=dict)
    _parts: list[_Acts] = field(default_factory=lambda: [_NONE])

    def add(
        self,
        people: Sequence[int],
        offers: Sequence[str],
        types: Sequence[str],
        times: Sequence[float],
        values: Sequence[int | None],
    ) -> None:
        """Take in a chunk (`engine.records.learning.Deeds`); all that a resident did must be in one chunk."""
        numbers = [self.offers.setdefault(offer, len(self.offers)) for offer in offers]
        says = [_says(type_, value) for type_, value in zip(types, values, strict=True)]
        acts = _Acts(np.array(people, np.int32), np.array(numbers, np.int32), np.array(times), np.array(says, np.int8))
        self._parts.append(_chosen(acts))

    def interactions(self) -> Interactions:
        """Return who chose what, and when first; the offers are numbers in `offers`."""
        people = np.concatenate([part.people for part in self._parts])
        offers = np.concatenate([part.offers for part in self._parts])
        times = np.concatenate([part.times for part in self._parts])
        return Interactions(people, offers, times, np.ones(len(people), np.float32))


def _says(type_: str, value: int | None) -> int:
    if type_ == InteractionType.RATE:
        return 1 if (value or 0) >= _LIKED_STARS else -1
    return _SAYS.get(type_, 0)


def _chosen(acts: _Acts) -> _Acts:
    """Return the first act of each pair of a resident and an offer that chooses, where the last word does too."""
    told = acts.taken(acts.says != 0)
    told = told.taken(np.lexsort((told.times, told.offers, told.people)))
    ends = np.ones(len(told.people), np.bool_)
    ends[:-1] = (told.people[1:] != told.people[:-1]) | (told.offers[1:] != told.offers[:-1])
    pair: NDArray[np.intp] = np.cumsum(ends) - ends
    rows = np.flatnonzero((told.says[ends] > 0)[pair] & (told.says > 0))
    return told.taken(rows[np.unique(pair[rows], return_index=True)[1]])
