"""What a resident's taste leans to, read by one compiled loop straight from the form that Redis holds (`Taste.pack`).

To make arrays of it first, as learning does, would take a fifth of the time of a whole answer.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.compilation import compiled
from engine.events import InteractionType
from engine.taste import (
    CHOOSING,
    HALF_LIVES_SECONDS,
    HASH_BYTES,
    LESSONS,
    LOCATED_BIT,
    SETTLING,
    SUM_BYTES,
    TICKS,
    TYPE_BITS,
    Lane,
)

MOST_CHOSEN = 40
"""How many of the latest choices a model is told of."""

_LEAST = 1e-12
_U32, _U64, _F32 = np.uint32, np.uint64, np.float32
_CODES = _U64(1 << int(TYPE_BITS)) - _U64(1)
_HALF_LIVES = HALF_LIVES_SECONDS.astype(np.float64)
_SETTLES = SETTLING.astype(np.bool_)
_SAYS = CHOOSING.astype(np.int64)
_MOST, _TICKS = MOST_CHOSEN, float(TICKS)
_DISMISSED = np.uint64(LESSONS[InteractionType.DISMISS].code)
_LOOKS = np.zeros(16)
_LOOKS[[its.code for its in LESSONS.values() if its.lane is Lane.SEEN]] = [
    its.weight for its in LESSONS.values() if its.lane is Lane.SEEN
]


class Features(NamedTuple):
    """What is known of the features' names, by slot: `engine.catalogue.Live`. `hashes` ascend, with their slots."""

    hashes: NDArray[np.uint64]
    slots: NDArray[np.int32]
    idf: NDArray[np.float32]
    families: NDArray[np.int8]


class Extent(NamedTuple):
    """How much a packed taste holds: where its features begin, how many there are, and how many touches."""

    start: int
    features: int
    touches: int


@compiled
def whole(octets: NDArray[np.uint8], start: int, size: int) -> np.uint64:
    """Return a number of some bytes, the lowest first."""
    number = _U64(0)
    for n in range(size):
        number |= _U64(octets[start + n]) << _U64(8 * n)
    return number


@compiled
def read(  # noqa: PLR0913 - a kernel takes arrays
    octets: NDArray[np.uint8],
    extent: Extent,
    known: Features,
    off: NDArray[np.bool_],
    located: bool,  # noqa: FBT001 - a kernel takes no keywords
    seconds: float,
) -> tuple[NDArray[np.int32], NDArray[np.float32], float, NDArray[np.uint64]]:
    """Return what `weigh` does, and what is `settled`: a call from Python costs more than either."""
    slots, adds, evidence = weigh(octets, extent, known, off, located, seconds)
    return slots, adds, evidence, settled(octets, extent)


@compiled
def weigh(  # noqa: PLR0913 - a kernel takes arrays
    octets: NDArray[np.uint8],
    extent: Extent,
    known: Features,
    off: NDArray[np.bool_],
    located: bool,  # noqa: FBT001 - a kernel takes no keywords
    seconds: float,
) -> tuple[NDArray[np.int32], NDArray[np.float32], float]:
    """Return the slots of a taste's features and what each adds to a score, scaled to a cosine; and all they weigh.

    Features that no offer has add nothing. Those of families that are `off`, by number, count nowhere, nor do places
    unless the taste may be `located`.

    Parameters
    ----------
    seconds
        How long ago the taste's sums were valued.
    """
    n, length, evidence = 0, 0.0, 0.0
    slots, adds = np.empty(extent.features, np.int32), np.empty(extent.features, np.float32)
    bits = np.zeros(1, np.uint32)
    fade = _F32(0.5) ** (seconds / _HALF_LIVES).astype(np.float32)
    hashes_at = extent.start + extent.features
    sums_at = hashes_at + HASH_BYTES * (extent.features + 2 * extent.touches)
    for m in range(extent.features):
        flags, weight = octets[extent.start + m], _F32(0)
        for k in range(len(fade)):
            if flags >> k & 1:
                bits[0] = _U32(whole(octets, sums_at, SUM_BYTES)) << _U32(32 - 8 * SUM_BYTES)
                weight += bits.view(np.float32)[0] * fade[k]
                sums_at += SUM_BYTES
        if flags >= LOCATED_BIT and not located:
            continue
        hashed = whole(octets, hashes_at + HASH_BYTES * m, HASH_BYTES)
        at = np.searchsorted(known.hashes, hashed)
        found = at < len(known.hashes) and known.hashes[at] == hashed
        # Of a feature that no offer has nobody can tell the family: where some are off, it may be of one.
        if off[known.families[known.slots[at]]] if found else off.any():
            continue
        evidence += float(abs(weight))
        if found:
            slots[n] = known.slots[at]
            adds[n] = weight * known.idf[slots[n]]
            length += adds[n] * adds[n]
            n += 1
    for m in range(n):
        adds[m] *= known.idf[slots[m]] / np.sqrt(max(length, _LEAST))
    return slots[:n], adds[:n], evidence


@compiled
def settled(octets: NDArray[np.uint8], extent: Extent) -> NDArray[np.uint64]:
    """Return the hashes of offers that are not to be suggested (`Taste.settled`)."""
    n, found = 0, np.empty(extent.touches, np.uint64)
    at = extent.start + extent.features + HASH_BYTES * extent.features
    for _ in range(extent.touches):
        if _SETTLES[whole(octets, at, HASH_BYTES) & _CODES]:
            found[n] = whole(octets, at + HASH_BYTES, HASH_BYTES)
            n += 1
        at += 2 * HASH_BYTES
    return found[:n]


@compiled
def chosen(octets: NDArray[np.uint8], extent: Extent) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Return the hashes of the offers that the latest word on them chooses, and when, in Unix seconds; latest first."""
    offers, times, says = (
        np.empty(extent.touches, np.uint64),
        np.empty(extent.touches),
        np.empty(extent.touches, np.int64),
    )
    n, at = 0, extent.start + extent.features + HASH_BYTES * extent.features
    for _ in range(extent.touches):
        stamp, offer = whole(octets, at, HASH_BYTES), whole(octets, at + HASH_BYTES, HASH_BYTES)
        word = _SAYS[stamp & _CODES]
        at += 2 * HASH_BYTES
        if word != 0 and not (offers[:n] == offer).any():
            offers[n], times[n], says[n] = offer, float(stamp >> TYPE_BITS) / _TICKS, word
            n += 1
    yes = np.flatnonzero(says[:n] > 0)[:_MOST]
    return offers[yes], times[yes]


@compiled
def with_looks(  # noqa: PLR0913 - a kernel takes arrays
    slots: NDArray[np.int32],
    adds: NDArray[np.float32],
    rows: NDArray[np.int64],
    weights: NDArray[np.float32],
    slots_of: NDArray[Any],
    norm: NDArray[np.float32],
    known: Features,
    off: NDArray[np.bool_],
    scale: float,
    most: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return what a leaning adds with what some offers do (`gather`, `merge`): one call from Python for both."""
    found, more = gather(rows, weights, slots_of, norm, known, off)
    return merge(slots, adds, found, more * _F32(scale), most)


@compiled
def gather(  # noqa: PLR0913 - a kernel takes arrays
    rows: NDArray[np.int64],
    weights: NDArray[np.float32],
    slots: NDArray[Any],
    norm: NDArray[np.float32],
    known: Features,
    off: NDArray[np.bool_],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the slots of some offers, weighed, and what each adds to a score, scaled to a cosine; none that is `off`.

    Parameters
    ----------
    rows, weights
        Rows of the catalogue, and how much each offer counts. Shape (n,) both.
    slots, norm
        Of all rows (`engine.columns.Columns`).
    """
    n, length = 0, 0.0
    found, adds = np.empty(len(rows) * slots.shape[1], np.int32), np.zeros(len(rows) * slots.shape[1], np.float32)
    for i in range(len(rows)):
        for slot in slots[rows[i]]:
            if slot == 0:
                break
            if off[known.families[slot]]:
                continue
            m = place_of(found[:n], slot)
            if m == n:
                found[n] = slot
                n += 1
            adds[m] += weights[i] * norm[rows[i]] * known.idf[slot]
    for m in range(n):
        length += adds[m] * adds[m]
    for m in range(n):
        adds[m] *= known.idf[found[m]] / np.sqrt(max(length, _LEAST))
    return found[:n], adds[:n]


@compiled
def merge(
    slots: NDArray[np.int32],
    adds: NDArray[np.float32],
    others: NDArray[np.int32],
    more: NDArray[np.float32],
    most: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return what two leanings add, each slot once; of `others` that are not among `slots`, the strongest `most`."""
    n, left = len(slots), more.copy()
    both, sums = np.empty(n + most, np.int32), np.empty(n + most, np.float32)
    both[:n], sums[:n] = slots, adds
    for m in range(len(others)):
        at = place_of(slots, others[m])
        if at < len(slots):
            sums[at] += more[m]
            left[m] = 0
    while n < len(both) and len(left) > 0:
        strongest = left.argmax()
        if left[strongest] <= 0:
            break
        both[n], sums[n] = others[strongest], left[strongest]
        left[strongest] = 0
        n += 1
    return both[:n], sums[:n]


@compiled
def place_of(slots: NDArray[np.int32], slot: int) -> int:
    """Return where a slot is among some, or how many these are."""
    m = 0
    while m < len(slots) and slots[m] != slot:
        m += 1
    return m


@compiled
def looks(
    octets: NDArray[np.uint8], extent: Extent, now: float, lasts: float
) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    """Return the hashes of offers that were looked at lately, and what each look weighs; none that was dismissed since.

    Touches are read newest first, until one is too old.

    Parameters
    ----------
    now, lasts
        Unix seconds, and how many of them it takes a look to fade to nothing.
    """
    offers, weights = np.empty(extent.touches, np.uint64), np.empty(extent.touches, np.float32)
    n, at = 0, extent.start + extent.features + HASH_BYTES * extent.features
    for _ in range(extent.touches):
        stamp, offer = whole(octets, at, HASH_BYTES), whole(octets, at + HASH_BYTES, HASH_BYTES)
        left = 1 - (now - float(stamp >> TYPE_BITS) / _TICKS) / lasts
        if left <= 0:
            break
        code = stamp & _CODES
        at += 2 * HASH_BYTES
        # A dismissal weighs nothing, and closes the offer to looks whichever came first.
        weight = _F32(0) if code == _DISMISSED else _F32(_LOOKS[code] * min(left, 1.0))
        if weight > 0 or code == _DISMISSED:
            m = 0
            while m < n and offers[m] != offer:
                m += 1
            if m == n:
                offers[n], weights[n] = offer, weight
                n += 1
            elif weight == 0 or weights[m] == 0:
                weights[m] = 0
            else:
                weights[m] = weight
    kept = np.flatnonzero(weights[:n] > 0)
    return offers[kept], weights[kept]
