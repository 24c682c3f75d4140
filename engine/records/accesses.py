"""The access log in SQL: accesses that come while a call is on its way go into the next one together."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.accesses import Accessed, Capacity
from engine.events import Pseudonym
from engine.records.database import Database
from engine.records.together import Together

# The link is held meanwhile: an erasure waits, and then deletes the row too. Who is erased already gets no row.
_NOTE = text("""
    INSERT INTO accesses (resident, time, who, capacity, purpose, what, fields)
    SELECT r.pseudonym, e.time, e.who, e.capacity, e.purpose, e.what, e.fields
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS e(
        person uuid, time timestamptz, who text, capacity text, purpose text, what text, fields text[])
    JOIN residents r ON r.person = e.person ORDER BY r.person FOR KEY SHARE OF r
""")
_NOTE_BY_PSEUDONYM = text("""
    INSERT INTO accesses (resident, time, who, capacity, purpose, what, fields)
    VALUES (:resident, :time, :who, :capacity, :purpose, :what, :fields)
""")
_OF = text("""
    SELECT time, who, capacity, purpose, what, fields FROM accesses
    WHERE resident = :resident AND time < :before ORDER BY time DESC, id DESC LIMIT :most
""")
_SWEEP = text("DELETE FROM accesses WHERE time < :before")


class AccessRecords:
    """Writes and reads the access log (see `engine.accesses.AccessLog`)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._together = Together(self._commit, "The access log could not be written; repeat in a moment.")

    async def note(self, person: UUID, access: Accessed) -> None:
        """Note an access to a person's data; it is durable when this returns. Nothing is held of somebody unknown.

        Raises
        ------
        StoreUnavailable
            It could not be noted, so nothing may be shown.
        """
        await self._together.write({"person": person, **msgspec.structs.asdict(access)})

    async def of(self, resident: Pseudonym, before: datetime, most: int) -> Sequence[Accessed]:
        """Return accesses from before a moment, newest first."""
        values = {"resident": resident, "before": before, "most": most}
        async with self._database.begin() as connection:
            return [accessed(row) for row in await connection.execute(_OF, values)]

    async def sweep(self, before: datetime) -> None:
        """Drop accesses from before a moment."""
        async with self._database.begin() as connection:
            await connection.execute(_SWEEP, {"before": before})

    async def _commit(self, rows: Sequence[dict[str, object]]) -> None:
        async with self._database.alone() as connection:
            await connection.execute(_NOTE, {"rows": msgspec.json.encode(rows).decode()})


async def note(connection: AsyncConnection, resident: Pseudonym, access: Accessed) -> None:
    """Note an access in a transaction that has locked the resident's consents."""
    await connection.execute(
        _NOTE_BY_PSEUDONYM,
        {"resident": resident, **msgspec.structs.asdict(access), "fields": list(access.fields)},
    )


def accessed(row: Row[Any]) -> Accessed:
    """Return the access that a row holds."""
    return Accessed(row.time, row.who, Capacity(row.capacity), row.purpose, row.what, tuple(row.fields))
