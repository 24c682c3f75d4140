"""What a worker suggests offers with, loaded when it is first needed: most workers never suggest any."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from engine.errors import Unavailable, VinkkiError
from engine.events import Pseudonym
from engine.reach import Reach, Wish
from engine.suggestion import Suggester
from engine.telemetry import logger

Clock = Callable[[], datetime]
log = logger("api")


class Feed(Protocol):
    """What loads something and follows it."""

    async def open(self) -> None:
        """Load it, and begin to follow it."""

    async def close(self) -> None:
        """Follow it no more."""


class Picking:
    """What a worker picks offers with, as an API process suggests them: loaded when the first message asks for some.

    Parameters
    ----------
    feeds
        The catalogue first, then what else tells of it.
    """

    def __init__(self, suggester: Suggester, feeds: Sequence[Feed], clock: Clock) -> None:
        self._suggester = suggester
        self._feeds = feeds
        self._clock = clock
        self._opened: list[Feed] = []
        self._turn = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """Whether all of it is loaded."""
        return len(self._opened) == len(self._feeds)

    async def open(self) -> None:
        """Load all of it, and begin to follow it; whoever asks meanwhile waits for the same."""
        async with self._turn:
            if not self._opened:
                self._suggester.warm_up(self._clock())
            for feed in self._feeds[len(self._opened) :]:
                await feed.open()
                self._opened.append(feed)

    async def close(self) -> None:
        """Follow it no more."""
        for feed in reversed(self._opened):
            await feed.close()


class LaterReach:
    """Who would want an offer (`campaigns.wanting.Reaching`), once what suggests is loaded.

    Parameters
    ----------
    reach, picking
        What looks for them, and what it needs.
    """

    def __init__(self, reach: Reach, picking: Picking) -> None:
        self._reach = reach
        self._picking = picking
        self._loading: asyncio.Task[None] | None = None

    def topic(self, offer: str, now: datetime) -> str:
        """Return an offer's topic, or say that it is over.

        Raises
        ------
        Unavailable
            Offers are being loaded.
        """
        if not self._picking.ready:
            if self._loading is None or self._loading.done():
                self._loading = asyncio.create_task(self._load())
            raise Unavailable("Offers are still being loaded; ask again in a moment.")
        return self._reach.topic(offer, now)

    async def members(self, wish: Wish, clock: Clock, tell: Callable[[float], Awaitable[None]]) -> list[Pseudonym]:
        """Return who is reached."""
        return await self._reach.members(wish, clock, tell)

    async def close(self) -> None:
        """Give up what is being loaded."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)

    async def _load(self) -> None:
        try:
            await self._picking.open()
        except VinkkiError as error:
            log.warning("offers not loaded", code=error.code)
