"""The way of an offer that came after training into the latent space of those that training knew."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from models.content import Content, weighed

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
        Of shape (columns, dimensions); half precision is enough.
    meaning_axes
        The same of what offers mean, of shape (its dimensions, dimensions). Together with that of `axes` each direction
        is of length 1, or 0 where it means nothing.
    """

    columns: NDArray[np.int32]
    axes: NDArray[np.float16]
    meaning_axes: NDArray[np.float16]

    @property
    def has_meaning(self) -> bool:
        """Whether what offers mean has a part in the latent space."""
        return len(self.meaning_axes) > 0

    @classmethod
    def of(cls, content: Content, meaning: NDArray[np.float32] | None = None) -> "Projection":
        """Return the directions that the latent space of some offers has.

        The latent space is ``U S``, so ``V = A' (U S) / S**2``, and S are the lengths of its columns.

        Parameters
        ----------
        meaning
            What the offers mean, as `Content.of` was told.
        """
        columns = np.unique(content.vectors.indices)
        squares = (content.latent**2).sum(axis=0)
        told = squares > _LEAST**2 * squares.max()
        shares = np.where(told, 1 / np.where(told, squares, 1), 0)
        said, meant = weighed(content.vectors, meaning)
        axes, meaning_axes = ((its.T @ content.latent) * shares for its in (said[:, columns], meant))
        return cls(columns.astype(np.int32), np.asarray(axes, np.float16), np.asarray(meaning_axes, np.float16))

    def latent(self, vectors: csr_array, meaning: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return offers in the latent space, of shape (offers, dimensions).

        Parameters
        ----------
        vectors, meaning
            As in `Content` and `Content.of`; without a meaning, words alone tell where the offers lie.
        """
        told = np.unique(vectors.indices)
        told = told[np.isin(told, self.columns)]
        axes = self.axes[np.searchsorted(self.columns, told)].astype(np.float32)
        said, meant = weighed(vectors, meaning)
        latent = said[:, told] @ axes
        if meaning is not None:
            latent += meant @ self.meaning_axes.astype(np.float32)
        return np.asarray(latent, np.float32)
