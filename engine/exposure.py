"""How much offers are shown, and the floors below which the city lets no group of them fall. Nothing of a person.

A show counts by its place in a list, as much as people look there: ``1 / log2(place + 1)``, from the first to the
`PLACES`-th. A group's share is that of all shows of the last `DAYS` days that its offers of now have had. Below its
floor each of its offers is lifted::

    lift = MOST_LIFT * min(1, max(0, (1.1 - share / floor) / 0.2))

which is whole up to 90 % of the floor and fades until 10 % above it, so that a share comes to rest near its floor. An
offer of several groups gets the strongest of their lifts.

Where a model ranks, an offer that is shown more than the mean one stands a little lower, below the first place: by a
share of what lies between the first and the twentieth of the list, so that little changes where a list is clear about
what is best (decision 17). How strong that is the model brings with it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.taste import key

PLACES = 20
DAYS = 7
KEPT_DAYS = 90
MOST_LIFT = 0.25
"""On the scale of scores: what an interest of medium strength adds."""

WORTH: Sequence[float] = tuple((1 / np.log2(np.arange(PLACES) + 2)).tolist())
"""What a show counts for at each place."""
_AIM, _FADE = 1.1, 0.2
_SPAN = 20


class Share(NamedTuple):
    """A group's part in what is shown: its offers of now, their shows, the part of all shows, and the lift."""

    offers: int
    shows: float
    share: float
    lift: float


class Tally:
    """Counts the shows of offers until somebody takes the counts away.

    It counts by row, which is what an answer has at hand; when rows get other numbers, it goes on with ids.
    """

    def __init__(self) -> None:
        self._ids: Sequence[str] = ()
        self._rows: dict[int, float] = {}
        self._kept: dict[str, float] = {}

    def note(self, ids: Sequence[str], rows: Sequence[int]) -> None:
        """Count a list that was shown, best first.

        Parameters
        ----------
        ids
            Of all rows of the catalogue; the same list while rows keep their numbers.
        rows
            What was shown.
        """
        if ids is not self._ids:
            self._settle()
            self._ids = ids
        counts = self._rows
        for row, worth in zip(rows, WORTH, strict=False):
            counts[row] = counts.get(row, 0.0) + worth

    def counts(self) -> Mapping[str, float]:
        """Return the counts so far."""
        self._settle()
        return self._kept

    def take(self) -> dict[str, float]:
        """Return the counts and begin anew."""
        self._settle()
        taken, self._kept = self._kept, {}
        return taken

    def give_back(self, counts: Mapping[str, float]) -> None:
        """Count again what was taken and could not be kept."""
        for id_, shows in counts.items():
            self._kept[id_] = self._kept.get(id_, 0.0) + shows

    def _settle(self) -> None:
        """Turn what was counted by row into counts by id."""
        for row, shows in self._rows.items():
            id_ = self._ids[row]
            self._kept[id_] = self._kept.get(id_, 0.0) + shows
        self._rows = {}


def lift(share: float, floor: float) -> float:
    """Return what is added to the scores of a group with this share of shows.

    Examples
    --------
    >>> [round(lift(share, 0.10), 3) for share in (0.0, 0.09, 0.10, 0.11, 0.5)]
    [0.25, 0.25, 0.125, 0.0, 0.0]
    """
    return MOST_LIFT * min(1.0, max(0.0, (_AIM - share / floor) / _FADE))


def share_of(group: NDArray[np.bool_], shows: NDArray[np.float64], floor: float) -> Share:
    """Return a group's part in the shows; while nothing was shown, nothing is lifted.

    Parameters
    ----------
    group
        Which offers are its. Shape (n,).
    shows
        Of each offer. Shape (n,).
    """
    whole, its = float(shows.sum()), float(shows[group].sum())
    if whole <= 0:
        return Share(int(group.sum()), 0.0, 0.0, 0.0)
    return Share(int(group.sum()), its, its / whole, lift(its / whole, floor))


class Shows:
    """How much offers were shown, to be looked up for many at once.

    Parameters
    ----------
    totals
        By offer.
    """

    def __init__(self, totals: Mapping[str, float]) -> None:
        keys = np.fromiter((key(id_) for id_ in totals), np.uint64, len(totals))
        order = np.argsort(keys)
        self._keys = keys[order]
        self._shows = np.fromiter(totals.values(), np.float64, len(totals))[order]

    def of(self, keys: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return the shows of offers by the hashes of their ids. Shape (n,)."""
        if not len(self._keys):
            return np.zeros(len(keys))
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[at] == keys, self._shows[at], 0.0)


def crowding(shows: NDArray[np.float64], mean: float) -> NDArray[np.float32]:
    """Return how much more than the mean offer each was shown: ``log(1 + shows / mean)``, the mean at least 1."""
    return np.log1p(shows / max(mean, 1.0)).astype(np.float32)


def lowered(scores: NDArray[np.float32], crowded: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """Return the scores of a list with those lowered that are shown much, all but the best one.

    Parameters
    ----------
    scores, crowded
        In any order; `crowded` as by `crowding`. Shape (n,), n at least 1.
    strength
        As a share of what lies between the best score and the twenty-first.

    Examples
    --------
    >>> lowered(np.array([2, 1, 1], np.float32), np.array([3, 1, 0], np.float32), 0.1).tolist()
    [2.0, 0.8999999761581421, 1.0]
    """
    best = int(scores.argmax())
    last = max(len(scores) - 1 - _SPAN, 0)
    span = scores[best] - np.partition(scores, last)[last]
    found: NDArray[np.float32] = scores - np.float32(strength * span) * crowded
    found[best] = scores[best]
    return found


def gini(values: NDArray[np.float64]) -> float:
    """Return the Gini coefficient: 0 where all have the same, towards 1 where one has everything.

    Examples
    --------
    >>> gini(np.array([1.0, 1.0])), gini(np.array([0.0, 0.0, 0.0, 1.0])), gini(np.array([]))
    (0.0, 0.75, 0.0)
    """
    whole, n = float(values.sum()), len(values)
    if whole <= 0:
        return 0.0
    return float(2 * np.dot(np.arange(1, n + 1), np.sort(values)) / (n * whole) - (n + 1) / n)
