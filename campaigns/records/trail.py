"""The trail in SQL: an act is written in the transaction of what it does, and never changed or taken away."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from campaigns.audit import Act, Entry, linked
from engine.chain import Head
from engine.records.database import Database

_COLUMNS = "seq, time, who, what, subject, version, content, detail, hash"
_LOCK = text("SELECT seq, hash FROM trail_head FOR UPDATE")
_ADD = text(f"""
    INSERT INTO trail ({_COLUMNS})
    VALUES (:seq, :time, :who, :what, :subject, :version, :content, :detail, :hash)
""")  # noqa: S608 - ours
_MOVE = text("UPDATE trail_head SET seq = :seq, hash = :hash")
_OF = text(f"SELECT {_COLUMNS} FROM trail WHERE subject = :subject AND seq > :after ORDER BY seq LIMIT :most")  # noqa: S608
_LINKS = text(f"SELECT {_COLUMNS} FROM trail WHERE seq > :after ORDER BY seq LIMIT :most")  # noqa: S608
_HEAD = text("SELECT seq, hash FROM trail_head")
_SIZE = text("SELECT count(*) FROM trail")
# What was written beside the trail: the last entry of a subject says otherwise, or nothing.
_STRAYS = text("""
    SELECT coalesce(t.seq, 0) AS seq, d.kind || ':' || d.id AS subject
    FROM documents d LEFT JOIN LATERAL (
        SELECT seq, version, content FROM trail
        WHERE subject = d.kind || ':' || d.id ORDER BY seq DESC LIMIT 1) t ON true
    WHERE t.seq IS NULL OR t.version <> d.version OR t.content <> encode(sha256(convert_to(d.content, 'UTF8')), 'hex')
        OR d.state IS DISTINCT FROM (d.content::jsonb->>'state')
    ORDER BY 1 LIMIT 10
""")
_AT_ONCE = 5_000


async def append(connection: AsyncConnection, act: Act, content: str) -> None:
    """Write an act in the transaction of what it does; acts of all writers queue for this, so it comes last."""
    head = (await connection.execute(_LOCK)).one()
    entry = linked(head.seq + 1, bytes(head.hash), act, content)
    await connection.execute(_ADD, msgspec.structs.asdict(entry))
    await connection.execute(_MOVE, {"seq": entry.seq, "hash": entry.hash})


class Snapshot:
    """The trail in one transaction (see `engine.chain.Snapshot`)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def head(self) -> Head | None:
        """Return the head row, or None where it is missing."""
        row = (await self._connection.execute(_HEAD)).one_or_none()
        return None if row is None else Head(row.seq, bytes(row.hash))

    async def size(self) -> int:
        """Return how many entries there are."""
        return int((await self._connection.execute(_SIZE)).scalar_one())

    async def links(self) -> AsyncIterator[Sequence[Entry]]:
        """Yield the entries in batches, by number."""
        after = 0
        while found := (await self._connection.execute(_LINKS, {"after": after, "most": _AT_ONCE})).all():
            yield [Entry(*row) for row in found]
            after = found[-1].seq

    async def strays(self) -> Sequence[tuple[int, str]]:
        """Return (number, what is wrong) of what is kept and says something else than its last entry."""
        found = (await self._connection.execute(_STRAYS)).all()
        return [(row.seq, f"{row.subject} is not what the trail says was written") for row in found]


class TrailRecords:
    """Reads the trail."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, subject: str, after: int = 0, most: int = 1000) -> Sequence[Entry]:
        """Return the entries of a subject with a number above `after`, the oldest first."""
        async with self._database.begin() as connection:
            found = await connection.execute(_OF, {"subject": subject, "after": after, "most": most})
            return [Entry(*row) for row in found]

    async def head(self) -> Head | None:
        """Return the head row as it is now."""
        async with self._database.begin() as connection:
            return await Snapshot(connection).head()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """Open the trail as it is now."""
        async with self._database.begin() as connection:
            await connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield Snapshot(connection)
