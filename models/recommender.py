"""The recommender: the single rankers of a moment, and the re-ranker that was taught by moments before it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.blend import Blend
from models.context import Setting, described
from models.lessons import Past
from models.snapshot import Found, Indices, Snapshot, found

LONGEST = 100
_UNTAUGHT = ("likeness_standing", "ease_standing", "mapped_standing", "popular_standing")


@dataclass(frozen=True, slots=True)
class Recommender:
    """Ranks offers for residents.

    Attributes
    ----------
    blend
        None where nothing could be learned yet: then what is like a resident's history comes first, then what is
        popular.
    """

    snapshot: Snapshot
    setting: Setting
    blend: Blend | None

    @classmethod
    def fit(cls, past: Past, at: float, candidates: NDArray[np.int32]) -> "Recommender":
        """Return the recommender of a moment, in Unix seconds; infinite where times are unknown."""
        examples = past.examples(at, candidates)
        blend = None if examples is None else Blend.fit(examples, past.seed)
        return cls(past.snapshot(at), past.setting, blend)

    def rank(
        self, people: Indices, candidates: NDArray[np.int32], most: int = LONGEST
    ) -> Iterator[tuple[int, NDArray[np.int32]]]:
        """Yield each resident with at most `most` candidates, best first; none is in their history."""
        for some in found(self.snapshot, people, candidates):
            scores = self._scores(described(some, self.snapshot, self.setting, candidates))
            order = np.lexsort((-scores, some.rows))
            rows = some.rows[order]
            ends = np.searchsorted(rows, np.arange(len(some.people) + 1))
            for n, person in enumerate(some.people):
                best = order[ends[n] : ends[n + 1]][:most]
                yield int(person), candidates[some.columns[best]]

    def _scores(self, pairs: Found) -> NDArray[np.float64]:
        """Return what orders the pairs; residents without a history get what is popular."""
        told = pairs.features
        if self.blend is None:
            return np.asarray(sum(told[name] for name in _UNTAUGHT), np.float64)
        popular = told.get("popular_30", told["popular"])
        return np.where(told["history"] > 0, self.blend.scores(told), popular)
