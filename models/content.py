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
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

Scores = NDArray[np.float32]
FACETS = {"organiser": 0.35, "venue": 0.2, "area": 0.2}
"""How much it counts beside all that an offer says, whose it is and where."""
NO_FACETS: Mapping[str, csr_array] = {}
DIMENSIONS = 128
RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Content:
    """What offers are about, as vectors.

    Attributes
    ----------
    vectors
        Sparse, of shape (offers, features), rows of length 1 (`models.text.TextSpace`).
    latent
        The same in few dimensions (truncated SVD), of shape (offers, dimensions); float32.
    """

    vectors: csr_array
    latent: NDArray[np.float32]

    @classmethod
    def of(cls, texts: csr_array, facets: Mapping[str, csr_array] = NO_FACETS, seed: int = 0) -> "Content":
        """Return the vectors of offers with their latent space.

        Parameters
        ----------
        texts
            What they say, rows of length 1 (`models.text.TextSpace`).
        facets
            Name of an attribute -> ones where an offer has a value, each of shape (offers, values).
        """
        weighed = [members * FACETS[name] for name, members in facets.items() if name in FACETS]
        vectors = normalize(csr_array(hstack([texts, *weighed], format="csr"))) if weighed else texts
        used = vectors[:, np.unique(vectors.indices)]
        most = min(DIMENSIONS, min(used.shape) - 1)
        if most < 1:
            return cls(vectors, np.zeros((vectors.shape[0], 1), np.float32))
        # One thread: where others are at work too, threads that wait for each other take many times as long.
        with threadpool_limits(1, "blas"):
            left, values, _ = randomized_svd(used, most, n_iter=2, random_state=seed)
        return cls(vectors, np.ascontiguousarray(left * values, np.float32))


def likeness(content: Content, histories: csr_array, candidates: NDArray[np.int32]) -> Scores:
    """Return the sum of cosines between candidates and what was chosen, over the root of how much was.

    Parameters
    ----------
    histories
        Shape (people, offers); its values weigh what was chosen.
    candidates
        Offers, shape (candidates,).

    Returns
    -------
    Scores
        Shape (people, candidates).
    """
    lengths = np.sqrt(np.maximum(np.diff(histories.indptr), 1)).astype(np.float32)
    profiles = histories @ content.vectors
    scores = (profiles @ content.vectors[candidates].T).toarray() / lengths[:, None]
    return np.asarray(scores, np.float32)


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
