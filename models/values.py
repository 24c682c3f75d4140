"""What everybody's choices say of the values of an attribute, by value: for offers of later too."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.context import Attribute, Commonly, numbered, values_of
from models.item import Item
from models.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Valued:
    """What is known of each value, by its number; the last row is of offers that have none.

    Attributes
    ----------
    numbers
        Value -> number.
    usual, held
        As in `models.context.Commonly`. Shape (values + 1,).
    gathered
        Its draw, visitors and returning. Shape (3, values + 1).
    new
        What holds of a value that nobody has chosen: `usual`.
    """

    numbers: Mapping[Hashable, int]
    usual: NDArray[np.float32]
    held: NDArray[np.float32]
    gathered: NDArray[np.float32]
    new: float

    def of(self, values: Sequence[Hashable | None]) -> NDArray[np.int32]:
        """Return the number of each value; -1 for None."""
        return np.array([-1 if value is None else self.numbers[value] for value in values], np.int32)

    def knowing(self, values: Sequence[Hashable | None]) -> "Valued":
        """Return the same with values that nobody has chosen yet."""
        fresh = [value for value in numbered(values) if value not in self.numbers]
        if not fresh:
            return self
        at, n = len(self.numbers), len(fresh)
        nobody = np.repeat(_NOBODY[:, None], n, axis=1)
        return Valued(
            {**self.numbers, **{value: number for number, value in enumerate(fresh, at)}},
            np.insert(self.usual, at, np.full(n, self.new, np.float32)),
            np.insert(self.held, at, np.ones(n, np.float32)),
            np.concatenate([self.gathered[:, :at], nobody, self.gathered[:, at:]], axis=1),
            self.new,
        )


_NOBODY = np.log1p(np.array([0, 1, 0], np.float32))
"""Draw, visitors and returning of what nobody has chosen, as `models.context.Commonly` has them."""


def valued(name: str, items: Sequence[Item], known: Snapshot) -> Valued:
    """Return what a snapshot's choices say of an attribute's values."""
    values = values_of(items)[name]
    numbers, common = numbered(values), Commonly.of(Attribute.of(name, values), known)
    none = np.full(1, np.nan, np.float32)
    gathered = np.stack([common.draw, common.visitors, common.returning])
    return Valued(
        numbers,
        np.concatenate([common.usual, none]).astype(np.float32),
        np.concatenate([common.held, none]).astype(np.float32),
        np.concatenate([gathered, np.full((3, 1), np.nan)], axis=1).astype(np.float32),
        float(np.log(1 / (known.popularity.counts.sum() + 1))),
    )
