"""The models that offers are looked at by: the current one and, while a trial runs, one more beside it.

What models know of offers lies side by side: a column of numbers and some columns of factors for each. A resident is
faced by one of them alone; its direction is nothing where the others' factors lie, so that whatever reads factors need
not know how many models there are. With one model it is all as if there were no panel.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.known import Known
from engine.ranker import FAMILIES, LOCATED, Chosen, Facing, Opinions, Part, Ranker
from engine.trial import Lots, Trial

CURRENT, ON_TRIAL = 0, 1


class Contender(NamedTuple):
    """A model on trial."""

    ranker: Ranker
    trial: Trial


@dataclass(frozen=True, slots=True)
class Seated:
    """One model of a panel in front of a resident (`engine.ranker.Facing`), told of offers by the panel's numbers."""

    facing: Facing
    place: int
    sharing: float
    direction: NDArray[np.float32]

    def opinions(self, numbers: NDArray[np.int32], seats: NDArray[np.int32]) -> Opinions:
        """Return what the model thinks of offers, by their numbers in all models, of shape (n, models)."""
        return self.facing.opinions(numbers[:, self.place], seats)


@dataclass(frozen=True, slots=True)
class Panel:
    """The models by their places, `CURRENT` first; a trial where there is one `ON_TRIAL`."""

    rankers: tuple[Ranker, ...] = ()
    trial: Trial | None = None

    @classmethod
    def of(cls, ranker: Ranker | None, contender: Contender | None = None) -> "Panel":
        """Return the panel of a current model and one on trial; none without a current one."""
        if ranker is None:
            return cls()
        return cls((ranker,)) if contender is None else cls((ranker, contender.ranker), contender.trial)

    @property
    def current(self) -> Ranker | None:
        """The current model."""
        return self.rankers[CURRENT] if self.rankers else None

    @property
    def dimensions(self) -> int:
        """How many factors all models have together."""
        return sum(ranker.factors.shape[1] for ranker in self.rankers)

    def numbers(self, offers: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the numbers of offers in each model, -1 where it does not know them. Shape (n, models)."""
        if not self.rankers:
            return np.zeros((len(offers), 0), np.int32)
        return np.stack([ranker.numbers(offers) for ranker in self.rankers], axis=1)

    def factors(self, numbers: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the factors of offers by their numbers, zeros where a model does not know them. Shape (n, d)."""
        if not self.rankers:
            return np.zeros((len(numbers), 0), np.float32)
        columns = zip(self.rankers, numbers.T, strict=True)
        return np.concatenate([_factors(ranker.factors, its) for ranker, its in columns], axis=1)

    def asked(
        self, known: Known, chosen: Chosen | None, lots: Lots | None, now: datetime
    ) -> tuple[Seated | None, str | None]:
        """Return the model in front of a resident, told of no more than may be used, and its name.

        Named is also one that knows nothing of what they chose: two models are compared by whom each was to answer,
        which must not depend on what each knows.

        Parameters
        ----------
        known
            What may be used of the resident.
        chosen
            The offers that they chose; without any no model is asked.
        lots
            Draws whom the model on trial answers, of those whose answers may be kept; nobody without.
        """
        if not self.rankers or chosen is None or not len(chosen.offers):
            return None, None
        off = frozenset().union(*(FAMILIES[family] for family in known.off), frozenset() if known.located else LOCATED)
        place = self._place(known, lots)
        return self._facing(place, chosen, now.timestamp(), off), self.rankers[place].name

    def _place(self, known: Known, lots: Lots | None) -> int:
        if self.trial is None or lots is None or known.record is None:
            return CURRENT
        return ON_TRIAL if lots.drawn(self.trial, known.record.resident) else CURRENT

    def _facing(self, place: int, chosen: Chosen, now: float, off: frozenset[Part]) -> Seated | None:
        ranker = self.rankers[place]
        if (its := ranker.facing(chosen, now, off)) is None:
            return None
        direction = its.direction
        if len(self.rankers) > 1:
            sizes = [ranker.factors.shape[1] for ranker in self.rankers]
            direction = np.zeros(sum(sizes), np.float32)
            first = sum(sizes[:place])
            direction[first : first + sizes[place]] = its.direction
        return Seated(its, place, ranker.sharing, direction)


def _factors(factors: NDArray[np.float32], numbers: NDArray[np.int32]) -> NDArray[np.float32]:
    if not len(factors):
        return np.zeros((len(numbers), factors.shape[1]), np.float32)
    return np.where((numbers >= 0)[:, None], factors[numbers], np.float32(0))
