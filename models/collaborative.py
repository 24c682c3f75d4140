"""Rankers from what residents chose together: EASE for offers that are known, and implicit ALS with a map from content.

Both hold offers only. A resident is folded in from their history at the moment of use, so a withdrawal needs no new
model, and a click of a minute ago counts. The map gives an offer that nobody has chosen yet factors from what it is
about; the more often an offer was chosen, the more its own factors count.

EASE: H. Steck, Embarrassingly Shallow Autoencoders for Sparse Data (2019). ALS: Hu, Koren and Volinsky (2008), by
`implicit`.
"""

from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy.linalg.lapack import spotrf, spotri
from scipy.sparse import csr_array, csr_matrix
from threadpoolctl import threadpool_limits

from models.content import Content, Scores

MOST_INVERTED = 9_000
"""EASE inverts a matrix as large as there are offers or people, whichever are fewer; at most this many."""
EASE_LEAST, EASE_MOST = 5.0, 100.0
FACTORS, ITERATIONS, REGULARIZATION, CONFIDENCE = 64, 12, 0.05, 10.0
WORTH_THREADS = 200_000
"""With fewer choices than this, threads cost more than they bring."""
MAP_RIDGE = 1.0
MAP_COUNTS = 3.0
"""Chosen this often, an offer's own factors count as much as those from its content."""
MOST_WEIGHT = 20

_ROWS = 512
_Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ease:
    """EASE, solved over offers or, where they are fewer, over people.

    Attributes
    ----------
    offers
        Those it knows.
    weights
        Offer -> offer, of shape (known, known); or None, where it is solved over people.
    """

    n: int
    offers: NDArray[np.intp]
    regularization: float
    weights: _Matrix | None = None
    people: csr_array | None = None
    inverse: _Matrix | None = None
    diagonal: _Matrix | None = None

    @classmethod
    def fit(cls, histories: csr_array) -> "Ease":
        """Return EASE over histories of shape (people, offers)."""
        counts = np.asarray(histories.sum(axis=0)).ravel()
        offers = np.flatnonzero(counts > 0)
        active = histories[np.diff(histories.indptr) > 0]
        if min(active.shape[0], len(offers)) > MOST_INVERTED:
            offers = np.sort(np.argsort(-counts, kind="stable")[:MOST_INVERTED])
        chosen = csr_array(active[:, offers], dtype=np.float32)
        each = chosen.nnz / max(1, len(offers))
        ridge = float(np.clip(10 * each, EASE_LEAST, EASE_MOST))
        if len(offers) <= max(chosen.shape[0], 1):
            return cls(histories.shape[1], offers, ridge, weights=_over_offers(chosen, ridge))
        inverse = _inverse(_gram(chosen, ridge))
        spread = np.asarray(chosen.multiply(inverse @ chosen).sum(axis=0)).ravel()
        diagonal = np.maximum((1 - spread) / ridge, 1e-9).astype(np.float32)
        return cls(histories.shape[1], offers, ridge, people=chosen, inverse=inverse, diagonal=diagonal)

    def scores(self, histories: csr_array) -> Scores:
        """Return how much each offer goes with a history, of shape (people, offers); 0 for offers it does not know."""
        known = histories[:, self.offers]
        scores = np.zeros((histories.shape[0], self.n), np.float32)
        if self.weights is not None:
            scores[:, self.offers] = known @ self.weights
        elif self.people is not None and self.inverse is not None and self.diagonal is not None:
            own = known.toarray()
            explained = ((known @ self.people.T) @ self.inverse) @ self.people
            scores[:, self.offers] = own - (own - explained) / self.regularization / self.diagonal
        return scores

    def among(self, rows: NDArray[np.intp]) -> _Matrix:
        """Return what some of its offers, by position, add to all that it knows, of shape (rows, known)."""
        if self.weights is not None:
            return self.weights[rows]
        if self.people is None or self.inverse is None or self.diagonal is None:
            return np.zeros((len(rows), len(self.offers)), np.float32)
        weights = (self.people[:, rows].T @ self.inverse) @ self.people / (self.regularization * self.diagonal)
        weights[np.arange(len(rows)), rows] = 0
        return np.asarray(weights, np.float32)


def _gram(rows: csr_array, ridge: float) -> _Matrix:
    gram = np.empty((rows.shape[0], rows.shape[0]), np.float32)
    for at in range(0, len(gram), _ROWS):
        gram[at : at + _ROWS] = (rows[at : at + _ROWS] @ rows.T).toarray()
    gram[np.diag_indices_from(gram)] += ridge
    return gram


def _inverse(gram: _Matrix) -> _Matrix:
    """Return the inverse of a symmetric positive definite matrix, in its place: less than half the time and memory."""
    factor, failed = spotrf(gram.T, lower=1, overwrite_a=1)
    lower, failed_too = spotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise np.linalg.LinAlgError("What was chosen together gives no positive definite matrix.")
    for at in range(0, len(lower), _ROWS):
        own, rest = slice(at, at + _ROWS), slice(at + _ROWS, None)
        lower[own, own] = np.tril(lower[own, own]) + np.tril(lower[own, own], -1).T
        lower[own, rest] = lower[rest, own].T
    return np.asarray(lower.T)


def _over_offers(chosen: csr_array, ridge: float) -> _Matrix:
    if not chosen.shape[1]:
        return np.zeros((0, 0), np.float32)
    weights = _inverse(_gram(csr_array(chosen.T), ridge))
    weights /= -np.diag(weights).copy()
    weights[np.diag_indices_from(weights)] = 0
    return weights


@dataclass(frozen=True, slots=True)
class Factors:
    """Factors of offers (ALS), and what is needed to fold a resident in.

    Attributes
    ----------
    learned
        From choices alone, of shape (offers, factors); float32.
    mixed
        Also from content, the more so the less an offer was chosen.
    gram
        `learned.T @ learned`.
    map
        From the latent space of content to factors, of shape (dimensions, factors).
    """

    learned: _Matrix
    mixed: _Matrix
    gram: _Matrix
    map: _Matrix

    @classmethod
    def fit(cls, histories: csr_array, content: Content, seed: int = 0) -> "Factors":
        """Return factors from histories of shape (people, offers)."""
        learned = bare(histories, seed)
        counts = np.asarray(histories.sum(axis=0)).ravel().astype(np.float32)
        own = (counts / (counts + MAP_COUNTS))[:, None]
        told = _map(learned, counts, content.latent)
        mixed = own * learned + (1 - own) * (content.latent @ told)
        return cls(learned, np.asarray(mixed, np.float32), learned.T @ learned, told)

    def inverse(self) -> _Matrix:
        """Return the inverse of the matrix that factors of somebody without choices are solved with."""
        base = self.gram.astype(np.float64) + REGULARIZATION * np.eye(len(self.gram))
        return np.linalg.inv(base).astype(np.float32)

    def fold(self, histories: csr_array) -> _Matrix:
        """Return the factors of people from their histories, of shape (people, factors); 0 for an empty one."""
        people = np.zeros((histories.shape[0], self.learned.shape[1]), np.float32)
        base = self.gram + REGULARIZATION * np.eye(len(self.gram), dtype=np.float32)
        known = np.flatnonzero(np.diff(histories.indptr))
        # Threads are no help with matrices as small as these, and cost ten times as much where others are at work.
        with threadpool_limits(1, "blas") if len(known) > 1 else nullcontext():
            for n in known:
                part = slice(histories.indptr[n], histories.indptr[n + 1])
                offers = self.learned[histories.indices[part]]
                confidence = histories.data[part] * np.float32(CONFIDENCE)
                people[n] = np.linalg.solve(base + (offers.T * confidence) @ offers, offers.T @ (1 + confidence))
        return people


def bare(histories: csr_array, seed: int = 0) -> _Matrix:
    """Return factors of offers from choices alone (implicit), of shape (offers, factors)."""
    n = min(FACTORS, max(8, min(histories.shape) // 4))
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            n, regularization=REGULARIZATION, alpha=CONFIDENCE, iterations=ITERATIONS, random_state=seed,
            num_threads=0 if histories.nnz > WORTH_THREADS else 1,
        )  # fmt: skip
        model.fit(csr_matrix(histories), show_progress=False)
    return np.ascontiguousarray(model.item_factors, np.float32)


def _map(learned: _Matrix, counts: NDArray[np.float32], latent: _Matrix) -> _Matrix:
    """Return the ridge regression from an offer's content to its factors, of shape (dimensions, factors)."""
    known = counts > 0
    weights = np.sqrt(np.minimum(counts[known], MOST_WEIGHT))[:, None]
    told = latent[known] * weights
    gram = told.T @ told + MAP_RIDGE * np.eye(latent.shape[1], dtype=np.float32)
    return np.asarray(np.linalg.solve(gram, told.T @ (learned[known] * weights)), np.float32)
