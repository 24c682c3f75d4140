"""What somebody has looked at in the last minutes, which counts now and is nothing in half an hour.

It is read from the taste, which remembers the latest looks at offers and when (`engine.taste.Lane.SEEN`): nothing
more is kept for it, and it opens with the same permit. A look leans towards the features of its offer, the less the
longer ago it was. One at an offer that was dismissed does not.
"""

from datetime import datetime, timedelta

import numpy as np

from engine import learned
from engine.catalogue import Catalogue
from engine.profile import Leaning, by_number
from engine.taste import LOCATED_FAMILIES, START, extent

LASTS = timedelta(minutes=30)
SCALE = 1.5
"""What a session adds at its most, on the scale of `engine.profile.TASTE_SCALE`."""
MOST = 8
"""How many features that the taste does not know come with it, the strongest: each costs every answer a little."""
_EVIDENCE = 0.6
"""Weights of looks at which a session counts by half: one offer opened a moment ago."""
_SECONDS = LASTS.total_seconds()


def with_session(  # noqa: PLR0913 - what a taste is read with
    leaning: Leaning,
    packed: bytes,
    catalogue: Catalogue,
    now: datetime,
    *,
    located: bool,
    without: frozenset[str] = frozenset(),
) -> Leaning:
    """Return what a taste leans to with what the looks of the last `LASTS` add to it.

    Parameters
    ----------
    leaning, packed
        What the taste leans to, and the taste itself (`engine.taste.Taste.pack`).
    located
        Whether places, districts and neighbourhoods count.
    without
        Families of features that do not.

    Raises
    ------
    ValueError
        The bytes are no taste of this version.
    """
    _, features, touches, _ = extent(packed)
    octets, its = np.frombuffer(packed, np.uint8), learned.Extent(START, features, touches)
    hashed, looks = learned.looks(octets, its, now.timestamp(), _SECONDS)
    if not len(looks):
        return leaning
    found = [
        (row, weight)
        for offer, weight in zip(hashed.tolist(), looks.tolist(), strict=True)
        if (row := catalogue.row(offer)) is not None
    ]
    if not found:
        return leaning
    live = catalogue.live(now)
    rows, weights = np.array([row for row, _ in found]), np.array([weight for _, weight in found], np.float32)
    off = by_number(without if located else without | LOCATED_FAMILIES)
    columns = live.columns
    known = learned.Features(live.keys, live.key_slots, live.idf, live.families)
    evidence = float(looks.sum())
    scale = SCALE * evidence / (evidence + _EVIDENCE)
    slots, adds = learned.with_looks(
        leaning.slots, leaning.adds, rows, weights, columns.slots, columns.norm, known, off, scale, MOST
    )
    return Leaning(leaning.source, slots, adds)
