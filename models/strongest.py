"""EASE as it is published: of each offer only the strongest weights, and nobody's history."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from models.collaborative import Ease
from models.content import Scores

MOST = 64
"""How many weights of an offer are kept."""
_ROWS = 512


@dataclass(frozen=True, slots=True)
class Strongest:
    """What having chosen an offer adds to the scores of others.

    Attributes
    ----------
    weights
        Of shape (offers, offers); at most `MOST` a row.
    """

    weights: csr_array

    @classmethod
    def of(cls, ease: Ease) -> "Strongest":
        """Return the strongest weights of EASE, whichever way it was solved."""
        known = len(ease.offers)
        parts = [_cut(ease.among(np.arange(at, min(at + _ROWS, known))), ease) for at in range(0, known, _ROWS)]
        weights = csr_array(vstack(parts)) if parts else csr_array((0, ease.n), dtype=np.float32)
        # Rows of offers that it does not know are empty.
        lengths = np.zeros(ease.n, np.int64)
        lengths[ease.offers] = np.diff(weights.indptr)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        return cls(csr_array((weights.data, weights.indices, starts), shape=(ease.n, ease.n)))

    def scores(self, histories: csr_array) -> Scores:
        """Return how much each offer goes with a history, of shape (people, offers)."""
        return np.asarray((histories @ self.weights).toarray(), np.float32)

    def wider(self, offers: int) -> "Strongest":
        """Return the same among more offers, `offers` in all; those that are new add nothing."""
        weights = self.weights
        starts = np.pad(weights.indptr, (0, offers - weights.shape[0]), mode="edge")
        return Strongest(csr_array((weights.data, weights.indices, starts), shape=(offers, offers)))


def _cut(weights: NDArray[np.float32], ease: Ease) -> csr_array:
    """Return the largest of each row, at the numbers that offers have outside, of shape (rows, offers)."""
    most = min(MOST, weights.shape[1])
    columns = np.sort(np.argpartition(-np.abs(weights), most - 1, axis=1)[:, :most], axis=1)
    values = np.take_along_axis(weights, columns, axis=1)
    starts = np.arange(0, values.size + 1, most)
    cut = csr_array((values.ravel(), ease.offers[columns.ravel()], starts), shape=(len(weights), ease.n))
    cut.eliminate_zeros()
    return cut
