"""What residents were shown, and which of it they chose then: what a re-ranker learns from beside moments of the past.

Of a list of which something was chosen, what stands above the last choice was passed over, and what stands next below
it; further down nobody may have looked. Who chooses a low place has looked at more than most do: each choice weighs by
the inverse of the chance that its place is looked at (`models.position`), and what was passed over by the inverse of
the share of lists that reach down to its place in this way. No weight is above ten.

That an offer was shown says that it was thought well of, and is no reason to think better of it. So what was passed
over weighs as much more as it takes for shown offers to be chosen, by weight, just as often as moments of the past have
it of offers like these: only what differs within lists is learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.blend import Examples, foretold
from models.matrix import DAY, Interactions
from models.position import LEAST_CHANCE, looked_at, power_of
from models.snapshot import Found

FOLLOWS = 7 * DAY
"""What is chosen so long after it was shown is taken to follow from that, in seconds."""
LONGEST = 20
"""Places below are not looked at here."""
MOST_LISTS = 200_000
"""Of more lists, those of some of the residents are kept."""
LEAST_LISTS = 1_000
"""Of fewer lists nothing is learned."""
SHARE = 0.3
"""How much choices from lists weigh at most of all that is learned from."""


class Shown(NamedTuple):
    """Offers as they were shown, list by list; arrays of shape (n,), but for `power`.

    Attributes
    ----------
    people, offers
        Numbers, as in `models.matrix.Interactions`.
    lists
        The number of the list.
    times
        When it was shown, in Unix seconds.
    chosen
        When the offer was chosen, in Unix seconds; infinity where it was passed over.
    weights
        What each counts for.
    power
        How much less lower places are looked at (`models.position`).
    """

    people: NDArray[np.int32]
    offers: NDArray[np.int32]
    lists: NDArray[np.int32]
    times: NDArray[np.float64]
    chosen: NDArray[np.float64]
    weights: NDArray[np.float32]
    power: float

    def within(self, begins: float, ends: float) -> "Shown":
        """Return what was shown from one moment to another, without what was chosen later."""
        of_then = (self.times >= begins) & (self.times < ends) & ((self.chosen < ends) | np.isinf(self.chosen))
        return self.taken(of_then)

    def taken(self, rows: NDArray[Any]) -> "Shown":
        """Return some of the showings."""
        return Shown(
            self.people[rows],
            self.offers[rows],
            self.lists[rows],
            self.times[rows],
            self.chosen[rows],
            self.weights[rows],
            self.power,
        )

    def renumbered(self, people: NDArray[np.int32], offers: NDArray[np.int32]) -> "Shown":
        """Return what was shown under other numbers, of those people and offers alone that have one.

        Parameters
        ----------
        people
            Old numbers in the order of the new ones; ascending.
        offers
            The new number of each old one; -1 for none.
        """
        who = np.minimum(np.searchsorted(people, self.people), len(people) - 1).astype(np.int32)
        kept = self.taken((people[who] == self.people) & (offers[self.offers] >= 0))
        return kept._replace(people=np.searchsorted(people, kept.people).astype(np.int32), offers=offers[kept.offers])

    def among(self, pairs: Found, candidates: NDArray[np.int32]) -> "Seen | None":
        """Return what of it is among some pairs, lists with a choice and something passed over alone.

        Parameters
        ----------
        candidates
            The offers that the pairs' columns mean; ascending, as the pairs' people are.
        """
        if not len(self.people) or not len(candidates):
            return None
        rows, columns = np.searchsorted(pairs.people, self.people), np.searchsorted(candidates, self.offers)
        asked = np.minimum(rows, len(pairs.people) - 1) * len(candidates) + np.minimum(columns, len(candidates) - 1)
        keys = pairs.rows * len(candidates) + pairs.columns
        at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        there = keys[at] == asked
        there &= (pairs.people[pairs.rows[at]] == self.people) & (candidates[pairs.columns[at]] == self.offers)
        chosen = np.isfinite(self.chosen)
        there &= np.isin(self.lists, self.lists[there & chosen]) & np.isin(self.lists, self.lists[there & ~chosen])
        if not there.any():
            return None
        hits = np.bincount(rows[there], chosen[there])[rows[there]]
        features = {name: column[at[there]] for name, column in pairs.features.items()}
        weights = (self.weights[there] / hits).astype(np.float32)
        return Seen(Examples(features, chosen[there], weights), len(np.unique(self.lists[there])))


class Seen(NamedTuple):
    """Examples that some lists give, and how many lists these are."""

    examples: Examples
    lists: int

    def beside(self, moments: Examples) -> Examples:
        """Return these examples as they count beside those of moments of the past."""
        given, chosen = self.examples, self.examples.chosen
        expected = foretold(moments, given)
        weights = given.weights.astype(np.float64) / given.weights[chosen].mean()
        missing = float((weights * (1 - expected))[chosen].sum())
        weights[~chosen] *= missing / max(float((weights * expected)[~chosen].sum()), 1e-9)
        most = SHARE / (1 - SHARE) * float(moments.weights[moments.chosen].sum())
        weights *= min(1.0, most / float(weights[chosen].sum()))
        return Examples(given.features, chosen, weights.astype(np.float32))


class _Part(NamedTuple):
    people: NDArray[np.int32]
    times: NDArray[np.float64]
    lengths: NDArray[np.int32]
    offers: NDArray[np.int32]

    def of_every(self, step: int) -> "_Part":
        """Return the lists of every so many-th resident."""
        kept = self.people % step == 0
        return _Part(
            self.people[kept], self.times[kept], self.lengths[kept], self.offers[np.repeat(kept, self.lengths)]
        )


_NONE = _Part(np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int32), np.zeros(0, np.int32))


@dataclass(slots=True)
class Lists:
    """Collects lists, a chunk at a time (`engine.records.learning.Lists`).

    Parameters
    ----------
    numbers
        Id -> number of offers; those that are not there yet get the next ones (`models.choices.Choices.offers`).
    """

    numbers: dict[str, int]
    _parts: list[_Part] = field(default_factory=lambda: [_NONE])
    _step: int = 1
    _held: int = 0

    def add(self, people: Sequence[int], times: Sequence[float], offers: Sequence[Sequence[str]]) -> None:
        """Take in a chunk; all lists of a resident must be in one chunk, the oldest first."""
        cut = [its[:LONGEST] for its in offers]
        told = [self.numbers.setdefault(offer, len(self.numbers)) for its in cut for offer in its]
        lengths = np.array([len(its) for its in cut], np.int32)
        part = _Part(np.array(people, np.int32), np.array(times, np.float64), lengths, np.array(told, np.int32))
        self._parts.append(part.of_every(self._step))
        self._held += len(self._parts[-1].people)
        while self._held > MOST_LISTS:
            self._step *= 2
            self._parts = [part.of_every(self._step) for part in self._parts]
            self._held = sum(len(part.people) for part in self._parts)

    def shown(self, chosen: Interactions) -> Shown | None:
        """Return what was shown and what followed; None where nothing can be learned from it.

        Parameters
        ----------
        chosen
            Who chose what and when first, under the same numbers.
        """
        part = _Part(*(np.concatenate(column) for column in zip(*self._parts, strict=True)))
        lists: NDArray[np.int32] = np.repeat(np.arange(len(part.lengths), dtype=np.int32), part.lengths)
        ends = np.cumsum(part.lengths)
        places = (np.arange(len(lists)) - np.repeat(ends - part.lengths, part.lengths) + 1).astype(np.int16)
        return of_lists(part.people[lists], part.offers, lists, places, part.times[lists], chosen)


def of_lists(  # noqa: PLR0913 - the columns of a log
    people: NDArray[np.int32],
    offers: NDArray[np.int32],
    lists: NDArray[np.int32],
    places: NDArray[np.int16],
    times: NDArray[np.float64],
    chosen: Interactions,
) -> Shown | None:
    """Return what some lists show, of which the last before a choice is the one that was chosen from.

    Parameters
    ----------
    people, offers, lists, places, times
        Of each showing, list by list; places from 1. Shape (n,).
    chosen
        Who chose what and when first.
    """
    if not len(people) or not len(chosen):
        return None
    wide = 1 + int(max(offers.max(), chosen.offers.max()))
    pairs = people.astype(np.int64) * wide + offers
    when = _when(pairs, chosen.people.astype(np.int64) * wide + chosen.offers, chosen.times)
    # A client's clock tells whole seconds: what follows may seem to come within the second before.
    follows = (when >= np.floor(times)) & (when < times + FOLLOWS)
    later, earlier = np.isfinite(when) & (when < np.floor(times)), np.isfinite(when) & (when >= times + FOLLOWS)
    order = np.lexsort((times, pairs))
    last = np.zeros(len(pairs), np.bool_)
    its = order[follows[order]]
    last[its] = np.diff(pairs[its], append=-1) != 0
    told = ~later & ~earlier
    by_time = order[told[order]]
    power = power_of(pairs[by_time], places[by_time], last[by_time])
    if power is None:
        return None
    deepest = np.zeros(int(lists.max()) + 1, np.int16)
    np.maximum.at(deepest, lists[last], places[last])
    reached = (deepest[lists] > 0) & (places <= deepest[lists] + 1)
    weights = np.where(last, 1 / looked_at(places, power), 1 / _reach(places, lists, deepest))
    # One that was chosen from a later list was neither chosen from this one nor passed over for good.
    kept = reached & told & (last | ~follows)
    found = Shown(people, offers, lists, times, np.where(last, when, np.inf), weights.astype(np.float32), power)
    return found.taken(kept)


def _when(pairs: NDArray[np.int64], chosen: NDArray[np.int64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return when each pair was first chosen; infinity for never."""
    order = np.lexsort((times, chosen))
    at = order[np.minimum(np.searchsorted(chosen[order], pairs), len(order) - 1)]
    return np.where(chosen[at] == pairs, times[at], np.inf)


def _reach(places: NDArray[np.int16], lists: NDArray[np.int32], deepest: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return, for each showing, the share of lists with a choice, so long, that are learned from so far down."""
    reaching = deepest[lists] > 0
    most = int(places.max()) + 1
    long = np.bincount(places[reaching], minlength=most)
    down = np.bincount(places[reaching & (places <= deepest[lists] + 1)], minlength=most)
    return np.maximum(down / np.maximum(long, 1), LEAST_CHANCE)[places]
