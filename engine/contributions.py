"""What added to the scores of an answer's offers, by what it is called: one loop for all of them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.compilation import compiled

_ENOUGH = 0.2
"""What added less than this share of what added most moved little, and is not said."""


class Entries(NamedTuple):
    """The features that were weighed: slot, number of what it is called, and what it adds. Shape (entries,), all."""

    slots: NDArray[np.int64]
    codes: NDArray[np.int64]
    adds: NDArray[np.float64]


class Offers(NamedTuple):
    """What is read of the offers shown: `engine.ranking.Ranked` and `engine.columns.Columns`."""

    rows: NDArray[np.uint32]
    waits: NDArray[np.int32]
    metres: NDArray[np.float64]
    slots: NDArray[Any]
    norm: NDArray[np.float32]
    popularity: NDArray[np.float32]
    visitors: NDArray[np.int32]


class Scales(NamedTuple):
    """How much circumstances add at their most, and as far as which people would call them a reason.

    Distances in metres, waits in minutes; `free` adds the same to all. `codes` is how many numbers there are, and the
    others with `_code` are those of circumstances.
    """

    codes: int
    near_code: int
    popular_code: int
    soon_code: int
    free_code: int
    near: float
    near_metres: float
    popular: float
    popular_from: float
    visitors_from: int
    soon: float
    soon_minutes: int
    free: float


@compiled
def contributions(offers: Offers, entries: Entries, scales: Scales) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each offer the numbers of what added most, the largest first, and the slots that added most of it.

    Shape (offers, codes), both; -1 from where there is no more, and slot 0 where it is no feature.
    """
    shape = (len(offers.rows), scales.codes)
    numbers, slots = np.full(shape, -1), np.zeros(shape, np.int64)
    for n in range(len(offers.rows)):
        adds, most = by_features(entries, scales.codes, offers.slots[offers.rows[n]], offers.norm[offers.rows[n]])
        add_circumstances(adds, offers, n, scales)
        found = largest(adds)
        numbers[n, : len(found)] = found
        slots[n, : len(found)] = most[found]
    return numbers, slots


@compiled
def by_features(
    entries: Entries, codes: int, slots: NDArray[Any], norm: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return what an offer's features add, by number, and the slot that adds most of it; the first of equal ones."""
    adds, most, of = np.zeros(codes), np.zeros(codes), np.zeros(codes, np.int64)
    for slot in slots:
        if slot == 0:
            break
        for n in range(len(entries.slots)):
            if entries.slots[n] == slot:
                code, gain = entries.codes[n], entries.adds[n]
                adds[code] += gain * norm
                if gain > most[code]:
                    most[code], of[code] = gain, slot
    return adds, of


@compiled
def add_circumstances(adds: NDArray[np.float64], offers: Offers, n: int, scales: Scales) -> None:
    """Put in what else added to the score of an offer."""
    row, wait, metres = offers.rows[n], offers.waits[n], offers.metres[n]
    if metres <= scales.near_metres:
        adds[scales.near_code] = scales.near / (1 + (metres / 2_000) ** 2)
    if offers.popularity[row] >= scales.popular_from and offers.visitors[row] >= scales.visitors_from:
        adds[scales.popular_code] = scales.popular * offers.popularity[row]
    if 0 <= wait <= scales.soon_minutes:
        adds[scales.soon_code] = scales.soon / (1 + wait / (7 * 24 * 60))
    adds[scales.free_code] = scales.free


@compiled
def largest(adds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the numbers of what added most, the largest first, without what moved little or away."""
    found, n, left = np.empty(len(adds), np.int64), 0, adds.copy()
    enough = _ENOUGH * adds.max()
    while n < len(adds):
        number = np.argmax(left)
        if left[number] <= 0 or left[number] < enough:
            break
        found[n], left[number] = number, -np.inf
        n += 1
    return found[:n]
