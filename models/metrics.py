"""What makes a ranked list good, as functions of arrays.

`hits` says whether the offer at a place of a list was chosen later, of shape (queries, places), best first; a short
list is filled up with False. `sizes` counts what was chosen in all, of shape (queries,).
"""

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.int64]
Vector = NDArray[np.float64]


def recall(hits: Hits, sizes: Counts, k: int) -> Vector:
    """Return the share of what was chosen that is among the first k, of shape (queries,)."""
    return np.asarray(hits[:, :k].sum(axis=1) / sizes)


def ndcg(hits: Hits, sizes: Counts, k: int) -> Vector:
    """Return the discounted gain over that of the best possible list, of shape (queries,).

    References
    ----------
    Järvelin, K. and Kekäläinen, J. (2002), Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4).
    """
    discount = 1 / np.log2(np.arange(2, k + 2))
    first = hits[:, :k]
    ideal = np.cumsum(discount)[np.minimum(k, sizes) - 1]
    return np.asarray(first @ discount[: first.shape[1]] / ideal)


def average_precision(hits: Hits, sizes: Counts, k: int) -> Vector:
    """Return the mean over what was chosen of the precision where it stands, of shape (queries,); 0 if it is missed."""
    first = hits[:, :k]
    precision = np.cumsum(first, axis=1) / np.arange(1, first.shape[1] + 1)
    return np.asarray((precision * first).sum(axis=1) / np.minimum(k, sizes))


def hit(hits: Hits, k: int) -> Vector:
    """Return 1 where anything among the first k was chosen, of shape (queries,)."""
    return np.asarray(hits[:, :k].any(axis=1), np.float64)


def listed_mean(lists: NDArray[np.int32], values: Vector) -> Vector:
    """Return the mean value of the offers of each list, nan for an empty one.

    Parameters
    ----------
    lists
        Offers of shape (queries, places); -1 where a list is short.
    values
        A value of each offer, of shape (offers,).
    """
    there = lists >= 0
    counts = there.sum(axis=1)
    sums = np.where(there, np.append(values, 0.0)[lists], 0.0).sum(axis=1)
    return np.asarray(np.divide(sums, counts, out=np.full(len(lists), np.nan), where=counts > 0))


def coverage(exposure: Counts) -> float:
    """Return the share of offers that anybody was shown; 0 of none."""
    return float((exposure > 0).mean()) if len(exposure) else 0.0


def gini(exposure: Counts) -> float:
    """Return how unevenly exposure is shared, from 0 (all alike) to 1 (one has it all); 1 where nothing was shown."""
    n, whole = len(exposure), exposure.sum()
    if not whole:
        return 1.0
    return float((2 * np.arange(1, n + 1) - n - 1) @ np.sort(exposure) / (n * whole))


def lorenz(exposure: Counts) -> Vector:
    """Return the share of all exposure that the least shown 0, 1, ... n offers have, of shape (n + 1,)."""
    shares = np.concatenate([[0.0], np.cumsum(np.sort(exposure), dtype=np.float64)])
    return np.asarray(shares / max(shares[-1], 1.0))
