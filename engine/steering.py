"""What the city puts beside the ranking, whoever asks: an amount for each row, and rows that come first.

It moves offers among those that fit a request; it lets in none that the request's filters leave out. All of it is
worked out when a rule, the offers or the minute changes, for each scenario once: an answer only looks it up.
"""

from collections.abc import Hashable, Sequence
from datetime import datetime
from enum import IntFlag
from itertools import count
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.catalogue import Catalogue, Live
from engine.columns import minute
from engine.matching import Mask, matching
from engine.rules import USUAL_STRENGTH, Effect, Rule, Target
from engine.scenario import Scenario
from engine.taste import key

MOST_PINNED = 5
"""How many offers are pinned in a scenario at most: the city leads a list, and does not fill it."""
MOST_MOVED = 1.0
"""How far rules move a score together, to either side."""


class Mark(IntFlag):
    """Why an offer stands higher than its score alone would have it: what its reasons must not keep back."""

    HIGHLIGHTED = 1


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
    """

    version: Hashable
    adds: NDArray[np.float32]
    pinned: Sequence[int] = ()
    marks: NDArray[np.uint8] = np.zeros(0, np.uint8)


class Steering(Protocol):
    """What knows it."""

    def steered(self, scenario: Scenario, live: Live) -> Steered:
        """Return what holds now: a look-up, since every answer asks."""


class CitySteering:
    """Holds what the city has set, and works out what that means for the offers of now.

    Parameters
    ----------
    catalogue
        The offers. Everything here happens in the thread that changes them.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._rules: Sequence[Rule] = ()
        self._held: dict[Scenario, Steered] = {}
        self._of: dict[Scenario, Live] = {}

    def rules(self, rules: Sequence[Rule]) -> None:
        """Put other rules in force, the earlier ones first; each from its beginning to its end."""
        self._rules = rules
        self._of = {}

    def count(self, target: Target, now: datetime) -> int:
        """Return how many offers that may be suggested now a target means."""
        return int(matching(target, self._catalogue, self._catalogue.live(now)).sum())

    def steered(self, scenario: Scenario, live: Live) -> Steered:
        """Return what holds at the minute of `live`; worked out with the first question after something changed."""
        if self._of.get(scenario) is not live:
            fresh, held = self._worked_out(scenario, live), self._held.get(scenario)
            if held is None or not _same(held, fresh):
                self._held[scenario] = fresh._replace(version=next(_versions))
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
        adds = np.clip(moved, -MOST_MOVED, MOST_MOVED)
        adds[out] = -np.inf
        first = [row for row in dict.fromkeys(pinned) if not out[row]][:MOST_PINNED]
        shown[adds > 0] = True
        shown[first] = True
        marks = shown * np.uint8(Mark.HIGHLIGHTED) if shown.any() else _NO_MARKS
        return Steered(0, adds, tuple(first), marks)

    def _in_order(self, rule: Rule, meant: Mask, live: Live) -> list[int]:
        """Return the rows of a pin: as it names them, else the soonest first."""
        if rule.target.offers:
            return [row for row in self._catalogue.rows([key(id_) for id_ in rule.target.offers]) if meant[row]]
        rows = np.flatnonzero(meant)
        soonest: list[int] = rows[np.argsort(live.next[rows], kind="stable")][:MOST_PINNED].tolist()
        return soonest


_versions = count(1)
_NO_MARKS = np.zeros(0, np.uint8)


def _holds(rule: Rule, now: int) -> bool:
    return (rule.valid_from is None or minute(rule.valid_from) <= now) and now < minute(rule.valid_until)


def _same(one: Steered, other: Steered) -> bool:
    return (
        one.pinned == other.pinned and np.array_equal(one.adds, other.adds) and np.array_equal(one.marks, other.marks)
    )
