"""What behaviour tells us: decayed weights over keywords, places, kinds and times, and which offers are settled.

Pure arithmetic; `engine.folding` makes a taste. Every interaction teaches each feature of its offer a weight that
halves in a time of its own (`LESSONS`). There are four half-lives; a feature has one sum for each, so that decay is
exact and folding knows no order. Only beyond `MOST_FEATURES` it is approximate: the weakest go, and a rebuild from the
journal, in one fold, may then keep others of the weakest.

A taste stays small, since Redis holds one for everybody: the 48 strongest of the 350 features that somebody meets who
comes once a week keep 97 % of its direction (as a cosine), and practically always the first 20.
"""

import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from engine.events import InteractionType
from engine.offers import Offer

HALF_LIVES_DAYS = (4.0, 14.0, 45.0, 120.0)
MOST_FEATURES = 48
MOST_SEEN, MOST_SETTLED = 12, 160
MOST_KEYWORDS, MOST_AUDIENCES, MOST_TIMES = 10, 3, 2
"""How many of each an offer counts with; with the five other families that is 20 features at most."""
FLOOR = 0.005
"""A feature weaker than this is dropped: about a glance of three weeks ago."""

HELSINKI = ZoneInfo("Europe/Helsinki")
HALF_LIVES_SECONDS = 86_400.0 * np.array(HALF_LIVES_DAYS)
LOCATED_FAMILIES = frozenset({"place", "district", "neighborhood"})
_VERSION = 2
_CLASSES = len(HALF_LIVES_DAYS)
LOCATED_BIT = 1 << 7
TICKS, TYPE_BITS, _TYPE = 256, np.uint64(4), np.uint64(15)
_HEADER = struct.Struct("<BIHHH")
START = _HEADER.size
"""Where, in the packed form, a byte of flags for each feature begins."""
HASH_BYTES, SUM_BYTES = 6, 3
"""Of a hash, and of a sum: a float without its lowest 8 bits, which keeps 1 part in 100,000."""

Key = int
"""A feature or an offer, as 48 bits of BLAKE2b: among 100,000 names, two share one in 1 of 50,000 houses."""
Keys = NDArray[np.uint64]
Touches = NDArray[np.uint64]
"""Shape (n, 2): a stamp, which is the time in 1/256 s and, below it, the type's code in 4 bits; and the offer's key."""


class Lane(IntEnum):
    """Where an interaction with an offer is remembered; the latest one in each lane counts."""

    SEEN = 0
    MARKED = 1
    ENROLLED = 2


class Lesson(NamedTuple):
    """What an interaction of one type teaches.

    `code` is its number in the packed form and never changes. `weight` goes to the offer's features, spread over those
    of one family. `event` and `other` index `HALF_LIVES_DAYS`: what an event teaches fades sooner than what a course, a
    volunteer task or a space does. `settles`: the offer is not to be suggested any more.
    """

    code: int
    weight: float
    event: int
    other: int
    lane: Lane
    settles: bool = False


LESSONS: Mapping[InteractionType, Lesson] = {
    InteractionType.VIEW: Lesson(1, 0.2, 0, 1, Lane.SEEN),
    InteractionType.OPEN: Lesson(2, 0.6, 0, 1, Lane.SEEN),
    InteractionType.SHARE: Lesson(3, 1.5, 1, 2, Lane.SEEN),
    InteractionType.SAVE: Lesson(4, 2.0, 1, 2, Lane.MARKED, settles=True),
    InteractionType.UNSAVE: Lesson(5, -1.5, 1, 2, Lane.MARKED),
    InteractionType.DISMISS: Lesson(6, -1.0, 1, 2, Lane.MARKED, settles=True),
    InteractionType.REGISTER: Lesson(7, 4.0, 2, 3, Lane.ENROLLED, settles=True),
    InteractionType.CANCEL: Lesson(8, -2.0, 2, 3, Lane.ENROLLED),
    InteractionType.ATTEND: Lesson(9, 5.0, 2, 3, Lane.ENROLLED, settles=True),
    InteractionType.RATE: Lesson(10, 0.0, 2, 3, Lane.ENROLLED, settles=True),
}
RATING_WEIGHTS = {1: -3.0, 2: -1.5, 3: 0.5, 4: 2.5, 5: 4.0}
"""What a rating teaches, by its stars, instead of the lesson's own weight."""

CHOICES: Mapping[InteractionType, int] = {
    InteractionType.OPEN: 1,
    InteractionType.SAVE: 1,
    InteractionType.SHARE: 1,
    InteractionType.REGISTER: 1,
    InteractionType.ATTEND: 1,
    InteractionType.RATE: 1,
    InteractionType.UNSAVE: -1,
    InteractionType.CANCEL: -1,
    InteractionType.DISMISS: -1,
}
"""What chooses an offer, for those who learn who chose what, and what takes that back; others say nothing of it.

Of a rating a taste does not keep the stars: whoever rates has been there.
"""

_LANES = np.zeros(16, np.uint8)
_LANES[[lesson.code for lesson in LESSONS.values()]] = [lesson.lane for lesson in LESSONS.values()]
_TYPES = {lesson.code: type_ for type_, lesson in LESSONS.items()}
SETTLING = np.isin(np.arange(16), [lesson.code for lesson in LESSONS.values() if lesson.settles])
CHOOSING = np.zeros(16, np.int8)
"""By the code of a type, whether it chooses an offer (1) or takes that back (-1)."""
CHOOSING[[LESSONS[type_].code for type_ in CHOICES]] = list(CHOICES.values())


class Touch(NamedTuple):
    """The latest a resident did with an offer, in one lane; `offer` is the hash of its id."""

    offer: Key
    type: InteractionType
    time: float


@lru_cache(maxsize=1 << 14)
def key(name: str) -> Key:
    """Return the hash that stands for a feature's name or an offer's id."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest(), "little")


def features(offer: Offer) -> tuple[str, ...]:
    """Return what an offer is about, as names such as ``keyword:yso:p1278`` and ``when:weekday-evening``.

    At most `MOST_KEYWORDS` keywords, `MOST_AUDIENCES` audiences and `MOST_TIMES` times, each name once; a place that is
    the whole city or the internet is none.
    """
    names = [f"keyword:{k.id}" for k in offer.keywords[:MOST_KEYWORDS]]
    names += [f"audience:{k.id}" for k in offer.audience[:MOST_AUDIENCES]]
    names.append(f"kind:{offer.kind}")
    if offer.organiser:
        names.append(f"organiser:{offer.organiser}")
    return tuple(dict.fromkeys(names + _where(offer) + _when(offer)))


def _where(offer: Offer) -> list[str]:
    if offer.place is None or offer.city_wide or offer.online:
        return []
    divisions = [("district", offer.place.district), ("neighborhood", offer.place.neighborhood)]
    return [f"place:{offer.place.id}"] + [f"{family}:{id_}" for family, id_ in divisions if id_]


def _when(offer: Offer) -> list[str]:
    if offer.ongoing:
        return []
    starts = [date.starts for date in offer.dates[:32]] or ([offer.starts] if offer.starts else [])
    return [name for name, _ in Counter(_part_of_week(start) for start in starts).most_common(MOST_TIMES)]


def _part_of_week(moment: datetime) -> str:
    local = moment.astimezone(HELSINKI)
    day = "weekday" if local.weekday() < 5 else "weekend"  # noqa: PLR2004 - Saturday is the sixth day
    part = "morning" if local.hour < 12 else "afternoon" if local.hour < 17 else "evening"  # noqa: PLR2004 - noon and 17
    return f"when:{day}-{part}"


@dataclass(frozen=True, slots=True, eq=False)
class Taste:
    """What one resident's interactions add up to; `Taste()` is that of somebody who has done nothing.

    Attributes
    ----------
    reference
        The second (Unix time) that `sums` are valued at: not before the newest interaction.
    keys
        Hashes of the features' names. Shape (n,).
    sums
        Decayed sums, one column for each of `HALF_LIVES_DAYS`. Shape (n, 4).
    located
        Which features tell where the resident goes. Shape (n,).
    touches
        The latest in each lane of each offer, newest first; at one moment by type, then by offer, so that no order of
        arrival matters. Shape (m, 2).
    """

    reference: int = 0
    keys: Keys = field(default_factory=lambda: np.empty(0, np.uint64))
    sums: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, _CLASSES), np.float32))
    located: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    touches: Touches = field(default_factory=lambda: np.empty((0, 2), np.uint64))

    def __bool__(self) -> bool:
        return bool(len(self.keys) or len(self.touches))

    def weights(self, now: datetime, *, located: bool) -> tuple[Keys, NDArray[np.float32]]:
        """Return the features' keys and what they weigh at `now`; without `located`, only those that are no places."""
        fade = fading(max(0.0, now.timestamp() - self.reference)).astype(np.float32)
        weights = self.sums @ fade
        if located:
            return self.keys, weights
        return self.keys[~self.located], weights[~self.located]

    def settled(self) -> Keys:
        """Return the hashes of offers not to be suggested: saved, dismissed, registered for, attended or rated.

        One that is settled in two lanes is there twice.
        """
        stamp, offer = self.touches.T
        settled: Keys = offer[SETTLING[stamp & _TYPE]]
        return settled

    def recent(self, most: int = 20) -> list[Touch]:
        """Return what the resident did last, newest first."""
        newest = self.touches[:most].tolist()
        moments = ((offer, *moment_of(stamp)) for stamp, offer in newest)
        return [Touch(offer, _TYPES[code], time) for offer, code, time in moments]

    def pack(self) -> bytes:
        """Return the binary form: header, a byte of flags a feature, keys and touches, the sums that are not 0."""
        present = self.sums != 0
        flags = (present @ _BITS + self.located * LOCATED_BIT).astype(np.uint8)
        header = _HEADER.pack(_VERSION, self.reference, len(self.keys), int(present.sum()), len(self.touches))
        hashes = np.concatenate([self.keys, self.touches.ravel()]).astype("<u8").view(np.uint8).reshape(-1, 8)
        sums = self.sums[present].astype("<f4").view(np.uint8).reshape(-1, 4)
        return b"".join((header, flags.tobytes(), hashes[:, :HASH_BYTES].tobytes(), sums[:, -SUM_BYTES:].tobytes()))

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Return the taste that `pack` wrote.

        Raises
        ------
        ValueError
            The bytes are of another version or cut short; rebuild the taste from the journal.
        """
        reference, n, touched, summed = extent(packed)
        hashed, hashes_at = n + 2 * touched, _HEADER.size + n
        sums_at = hashes_at + HASH_BYTES * hashed
        octets = np.frombuffer(packed, np.uint8)
        hashes = np.zeros((hashed, 8), np.uint8)
        hashes[:, :HASH_BYTES] = octets[hashes_at:sums_at].reshape(-1, HASH_BYTES)
        words = np.zeros((summed, 4), np.uint8)
        words[:, -SUM_BYTES:] = octets[sums_at:].reshape(-1, SUM_BYTES)
        flags, keys, sums = (
            octets[_HEADER.size : hashes_at],
            hashes.view("<u8").ravel(),
            np.zeros((n, _CLASSES), np.float32),
        )
        sums[_PRESENT[flags]] = words.view("<f4").ravel()
        return cls(reference, keys[:n], sums, flags >= LOCATED_BIT, keys[n:].reshape(-1, 2))


def extent(packed: bytes) -> tuple[int, int, int, int]:
    """Return the reference, and how many features, touches and sums a packed taste has; they begin at `START`.

    Raises
    ------
    ValueError
        The bytes are of another version or cut short; rebuild the taste from the journal.
    """
    if len(packed) < START or packed[0] != _VERSION:
        raise ValueError("This taste is of an unknown version; rebuild it from the journal.")
    _, reference, n, summed, touched = _HEADER.unpack_from(packed)
    if len(packed) != START + n + HASH_BYTES * (n + 2 * touched) + SUM_BYTES * summed:
        raise ValueError("This taste is cut short; rebuild it from the journal.")
    return reference, n, touched, summed


_BITS = 1 << np.arange(_CLASSES)
_PRESENT = (np.arange(256)[:, None] >> np.arange(_CLASSES) & 1).astype(bool)
"""By flags, which half-lives have a sum."""


def fading(seconds: float | NDArray[Any]) -> NDArray[np.float64]:
    """Return what is left of 1 after some seconds, at each half-life. Shape (..., 4)."""
    faded: NDArray[np.float64] = 0.5 ** (np.asarray(seconds)[..., None] / HALF_LIVES_SECONDS)
    return faded


def stamps(times: NDArray[np.float64], codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the first column of `Touches`, of times in Unix seconds and the codes of types. Shape (n,)."""
    return (times * TICKS).astype(np.uint64) << TYPE_BITS | codes


def moment_of(stamp: int) -> tuple[int, float]:
    """Return the code of the type, and the time in Unix seconds, that a stamp is of."""
    return stamp & 15, (stamp >> 4) / TICKS


def lanes(touches: Touches) -> NDArray[np.uint8]:
    """Return the `Lane` of each touch. Shape (n,)."""
    found: NDArray[np.uint8] = _LANES[touches[:, 0] & _TYPE]
    return found
