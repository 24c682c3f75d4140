"""Whom something concerns that happened: found in SQL, asked for by the permits of this moment, some at a time."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import date, datetime
from typing import Protocol

from campaigns.audience import Tree
from campaigns.facts import Facts
from campaigns.triggers import BIRTHDAY, CALLED, Concern, concerned
from engine.events import Pseudonym

AT_ONCE = 100


class Happenings(Protocol):
    """Where it is found who may be concerned (`campaigns.records.happenings`); nobody there asks for a permit."""

    async def guardians(self, born: Collection[date]) -> Sequence[Pseudonym]:
        """Return guardians of dependants born on one of the dates, in order."""

    async def wanted(self, offers: Collection[str], until: datetime) -> Sequence[Pseudonym]:
        """Return who saved or enrolled in any of the offers, in order."""

    async def named(self, happening: int) -> Sequence[Pseudonym]:
        """Return to whom something happened, in order."""


class Known(Protocol):
    """What may be used of residents (`campaigns.records.facts`)."""

    async def of(self, residents: Sequence[Pseudonym], now: datetime) -> Sequence[Facts]:
        """Return what they allow to be used at `now`, read anew from SQL."""


class Audience(Protocol):
    """Whom an audience has (`campaigns.counting.Counting`)."""

    def members(
        self, tree: Tree, topic: str, channels: Sequence[str], now: datetime, *, few: bool = False
    ) -> AsyncIterator[list[Pseudonym]]:
        """Yield the members in chunks; with `few` it may be few."""


class Concerned:
    """Finds whom a happening concerns (see `campaigns.run.Members`).

    Parameters
    ----------
    happenings, known
        Who may be concerned, and what may be used of them.
    audience
        Who is in an audience.
    """

    def __init__(self, happenings: Happenings, known: Known, audience: Audience) -> None:
        self._happenings = happenings
        self._known = known
        self._audience = audience

    async def of(
        self, concern: Concern, tree: Tree | None, topic: str, channels: Sequence[str], now: datetime
    ) -> AsyncIterator[list[Pseudonym]]:
        """Yield whom it concerns, each once, in order.

        Raises
        ------
        TooFew
            It concerns everybody in an audience, and that has too few.
        Unavailable
            A store, or the index, is away.
        """
        if concern.for_all and tree is not None:
            async for chunk in self._audience.members(tree, topic, channels, now):
                yield chunk
            return
        residents = await self._candidates(concern)
        if tree is not None and residents and not _called(concern):
            residents = await self._within(tree, residents, topic, channels, now)
        for first in range(0, len(residents), AT_ONCE):
            some = residents[first : first + AT_ONCE]
            if not _called(concern):
                facts = {its.resident: its for its in await self._known.of(some, now)}
                some = [who for who in some if who in facts and _meant(facts[who], concern)]
            if some:
                yield list(some)

    async def _candidates(self, concern: Concern) -> Sequence[Pseudonym]:
        if concern.what == BIRTHDAY:
            return await self._happenings.guardians(concern.born)
        if concern.named:
            return await self._happenings.named(concern.happening)
        if _called(concern):
            return []
        return await self._happenings.wanted(concern.offers, concern.time)

    async def _within(
        self, tree: Tree, residents: Sequence[Pseudonym], topic: str, channels: Sequence[str], now: datetime
    ) -> Sequence[Pseudonym]:
        asked, found = set(residents), set[Pseudonym]()
        async for chunk in self._audience.members(tree, topic, channels, now, few=True):
            found |= asked.intersection(chunk)
        return [who for who in residents if who in found]


def _called(concern: Concern) -> bool:
    """Say whether a system of the city says whom it concerns: then it rests on no act of theirs."""
    return concern.what == CALLED


def _meant(facts: Facts, concern: Concern) -> bool:
    if concern.what == BIRTHDAY:
        return any(born in concern.born for born in facts.children)
    return concerned(facts.acts, concern)
