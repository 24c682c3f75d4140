"""Rankers from what offers say: likeness to what a resident chose, and a ridge from what offers are about.

The first adds up the cosines between an offer and everything chosen: the best single method for new offers where texts
or keywords are rich. The second learns for each resident which directions of a latent space (LSA) go with being chosen
and which do not: better where there are few and common keywords.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

Scores = NDArray[np.float32]
FACETS = {"organiser": 0.35, "venue": 0.2, "area": 0.2}
"""How much it counts beside all that an offer says, whose it is and where."""
NO_FACETS: Mapping[str, csr_array] = {}
DIMENSIONS = 128
OVERSAMPLED = 10
MEANING = 1.0
"""How much what offers mean counts beside what they say, where the latent space is found."""
MOST_COSINES = 60_000_000
"""With more, to add up what residents chose before multiplying is cheaper, and needs no room."""
RIDGE = 1.0
_ROWS = 512


@dataclass(frozen=True, slots=True)
class Content:
    """What offers are about, as vectors.

    Attributes
    ----------
    vectors
        Sparse, of shape (offers, features), rows of length 1 (`models.text.TextSpace`).
    latent
        The same, and what they mean where that is known, in few dimensions (truncated SVD), of shape (offers,
        dimensions); float32.
    """

    vectors: csr_array
    latent: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        texts: csr_array,
        facets: Mapping[str, csr_array] = NO_FACETS,
        meaning: NDArray[np.float32] | None = None,
        seed: int = 0,
    ) -> "Content":
        """Return the vectors of offers with their latent space.

        Parameters
        ----------
        texts
            What they say, rows of length 1 (`models.text.TextSpace`).
        facets
            Name of an attribute -> ones where an offer has a value, each of shape (offers, values).
        meaning
            What they mean, of shape (offers, dimensions), rows of length 1 or 0 (`models.embedding.MeaningSpace`).
        """
        scaled = [members * FACETS[name] for name, members in facets.items() if name in FACETS]
        vectors = normalize(csr_array(hstack([texts, *scaled], format="csr"))) if scaled else texts
        said, meant = weighed(vectors, meaning)
        used = said[:, np.unique(said.indices)]
        most = min(DIMENSIONS, used.shape[0] - 1, used.shape[1] + meant.shape[1] - 1)
        if most < 1:
            return cls(vectors, np.zeros((vectors.shape[0], 1), np.float32))
        # One thread: where others are at work too, threads that wait for each other take many times as long.
        with threadpool_limits(1, "blas"):
            return cls(vectors, _latent(used, meant, most, seed))


def weighed(vectors: csr_array, meaning: NDArray[np.float32] | None) -> tuple[csr_array, NDArray[np.float32]]:
    """Return what offers say and what they mean, weighed against each other: where both are told, of length 1 together.

    Parameters
    ----------
    vectors, meaning
        As in `Content` and `Content.of`; without a meaning, one without dimensions comes back.
    """
    if meaning is None:
        return vectors, np.zeros((vectors.shape[0], 0), np.float32)
    scale = (1 / np.sqrt(1 + MEANING**2 * (meaning**2).sum(axis=1))).astype(np.float32)
    values = vectors.data * np.repeat(scale, np.diff(vectors.indptr))
    said = csr_array((values, vectors.indices, vectors.indptr), shape=vectors.shape)
    return said, np.float32(MEANING) * scale[:, None] * meaning


def _latent(vectors: csr_array, meaning: NDArray[np.float32], dimensions: int, seed: int) -> NDArray[np.float32]:
    """Return the left singular vectors of both side by side times the singular values, of shape (offers, dimensions).

    A randomised SVD would also decompose what is as long as there are words; only offers' side is needed, which takes a
    fifth of the time and half of the memory.

    References
    ----------
    Halko, N., Martinsson, P. and Tropp, J. (2011), Finding structure with randomness, SIAM Review 53(2).
    """
    rng, words = np.random.default_rng(seed), csr_array(vectors.T)
    most = min(dimensions + OVERSAMPLED, vectors.shape[0], vectors.shape[1] + meaning.shape[1])
    found = vectors @ rng.standard_normal((vectors.shape[1], most), np.float32)
    found += meaning @ rng.standard_normal((meaning.shape[1], most), np.float32)
    for _ in range(2):
        basis = np.linalg.qr(found)[0]
        found = vectors @ (words @ basis) + meaning @ (meaning.T @ basis)
    basis = np.linalg.qr(found)[0]
    inside, meant = words @ basis, meaning.T @ basis
    squares, axes = np.linalg.eigh((inside.T @ inside + meant.T @ meant).astype(np.float64))
    order = np.argsort(-squares)[:dimensions]
    return np.ascontiguousarray(basis @ (axes[:, order] * np.sqrt(np.maximum(squares[order], 0))), np.float32)


@dataclass(frozen=True, slots=True)
class Alike:
    """How alike offers that were chosen and candidates are: worked out once for many residents where there is room.

    Attributes
    ----------
    chosen
        Offers, ascending.
    vectors
        Of `chosen`.
    others
        The candidates' vectors, of shape (features, candidates).
    cosines
        Of shape (chosen, candidates); float32. None where they would be more than `MOST_COSINES`.
    """

    chosen: NDArray[np.intp]
    vectors: csr_array
    others: csr_array
    cosines: NDArray[np.float32] | None

    @classmethod
    def of(cls, content: Content, chosen: NDArray[np.integer], candidates: NDArray[np.int32]) -> "Alike":
        """Return how alike some offers, in any order and as often as they like, are to candidates."""
        own = np.unique(chosen).astype(np.intp)
        vectors, others = csr_array(content.vectors[own]), csr_array(content.vectors[candidates].T)
        if len(own) * len(candidates) > MOST_COSINES:
            return cls(own, vectors, others, None)
        cosines = np.empty((len(own), len(candidates)), np.float32)
        for at in range(0, len(own), _ROWS):
            cosines[at : at + _ROWS] = (vectors[at : at + _ROWS] @ others).toarray()
        return cls(own, vectors, others, cosines)

    def likeness(self, histories: csr_array) -> Scores:
        """Return the sum of cosines between candidates and what was chosen, over the root of how much was.

        Parameters
        ----------
        histories
            Shape (people, offers); its values weigh what was chosen.

        Returns
        -------
        Scores
            Shape (people, candidates).
        """
        lengths = np.sqrt(np.maximum(np.diff(histories.indptr), 1)).astype(np.float32)
        told = histories[:, self.chosen]
        sums = ((told @ self.vectors) @ self.others).toarray() if self.cosines is None else told @ self.cosines
        return np.asarray(sums / lengths[:, None], np.float32)


@dataclass(frozen=True, slots=True)
class Ridge:
    """A ridge regression of each resident's choices on the latent space, all solved by one small matrix.

    Attributes
    ----------
    solution
        The inverse of the known offers' regularised Gram matrix, of shape (dimensions, dimensions).
    """

    solution: NDArray[np.float32]

    @classmethod
    def fit(cls, content: Content, known: NDArray[np.bool_]) -> "Ridge":
        """Return the ridge over the offers that somebody chose; `known` is of shape (offers,)."""
        latent = content.latent[known]
        gram = latent.T @ latent + RIDGE * np.eye(latent.shape[1], dtype=np.float32)
        return cls(np.linalg.inv(gram).astype(np.float32))

    def scores(self, content: Content, histories: csr_array, candidates: NDArray[np.int32]) -> Scores:
        """Return how much each candidate is what the resident chooses, of shape (people, candidates)."""
        weights = (histories @ content.latent) @ self.solution
        return np.asarray(weights @ content.latent[candidates].T, np.float32)
