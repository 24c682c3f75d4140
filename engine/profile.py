"""What a request leans towards, as weights of slots: from a taste, from stated interests, or from an offer.

Both sides of the cosine are IDF-weighted: a leaning holds what each slot adds to the score of an offer that has it, but
for the offer's own length (`Columns.norm`), which is the same for all of its features.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine import kernels, learned
from engine.avoidance import KIND, NOTHING, Avoided
from engine.catalogue import Live
from engine.columns import FAMILY_NUMBERS
from engine.offers import Offer
from engine.ranker import Chosen
from engine.residents import Interests
from engine.taste import START, Keys, extent, features, key

TASTE_SCALE = 1.0
STATED_SCALE = 0.8
_EVIDENCE = 6.0
"""Weights of all features at which what was learned counts by half: about one offer opened. One save counts by 3/4."""
_NO_FAMILIES: frozenset[str] = frozenset()
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


_NO_ADDS = (np.zeros(0, np.int32), np.zeros(0, np.float32))
_NOTHING_TOLD = Interests()
NOTHING_AVOIDED = np.zeros(0, np.int32)


class Learned(NamedTuple):
    """What a resident's taste tells.

    Attributes
    ----------
    leaning
        What it leans to.
    settled
        The hashes of offers that are not to be suggested.
    chosen
        What a model is told, where there is one.
    """

    leaning: Leaning
    settled: NDArray[np.uint64]
    chosen: Chosen | None = None


NOTHING_LEARNED = Learned(Leaning(Source.INTERESTED, *_NO_ADDS), np.zeros(0, np.uint64))


@cache
def by_number(families: frozenset[str]) -> NDArray[np.bool_]:
    """Return, by the number of a family, whether it may not count."""
    return np.array([family in families for family in ("", *FAMILY_NUMBERS)], np.bool_)


def from_taste(
    packed: bytes, live: Live, now: datetime, *, located: bool, without: frozenset[str] = _NO_FAMILIES
) -> Learned:
    """Return what behaviour leans to but for some families, from a taste in its packed form.

    Features that no offer has are passed over.

    Raises
    ------
    ValueError
        The bytes are no taste of this version (`engine.taste.extent`).
    """
    reference, features, touches, _ = extent(packed)
    octets, its = np.frombuffer(packed, np.uint8), learned.Extent(START, features, touches)
    known = learned.Features(live.keys, live.key_slots, live.idf, live.families)
    age = max(0.0, now.timestamp() - reference)
    slots, adds, evidence, settled = learned.read(octets, its, known, by_number(without), located, age)
    scale = TASTE_SCALE * evidence / (evidence + _EVIDENCE)
    chosen = None if live.ranker is None else Chosen(*learned.chosen(octets, its))
    return Learned(Leaning(Source.INTERESTED, slots, adds * np.float32(scale)), settled, chosen)


def from_interests(
    interests: Interests, live: Live, *, located: bool, without: frozenset[str] = _NO_FAMILIES
) -> Leaning:
    """Return what a resident told us to lean to, but for some families; districts only with leave for `location`."""
    if interests == _NOTHING_TOLD:
        return Leaning(Source.STATED, *_NO_ADDS)
    told = {f"keyword:{id_}": _STATED_WEIGHTS["keyword"] for id_ in interests.keywords}
    told |= {f"kind:{kind}": _STATED_WEIGHTS["kind"] for kind in interests.kinds}
    for area in interests.districts if located else ():
        told |= {f"district:{area}": _STATED_WEIGHTS["area"], f"neighborhood:{area}": _STATED_WEIGHTS["area"]}
    if without:
        told = {name: weight for name, weight in told.items() if name.partition(":")[0] not in without}
    return _leaning(Source.STATED, _keys(told), np.array(list(told.values()), np.float32), STATED_SCALE, live)


def from_avoided(avoided: Avoided, live: Live, *, kinds: bool) -> NDArray[np.int32]:
    """Return the slots that an offer may not have: of avoided topics, places and, if they count, kinds. Shape (n,)."""
    if avoided == NOTHING:
        return NOTHING_AVOIDED
    hashed = _keys(name for name in avoided.names() if kinds or not name.startswith(f"{KIND}:"))
    at = np.minimum(np.searchsorted(live.keys, hashed), len(live.keys) - 1)
    found: NDArray[np.int32] = live.key_slots[at[live.keys[at] == hashed]]
    return found


def from_offer(offer: Offer, live: Live) -> Leaning:
    """Return what is like an offer, whether or not the catalogue holds it."""
    names = features(offer)
    return _leaning(Source.SAME, _keys(names), np.ones(len(names), np.float32), TASTE_SCALE, live)


def joined(leanings: Sequence[Leaning]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return all slots with what they add; one that is in several leanings comes several times."""
    leading = [leaning for leaning in leanings if len(leaning.slots)]
    if len(leading) == 1:
        return leading[0].slots, leading[0].adds
    slots, adds = _NO_ADDS
    return (
        np.concatenate([slots, *(leaning.slots for leaning in leading)]),
        np.concatenate([adds, *(leaning.adds for leaning in leading)]),
    )


def _keys(names: Iterable[str]) -> Keys:
    return np.array([key(name) for name in names], np.uint64)


def _leaning(source: Source, keys: Keys, weights: NDArray[np.float32], scale: float, live: Live) -> Leaning:
    if not len(keys):
        return Leaning(source, *_NO_ADDS)
    slots, adds = kernels.weigh(live.keys, live.key_slots, live.idf, keys, weights)
    return Leaning(source, slots, adds * np.float32(scale))
