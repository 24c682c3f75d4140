"""Whether chances come true: of what is said to happen in 3 of 100 cases, 3 of 100 should happen."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.bootstrap import Estimate, means
from models.runs import Lists, Odds
from models.splits import Split

BINS = 10
_Z = 1.959964
"""The normal distribution's 97.5 % point."""


class Bin(NamedTuple):
    """Some predictions of about the same size: how many, their mean, and the share that came true."""

    cases: int
    predicted: float
    happened: Estimate


class Calibration(NamedTuple):
    """What was predicted against what happened.

    Attributes
    ----------
    bins
        From the smallest predictions to the largest, about as many in each.
    error
        How far the two lie apart, in the mean over predictions (expected calibration error).
    """

    bins: tuple[Bin, ...]
    error: float


def calibrate(
    predicted: NDArray[np.floating],
    happened: NDArray[np.bool_],
    bins: int = BINS,
    people: NDArray[np.integer] | None = None,
) -> Calibration:
    """Compare chances with what happened, all of shape (n,); equal predictions come into one bin.

    Parameters
    ----------
    people
        Whose each is: what one person does moves together. Without it every case is taken to be alone.

    Raises
    ------
    ValueError
        The arrays differ in length, or a chance is not between 0 and 1.
    """
    if len(predicted) != len(happened) or not ((predicted >= 0) & (predicted <= 1)).all():
        raise ValueError("Chances lie between 0 and 1, and each has happened or not.")
    if not len(predicted):
        return Calibration((), float("nan"))
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, bins + 1)[1:-1]))
    at = np.searchsorted(edges, predicted, side="left")
    parts = [at == n for n in np.unique(at)]
    found = tuple(_bin(predicted[p], happened[p], None if people is None else people[p]) for p in parts)
    apart = sum(one.cases * abs(one.predicted - one.happened.value) for one in found)
    return Calibration(found, apart / len(predicted))


def of_run(split: Split, lists: Lists, odds: Odds) -> Calibration:
    """Compare the chances of all that a run lists with what was chosen; what has no chances is left out."""
    pairs = [
        (
            1 / (1 + np.exp(-odds[fold.number, person])),
            np.isin(offers, fold.truth[person]),
            np.full(len(offers), person),
        )
        for fold in split.folds
        for person in map(int, fold.people)
        if len(offers := lists.get((fold.number, person), _NOTHING)) and (fold.number, person) in odds
    ]
    if not pairs:
        return calibrate(np.zeros(0), np.zeros(0, np.bool_))
    chances, chosen, people = (np.concatenate(column) for column in zip(*pairs, strict=True))
    told = ~np.isnan(chances)
    return calibrate(chances[told], chosen[told], people=people[told])


def wilson(count: int, of: int) -> Estimate:
    """Return a share with its 95 % interval.

    References
    ----------
    Wilson, E. B. (1927), Probable inference, the law of succession, and statistical inference, JASA 22(158).
    """
    share, square = count / of, _Z**2
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z / (1 + square / of) * float(np.sqrt(share * (1 - share) / of + square / (4 * of**2)))
    return Estimate(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)))


def _bin(predicted: NDArray[np.floating], happened: NDArray[np.bool_], people: NDArray[np.integer] | None) -> Bin:
    if people is None or happened.all() or not happened.any():  # where all are alike, drawing anew tells nothing
        found = wilson(int(happened.sum()), len(happened))
    else:
        found = means(people, [happened.astype(np.float64)])[0]
    return Bin(len(predicted), float(predicted.mean()), found)


_NOTHING = np.zeros(0, np.int32)
