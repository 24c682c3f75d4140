"""What behaviour tells us: decayed weights over keywords, places, kinds and times, and which offers are settled.

Pure arithmetic. Every interaction teaches each feature of its offer a weight that halves in a time of its own
(`LESSONS`). There are four half-lives; a feature has one sum for each, so that decay is exact and folding knows no
order: whatever the order and the batches, the same interactions give the same taste. Only beyond `MOST_FEATURES` it is
approximate: the weakest go, and a rebuild from the journal, in one fold, may then keep others of the weakest.
"""

import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from engine.events import Interaction, InteractionType
from engine.offers import Kind, Offer

HALF_LIVES_DAYS = (4.0, 14.0, 45.0, 120.0)
MOST_FEATURES = 96
MOST_SEEN, MOST_SETTLED = 24, 160
MOST_KEYWORDS, MOST_AUDIENCES, MOST_TIMES = 10, 3, 2
"""How many of each an offer counts with; with the five other families that is 20 features at most."""
FLOOR = 0.005
"""A feature weaker than this is dropped: about a glance of three weeks ago."""

HELSINKI = ZoneInfo("Europe/Helsinki")
_VERSION = 1
_DAY_SECONDS = 86_400.0
_CLASSES = len(HALF_LIVES_DAYS)
_LOCATED_BIT = 1 << 7
_TICKS = 256
_HEADER = struct.Struct("<BIHHH")
_KEY_BYTES = 6
# In the order of sorting: newest last; at one moment by type, then by offer, so that no order of arrival matters.
_TOUCH = np.dtype([("second", "<u4"), ("fraction", "u1"), ("type", "u1"), ("low", "<u4"), ("high", "<u2")])
_LOCATED_FAMILIES = frozenset({"place", "district", "neighborhood"})

Key = int
"""A feature or an offer, as 48 bits of BLAKE2b: among 100,000 names, two share one in 1 of 50,000 houses."""
Keys = NDArray[np.uint64]


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

_HIGH = np.uint64(32)
_Row = tuple[int, int, int, int, int]
_NEVER = (0, 0, 0, 0, 0)
_LANES = {lesson.code: lesson.lane for lesson in LESSONS.values()}
_TYPES = {lesson.code: type_ for type_, lesson in LESSONS.items()}
_SETTLING = np.isin(np.arange(256), [lesson.code for lesson in LESSONS.values() if lesson.settles])


class Observation(NamedTuple):
    """An interaction with what it was about: the offer's kind and `features`."""

    interaction: Interaction
    kind: Kind
    features: tuple[str, ...]


class Touch(NamedTuple):
    """The latest a resident did with an offer, in one lane; `offer` is the hash of its id."""

    offer: Key
    type: InteractionType
    time: float


@lru_cache(maxsize=1 << 16)
def key(name: str) -> Key:
    """Return the hash that stands for a feature's name or an offer's id."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest(), "little")


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
        The latest in each lane of each offer, newest first.
    """

    reference: int = 0
    keys: Keys = field(default_factory=lambda: np.empty(0, np.uint64))
    sums: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, _CLASSES), np.float32))
    located: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    touches: NDArray[Any] = field(default_factory=lambda: np.empty(0, _TOUCH))

    def __bool__(self) -> bool:
        return bool(len(self.keys) or len(self.touches))

    def weights(self, now: datetime, *, located: bool) -> tuple[Keys, NDArray[np.float32]]:
        """Return the features' keys and what they weigh at `now`; without `located`, only those that are no places."""
        fade = _fading(max(0.0, now.timestamp() - self.reference)).astype(np.float32)
        weights = self.sums @ fade
        if located:
            return self.keys, weights
        return self.keys[~self.located], weights[~self.located]

    def settled(self) -> Keys:
        """Return the hashes of offers not to be suggested: saved, dismissed, registered for, attended or rated."""
        settling = self.touches[_SETTLING[self.touches["type"]]]
        return np.unique(settling["low"] | settling["high"].astype(np.uint64) << _HIGH)

    def recent(self, most: int = 20) -> list[Touch]:
        """Return what the resident did last, newest first."""
        return [
            Touch(low | high << 32, _TYPES[type_], second + part / _TICKS)
            for second, part, type_, low, high in self.touches[:most].tolist()
        ]

    def pack(self) -> bytes:
        """Return the binary form: header, keys, a byte of flags each, the sums that are not 0, touches."""
        present = self.sums != 0
        flags = (present @ _BITS + self.located * _LOCATED_BIT).astype(np.uint8)
        header = _HEADER.pack(_VERSION, self.reference, len(self.keys), int(present.sum()), len(self.touches))
        return b"".join(
            (header, _narrow(self.keys), flags.tobytes(), self.sums[present].tobytes(), self.touches.tobytes())
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Return the taste that `pack` wrote.

        Raises
        ------
        ValueError
            The bytes are of another version or cut short; rebuild the taste from the journal.
        """
        if len(packed) < _HEADER.size or packed[0] != _VERSION:
            raise ValueError("This taste is of an unknown version; rebuild it from the journal.")
        _, reference, n, sums_held, touched = _HEADER.unpack_from(packed)
        flags_at = _HEADER.size + _KEY_BYTES * n
        touches_at = flags_at + n + 4 * sums_held
        if len(packed) != touches_at + _TOUCH.itemsize * touched:
            raise ValueError("This taste is cut short; rebuild it from the journal.")
        flags = np.frombuffer(packed, np.uint8, n, flags_at)
        sums = np.zeros((n, _CLASSES), np.float32)
        sums[_PRESENT[flags]] = np.frombuffer(packed, "<f4", sums_held, flags_at + n)
        touches = np.frombuffer(packed, _TOUCH, touched, touches_at)
        return cls(reference, _widen(packed, n, _HEADER.size), sums, flags >= _LOCATED_BIT, touches)


_BITS = 1 << np.arange(_CLASSES)
_PRESENT = (np.arange(256)[:, None] >> np.arange(_CLASSES) & 1).astype(bool)
"""By flags, which half-lives have a sum."""


def _narrow(keys: Keys) -> bytes:
    return keys.astype("<u8").view("<u2").reshape(-1, 4)[:, :3].tobytes()


def _widen(packed: bytes, n: int, at: int) -> Keys:
    wide = np.zeros((n, 4), "<u2")
    wide[:, :3] = np.frombuffer(packed, "<u2", 3 * n, at).reshape(n, 3)
    return wide.view("<u8").reshape(n)


def _fading(seconds: float) -> NDArray[np.float64]:
    fading: NDArray[np.float64] = 0.5 ** (seconds / (_DAY_SECONDS * np.array(HALF_LIVES_DAYS)))
    return fading


def fold(taste: Taste, observations: Iterable[Observation], *, located: bool) -> Taste:
    """Return the taste after more interactions, in any order.

    Parameters
    ----------
    taste
        What was known before; `Taste()` with all rows of the journal rebuilds it.
    observations
        What the resident did. Each only once: who calls has dropped repeated events.
    located
        Whether the resident allows `location`; without it no place, district or neighbourhood is learned or kept.
    """
    seen = list(observations)
    if not seen:
        return taste
    times = [o.interaction.time.timestamp() for o in seen]
    reference = max(taste.reference, math.ceil(max(times)))
    lessons = [_lesson(o, reference - time) for o, time in zip(seen, times, strict=True)]
    spreads = [_spread(o.features) for o in seen]
    keys, rows = np.unique(np.concatenate([taste.keys, *(s.keys for s in spreads)]), return_inverse=True)
    old, new = rows[: len(taste.keys)], rows[len(taste.keys) :]
    sums = np.zeros((len(keys), _CLASSES))
    sums[old] = taste.sums * _fading(reference - taste.reference)
    columns, weights = _each(spreads, [c for c, _ in lessons]), _each(spreads, [w for _, w in lessons])
    np.add.at(sums, (new, columns), weights * np.concatenate([s.units for s in spreads]))
    places = np.zeros(len(keys), np.bool_)
    places[rows] = np.concatenate([taste.located, *(s.located for s in spreads)])
    kept = _strongest(sums, allowed=~places | located)
    touches = np.array(_touched(taste, seen, times), _TOUCH)
    return Taste(reference, keys[kept], _rounded(sums[kept]), places[kept], touches)


def _lesson(observation: Observation, age_seconds: float) -> tuple[int, float]:
    """Return the half-life's index, and the weight as it has faded by now."""
    interaction = observation.interaction
    lesson = LESSONS[interaction.type]
    weight = lesson.weight if interaction.value is None else RATING_WEIGHTS.get(interaction.value, lesson.weight)
    column = lesson.event if observation.kind is Kind.EVENT else lesson.other
    return column, weight * math.pow(0.5, age_seconds / (_DAY_SECONDS * HALF_LIVES_DAYS[column]))


class _Spread(NamedTuple):
    """One unit spread over an offer's features: in a family of n, each gets n ** -0.5. All of shape (features,)."""

    keys: Keys
    units: NDArray[np.float64]
    located: NDArray[np.bool_]


@lru_cache(maxsize=1 << 14)
def _spread(names: tuple[str, ...]) -> _Spread:
    families = [name.partition(":")[0] for name in names]
    sizes = Counter(families)
    return _Spread(
        np.array([key(name) for name in names], np.uint64),
        np.array([sizes[family] ** -0.5 for family in families], np.float64),
        np.array([family in _LOCATED_FAMILIES for family in families], np.bool_),
    )


def _each(spreads: Sequence[_Spread], values: Sequence[float]) -> NDArray[Any]:
    """Repeat an observation's value for each of its features."""
    return np.repeat(np.array(values), [len(s.keys) for s in spreads])


def _strongest(sums: NDArray[np.float64], allowed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the rows to keep, in the order of their keys."""
    strength = np.abs(sums).sum(axis=1) * allowed
    kept = np.flatnonzero(strength >= FLOOR)
    if len(kept) > MOST_FEATURES:
        kept = np.sort(kept[np.argsort(-strength[kept], kind="stable")[:MOST_FEATURES]])
    return kept


def _rounded(sums: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the sums as they are kept; what has faded to nothing takes no room."""
    return np.where(np.abs(sums) < FLOOR / _CLASSES, 0, sums).astype(np.float32)


def _touched(taste: Taste, seen: Sequence[Observation], times: Sequence[float]) -> list[_Row]:
    latest: dict[tuple[int, int, Lane], _Row] = {(*row[3:], _LANES[row[2]]): row for row in taste.touches.tolist()}
    for observation, time in zip(seen, times, strict=True):
        lesson = LESSONS[observation.interaction.type]
        high, low = divmod(key(observation.interaction.offer), 1 << 32)
        row = (*divmod(int(time * _TICKS), _TICKS), lesson.code, low, high)
        if row > latest.get(at := (low, high, lesson.lane), _NEVER):
            latest[at] = row
    rows = sorted(latest.values(), reverse=True)
    glances = [row for row in rows if _LANES[row[2]] is Lane.SEEN]
    others = [row for row in rows if _LANES[row[2]] is not Lane.SEEN]
    return sorted(glances[:MOST_SEEN] + others[:MOST_SETTLED], reverse=True)
