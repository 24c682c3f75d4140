"""What a re-ranker learns from: moments of the past, at which it is known what was chosen next.

Where times are known, the clock is turned back in steps of a horizon: rankers are fitted to what was known then, and
what residents chose within the horizon is what a good ranking would have put first. Where times are unknown, choices
are held out instead: some of everybody's, and all of some offers, as many as are new in the catalogue to be ranked.

Where it is known what residents were shown (`models.impressions`), what they chose from it and passed over counts too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.blend import Examples, joined
from models.content import Content
from models.context import Setting, described
from models.impressions import LEAST_LISTS, Seen, Shown
from models.matrix import DAY, Interactions
from models.snapshot import Found, Snapshot, found

HORIZON = 28 * DAY
MOST_MOMENTS, LEAST_MOMENTS = 26, 3
MOST_LOOKED_BACK = 20_000_000
"""About how many choices the rankers of all moments are fitted to: of a large past the newest moments teach enough."""
MOST_PEOPLE, LEAST_PEOPLE, MOST_SCORES = 2_500, 300, 25_000_000
"""How many residents of a moment are learned from: fewer where there are so many offers that their scores take long."""
MOST_PAIRS = 300_000
"""About how many pairs are learned from; of those not chosen, some are drawn."""
HELD_OUT = 0.2
MOST_HOLDINGS = 3
"""How often choices are held out anew, as long as the pairs stay few."""
LEAST_HISTORY = 5
"""Only from people with this many choices some are held out."""
MOST_SHOWN_PAIRS = MOST_PAIRS // 3
"""How many of the pairs come from lists that were shown."""
CALIBRATED_BY = 60_000
"""How many pairs tell how often offers like those shown are chosen."""


class Lessons(NamedTuple):
    """What is learned from, and how many lists that were shown are part of it."""

    examples: Examples
    lists: int


class _Taught(NamedTuple):
    """What a moment teaches: by what was chosen next, and by lists that were shown."""

    moments: Examples
    seen: Seen | None


@dataclass(slots=True)
class Past:
    """Everything that was chosen, and what offers are; the source of lessons.

    Parameters
    ----------
    people
        How many there are.
    horizon
        How far ahead a ranking is to be right, in seconds.
    least
        Of offers that fewer people chose the rankers learn nothing (`Snapshot.fit`).
    shown
        What people were shown, and what followed.
    """

    interactions: Interactions
    people: int
    content: Content
    setting: Setting
    horizon: float = HORIZON
    seed: int = 0
    least: int = 1
    shown: Shown | None = None
    _moments: dict[tuple[float, float], _Taught | None] = field(default_factory=dict)

    def snapshot(self, at: float) -> Snapshot:
        """Return the rankers fitted to what was known at a moment."""
        return Snapshot.fit(self.interactions.before(at), self.content, self.people, at, self.seed, self.least)

    def lessons(self, at: float, candidates: NDArray[np.int32]) -> Lessons | None:
        """Return what can be learned before a moment at which `candidates` are to be ranked; None if nothing can."""
        if not np.isfinite(at):
            parts = list(self._held_out(candidates))
        else:
            reach = self._reach(at, candidates)
            moments = [at - step * self.horizon for step in range(self._count(), 0, -1)]
            parts = [part for moment in moments if (part := self._at(moment, reach)) is not None]
        told = [part.moments for part in parts if part.moments.chosen.any() and not part.moments.chosen.all()]
        if not told:
            return None
        rng, seen = np.random.default_rng(self.seed), _seen([part.seen for part in parts if part.seen is not None])
        if seen is None:
            return Lessons(_thinned(joined(told), rng), 0)
        seen = seen._replace(examples=_thinned(seen.examples, rng, MOST_SHOWN_PAIRS))
        examples = _thinned(joined(told), rng, MOST_PAIRS - len(seen.examples.chosen))
        return Lessons(joined([examples, seen.beside(_thinned(examples, rng, CALIBRATED_BY))]), seen.lists)

    def _count(self) -> int:
        """Return how many moments are looked back to."""
        worth = MOST_LOOKED_BACK // max(len(self.interactions), 1)
        return min(max(worth, LEAST_MOMENTS), MOST_MOMENTS)

    def _reach(self, at: float, candidates: NDArray[np.int32]) -> float:
        """Return how far ahead of its moment a catalogue goes, in seconds, in whole horizons."""
        ahead = self.setting.starts[candidates] - at
        known = ahead[np.isfinite(ahead)]
        return float(np.ceil(np.max(known) / self.horizon) * self.horizon) if len(known) else np.inf

    def _at(self, at: float, reach: float) -> _Taught | None:
        """Return what one moment teaches; looked at once, however many later moments ask."""
        key = (round(at), reach)
        if key not in self._moments:
            self._moments[key] = self._look_back(at, reach)
        return self._moments[key]

    def _look_back(self, at: float, reach: float) -> _Taught | None:
        times = self.interactions.times
        if not (times < at).any():
            return None
        next_ = self.interactions.taken((times >= at) & (times < at + self.horizon))
        candidates = self._open(at, reach, next_)
        shown = None if self.shown is None else self.shown.within(at, at + self.horizon)
        return self._taught(self.snapshot(at), next_, candidates, shown) if len(candidates) else None

    def _open(self, at: float, reach: float, next_: Interactions) -> NDArray[np.int32]:
        """Return the offers that could be chosen at a moment: those ahead, and undated ones heard of by then."""
        starts = self.setting.starts
        ahead = np.flatnonzero((starts >= at) & (starts < at + reach))
        heard = np.union1d(self.interactions.before(at).offers, next_.offers)
        return np.union1d(ahead, heard[np.isnan(starts[heard])]).astype(np.int32)

    def _held_out(self, candidates: NDArray[np.int32]) -> Iterator[_Taught]:
        known = np.unique(self.interactions.offers)
        new = 1 - float(np.isin(candidates, known).mean()) if len(candidates) else 0.0
        counts = np.bincount(self.interactions.people, minlength=self.people)
        pairs = 0
        for holding in range(MOST_HOLDINGS):
            rng = np.random.default_rng([self.seed, holding])
            hidden = rng.permutation(known)[: int(new * len(known))]
            some = (rng.random(len(self.interactions.people)) < HELD_OUT) & (
                counts[self.interactions.people] >= LEAST_HISTORY
            )
            out = some | np.isin(self.interactions.offers, hidden)
            kept = self.interactions.taken(~out)
            snapshot = Snapshot.fit(kept, self.content, self.people, np.inf, self.seed, self.least)
            taught = self._taught(snapshot, self.interactions.taken(out), candidates)
            if taught is not None:
                yield taught
                pairs += len(taught.moments.chosen)
            if pairs > MOST_PAIRS / MOST_HOLDINGS:
                return

    def _taught(
        self, snapshot: Snapshot, next_: Interactions, candidates: NDArray[np.int32], shown: Shown | None = None
    ) -> _Taught | None:
        """Return examples of residents with a history who then chose something, among what they could have chosen."""
        chosen = next_.matrix(self.people, snapshot.histories.shape[1])[:, candidates]
        eligible = np.flatnonzero((np.diff(chosen.indptr) > 0) & (np.diff(snapshot.histories.indptr) > 0))
        rng = np.random.default_rng(self.seed)
        most = min(MOST_PEOPLE, max(LEAST_PEOPLE, MOST_SCORES // max(len(candidates), 1)))
        people = np.sort(_drawn(eligible, most, shown, rng))
        parts, seen = [], []
        for some in found(snapshot, people, candidates):
            pairs = described(some, snapshot, self.setting, candidates)
            followed = np.asarray(chosen[some.people].toarray()[some.rows, some.columns] > 0)
            # A chunk at a time, since all of them together would be a gigabyte.
            most = MOST_PAIRS // 3 * len(some.people) // len(people)
            parts.append(_thinned(_examples(pairs, followed), rng, most))
            if shown is not None and (its := shown.among(pairs, candidates)) is not None:
                seen.append(its)
        return _Taught(joined(parts), _seen(seen, least=1)) if parts else None


def _drawn(eligible: NDArray[np.intp], most: int, shown: Shown | None, rng: Generator) -> NDArray[np.intp]:
    """Return the residents who are learned from: half of them, if there are so many, were shown something."""
    mixed = rng.permutation(eligible)
    if shown is not None and len(mixed) > most:
        first = mixed[np.isin(mixed, shown.people)][: most // 2]
        mixed = np.concatenate([first, mixed[~np.isin(mixed, first)]])
    return mixed[:most]


def _seen(parts: Sequence[Seen], least: int = LEAST_LISTS) -> Seen | None:
    """Return what several moments tell of lists; None where these are too few."""
    lists = sum(part.lists for part in parts)
    return Seen(joined([part.examples for part in parts]), lists) if lists >= max(least, 1) else None


def _examples(pairs: Found, followed: NDArray[np.bool_]) -> Examples:
    """Return the pairs of residents of whose choices some were found."""
    hits = np.bincount(pairs.rows, followed, minlength=len(pairs.people))[pairs.rows]
    return _kept(Examples(pairs.features, followed, (1 / np.maximum(hits, 1)).astype(np.float32)), hits > 0)


def _kept(examples: Examples, rows: NDArray[np.bool_]) -> Examples:
    columns = {name: column[rows] for name, column in examples.features.items()}
    return Examples(columns, examples.chosen[rows], examples.weights[rows])


def _thinned(examples: Examples, rng: Generator, most: int = MOST_PAIRS) -> Examples:
    """Return examples with no more of the passed-over than are worth their time; those kept weigh the more."""
    n = len(examples.chosen)
    if n <= most:
        return examples
    weights = np.where(examples.chosen, examples.weights, examples.weights * n / most).astype(np.float32)
    drawn = examples.chosen | (rng.random(n) < most / n)
    return _kept(Examples(examples.features, examples.chosen, weights), drawn)
