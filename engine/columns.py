"""The catalogue's columns: what ranking needs of every offer, as arrays. One row an offer; no object an offer.

Times are whole minutes since 1970 (UTC), places metres east and north of the city's middle, names slots of a
`Vocabulary`.
What a filter asks for is packed into two 32-bit words an offer (`Trait`, `languages`), so that ranking reads few bytes.
"""

import math
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import IntEnum
from hashlib import blake2b
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from engine.language import Localized
from engine.offers import NO_END_MEANS, Access, Kind, Offer, Place, Status
from engine.taste import Key, features, key

MOST_SLOTS = 20
NEVER = 2**31 - 1
"""The minute that never comes."""
FAR_METRES = 1.0e9
"""Where an offer without a point lies: outside every radius."""

_MIDDLE_LAT, _MIDDLE_LON = 60.18, 24.95
_METRES_A_DEGREE = 111_195.0
_CACHE_LINE = 64


FAMILY_WEIGHTS = {
    "keyword": 1.0,
    "place": 0.5,
    "kind": 0.5,
    "audience": 0.5,
    "when": 0.4,
    "organiser": 0.3,
    "neighborhood": 0.3,
    "district": 0.2,
}
"""How much a feature of each family says about an offer, beside how rare it is."""
FAMILY_NUMBERS = {family: number for number, family in enumerate(FAMILY_WEIGHTS, 1)}
"""What stands for a family in arrays; 0 for any other."""


SlotType = type[np.uint16] | type[np.uint32]


class Trait(IntEnum):
    """First bit of each part of `Columns.traits`. Unknown access and ages are written to pass every filter."""

    KIND = 0
    FREE = 4
    ANY_DAY = 5
    ACCESS = 6
    ACCESS_UNKNOWN = 12
    AGE_UNKNOWN = 13
    SEVERAL_DATES = 14
    AGE_MIN = 16
    AGE_MAX = 24


KINDS = {kind: 1 << (Trait.KIND + n) for n, kind in enumerate(Kind)}
KIND_BITS = np.uint32(sum(KINDS.values()))
ACCESSES = {access: 1 << (Trait.ACCESS + n) for n, access in enumerate(Access)}
OLDEST = 255
LANGUAGE_UNKNOWN = 1 << 31
_MOST_LANGUAGES = 31
_ALL_ACCESS = sum(ACCESSES.values())


class Vocabulary:
    """Numbers for features, series and languages; 0 means none. A name keeps its number while the process lives."""

    def __init__(self) -> None:
        self._slots: dict[Key, int] = {0: 0}
        self._series: dict[str, int] = {}
        self._languages: dict[str, int] = {}
        self.names: list[str] = [""]
        self.families: list[str] = [""]
        self.family_numbers = array("b", [0])
        self.labels: list[Localized] = [Localized()]
        self.weights: list[float] = [0.0]

    def __len__(self) -> int:
        return len(self.names)

    def add(self, name: str, label: Localized | None = None) -> int:
        """Return the slot of a name, giving it one if need be; the newest label that says something is kept."""
        if (slot := self._slots.setdefault(key(name), len(self.names))) == len(self.names):
            family = sys.intern(name.partition(":")[0])
            self.names.append(name)
            self.families.append(family)
            self.family_numbers.append(FAMILY_NUMBERS.get(family, 0))
            self.labels.append(label or Localized())
            self.weights.append(FAMILY_WEIGHTS.get(family, 0.0))
        elif label:
            self.labels[slot] = label
        return slot

    def slot(self, hashed: Key) -> int:
        """Return the slot of a name's hash, 0 where no offer has it."""
        return self._slots.get(hashed, 0)

    def index(self) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Return the hashes of all names, ascending, and their slots."""
        keys = np.fromiter(self._slots, np.uint64, len(self._slots))
        order = np.argsort(keys)
        return keys[order], np.fromiter(self._slots.values(), np.int32, len(keys))[order]

    def series(self, name: str | None) -> int:
        """Return the number of a series; apart from the slots, so that the tables over those stay small."""
        return self._series.setdefault(name, len(self._series) + 1) if name else 0

    def series_number(self, name: str | None) -> int:
        """Return the number of a series, 0 where no offer is of it."""
        return self._series.get(name, 0) if name else 0

    def language(self, code: str) -> int:
        """Return a language's bit; 0 from the 32nd language on: offers only in those count as of unknown language."""
        if code not in self._languages and len(self._languages) < _MOST_LANGUAGES:
            self._languages[code] = 1 << len(self._languages)
        return self._languages.get(code, 0)

    def language_bit(self, code: str) -> int:
        """Return a language's bit, 0 where no offer is in it."""
        return self._languages.get(code, 0)


class Row(NamedTuple):
    """One offer as it goes into the columns of the same names, with its dates."""

    key: int
    traits: int
    languages: int
    until: int
    dates_from: int
    dates_to: int
    last: int
    opens: int
    closes: int
    seats: int
    x: float
    y: float
    series: int
    title: int
    place: int
    area: int
    source: int
    keywords: int
    counts: int
    slots: Sequence[int]
    dates: Sequence[tuple[int, int]]


@dataclass(slots=True)
class Columns:
    """The arrays; rows are in the order in which offers came, so that the dates of neighbours are neighbours.

    Attributes
    ----------
    traits
        See `Trait`.
    languages
        A bit for each language spoken, or `LANGUAGE_UNKNOWN`.
    until
        The minute from which nobody may be suggested the offer; 0 for one that is gone.
    dates_from, dates_to
        Where the offer's dates lie among all dates; each offer has at least one.
    last, opens, closes
        End of the last date; enrolment's first and last minute (0 and `NEVER` where not told).
    seats
        Seats left; -1 for unlimited.
    x, y
        Metres east and north of the city's middle; `FAR_METRES` where unknown.
    series, place, area, source
        Slots; `area` is the neighbourhood, else the district.
    title
        See `title_number`.
    keywords, counts
        How many of the first `slots` are keywords, and how many there are in all.
    slots
        Features of the offer, 0 beyond the last; 16 bits wide until the vocabulary outgrows them. Shape (n, 20).
    norm
        One over the Euclidean length of the features' IDF weights.
    popularity, visitors
        Between 0 and 1; and how many different residents it comes from.
    key
        The hash of the offer's id (`engine.taste.key`).
    number
        Which the offer is to each model (`engine.panel`); -1 for one that it does not know. Shape (n, models).
    factors
        The models' factors, side by side; no columns while there is no model. Shape (n, d).
    """

    key: NDArray[np.uint64]
    traits: NDArray[np.uint32]
    languages: NDArray[np.uint32]
    until: NDArray[np.int32]
    dates_from: NDArray[np.int32]
    dates_to: NDArray[np.int32]
    last: NDArray[np.int32]
    opens: NDArray[np.int32]
    closes: NDArray[np.int32]
    seats: NDArray[np.int32]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    series: NDArray[np.int32]
    title: NDArray[np.int32]
    place: NDArray[np.int32]
    area: NDArray[np.int32]
    source: NDArray[np.int32]
    keywords: NDArray[np.int32]
    counts: NDArray[np.int32]
    slots: NDArray[np.uint16] | NDArray[np.uint32]
    norm: NDArray[np.float32]
    popularity: NDArray[np.float32]
    visitors: NDArray[np.int32]
    number: NDArray[np.int32]
    factors: NDArray[np.float32]

    @classmethod
    def empty(cls, capacity: int = 256, dimensions: int = 0, slot_type: SlotType = np.uint16, models: int = 0) -> Self:
        """Return columns of zeros."""
        shapes = {"slots": (capacity, MOST_SLOTS), "number": (capacity, models), "factors": (capacity, dimensions)}
        types: dict[str, type[np.generic]] = {"key": np.uint64, "slots": slot_type}
        types |= dict.fromkeys(("traits", "languages"), np.uint32)
        types |= dict.fromkeys(("x", "y", "norm", "popularity", "factors"), np.float32)
        names = [f.name for f in fields(cls)]
        return cls(**{name: aligned(shapes.get(name, (capacity,)), types.get(name, np.int32)) for name in names})

    def taken(self, rows: NDArray[np.intp], capacity: int, slot_type: SlotType) -> "Columns":
        """Return a copy of some rows, with room for `capacity` and slots of another width."""
        copy = Columns.empty(capacity, self.factors.shape[1], slot_type, self.number.shape[1])
        for f in fields(self):
            getattr(copy, f.name)[: len(rows)] = getattr(self, f.name)[rows]
        return copy

    def put(self, at: int, rows: Sequence[Row]) -> None:
        """Write rows from row `at` on."""
        for name, values in zip(Row._fields[:-2], zip(*(row[:-2] for row in rows), strict=True), strict=True):
            getattr(self, name)[at : at + len(rows)] = values
        for n, row in enumerate(rows, at):
            self.slots[n, : len(row.slots)] = row.slots


def aligned(shape: tuple[int, ...], type_: type[np.generic]) -> NDArray[Any]:
    """Return an array of zeros that begins where a cache line does: a row of 64 factors then lies on 4 lines, not 5."""
    size = math.prod(shape) * np.dtype(type_).itemsize
    raw = np.zeros(size + _CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % _CACHE_LINE
    return raw[start : start + size].view(type_).reshape(shape)


def encode_row(offer: Offer, vocabulary: Vocabulary, dates_from: int) -> Row:
    """Turn an offer into a row whose dates begin at `dates_from`."""
    slots = _slots(offer, vocabulary)
    dates = _dates(offer)
    point = None if offer.place is None or offer.city_wide or offer.online else offer.place
    x, y = _position(point)
    return Row(
        key=key(offer.id),
        traits=_traits(offer) | (len(dates) > 1) << Trait.SEVERAL_DATES,
        languages=_languages(offer, vocabulary),
        until=_until(offer, dates),
        dates_from=dates_from,
        dates_to=dates_from + len(dates),
        last=max(end for _, end in dates),
        opens=minute(offer.enrolment_opens) if offer.enrolment_opens else 0,
        closes=minute(offer.enrolment_closes) if offer.enrolment_closes else NEVER,
        seats=-1 if offer.seats_left is None else offer.seats_left,
        x=x,
        y=y,
        series=vocabulary.series(offer.series),
        title=title_number(offer.name),
        place=vocabulary.add(f"place:{offer.place.id}", offer.place.name) if offer.place else 0,
        area=_area(point, vocabulary),
        source=vocabulary.add(f"source:{offer.source}"),
        keywords=sum(vocabulary.families[slot] == "keyword" for slot in slots),
        counts=len(slots),
        slots=slots,
        dates=dates,
    )


def title_number(name: Localized) -> int:
    """Return a number that offers of one name share, whatever dates, numbers and marks stand in it; 0 for no name.

    It is a hash, so that nothing need be kept: two names of the 200 that are looked through share one in 1 of 100,000
    answers, and then one offer gives way that need not.
    """
    letters = "".join(filter(str.isalpha, (name.fi or name.sv or name.en or "").casefold()))
    hashed = int.from_bytes(blake2b(letters.encode(), digest_size=4).digest(), "little")
    return hashed & NEVER or 1 if letters else 0


def _position(place: Place | None) -> tuple[float, float]:
    if place is None or place.lat is None or place.lon is None:
        return FAR_METRES, FAR_METRES
    return metres(place.lat, place.lon)


def _area(place: Place | None, vocabulary: Vocabulary) -> int:
    if place is None:
        return 0
    if place.neighborhood:
        return vocabulary.add(f"neighborhood:{place.neighborhood}")
    return vocabulary.add(f"district:{place.district}") if place.district else 0


def minute(moment: datetime) -> int:
    """Return a moment as minutes since 1970, rounded down."""
    return max(0, min(math.floor(moment.timestamp() / 60), NEVER))


def metres(lat: float, lon: float) -> tuple[float, float]:
    """Return a point in degrees as metres east and north of the city's middle; within the city it is right to 1 %."""
    east = (lon - _MIDDLE_LON) * _METRES_A_DEGREE * math.cos(math.radians(_MIDDLE_LAT))
    return east, (lat - _MIDDLE_LAT) * _METRES_A_DEGREE


def _slots(offer: Offer, vocabulary: Vocabulary) -> list[int]:
    labels = {f"keyword:{k.id}": k.label for k in offer.keywords}
    labels |= {f"audience:{k.id}": k.label for k in offer.audience}
    return [vocabulary.add(name, labels.get(name)) for name in features(offer)]


def _dates(offer: Offer) -> list[tuple[int, int]]:
    if offer.starts is None or offer.ongoing:
        first = minute(offer.starts) if offer.starts else 0
        return [(first, minute(offer.ends) if offer.ends else NEVER)]
    spans = [(date.starts, date.ends) for date in offer.dates] or [(offer.starts, offer.ends)]
    return [(minute(starts), minute(ends or starts + NO_END_MEANS)) for starts, ends in spans]


def _until(offer: Offer, dates: Sequence[tuple[int, int]]) -> int:
    held = offer.status in (Status.SCHEDULED, Status.RESCHEDULED)
    if not held or (offer.seats_left is not None and offer.seats_left <= 0):
        return 0
    closes = minute(offer.enrolment_closes) if offer.enrolment_closes else NEVER
    ends = offer.ends or (offer.starts and offer.starts + NO_END_MEANS)
    return max(0, min(max(end for _, end in dates), minute(ends) if ends else NEVER, closes))


def _languages(offer: Offer, vocabulary: Vocabulary) -> int:
    bits = 0
    for code in offer.languages:
        bits |= vocabulary.language(code)
    return bits or LANGUAGE_UNKNOWN


def _traits(offer: Offer) -> int:
    access = _ALL_ACCESS | 1 << Trait.ACCESS_UNKNOWN
    if offer.access is not None:
        access = sum({ACCESSES[a] for a in offer.access})
    any_day = offer.starts is None or offer.ongoing
    return (
        KINDS[offer.kind]
        | bool(offer.free) << Trait.FREE
        | any_day << Trait.ANY_DAY
        | access
        | (offer.age_min is None and offer.age_max is None) << Trait.AGE_UNKNOWN
        | min(max(offer.age_min or 0, 0), OLDEST) << Trait.AGE_MIN
        | (OLDEST if offer.age_max is None else min(max(offer.age_max, 0), OLDEST)) << Trait.AGE_MAX
    )
