"""What a request leans towards, as weights of slots: from a taste, from stated interests, or from an offer.

Both sides of the cosine are IDF-weighted: a leaning holds what each slot adds to the score of an offer that has it, but
for the offer's own length (`Columns.norm`), which is the same for all of its features.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine import kernels
from engine.catalogue import Live
from engine.offers import Offer
from engine.residents import Interests
from engine.taste import Keys, features, key

TASTE_SCALE = 1.0
STATED_SCALE = 0.8
_EVIDENCE = 6.0
"""Weights of all features at which what was learned counts by half: about one offer opened. One save counts by 3/4."""
_STATED_WEIGHTS = {"keyword": 1.0, "kind": 0.7, "area": 0.7}


class Source(Enum):
    """Where a leaning comes from; reasons are worded by it."""

    INTERESTED = "interested"
    STATED = "stated"
    SAME = "same"


class Leaning(NamedTuple):
    """What slots add to a score, from one source. Shape (n,) both."""

    source: Source
    slots: NDArray[np.int32]
    adds: NDArray[np.float32]


NO_LEANING = Leaning(Source.STATED, np.zeros(0, np.int32), np.zeros(0, np.float32))
_NOTHING_TOLD = Interests()


def from_taste(keys: Keys, weights: NDArray[np.float32], live: Live) -> Leaning:
    """Return what behaviour leans to; features that no offer has are passed over."""
    evidence = float(np.abs(weights).sum())
    return _leaning(Source.INTERESTED, keys, weights, TASTE_SCALE * evidence / (evidence + _EVIDENCE), live)


def from_interests(interests: Interests, live: Live, *, located: bool) -> Leaning:
    """Return what a resident told us to lean to; districts only with leave for `location`."""
    if interests == _NOTHING_TOLD:
        return NO_LEANING
    told = {f"keyword:{id_}": _STATED_WEIGHTS["keyword"] for id_ in interests.keywords}
    told |= {f"kind:{kind}": _STATED_WEIGHTS["kind"] for kind in interests.kinds}
    for area in interests.districts if located else ():
        told |= {f"district:{area}": _STATED_WEIGHTS["area"], f"neighborhood:{area}": _STATED_WEIGHTS["area"]}
    return _leaning(Source.STATED, _keys(told), np.array(list(told.values()), np.float32), STATED_SCALE, live)


def from_offer(offer: Offer, live: Live) -> Leaning:
    """Return what is like an offer, whether or not the catalogue holds it."""
    names = features(offer)
    return _leaning(Source.SAME, _keys(names), np.ones(len(names), np.float32), TASTE_SCALE, live)


def joined(leanings: Sequence[Leaning]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return all slots with what they add; one that is in several leanings comes several times."""
    slots = [leaning.slots for leaning in leanings] or [np.zeros(0, np.int32)]
    adds = [leaning.adds for leaning in leanings] or [np.zeros(0, np.float32)]
    return np.concatenate(slots), np.concatenate(adds)


def _keys(names: Iterable[str]) -> Keys:
    return np.array([key(name) for name in names], np.uint64)


def _leaning(source: Source, keys: Keys, weights: NDArray[np.float32], scale: float, live: Live) -> Leaning:
    if not len(keys):
        return Leaning(source, np.zeros(0, np.int32), np.zeros(0, np.float32))
    slots, adds = kernels.weigh(live.keys, live.key_slots, live.idf, keys, weights)
    return Leaning(source, slots, adds * np.float32(scale))
