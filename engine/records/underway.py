"""What is under way to a resident: a withdrawal is answered when it has gone, so that nothing goes after the answer.

Whoever sends holds a lock a resident, from before it asks for leave until the message is taken over; whoever withdraws
writes the word first and then waits for that lock. So either the sender reads the word, or the answer comes after the
message. The locks are those of PostgreSQL's sessions: a sender that is killed lets go with its connection.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from engine.events import Pseudonym
from engine.records.database import Database
from engine.telemetry import logger

LONGEST_SECONDS = 3.0
"""How long an answer waits for a message whose provider does not answer."""
_PAUSE_SECONDS = 0.01
# Shared, since two campaigns may speak to somebody at once; in order, though nobody waits for two.
_HOLD = text("""
    SELECT pg_advisory_lock_shared(hashtextextended(r, 3))
    FROM (SELECT r FROM unnest(CAST(:residents AS text[])) AS u(r) ORDER BY r) AS sorted
""")
_LET_GO = text("SELECT pg_advisory_unlock_all()")
_FREE = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:resident, 3))")
log = logger("engine")


class Underway:
    """Keeps answers to withdrawals until messages have gone.

    Parameters
    ----------
    database
        Where senders and residents meet.
    longest_seconds
        How long an answer waits at most.
    """

    def __init__(self, database: Database, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._database = database
        self._longest = longest_seconds

    @asynccontextmanager
    async def holding(self, residents: Sequence[Pseudonym]) -> AsyncIterator[None]:
        """Hold back answers to `residents`: ask for their leave, and send, within the block.

        Raises
        ------
        StoreUnavailable
            PostgreSQL does not answer: do not send.
        """
        async with self._database.alone() as connection:
            try:
                # Of a statement that fails half-way the locks stay, so it too is within what lets go.
                await connection.execute(_HOLD, {"residents": list(residents)})
                yield
            finally:
                try:
                    await connection.execute(_LET_GO)
                except (SQLAlchemyError, OSError):
                    # The locks go with the connection.
                    await connection.invalidate()

    async def gone(self, resident: Pseudonym) -> None:
        """Return when nothing is on its way to a resident any more, or after the longest time.

        Raises
        ------
        StoreUnavailable
            PostgreSQL does not answer.
        """
        until = monotonic() + self._longest
        while not await self._free(resident):
            if monotonic() > until:
                log.warning("a message was still on its way when a withdrawal was answered")
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _free(self, resident: Pseudonym) -> bool:
        async with self._database.alone() as connection:
            return bool((await connection.execute(_FREE, {"resident": resident})).scalar_one())
