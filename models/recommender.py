"""The recommender: the single rankers of a moment, and the re-ranker that was taught by moments before it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.blend import Blend
from models.context import Setting, described
from models.lessons import Past
from models.snapshot import Found, Indices, Snapshot, found

LONGEST = 100
_UNTAUGHT = ("likeness_standing", "ease_standing", "mapped_standing", "popular_standing")


class Ranked(NamedTuple):
    """What a resident would be shown, best first.

    Attributes
    ----------
    odds
        The re-ranker's log-odds that the offer is chosen, of shape (offers,); nan where it has no say, as of residents
        without a history.
    """

    person: int
    offers: NDArray[np.int32]
    odds: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recommender:
    """Ranks offers for residents.

    Attributes
    ----------
    blend
        None where nothing could be learned yet: then what is like a resident's history comes first, then what is
        popular.
    lists
        How many lists that residents were shown it learned from, beside moments of the past.
    """

    snapshot: Snapshot
    setting: Setting
    blend: Blend | None
    lists: int = 0

    @classmethod
    def fit(cls, past: Past, at: float, candidates: NDArray[np.int32]) -> "Recommender":
        """Return the recommender of a moment, in Unix seconds; infinite where times are unknown."""
        lessons = past.lessons(at, candidates)
        blend = None if lessons is None else Blend.fit(lessons.examples, past.seed)
        return cls(past.snapshot(at), past.setting, blend, 0 if lessons is None else lessons.lists)

    def rank(
        self, people: Indices, candidates: NDArray[np.int32], most: int = LONGEST
    ) -> Iterator[tuple[int, NDArray[np.int32]]]:
        """Yield each resident with at most `most` candidates, best first; none is in their history."""
        return ((found.person, found.offers) for found in self.ranked(people, candidates, most))

    def ranked(self, people: Indices, candidates: NDArray[np.int32], most: int = LONGEST) -> Iterator[Ranked]:
        """Yield what `rank` does, with the chances of each offer."""
        for some in found(self.snapshot, people, candidates):
            pairs = described(some, self.snapshot, self.setting, candidates)
            odds = self._odds(pairs)
            order = np.lexsort((-np.where(np.isnan(odds), self._simple(pairs), odds), some.rows))
            ends = np.searchsorted(some.rows[order], np.arange(len(some.people) + 1))
            for n, person in enumerate(some.people):
                best = order[ends[n] : ends[n + 1]][:most]
                yield Ranked(int(person), candidates[some.columns[best]], odds[best])

    def _odds(self, pairs: Found) -> NDArray[np.float64]:
        """Return the log-odds of each pair; nan where nothing is known of the resident, or nothing was learned."""
        history = pairs.features["history"]
        if self.blend is None:
            return np.full(len(history), np.nan)
        return np.where(history > 0, self.blend.scores(pairs.features), np.nan)

    def _simple(self, pairs: Found) -> NDArray[np.float64]:
        """Return what orders pairs without chances: what is popular, and first likeness where nothing was learned."""
        told = pairs.features
        if self.blend is None:
            return np.asarray(sum(told[name] for name in _UNTAUGHT), np.float64)
        return np.asarray(told.get("popular_30", told["popular"]), np.float64)
