"""What a request leans towards, as weights of slots: from a taste, from stated interests, or from an offer.

Both sides of the cosine are IDF-weighted: a leaning holds what each slot adds to the score of an offer that has it, but
for the offer's own length (`Columns.norm`), which is the same for all of its features.
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.catalogue import Live
from engine.columns import Vocabulary
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


def from_taste(keys: Keys, weights: NDArray[np.float32], live: Live, vocabulary: Vocabulary) -> Leaning:
    """Return what behaviour leans to; features that no offer has today are passed over."""
    slots = vocabulary.slots_of(keys.tolist())
    evidence = float(np.abs(weights).sum())
    scale = TASTE_SCALE * evidence / (evidence + _EVIDENCE)
    return _leaning(Source.INTERESTED, slots, weights, scale, live)


def from_interests(interests: Interests, live: Live, vocabulary: Vocabulary, *, located: bool) -> Leaning:
    """Return what a resident told us to lean to; districts only with leave for `location`."""
    told = {f"keyword:{id_}": _STATED_WEIGHTS["keyword"] for id_ in interests.keywords}
    told |= {f"kind:{kind}": _STATED_WEIGHTS["kind"] for kind in interests.kinds}
    for area in interests.districts if located else ():
        told |= {f"district:{area}": _STATED_WEIGHTS["area"], f"neighborhood:{area}": _STATED_WEIGHTS["area"]}
    slots = vocabulary.slots_of([key(name) for name in told])
    return _leaning(Source.STATED, slots, np.array(list(told.values()), np.float32), STATED_SCALE, live)


def from_offer(offer: Offer, live: Live, vocabulary: Vocabulary) -> Leaning:
    """Return what is like an offer, whether or not the catalogue holds it."""
    slots = vocabulary.slots_of([key(name) for name in features(offer)])
    return _leaning(Source.SAME, slots, np.ones(len(slots), np.float32), TASTE_SCALE, live)


def table(leanings: Sequence[Leaning], live: Live) -> NDArray[np.float32]:
    """Add leanings up to one weight a slot. Shape (slots,)."""
    total = np.zeros(live.slots, np.float32)
    for leaning in leanings:
        total[leaning.slots] += leaning.adds
    return total


def _leaning(
    source: Source, slots: NDArray[np.int32], weights: NDArray[np.float32], scale: float, live: Live
) -> Leaning:
    known = slots > 0
    slots, idf = slots[known], live.idf[slots[known]]
    weighted = weights[known] * idf
    length = float(np.sqrt(np.square(weighted).sum()))
    return Leaning(source, slots, (weighted * idf * (scale / length if length else 0.0)).astype(np.float32))
