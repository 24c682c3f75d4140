"""Ends sessions in this process that any process was told of, within moments."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from api.access import TokenVerifier
from api.feed import Feed
from engine.records.database import Database
from engine.records.logouts import CHANNEL, LogoutRecords, told

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
        self._logouts = logouts
        self._clock = clock
        self._heard = datetime(1970, 1, 2, tzinfo=UTC)
        self._feed = Feed("logouts", database, [CHANNEL], self._hear)

    async def open(self) -> None:
        """Learn of every end there is, then follow in the background.

        Raises
        ------
        StoreUnavailable
            They cannot be read, so no token may be taken.
        """
        await self._catch_up()
        self._feed.start()

    async def close(self) -> None:
        """Stop following."""
        await self._feed.close()

    async def _hear(self, channel: str, payload: str) -> None:
        if channel:
            self._tokens.end([told(payload)], self._clock())
        else:
            await self._catch_up()

    async def _catch_up(self) -> None:
        """Read what may have been missed while nobody listened."""
        missed, now = await self._logouts.since(self._heard - _OVERLAP)
        self._tokens.end(missed, self._clock())
        self._heard = now
