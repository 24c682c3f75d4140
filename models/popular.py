"""Rankers that need nothing of anybody in particular: how often an offer was chosen, ever and lately."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.matrix import DAY, Interactions

HALF_LIVES_DAYS = (7.0, 30.0)


@dataclass(frozen=True, slots=True)
class Popularity:
    """How often each offer was chosen.

    Attributes
    ----------
    counts
        All choices, of shape (offers,); float32.
    lately
        Half-life in days -> choices, each worth half after that time; empty where times are unknown.
    """

    counts: NDArray[np.float32]
    lately: dict[float, NDArray[np.float32]] = field(default_factory=dict)

    @classmethod
    def fit(cls, before: Interactions, offers: int, at: float) -> "Popularity":
        """Return how often each of `offers` offers was chosen before `at`, in Unix seconds."""
        counts = np.bincount(before.offers, minlength=offers).astype(np.float32)
        if not np.isfinite(at):
            return cls(counts)
        days = (at - before.times) / DAY
        lately = {life: _counted(before, 0.5 ** (days / life), offers) for life in HALF_LIVES_DAYS}
        return cls(counts, lately)

    def among(self, offers: NDArray[np.bool_]) -> "Popularity":
        """Return the same of some offers, of shape (offers,); of all others nothing is known."""
        lately = {life: np.where(offers, counts, np.float32(0)) for life, counts in self.lately.items()}
        return Popularity(np.where(offers, self.counts, np.float32(0)), lately)

    def measures(self) -> dict[str, NDArray[np.float32]]:
        """Return each way to count by its name, as logarithms of shape (offers,)."""
        lately = {f"popular_{life:g}": np.log1p(counts) for life, counts in self.lately.items()}
        return {"popular": np.log1p(self.counts), **lately}


def _counted(before: Interactions, worth: NDArray[np.float64], offers: int) -> NDArray[np.float32]:
    return np.bincount(before.offers, worth, minlength=offers).astype(np.float32)
