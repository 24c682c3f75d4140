"""How sure a mean is: the percentile bootstrap over people, whose queries all move together."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

DRAWS, SEED = 2_000, 7
LEVEL = 95.0
"""Per cent that an interval covers."""
_TINY = 1e-300

Vector = NDArray[np.float64]


class Estimate(NamedTuple):
    """A figure and the ends of its 95 % interval; nan where there is nothing to estimate from."""

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the whole interval lies above or below 0, else 0."""
        return int(self.low > 0) - int(self.high < 0)


def bootstrap(sums: Vector, counts: Vector, draws: int = DRAWS, seed: int = SEED) -> list[Estimate]:
    """Return ratios of two sums, each with the interval that drawing the clusters anew gives.

    Parameters
    ----------
    sums, counts
        What each cluster adds above and below the line, of shape (clusters, ratios).

    References
    ----------
    Efron, B. and Tibshirani, R. (1993), An Introduction to the Bootstrap, chapter 13.
    """
    found = _ratio(sums.sum(axis=0), counts.sum(axis=0))
    known = counts.sum(axis=0) > 0
    return _intervals(np.where(known, found, np.nan), drawn(sums, counts, draws, seed))


def bootstrap_difference(sums: Vector, counts: Vector, draws: int = DRAWS, seed: int = SEED) -> Estimate:
    """Return the first ratio less the second, with its interval; the parameters are those of `bootstrap`."""
    first, second = bootstrap(sums, counts, draws=1)
    found = drawn(sums, counts, draws, seed)
    return _intervals(np.array([first.value - second.value]), found[:, :1] - found[:, 1:])[0]


def clustered(clusters: NDArray[Any], columns: Sequence[Vector]) -> Vector:
    """Return the sums of columns of shape (n,) over equal values of `clusters`, in their order: (clusters, columns)."""
    own, at = np.unique(clusters, return_inverse=True)
    sums = [np.bincount(at, weights=column, minlength=len(own)) for column in columns]
    return np.stack(sums, axis=1) if sums else np.zeros((len(own), 0))


def means(clusters: NDArray[Any], columns: Sequence[Vector], draws: int = DRAWS, seed: int = SEED) -> list[Estimate]:
    """Return the mean of each column over its rows, with intervals; rows that are nan do not count."""
    known = [~np.isnan(column) for column in columns]
    sums = clustered(clusters, [np.nan_to_num(column) for column in columns])
    return bootstrap(sums, clustered(clusters, [told.astype(np.float64) for told in known]), draws, seed)


def drawn(sums: Vector, counts: Vector, draws: int, seed: int) -> Vector:
    """Return what each draw of as many clusters makes of the ratios, of shape (draws, ratios)."""
    rng, clusters = np.random.default_rng(seed), len(sums)
    found = np.full((draws, sums.shape[1]), np.nan)
    for draw in range(draws if clusters else 0):
        times = np.bincount(rng.integers(0, clusters, clusters), minlength=clusters).astype(np.float64)
        found[draw] = _ratio(times @ sums, times @ counts)
    return found


def _intervals(values: Vector, found: Vector) -> list[Estimate]:
    """Return values with the percentiles of their draws; what is nan has no interval."""
    ends = np.percentile(found, [50 - LEVEL / 2, 50 + LEVEL / 2], axis=0)
    low, high = np.where(np.isnan(values), np.nan, ends)
    return [Estimate(float(v), float(lo), float(hi)) for v, lo, hi in zip(values, low, high, strict=True)]


def _ratio(above: Vector, below: Vector) -> Vector:
    """Return above / below, 0 where nothing is below the line; counts and weights are never negative."""
    return np.asarray(above / np.maximum(below, _TINY) * (below > 0))
