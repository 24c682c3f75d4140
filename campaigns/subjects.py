"""What offers are about, in columns: those are found that an id, a kind, a place or a keyword means, and those near.

An offer has a code, given once. As objects, 50,000 offers with the words they share would be 20 MB; here they are 4.
"""

from array import array
from collections.abc import Collection, Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

_EARTH_KM = 6371.0
_NO_WORD = 0


class Subject(msgspec.Struct, frozen=True):
    """What an offer is, for whoever did something with it."""

    id: str
    kind: str
    place: str | None = None
    lat: float | None = None
    lon: float | None = None
    keywords: Collection[str] = ()


class Subjects:
    """Offers by their codes. Not to be asked in one thread while another one adds to it."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._words: dict[str, int] = {}
        self._kinds, self._places = array("I"), array("I")
        self._lats, self._lons = array("d"), array("d")
        self._starts, self._ends = array("I"), array("I")
        self._keywords, self._owners = array("I"), array("I")

    def __len__(self) -> int:
        return len(self._codes)

    def code(self, offer: str) -> int:
        """Return an offer's code; a new one where it has none yet, by which nothing is known of it but its id."""
        if (code := self._codes.get(offer)) is None:
            code = self._codes[offer] = len(self._codes)
            for column in (self._kinds, self._places, self._starts, self._ends):
                column.append(_NO_WORD)
            self._lats.append(np.nan)
            self._lons.append(np.nan)
        return code

    def put(self, subject: Subject) -> None:
        """Take in what an offer is, in the place of what it was."""
        code = self.code(subject.id)
        for old in range(self._starts[code], self._ends[code]):
            self._keywords[old] = _NO_WORD
        self._kinds[code] = self._word(subject.kind)
        self._places[code] = _NO_WORD if subject.place is None else self._word(subject.place)
        self._lats[code] = np.nan if subject.lat is None else subject.lat
        self._lons[code] = np.nan if subject.lon is None else subject.lon
        self._starts[code] = len(self._keywords)
        self._keywords.extend(map(self._word, subject.keywords))
        self._owners.extend([code] * len(subject.keywords))
        self._ends[code] = len(self._keywords)

    def named(
        self,
        *,
        ids: Iterable[str] = (),
        kinds: Iterable[str] = (),
        places: Iterable[str] = (),
        keywords: Iterable[str] = (),
    ) -> NDArray[np.bool_]:
        """Say of each code whether its offer is one that is named in any way. Shape (offers,)."""
        fits: NDArray[np.bool_] = self._known(kinds)[_view(self._kinds)] | self._known(places)[_view(self._places)]
        fits[_view(self._owners)[self._known(keywords)[_view(self._keywords)]]] = True
        fits[[self._codes[id_] for id_ in ids if id_ in self._codes]] = True
        return fits

    def near(self, lat: float, lon: float, km: float) -> NDArray[np.bool_]:
        """Say of each code whether its offer is at a place within so many kilometres. Shape (offers,)."""
        lats, lons = np.radians(np.frombuffer(self._lats)), np.radians(np.frombuffer(self._lons))
        here = np.radians([lat, lon])
        half = np.sin((lats - here[0]) / 2) ** 2 + np.cos(here[0]) * np.cos(lats) * np.sin((lons - here[1]) / 2) ** 2
        fits: NDArray[np.bool_] = 2 * _EARTH_KM * np.arcsin(np.sqrt(half)) <= km
        return fits

    def _word(self, word: str) -> int:
        return self._words.setdefault(word, len(self._words) + 1)

    def _known(self, words: Iterable[str]) -> NDArray[np.bool_]:
        """Say of each word's number whether it is one of some words. Shape (words + 1,)."""
        wanted = np.zeros(len(self._words) + 1, np.bool_)
        wanted[[self._words[word] for word in words if word in self._words]] = True
        return wanted


def _view(numbers: "array[int]") -> NDArray[np.uint32]:
    return np.frombuffer(numbers, np.uint32)
