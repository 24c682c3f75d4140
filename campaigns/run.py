"""A run: one time that a campaign is sent. It expands its audience into messages on the topic `notifications`.

Expanding may stop at any moment and be taken up by any worker: each message that is on the topic is noted in SQL with
a digest of the last resident in it, and whoever goes on passes over all up to that one. A message that was put on the
topic, but not noted, is put there again; nobody in it hears twice, since a delivery is claimed once.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from campaigns.caps import USUAL
from engine.errors import Over, TooFew, Unavailable
from engine.events import AwareTime, Notification, Pseudonym
from engine.telemetry import logger

AT_ONCE = 300
"""Residents of one message at most: those of a thousand who share one of four partitions."""
log = logger("campaigns")


class Standing(StrEnum):
    """Where a run is."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"


class Plan(msgspec.Struct, frozen=True):
    """What a run needs to know of its campaign, as it was approved; nothing of a person.

    Attributes
    ----------
    version
        Of the campaign: what is sent is what was approved, though it is edited later.
    channels
        In the order of preference.
    audience
        What `Members.of` expands: a tree of predicates, or whatever names one.
    offers
        Ids of offers that it is about, shown before the message's own.
    also
        Purposes besides the leave for the message that it rests on, such as `activity`: asked for with it.
    """

    id: str
    campaign: str
    version: int
    department: str
    topic: str
    channels: tuple[str, ...]
    planned: AwareTime
    audience: Any = None
    priority: int = USUAL
    offers: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


class Chunk(msgspec.Struct, frozen=True):
    """A message that is on the topic."""

    number: int
    people: int
    mark: bytes


class Runs(Protocol):
    """Where runs are kept (`campaigns.records.runs`)."""

    async def begin(self, plan: Plan) -> bool:
        """Keep a plan; say whether it is new."""

    async def unexpanded(self) -> Sequence[Plan]:
        """Return running runs that are not expanded, the most urgent first."""

    async def hold(self, run: str, holder: str, now: datetime) -> bool:
        """Hold a running run for half a minute, to expand it; say whether nobody else does and it still runs."""

    async def chunks(self, run: str) -> Sequence[Chunk]:
        """Return what is noted of a run, in order."""

    async def note(self, run: str, chunks: Sequence[Chunk]) -> None:
        """Note that messages are on the topic; the same again changes nothing."""

    async def expanded(self, run: str) -> None:
        """Note that all are on the topic."""

    async def drop(self, run: str, reason: str) -> None:
        """End a run that may speak to nobody, and say why."""


class Members(Protocol):
    """Who is meant (`campaigns.audience`)."""

    def of(
        self,
        tree: Any,  # noqa: ANN401 - the audience's own
        topic: str,
        channels: Sequence[str],
        now: datetime,
    ) -> AsyncIterator[list[Pseudonym]]:
        """Yield the members in chunks, each once, in an order that stays the same while a run is expanded."""


class Log(Protocol):
    """The topic `notifications` (`stream.publisher`)."""

    async def together(self, residents: Sequence[Pseudonym]) -> list[list[Pseudonym]]:
        """Return residents by the partition that their own events are in."""

    async def notifications(self, some: Sequence[Notification]) -> None:
        """Publish; when it returns, Kafka has them all."""


class Expander:
    """Expands runs.

    Parameters
    ----------
    runs, members, log
        Where runs are kept, who is meant, and where messages go.
    clock, holder
        The time, and this life of a worker: of several workers one expands a run.
    at_once
        Residents of one message: the cost is per message.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        runs: Runs,
        members: Members,
        log: Log,
        clock: Callable[[], datetime],
        holder: str,
        at_once: int = AT_ONCE,
    ) -> None:
        self._runs = runs
        self._members = members
        self._log = log
        self._clock = clock
        self._holder = holder
        self._at_once = at_once

    async def go_on(self, now: datetime) -> int:
        """Expand what is not expanded; return how many residents were put on the topic."""
        told = 0
        for plan in await self._runs.unexpanded():
            try:
                told += await self.expand(plan, now)
            except (TooFew, Over) as error:
                # Of an offer that is over, or full meanwhile, nobody is told that they would want it.
                log.warning("run speaks to nobody", run=plan.id, why=error.code)
                await self._runs.drop(plan.id, "too_few" if isinstance(error, TooFew) else "over")
            except Unavailable as error:
                if type(error) is not Unavailable:
                    raise
                # Whom it means is still being worked out, of one run: the others do not wait for that.
                log.info("run waits", run=plan.id, why=error.detail)
        return told

    async def expand(self, plan: Plan, now: datetime) -> int:
        """Expand one run from where it stopped; return how many residents were put on the topic.

        Raises
        ------
        Unavailable
            A part is away: go on later.
        """
        if not await self._runs.hold(plan.id, self._holder, self._clock()):
            return 0
        done = await self._runs.chunks(plan.id)
        number, told = done[-1].number + 1 if done else 0, 0
        async for chunk in self._left(plan, {its.mark for its in done[-1:]}, now):
            if not await self._runs.hold(plan.id, self._holder, self._clock()):
                return told
            messages = list[Notification]()
            for group in await self._log.together(chunk):
                for first in range(0, len(group), self._at_once):
                    some = tuple(group[first : first + self._at_once])
                    messages.append(Notification(plan.id, number + len(messages), plan.planned, some))
            # Noted with the last of the whole chunk: only all of its messages together are a place to go on from.
            mark = mark_of(plan.id, chunk[-1])
            await self._log.notifications(messages)
            await self._runs.note(plan.id, [Chunk(its.number, len(its.residents), mark) for its in messages])
            number, told = number + len(messages), told + len(chunk)
        await self._runs.expanded(plan.id)
        log.info("run expanded", run=plan.id, messages=number)
        return told

    async def _left(self, plan: Plan, marks: set[bytes], now: datetime) -> AsyncIterator[list[Pseudonym]]:
        """Yield chunks from behind the marked resident on; all of them where that one is no member any more."""
        passed = list[list[Pseudonym]]()
        async for chunk in self._members.of(plan.audience, plan.topic, plan.channels, now):
            if not marks:
                yield chunk
                continue
            passed.append(chunk)
            found = [place for place, who in enumerate(chunk) if mark_of(plan.id, who) in marks]
            if found:
                marks, passed = set(), []
                if rest := chunk[found[0] + 1 :]:
                    yield rest
        for chunk in passed:
            yield chunk


def mark_of(run: str, resident: Pseudonym) -> bytes:
    """Return by what a resident is known again within one run."""
    return hashlib.blake2b(resident.encode(), digest_size=16, key=run.encode()[:64]).digest()
