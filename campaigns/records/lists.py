"""Lists of residents in SQL: what they are for, and who is on them by pseudonym, written together with the act."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from campaigns.audit import Act
from campaigns.lists import MOST_IMPORTS, MOST_LISTS, Imported, ListDraft, ResidentList
from campaigns.quiet import HELSINKI
from campaigns.records import trail
from engine.errors import InvalidInput, NotFound, Outdated, TooOften
from engine.events import Pseudonym
from engine.records.database import Database

_COLUMNS = "id, version, content::text AS content, author, created, renewed, until"
_GET = text(f"SELECT {_COLUMNS} FROM lists WHERE id = :id AND until > :now")  # noqa: S608 - ours
_OF = text(f"""
    SELECT {_COLUMNS} FROM lists WHERE until > :now
        AND (CAST(:departments AS text[]) IS NULL OR department = ANY(:departments))
    ORDER BY created DESC LIMIT 1000
""")  # noqa: S608
_KEPT = text("SELECT id, department FROM lists WHERE id = ANY(:ids) AND until > :now")
_CALLED = text("""
    SELECT id, content->>'name' AS name FROM lists WHERE id = ANY(:ids)
    UNION ALL
    SELECT id, content::jsonb->'draft'->>'name' FROM documents WHERE kind = 'campaign' AND id = ANY(:ids)
""")
_TURN = text("SELECT pg_advisory_xact_lock(8461)")
_SIZE = text("SELECT count(*) FROM lists WHERE department = :department AND until > :now")
_WRITE = text("""
    INSERT INTO lists (id, department, content, author, version, created, renewed, until)
    VALUES (:id, :department, CAST(:content AS jsonb), :author, :version, :created, :renewed, :until)
    ON CONFLICT (id) DO UPDATE SET department = excluded.department, content = excluded.content,
        author = excluded.author, version = excluded.version, renewed = excluded.renewed, until = excluded.until
    WHERE lists.version = excluded.version - 1 RETURNING id
""")
_DELETE = text("DELETE FROM lists WHERE id = :id AND version = :version RETURNING id")
_COUNT = text("""
    UPDATE lists SET imports = CASE WHEN imported = :day THEN imports + 1 ELSE 1 END, imported = :day
    WHERE id = :id AND until > :now AND NOT (imported IS NOT DISTINCT FROM :day AND imports >= :most) RETURNING id
""")
_KNOWN = text("""
    SELECT r.pseudonym AS resident, EXISTS (SELECT FROM consents c WHERE c.resident = r.pseudonym AND c.granted
        AND c.purpose LIKE 'marketing!_%' ESCAPE '!') AS allows
    FROM residents r WHERE r.person = ANY(:people) ORDER BY r.pseudonym FOR KEY SHARE OF r
""")
_OTHERS = text("DELETE FROM list_members WHERE list = :id AND resident <> ALL(:residents)")
_ADD = text("""
    INSERT INTO list_members (list, resident, added)
    SELECT :id, resident, :now FROM unnest(CAST(:residents AS text[])) AS its(resident) ON CONFLICT DO NOTHING
""")
_MEMBERS = text("SELECT count(*) FROM list_members WHERE list = :id")
_SWEEP = text("DELETE FROM lists WHERE until <= :now")


class ListRecords:
    """Keeps lists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, id_: str, now: datetime) -> ResidentList | None:
        """Return a list, or None where there is none or it has ended."""
        async with self._database.begin() as connection:
            found = (await connection.execute(_GET, {"id": id_, "now": now})).one_or_none()
        return None if found is None else _read(found)

    async def of(self, departments: Collection[str] | None, now: datetime) -> Sequence[ResidentList]:
        """Return the lists of some departments, or of all, the newest first; a thousand at most."""
        asked = {"departments": None if departments is None else list(departments), "now": now}
        async with self._database.begin() as connection:
            return [_read(row) for row in await connection.execute(_OF, asked)]

    async def kept(self, ids: Collection[str], now: datetime) -> Mapping[str, str]:
        """Return the departments of those of some lists that there are."""
        async with self._database.begin() as connection:
            found = await connection.execute(_KEPT, {"ids": list(ids), "now": now})
            return {row.id: row.department for row in found}

    async def called(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of lists and campaigns."""
        async with self._database.begin() as connection:
            return {row.id: row.name for row in await connection.execute(_CALLED, {"ids": list(ids)})}

    async def write(self, its: ResidentList, act: Act) -> None:
        """Write the next version of a list, and the act.

        Raises
        ------
        Outdated
            Somebody has written that version already.
        InvalidInput
            The department has as many lists as one may have.
        """
        content = msgspec.json.encode(its.draft).decode()
        values = msgspec.structs.asdict(its) | {"content": content, "department": its.draft.department}
        async with self._database.begin() as connection:
            await connection.execute(_TURN)
            if its.version == 1:
                asked = {"department": its.draft.department, "now": its.renewed}
                if (await connection.execute(_SIZE, asked)).scalar_one() >= MOST_LISTS:
                    raise InvalidInput(f"A department has {MOST_LISTS} lists at most; end one that is not used.")
            values.pop("draft")
            if (await connection.execute(_WRITE, values)).one_or_none() is None:
                raise Outdated
            await trail.append(connection, act, content)

    async def end(self, its: ResidentList, act: Act) -> None:
        """Delete a list and who is on it.

        Raises
        ------
        Outdated
            Somebody has written a later version.
        """
        async with self._database.begin() as connection:
            if (await connection.execute(_DELETE, {"id": its.id, "version": its.version})).one_or_none() is None:
                raise Outdated
            await trail.append(connection, act, "")

    async def put(
        self, its: ResidentList, people: Collection[UUID], act: Act, now: datetime, *, alone: bool
    ) -> Imported:
        """Put residents on a list; with `alone` take all others off. Who is no resident is not kept.

        Raises
        ------
        NotFound
            The list has ended meanwhile.
        TooOften
            So much was imported into it today already.
        """
        asked = {"id": its.id, "day": now.astimezone(HELSINKI).date(), "now": now, "most": MOST_IMPORTS}
        async with self._database.begin() as connection:
            if (await connection.execute(_COUNT, asked)).one_or_none() is None:
                await self._refuse(connection, its.id, now)
            found = (await connection.execute(_KNOWN, {"people": list(people)})).all()
            residents: list[Pseudonym] = [row.resident for row in found]
            values = {"id": its.id, "residents": residents, "now": now}
            if alone:
                await connection.execute(_OTHERS, values)
            await connection.execute(_ADD, values)
            await trail.append(connection, act, msgspec.json.encode(its.draft).decode())
        return Imported(len(found), len(people) - len(found), sum(not row.allows for row in found))

    async def size(self, id_: str) -> int:
        """Return how many are on a list: exact, so it is told outside through `engine.counts` alone."""
        async with self._database.begin() as connection:
            return int((await connection.execute(_MEMBERS, {"id": id_})).scalar_one())

    async def sweep(self, now: datetime) -> None:
        """Delete lists that nobody has renewed, and who is on them."""
        async with self._database.begin() as connection:
            await connection.execute(_SWEEP, {"now": now})

    @staticmethod
    async def _refuse(connection: AsyncConnection, id_: str, now: datetime) -> None:
        if (await connection.execute(_GET, {"id": id_, "now": now})).one_or_none() is None:
            raise NotFound("The list has ended.", field="list")
        today = now.astimezone(HELSINKI)
        tomorrow = datetime.combine(today.date() + timedelta(days=1), time(), HELSINKI)
        raise TooOften(retry_after=tomorrow - today)


def _read(row: Row[Any]) -> ResidentList:
    return ResidentList(
        id=row.id,
        version=row.version,
        draft=msgspec.json.decode(row.content, type=ListDraft),
        author=row.author,
        created=row.created,
        renewed=row.renewed,
        until=row.until,
    )
