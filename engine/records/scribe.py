"""Writes words into the ledger's chain: what many residents say at one moment goes in by one call, and to disk once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, text

from engine.events import Pseudonym
from engine.records.database import Database
from engine.records.together import Together

_APPEND = text("""
    SELECT a.resident, purpose, granted, notice, since, seq, d.born
    FROM ledger_append(CAST(:words AS jsonb)) a LEFT JOIN dependants d ON d.resident = a.resident
""")
# Appending itself does not wait for the disk, so that no process queues for it behind the head of the chain. This does:
# it writes a mark behind the entries into the write-ahead log, which goes to disk in order, many marks at once.
_ON_DISK = text("SELECT pg_logical_emit_message(true, 'vinkki', '')")
_Rows = Sequence[Row[Any]]


class Word(msgspec.Struct, frozen=True):
    """A resident's word on one purpose, partner or choice, or a guardian's for a child, on its way into the ledger."""

    resident: Pseudonym
    purpose: str
    granted: bool
    notice: int
    time: datetime
    guardian: Pseudonym | None = None


class Scribe:
    """Appends words. While one call is on its way, the words that come meanwhile wait for the next, together.

    Parameters
    ----------
    database
        Where the ledger is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._together = Together(self._commit, "The ledger could not be written; repeat in a moment.")

    async def append(self, word: Word) -> _Rows:
        """Return the rows of `consents` after `word`, this resident's among others', when all is on disk.

        Raises
        ------
        StoreUnavailable
            The database does not answer; the word may be in the ledger or not. It may be said again.
        """
        return await self._together.write(word)

    async def _commit(self, words: Sequence[Word]) -> _Rows:
        async with self._database.alone() as connection:
            found = (await connection.execute(_APPEND, {"words": msgspec.json.encode(words).decode()})).all()
            await connection.execute(_ON_DISK)
        return found
