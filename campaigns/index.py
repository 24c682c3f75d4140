"""Whom each predicate holds of, as bitmaps over numbers: in memory, kept up as residents speak and act.

A number is given once. Of whom anything changes, the old number is dead at once and leads to nobody; what is known now
goes under a new one. So a withdrawal is in force by one bit, nothing half-changed is ever counted, and what is left of
an old number tells of no one. An index with many dead numbers is built anew.
"""

import asyncio
import heapq
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from pyroaring import BitMap

from campaigns.facts import Facts
from campaigns.log import Log
from campaigns.subjects import Subjects
from engine.events import Pseudonym

WORN_SHARE, WORN_LEAST = 0.25, 10_000
"""With more dead numbers than this share, and than so many, an index should be built anew."""


class Index:
    """Residents by what holds of them.

    Attributes
    ----------
    live
        The numbers that somebody has.
    log
        What they did.
    subjects
        With what offers.
    steady
        Held by whoever looks through it in a thread, and by whoever adds to it; `drop` needs it not.
    """

    def __init__(self) -> None:
        self.live = BitMap()
        self.log = Log()
        self.subjects = Subjects()
        self.steady = asyncio.Lock()
        self._names: list[Pseudonym] = []
        self._numbers: dict[Pseudonym, int] = {}
        self._marks: dict[str, BitMap] = {}
        self._children: dict[date, BitMap] = {}
        self._due: list[tuple[datetime, int]] = []

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def worn(self) -> bool:
        """Whether it should be built anew."""
        dead = len(self._names) - len(self._numbers)
        return dead > WORN_LEAST and dead > WORN_SHARE * len(self._names)

    def put(self, facts: Facts) -> None:
        """Take in what may be used of a resident now, in the place of all that was known."""
        self.drop(facts.resident)
        number = len(self._names)
        self._names.append(facts.resident)
        self._numbers[facts.resident] = number
        for mark in (*facts.marks, *(f"off:{family}" for family in facts.off)):
            self._marks.setdefault(mark, BitMap()).add(number)
        for born in set(facts.children):
            self._children.setdefault(born, BitMap()).add(number)
        if facts.acts:
            self.log.add(number, facts.acts, [self.subjects.code(act.offer) for act in facts.acts])
        if facts.until is not None:
            heapq.heappush(self._due, (facts.until, number))
        self.live.add(number)

    def mark(self, resident: Pseudonym, mark: str, within: str) -> None:
        """Let a mark hold of somebody of whom another one holds, beside all that does; of nobody who is left out."""
        number = self._numbers.get(resident)
        if number is not None and number in self.marked(within):
            self._marks.setdefault(mark, BitMap()).add(number)

    def drop(self, resident: Pseudonym) -> None:
        """Leave somebody out from now on: until more is known of them, or for good."""
        if (number := self._numbers.pop(resident, None)) is not None:
            self.live.discard(number)
            self._names[number] = ""

    def due(self, now: datetime) -> list[Pseudonym]:
        """Leave out those of whom something has changed by itself, and return them: they are to be looked at anew."""
        found = []
        while self._due and self._due[0][0] <= now:
            _, number = heapq.heappop(self._due)
            if name := self._names[number]:
                self.drop(name)
                found.append(name)
        return found

    def marked(self, mark: str) -> BitMap:
        """Return of whom a mark holds; not to be changed, and some of the numbers may be dead."""
        return self._marks.get(mark, _NOBODY)

    def marked_any(self, marks: Iterable[str]) -> BitMap:
        """Return of whom one of the marks holds; some of the numbers may be dead."""
        return (
            BitMap.union(*found)
            if (found := [self._marks[mark] for mark in marks if mark in self._marks])
            else BitMap()
        )

    def guardians(self, born: Iterable[date]) -> BitMap:
        """Return who has a child of one of the birth dates."""
        return BitMap.union(*found) if (found := [self._children[day] for day in born]) else BitMap()

    @property
    def births(self) -> Iterable[date]:
        """The birth dates of all children."""
        return self._children.keys()

    def numbers(self, residents: Iterable[Pseudonym]) -> BitMap:
        """Return the numbers of those residents who have one."""
        return BitMap([self._numbers[one] for one in residents if one in self._numbers])

    def in_order(self, numbers: Iterable[int]) -> Sequence[int]:
        """Return numbers by who has them: in an order that every index of the same residents has."""
        return sorted(numbers, key=self._names.__getitem__)

    def names(self, numbers: Sequence[int]) -> list[Pseudonym]:
        """Return who has the numbers now; of dead ones nobody."""
        return [name for number in numbers if (name := self._names[number])]


_NOBODY = BitMap()
