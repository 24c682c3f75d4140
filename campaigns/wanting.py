"""Who would want an offer, for audiences: worked out in the background, and forgotten by the number.

It takes a suggestion of everybody who allows it, so the first who asks begins it. What is kept for some minutes are the
numbers of `campaigns.index`: whoever says or does anything gets another one, and is in this no more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pyroaring import BitMap

from campaigns.audience import Wants
from campaigns.index import Index
from engine.errors import Unavailable, VinkkiError
from engine.events import Pseudonym
from engine.reach import Wish
from engine.telemetry import logger

KEPT = timedelta(minutes=10)
MOST_WAITING = 8
log = logger("campaigns")


class Reaching(Protocol):
    """What looks for them (`engine.reach.Reach`)."""

    def topic(self, offer: str, now: datetime) -> str:
        """Return an offer's topic, or say that it is over."""

    async def members(
        self, wish: Wish, clock: Callable[[], datetime], tell: Callable[[float], Awaitable[None]]
    ) -> list[Pseudonym]:
        """Return who is reached."""


@dataclass(frozen=True, slots=True)
class _Kept:
    index: Index
    until: datetime
    numbers: BitMap


class Wanting:
    """Looks for those who would want offers, one offer at a time.

    Parameters
    ----------
    reaching, clock
        What looks for them, and the time.
    """

    def __init__(self, reaching: Reaching, clock: Callable[[], datetime]) -> None:
        self._reaching = reaching
        self._clock = clock
        self._kept: dict[tuple[Wants, str], _Kept] = {}
        self._tasks: dict[tuple[Wants, str], asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(1)

    def of(self, leaf: Wants, topic: str, index: Index) -> BitMap:
        """Return their numbers, some of which may be dead.

        Raises
        ------
        Over
            The offer is over, or there is none.
        Unavailable
            It is being worked out; ask again in a moment.
        """
        self._kept = {name: kept for name, kept in self._kept.items() if kept.until > self._clock()}
        kept = self._kept.get((leaf, topic))
        if kept is not None and kept.index is index:
            return kept.numbers
        self._reaching.topic(leaf.offer, self._clock())
        if (leaf, topic) not in self._tasks and len(self._tasks) < MOST_WAITING:
            self._tasks[leaf, topic] = asyncio.create_task(self._look(leaf, topic, index))
        raise Unavailable("It is being worked out who would want the offer; ask again in a moment.")

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, leaf: Wants, topic: str, index: Index) -> None:
        wish = Wish(leaf.offer, topic, None, leaf.top, self._clock())
        try:
            async with self._turn:
                residents = await self._reaching.members(wish, self._clock, _in_silence)
            self._kept[leaf, topic] = _Kept(index, self._clock() + KEPT, index.numbers(residents))
        except VinkkiError as error:
            # Who asks again begins anew, and is told then what stands in the way.
            log.warning("wanting not worked out", code=error.code)
        finally:
            self._tasks.pop((leaf, topic), None)


async def _in_silence(_: float) -> None:
    """Say nothing of progress."""
