"""Follows what other processes tell through the database, in the background and through every outage."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from engine.errors import StoreUnavailable
from engine.records.database import Database
from engine.telemetry import logger

log = logger("api")
_RETRY_SECONDS = 1.0

Hear = Callable[[str, str], Awaitable[None]]
"""Takes a channel and its payload; both are empty when something may have been missed."""


class Feed:
    """Listens to channels of the database until it is closed.

    Parameters
    ----------
    what
        What is followed, as the log names it.
    hear
        Is told of each notice; it is heard again from the start of a line after it failed.
    """

    def __init__(self, what: str, database: Database, channels: Sequence[str], hear: Hear) -> None:
        self._what = what
        self._database = database
        self._channels = channels
        self._hear = hear
        self._following: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Follow in the background, from now on."""
        self._following = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            try:
                async for channel, payload in self._database.listen(self._channels):
                    await self._hear(channel, payload)
            except StoreUnavailable as error:
                log.warning("feed interrupted", what=self._what, why=error.detail)
            except Exception:
                log.exception("feed failed", what=self._what)
            await asyncio.sleep(_RETRY_SECONDS)
