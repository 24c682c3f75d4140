"""What added to the scores of an answer's offers, by what it is called: worked out for all at once, over arrays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.reasons import Code

CODES = tuple(Code)
NUMBERS = {code: number for number, code in enumerate(CODES)}
"""The column of each code."""

_ENOUGH = 0.2
"""What added less than this share of what added most moved little, and is not said."""


class Entries(NamedTuple):
    """The features that were weighed: slot, number of what it is called, and what it adds. Shape (entries,), all."""

    slots: NDArray[np.int32]
    codes: NDArray[np.int32]
    adds: NDArray[np.float64]


def by_features(
    entries: Entries, slots: NDArray[np.integer], norms: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return what the features of each offer add, by code, and the slot that adds most of it.

    Parameters
    ----------
    slots, norms
        Of the offers, as in `engine.columns.Columns`. Shape (offers, slots) and (offers,).

    Returns
    -------
    Shape (offers, codes), both; a slot of 0 is none.
    """
    offers, _, which = np.nonzero(slots[:, :, None] == entries.slots)
    rising = np.argsort(-entries.adds[which], kind="stable")[::-1]
    offers, which = offers[rising], which[rising]
    cells, shape = offers * len(CODES) + entries.codes[which], (len(slots), len(CODES))
    adds = np.bincount(cells, entries.adds[which] * norms[offers], len(slots) * len(CODES)).astype(np.float64)
    most = np.zeros(len(adds), np.int32)
    # Of several, the last one written stays: the one that adds most, of equal ones the offer's first.
    most[cells] = entries.slots[which]
    return adds.reshape(shape), most.reshape(shape)


def largest(adds: NDArray[np.float64]) -> list[list[int]]:
    """Return for each offer the columns of what added most, the largest first, without what moved little or away.

    Examples
    --------
    >>> largest(np.array([[0.02, 0.2, 0.4, -0.3], [0, 0, 0, -1]]))
    [[2, 1], []]
    """
    enough = _ENOUGH * adds.max(axis=1, initial=0.0)
    counts = ((adds > 0) & (adds >= enough[:, None])).sum(axis=1)
    order = np.argsort(-adds, axis=1, kind="stable")
    return [columns[:count] for columns, count in zip(order.tolist(), counts.tolist(), strict=True)]
