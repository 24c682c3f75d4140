"""What the city puts beside the ranking, whoever asks: an amount for each row, and rows that come first.

It moves offers among those that fit a request; it lets in none that the request's filters leave out. All of it is
worked out when a rule, the offers or the minute changes, for each scenario once: an answer only looks it up.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import IntFlag
from itertools import count
from random import sample
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.capacity import FREE_LOAD, USUAL_RATE, Uptake, load, price, told
from engine.catalogue import Catalogue, Live
from engine.columns import minute
from engine.exposure import Share, Shows, Tally, crowding, gini, share_of
from engine.matching import Mask, matching
from engine.rules import USUAL_STRENGTH, Effect, Floor, Rule, Target
from engine.scenario import Scenario
from engine.taste import key

MOST_PINNED = 5
"""How many offers are pinned in a scenario at most: the city leads a list, and does not fill it."""
NEW_SHOWS = 50.0
"""From so many shows in the first place on, an offer is not new any more."""
MOST_FRESH = 256
"""How many new offers may be tried until others are drawn."""
MOST_MOVED = 1.0
"""How far rules move a score together, to either side."""


class Mark(IntFlag):
    """Why an offer stands higher than its score alone would have it: what its reasons must not keep back."""

    HIGHLIGHTED = 1
    GIVEN_ROOM = 2
    NEW = 4
    """Given by `engine.novelty`, to the one that it tries."""


class Fresh(NamedTuple):
    """Offers that few have seen yet: a sample of their rows, and how much they were shown. Shape (n,), both."""

    rows: NDArray[np.uint32] = np.zeros(0, np.uint32)
    shows: NDArray[np.float64] = np.zeros(0)


class Steered(NamedTuple):
    """What is put beside the ranking of one scenario.

    Attributes
    ----------
    version
        Differs where any of the rest differs: scores worked out with another are of no use.
    adds
        What each row's score gains or loses, on the scale of the first stage; -inf leaves it out. Shape (rows,).
    pinned
        Rows to come first where they fit the request, in this order.
    marks
        `Mark` of each row; empty where none has any. Shape (rows,) or (0,).
    fresh
        What may be tried as new.
    crowded
        How much more than the mean offer each row was shown of late (`engine.exposure.crowding`). It moves only what a
        model ranks, so scores of the first stage do not depend on it. Shape (rows,) or (0,).
    """

    version: Hashable
    adds: NDArray[np.float32]
    pinned: Sequence[int] = ()
    marks: NDArray[np.uint8] = np.zeros(0, np.uint8)
    fresh: Fresh = Fresh()
    crowded: NDArray[np.float32] = np.zeros(0, np.float32)


class Steering(Protocol):
    """What knows it."""

    def steered(self, scenario: Scenario, live: Live) -> Steered:
        """Return what holds now: a look-up, since every answer asks."""

    def showed(self, live: Live, rows: Sequence[int]) -> None:
        """Count what an answer shows, best first."""


class Exposed(NamedTuple):
    """How what was shown is spread over the offers of now.

    Attributes
    ----------
    offers, shown
        How many there are, and how many of them were shown at all.
    shows, gini
        Of them together; and how unevenly they have them, from 0 to 1.
    groups
        By the id of their floor.
    """

    offers: int
    shown: int
    shows: float
    gini: float
    groups: Mapping[str, Share]


class CitySteering:
    """Holds what the city has set, and works out what that means for the offers of now.

    Parameters
    ----------
    catalogue
        The offers. Everything here happens in the thread that changes them.
    usual_rate
        Seats that a show in the first place takes, where nothing more is known of an offer.
    """

    def __init__(self, catalogue: Catalogue, usual_rate: float = USUAL_RATE) -> None:
        self._catalogue = catalogue
        self._usual_rate = usual_rate
        self._rules: Sequence[Rule] = ()
        self._floors: Mapping[str, Floor] = {}
        self._lifts: Sequence[tuple[float, Target]] = ()
        self._uptakes: dict[str, Uptake] = {}
        self._loaded: set[str] = set()
        self._prices: Mapping[str, float] = {}
        self._tally = Tally()
        self._known: set[str] = set()
        self._fresh: Mapping[str, float] = {}
        self._shows = Shows({})
        self._crowded: tuple[Live, Shows, NDArray[np.float32]] | None = None
        self._held: dict[Scenario, Steered] = {}
        self._of: dict[Scenario, Live] = {}

    def rules(self, rules: Sequence[Rule]) -> None:
        """Put other rules in force, the earlier ones first; each from its beginning to its end."""
        self._rules = rules
        self._of = {}

    def floors(self, floors: Mapping[str, Floor]) -> None:
        """Set other floors of exposure, by id; they lift with the next `exposed`."""
        self._floors = floors

    def showed(self, live: Live, rows: Sequence[int]) -> None:
        """Count what an answer shows, best first."""
        self._tally.note(live.ids, rows)

    def take_shows(self, now: datetime) -> tuple[dict[str, float], dict[str, float]]:
        """Return the counts of shows since they were last taken; and those of offers whose seats are limited."""
        counts = self._tally.take()
        return counts, {id_: counts[id_] for id_ in self._seats(counts, now)}

    def give_back(self, counts: Mapping[str, float]) -> None:
        """Count again what was taken and could not be kept."""
        self._tally.give_back(counts)

    def exposure(self, totals: Mapping[str, float], floors: Mapping[str, Floor], now: datetime) -> Exposed:
        """Return how shows, by offer, are spread over the offers of now and over the groups of floors."""
        live = self._catalogue.live(now)
        rows = {id_: row for row, id_ in enumerate(live.ids)}  # of one that was replaced, the newest row comes last
        at = np.fromiter((rows.get(id_, -1) for id_ in totals), np.intp, len(totals))
        counts, shows = np.fromiter(totals.values(), np.float64, len(totals)), np.zeros(len(live.next))
        shows[at[at >= 0]] = counts[at >= 0]
        groups = {
            id_: share_of(matching(floor.target, self._catalogue, live)[live.rows], shows[live.rows], floor.share)
            for id_, floor in floors.items()
        }
        of_now = shows[live.rows]
        return Exposed(len(of_now), int((of_now > 0).sum()), float(of_now.sum()), gini(of_now), groups)

    def exposed(self, totals: Mapping[str, float], now: datetime) -> None:
        """Lift the groups below their floors, by the shows of the last days by offer."""
        self._freshen(totals, now)
        self._shows = Shows(totals)
        groups = self.exposure(totals, self._floors, now).groups
        lifts = [(round(share.lift, 2), self._floors[id_].target) for id_, share in groups.items() if share.lift > 0]
        if lifts != self._lifts:
            self._lifts, self._of = lifts, {}

    def known(self, ids: Iterable[str]) -> None:
        """Take note of offers that many have seen already: they are not new, whatever was shown of late."""
        self._known |= set(ids)

    def uptakes(self, known: Mapping[str, Uptake], *, whole: bool) -> None:
        """Take note of what is known of seats, by offer; where it is the whole, of no other offer there is anything."""
        self._uptakes = {**({} if whole else self._uptakes), **known}
        loads = {id_: load(its, self._usual_rate) for id_, its in self._uptakes.items()}
        self._loaded = {id_ for id_, its in loads.items() if its > _LIGHT_LOAD}

    def reprice(self, now: datetime) -> None:
        """Work out anew what offers with few seats cost, from what is known and was shown since."""
        counts, moment, prices = self._tally.counts(), now.timestamp(), dict[str, float]()
        much = {id_ for id_, shows in counts.items() if shows * self._usual_rate > _LIGHT_LOAD}
        for id_, left in self._seats(much | self._loaded, now).items():
            its = told(self._uptakes.get(id_, Uptake(left)), left, counts.get(id_, 0.0), moment)
            if (cost := round(price(its, self._usual_rate), 1)) > 0:
                prices[id_] = cost
        if prices != self._prices:
            self._prices, self._of = prices, {}

    def _seats(self, ids: Iterable[str], now: datetime) -> dict[str, int]:
        """Return the seats left of those of the offers whose seats are limited."""
        seats, rows = self._catalogue.live(now).columns.seats, self._catalogue.row
        return {id_: int(seats[row]) for id_ in ids if (row := rows(key(id_))) is not None and seats[row] > 0}

    def count(self, target: Target, now: datetime) -> int:
        """Return how many offers that may be suggested now a target means."""
        return int(matching(target, self._catalogue, self._catalogue.live(now)).sum())

    def steered(self, scenario: Scenario, live: Live) -> Steered:
        """Return what holds at the minute of `live`; worked out with the first question after something changed."""
        if self._of.get(scenario) is not live:
            fresh, held = self._worked_out(scenario, live), self._held.get(scenario)
            version = held.version if held is not None and _same(held, fresh) else next(_versions)
            self._held[scenario] = fresh._replace(version=version)
            self._of[scenario] = live
        return self._held[scenario]

    def _worked_out(self, scenario: Scenario, live: Live) -> Steered:
        moved = np.zeros(len(live.next), np.float32)
        shown, out, pinned = np.zeros(len(moved), np.bool_), np.zeros(len(moved), np.bool_), list[int]()
        for rule in self._rules:
            if scenario not in rule.scenarios or not _holds(rule, live.minute):
                continue
            meant = matching(rule.target, self._catalogue, live)
            strength = np.float32(rule.strength or USUAL_STRENGTH)
            match rule.effect:
                case Effect.EXCLUDE:
                    out |= meant
                case Effect.BURY:
                    moved[meant] -= strength
                case Effect.BOOST:
                    moved[meant] += strength
                case Effect.PIN:
                    pinned += self._in_order(rule, meant, live)
        shown |= moved > 0
        first = [row for row in dict.fromkeys(pinned) if not out[row]][:MOST_PINNED]
        shown[first] = True
        lifts, prices = self._lifted(live), self._priced(live)
        adds = np.clip(moved, -MOST_MOVED, MOST_MOVED) + lifts - prices
        adds[out] = -np.inf
        marks = shown * np.uint8(Mark.HIGHLIGHTED) | (lifts >= _TOLD_LIFT) * np.uint8(Mark.GIVEN_ROOM)
        marks = marks if marks.any() else _NO_MARKS
        return Steered(0, adds, tuple(first), marks, self._tried(live), self._crowding(live))

    def _freshen(self, totals: Mapping[str, float], now: datetime) -> None:
        """Draw anew which offers may be tried as new."""
        self._known |= {id_ for id_, shows in totals.items() if shows >= NEW_SHOWS}
        live = self._catalogue.live(now)
        new = [id_ for row in live.rows.tolist() if (id_ := live.ids[row]) not in self._known]
        drawn = sample(new, min(MOST_FRESH, len(new)))
        self._fresh, self._of = {id_: totals.get(id_, 0.0) for id_ in drawn}, {}

    def _tried(self, live: Live) -> Fresh:
        """Return what may be tried as new of the rows of now."""
        rows = {row: shows for id_, shows in self._fresh.items() if (row := self._catalogue.row(key(id_))) is not None}
        of_now = {row: shows for row, shows in rows.items() if row < len(live.next)}
        return Fresh(np.array([*of_now], np.uint32), np.array([*of_now.values()]))

    def _crowding(self, live: Live) -> NDArray[np.float32]:
        """Return how much more than the mean offer each row was shown; the same in every scenario."""
        if self._crowded is None or self._crowded[0] is not live or self._crowded[1] is not self._shows:
            shows = self._shows.of(live.columns.key[: len(live.next)])
            mean = float(shows[live.rows].sum()) / max(len(live.rows), 1)
            self._crowded = live, self._shows, crowding(shows, mean)
        return self._crowded[2]

    def _lifted(self, live: Live) -> NDArray[np.float32]:
        """Return what the floors of exposure add to each row: of several groups, the strongest lift."""
        lifts = np.zeros(len(live.next), np.float32)
        for lift, target in self._lifts:
            meant = matching(target, self._catalogue, live)
            lifts[meant] = np.maximum(lifts[meant], np.float32(lift))
        return lifts

    def _priced(self, live: Live) -> NDArray[np.float32]:
        """Return what each row costs for want of seats."""
        prices = np.zeros(len(live.next), np.float32)
        for id_, cost in self._prices.items():
            if (row := self._catalogue.row(key(id_))) is not None and row < len(prices):
                prices[row] = cost
        return prices

    def _in_order(self, rule: Rule, meant: Mask, live: Live) -> list[int]:
        """Return the rows of a pin: as it names them, else the soonest first."""
        if rule.target.offers:
            return [row for row in self._catalogue.rows([key(id_) for id_ in rule.target.offers]) if meant[row]]
        rows = np.flatnonzero(meant)
        soonest: list[int] = rows[np.argsort(live.next[rows], kind="stable")][:MOST_PINNED].tolist()
        return soonest


_LIGHT_LOAD = FREE_LOAD / 4
"""Below this an offer costs nothing soon, and is not looked at until its shows are written down."""
_TOLD_LIFT = 0.02
"""A lift from which on reasons tell of it: less moves next to nothing."""
_versions = count(1)
_NO_MARKS = np.zeros(0, np.uint8)


def _holds(rule: Rule, now: int) -> bool:
    return (rule.valid_from is None or minute(rule.valid_from) <= now) and now < minute(rule.valid_until)


def _same(one: Steered, other: Steered) -> bool:
    return (
        one.pinned == other.pinned and np.array_equal(one.adds, other.adds) and np.array_equal(one.marks, other.marks)
    )
