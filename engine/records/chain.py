"""The ledger as an auditor reads it: every entry with its hash, the head row, and whether latest words agree."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.chain import Head, Link
from engine.records.database import Database

_HEAD = text("SELECT seq, hash FROM ledger_head")
_SIZE = text("SELECT count(*) FROM ledger")
_LINKS = text("""
    SELECT seq, resident, purpose, granted, notice, time, hash FROM ledger
    WHERE seq > :after ORDER BY seq LIMIT :most
""")
# A forged grant would be put here, where every use reads it, and not into the chain.
_STRAYS = text("""
    SELECT c.seq
    FROM consents c LEFT JOIN ledger l ON l.seq = c.seq
    WHERE l.seq IS NULL OR (l.resident, l.purpose, l.granted, l.notice) <> (c.resident, c.purpose, c.granted, c.notice)
        OR EXISTS (SELECT FROM erasures e WHERE e.resident = c.resident)
        OR EXISTS (SELECT FROM ledger n WHERE n.resident = c.resident AND n.purpose = c.purpose AND n.seq > c.seq)
        OR c.since < CASE WHEN NOT c.granted THEN l.time ELSE (
            SELECT min(g.time) FROM ledger g WHERE g.resident = c.resident AND g.purpose = c.purpose AND g.seq > (
                SELECT coalesce(max(w.seq), 0) FROM ledger w
                WHERE w.resident = c.resident AND w.purpose = c.purpose AND NOT w.granted)) END
    ORDER BY 1 LIMIT 10
""")
_AT_ONCE = 5_000


class Snapshot:
    """The ledger in one transaction (see `engine.chain.Snapshot`)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def head(self) -> Head | None:
        """Return the head row, or None where it is missing."""
        row = (await self._connection.execute(_HEAD)).one_or_none()
        return None if row is None else Head(row.seq, row.hash)

    async def size(self) -> int:
        """Return how many entries there are."""
        return int((await self._connection.execute(_SIZE)).scalar_one())

    async def links(self) -> AsyncIterator[Sequence[Link]]:
        """Yield the entries in batches, by number."""
        after = 0
        while found := (await self._connection.execute(_LINKS, {"after": after, "most": _AT_ONCE})).all():
            yield [Link(*row) for row in found]
            after = found[-1].seq

    async def strays(self) -> Sequence[tuple[int, str]]:
        """Return (number, what is wrong) of latest words that say something else than their entries."""
        found = (await self._connection.execute(_STRAYS)).all()
        return [(row.seq, f"a latest word does not say what the ledger says; see its entry {row.seq}") for row in found]


class ChainRecords:
    """Gives snapshots of the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """Open the ledger as it is now: appends that come meanwhile are not seen."""
        async with self._database.begin() as connection:
            await connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield Snapshot(connection)

    async def head(self) -> Head | None:
        """Return the head row as it is now."""
        async with self._database.begin() as connection:
            return await Snapshot(connection).head()
