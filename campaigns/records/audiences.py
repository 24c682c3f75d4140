"""Audiences in SQL: versions are added, and never changed or taken away."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, text

from campaigns.audience import Audience, Draft
from engine.errors import Outdated
from engine.records.database import Database
from engine.rules import Revision

_COLUMNS = "seq, id, version, content::text AS content, author, time, ended"
_LATEST = f"SELECT DISTINCT ON (id) {_COLUMNS}, department FROM audiences ORDER BY id, version DESC"  # noqa: S608 - ours
_PAGE = text(f"""
    SELECT * FROM ({_LATEST}) AS latest
    WHERE NOT ended AND seq < :before AND (CAST(:departments AS text[]) IS NULL OR department = ANY(:departments))
    ORDER BY seq DESC LIMIT :most
""")  # noqa: S608
_HISTORY = text(f"SELECT {_COLUMNS} FROM audiences WHERE id = :id ORDER BY version")  # noqa: S608
_ADD = text(f"""
    INSERT INTO audiences (id, version, department, content, author, time, ended)
    SELECT :id, :version, :department, CAST(:content AS jsonb), :author, :time, :ended
    WHERE :version = 1 + coalesce((SELECT max(version) FROM audiences WHERE id = :id), 0)
    RETURNING {_COLUMNS}
""")  # noqa: S608


class AudienceRecords:
    """Reads and writes audiences (`engine.rulebook.Records`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, departments: Collection[str] | None, before: int = 2**62, most: int = 100
    ) -> Sequence[Revision[Draft]]:
        """Return the last versions of some departments' audiences, or of all's, with a number below `before`."""
        asked = {"departments": None if departments is None else list(departments), "before": before, "most": most}
        async with self._database.begin() as connection:
            return [_read(row) for row in await connection.execute(_PAGE, asked)]

    async def history(self, id_: str) -> Sequence[Revision[Draft]]:
        """Return all versions of one, the oldest first; nothing where there is none."""
        async with self._database.begin() as connection:
            return [_read(row) for row in await connection.execute(_HISTORY, {"id": id_})]

    async def get(self, id_: str) -> Audience | None:
        """Return an audience in its last version, or None where there is none or it has ended."""
        versions = await self.history(id_)
        return None if not versions or versions[-1].ended else audience(versions[-1])

    async def add(self, revision: Revision[Draft]) -> Revision[Draft]:
        """Write the next version of one; return it with its number.

        Raises
        ------
        Outdated
            Somebody has written that version already.
        """
        values = {
            "id": revision.id,
            "version": revision.version,
            "department": revision.content.department,
            "content": msgspec.json.encode(revision.content).decode(),
            "author": revision.author,
            "time": revision.time,
            "ended": revision.ended,
        }
        async with self._database.begin() as connection:
            # One writer at a time: numbers become visible in their order, and no version is written twice.
            await connection.execute(text("SELECT pg_advisory_xact_lock(8459)"))
            written = (await connection.execute(_ADD, values)).one_or_none()
            if written is None:
                raise Outdated
        return _read(written)


def audience(revision: Revision[Draft]) -> Audience:
    """Return the audience that a revision holds."""
    its = revision.content
    return Audience(id=revision.id, version=revision.version, department=its.department, name=its.name, tree=its.tree)


def _read(row: Row[Any]) -> Revision[Draft]:
    content = msgspec.json.decode(row.content, type=Draft)
    return Revision(row.seq, row.id, row.version, content, row.author, row.time, row.ended)
