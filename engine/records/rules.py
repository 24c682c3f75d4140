"""What the city has set, in SQL: versions are added, and never changed or taken away."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Row, text

from engine.errors import Outdated
from engine.records.database import Database
from engine.rules import Floor, Revision, Rule

CHANNEL = "rules"
"""The notification that something was set."""

T = TypeVar("T", Rule, Floor)
_KINDS: dict[type, str] = {Rule: "rule", Floor: "floor"}
_COLUMNS = "seq, id, version, content::text AS content, author, time, ended"
_LATEST = f"SELECT DISTINCT ON (id) {_COLUMNS} FROM rules WHERE kind = :kind ORDER BY id, version DESC"  # noqa: S608 - ours
_IN_FORCE = text(f"SELECT * FROM ({_LATEST}) AS latest WHERE NOT ended ORDER BY seq")  # noqa: S608
_PAGE = text(f"""
    SELECT * FROM ({_LATEST}) AS latest
    WHERE seq < :before AND (:past OR NOT (ended OR (content::jsonb->>'valid_until')::timestamptz <= :now))
        AND (CAST(:scenario AS text) IS NULL OR content::jsonb->'scenarios' ? CAST(:scenario AS text))
    ORDER BY seq DESC LIMIT :most
""")  # noqa: S608
_HISTORY = text(f"SELECT {_COLUMNS} FROM rules WHERE kind = :kind AND id = :id ORDER BY version")  # noqa: S608
_ADD = text(f"""
    INSERT INTO rules (kind, id, version, content, author, time, ended)
    SELECT :kind, :id, :version, CAST(:content AS jsonb), :author, :time, :ended
    WHERE :version = 1 + coalesce((SELECT max(version) FROM rules WHERE kind = :kind AND id = :id), 0)
    RETURNING {_COLUMNS}
""")  # noqa: S608
_NEWEST = text("SELECT coalesce(max(seq), 0) FROM rules")


class RuleRecords(Generic[T]):
    """Reads and writes what is of one form: rules, or floors of exposure.

    Parameters
    ----------
    form
        `Rule` or `Floor`.
    """

    def __init__(self, database: Database, form: type[T]) -> None:
        self._database = database
        self._form: type[T] = form
        self._kind = _KINDS[form]

    async def newest(self) -> int:
        """Return the number of the newest version of anything that was set."""
        async with self._database.begin() as connection:
            return int((await connection.execute(_NEWEST)).scalar_one())

    async def in_force(self) -> Sequence[Revision[T]]:
        """Return the last versions of all that nobody has ended, the oldest first; some may be over, or to come."""
        async with self._database.begin() as connection:
            return [self._read(row) for row in await connection.execute(_IN_FORCE, {"kind": self._kind})]

    async def page(
        self, now: datetime, scenario: str | None, *, past: bool, before: int, most: int
    ) -> Sequence[Revision[T]]:
        """Return the last versions with a number below `before`, the newest first; with `past`, those that are over."""
        asked = {"kind": self._kind, "now": now, "scenario": scenario, "past": past, "before": before, "most": most}
        async with self._database.begin() as connection:
            return [self._read(row) for row in await connection.execute(_PAGE, asked)]

    async def history(self, id_: str) -> Sequence[Revision[T]]:
        """Return all versions of one, the oldest first; nothing where there is none."""
        async with self._database.begin() as connection:
            found = await connection.execute(_HISTORY, {"kind": self._kind, "id": id_})
            return [self._read(row) for row in found]

    async def add(self, revision: Revision[T]) -> Revision[T]:
        """Write the next version of one, and tell every process; return it with its number.

        Raises
        ------
        Outdated
            Somebody has written that version already.
        """
        values = {
            "kind": self._kind,
            "id": revision.id,
            "version": revision.version,
            "content": msgspec.json.encode(revision.content).decode(),
            "author": revision.author,
            "time": revision.time,
            "ended": revision.ended,
        }
        async with self._database.begin() as connection:
            # One writer at a time: numbers become visible in their order, and no version is written twice.
            await connection.execute(text("SELECT pg_advisory_xact_lock(8458)"))
            written = (await connection.execute(_ADD, values)).one_or_none()
            if written is None:
                raise Outdated
            await connection.exec_driver_sql(f"NOTIFY {CHANNEL}")
        return self._read(written)

    def _read(self, row: Row[Any]) -> Revision[T]:
        content = msgspec.json.decode(row.content, type=self._form)
        return Revision(row.seq, row.id, row.version, content, row.author, row.time, row.ended)
