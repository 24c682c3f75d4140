"""The best of many scores, exactly and in order, in a fraction of the time of sorting them. Compiled.

A sample tells a score that some more than the wanted ones are above. Those are found, which is one pass without a
branch; only among them the wanted are sought out and sorted. A score and its row are one number meanwhile: the better
the score the smaller, and of equal scores the lower row.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.compilation import compiled

_U32, _U64 = np.uint32, np.uint64
_SIGN, _HALF = np.uint32(1 << 31), np.uint64(32)
_SAMPLED = 64
"""One score in so many is looked at for the guess."""
_RUN = np.uint64(32)


@compiled
def keep_least(numbers: NDArray[Any], most: int) -> None:
    """Bring the `most` least numbers to the front, in no order (Hoare's selection)."""
    low, high = 0, len(numbers) - 1
    while low < high:
        pivot = numbers[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while numbers[i] < pivot:
                i += 1
            while numbers[j] > pivot:
                j -= 1
            if i <= j:
                numbers[i], numbers[j] = numbers[j], numbers[i]
                i, j = i + 1, j - 1
        if j < most - 1:
            low = i
        if i > most - 1:
            high = j


@compiled
def likely_least(scores: NDArray[np.float32], most: int) -> float:
    """Guess from a sample a score that some more than `most` are above; minus infinity where there are few."""
    if len(scores) < 8 * most:
        return -np.inf
    falling = -scores[::_SAMPLED]
    wanted = 2 * most // _SAMPLED + 8
    keep_least(falling, wanted)
    return -float(falling[:wanted].max())


@compiled
def find(scores: NDArray[np.float32], above: float, at: NDArray[np.uint32]) -> int:
    """Write where the scores above a threshold are; return how many.

    They are few: most runs have none, which is known from a count that the compiler turns into vector instructions.
    """
    n, threshold, size = _U64(0), np.float32(above), _U64(len(scores))
    for start in range(_U64(0), size, _RUN):
        end, hits = min(start + _RUN, size), _U32(0)
        for m in range(start, end):
            hits += _U32(scores[m] > threshold)
        if hits > 0:
            for m in range(start, end):
                at[n] = m
                n += _U64(scores[m] > threshold)
    return n  # type: ignore[return-value]  # an unsigned number is one


@compiled
def pack(scores: NDArray[np.float32], rows: NDArray[np.uint32], at: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return some of the scores with their rows, as numbers that fall as the scores rise."""
    packed, bits = np.empty(len(at), np.uint64), scores.view(np.uint32)
    for n in range(len(at)):
        # The bits of a float rise as it does, once those of a negative one are turned over and its sign is.
        score = bits[at[n]]
        rising = ~score if score >> _U32(31) else score | _SIGN
        packed[n] = _U64(_U32(~rising)) << _HALF | _U64(rows[at[n]])
    return packed


@compiled
def best_of(
    scores: NDArray[np.float32], rows: NDArray[np.uint32], most: int
) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Return the `most` best scores and their rows, in order, equal ones by row; those of minus infinity never."""
    found = np.empty(len(scores) + 1, np.uint32)
    n = find(scores, likely_least(scores, most), found)
    if n < most:
        n = find(scores, -np.inf, found)
    packed = pack(scores, rows, found[:n])
    keep_least(packed, most)
    packed = np.sort(packed[:most])
    bits, at = np.empty(len(packed), np.uint32), np.empty(len(packed), np.uint32)
    for m in range(len(packed)):
        rising = ~_U32(packed[m] >> _HALF)
        bits[m] = rising & ~_SIGN if rising >> _U32(31) else ~rising
        at[m] = _U32(packed[m])
    return bits.view(np.float32), at
