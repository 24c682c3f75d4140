"""The way of an offer that came after training into the latent space of those that training knew."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from models.content import Content

_LEAST = 1e-3
"""A direction so much shorter than the longest is made of rounding errors, and would make nonsense of a new offer."""


@dataclass(frozen=True, slots=True)
class Projection:
    """The directions of the latent space.

    Attributes
    ----------
    columns
        The features that they know, ascending.
    axes
        Of shape (columns, dimensions), each of length 1, or 0 where it means nothing; half precision is enough.
    """

    columns: NDArray[np.int32]
    axes: NDArray[np.float16]

    @classmethod
    def of(cls, content: Content) -> "Projection":
        """Return the directions that the latent space of some offers has.

        The latent space is ``U S``, so ``V = A' (U S) / S**2``, and S are the lengths of its columns.
        """
        columns = np.unique(content.vectors.indices)
        squares = (content.latent**2).sum(axis=0)
        told = squares > _LEAST**2 * squares.max()
        axes = (content.vectors[:, columns].T @ content.latent) * np.where(told, 1 / np.where(told, squares, 1), 0)
        return cls(columns.astype(np.int32), np.asarray(axes, np.float16))

    def latent(self, vectors: csr_array) -> NDArray[np.float32]:
        """Return vectors of shape (offers, features) in the latent space, of shape (offers, dimensions)."""
        said = np.unique(vectors.indices)
        said = said[np.isin(said, self.columns)]
        axes = self.axes[np.searchsorted(self.columns, said)].astype(np.float32)
        return np.asarray(vectors[:, said] @ axes, np.float32)
