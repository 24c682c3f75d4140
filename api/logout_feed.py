"""Ends sessions in this process that any process was told of, within moments."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from api.access import TokenVerifier
from engine.errors import StoreUnavailable
from engine.records.database import Database
from engine.records.logouts import CHANNEL, LogoutRecords, told
from engine.telemetry import logger

log = logger("api")
_RETRY_SECONDS = 1.0
_OVERLAP = timedelta(minutes=1)
"""A transaction may become visible a little after its time."""


class LogoutFeed:
    """Follows logouts.

    Parameters
    ----------
    tokens
        What refuses the tokens of ended sessions.
    database, logouts
        Where ends are heard of, and read from after the line was broken.
    clock
        The time.
    """

    def __init__(
        self, tokens: TokenVerifier, database: Database, logouts: LogoutRecords, clock: Callable[[], datetime]
    ) -> None:
        self._tokens = tokens
        self._database = database
        self._logouts = logouts
        self._clock = clock
        self._heard = datetime(1970, 1, 2, tzinfo=UTC)
        self._following: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Learn of every end there is, then follow in the background.

        Raises
        ------
        StoreUnavailable
            They cannot be read, so no token may be taken.
        """
        await self._catch_up()
        self._following = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            try:
                async for channel, payload in self._database.listen([CHANNEL]):
                    if channel:
                        self._tokens.end([told(payload)], self._clock())
                    else:
                        await self._catch_up()
            except StoreUnavailable as error:
                log.warning("logouts not followed", why=error.detail)
            except Exception:
                log.exception("logout feed failed")
            await asyncio.sleep(_RETRY_SECONDS)

    async def _catch_up(self) -> None:
        """Read what may have been missed while nobody listened."""
        missed, now = await self._logouts.since(self._heard - _OVERLAP)
        self._tokens.end(missed, self._clock())
        self._heard = now
