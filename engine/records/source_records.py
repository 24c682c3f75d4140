"""What sources said, record by record, so that an offer made of several can be made again when one of them changes.

The contents are JSON whose form belongs to the source's own module; here they are kept, grouped and handed back.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import text

from engine.records.database import Database

_STORE = text("""
    INSERT INTO source_records (system, id, origin, parent, until, content, first_run, run, stale)
    SELECT :system, e.id, :origin, e.parent, e.until, e.content, :run, :run, true
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS e(id text, parent text, until timestamptz, content jsonb)
    ORDER BY e.id
    ON CONFLICT (system, id) DO UPDATE SET
        origin = excluded.origin, parent = excluded.parent, until = excluded.until, content = excluded.content,
        run = excluded.run, stale = source_records.stale OR :all OR source_records.content <> excluded.content
    RETURNING id, stale
""")
# A changed head may have another title or type: the records below it may belong elsewhere now.
_CHILDREN = text("UPDATE source_records SET stale = true WHERE system = :system AND parent = ANY(:ids)")
_REMOVE = text("""
    WITH gone AS (DELETE FROM source_records WHERE system = :system AND id = ANY(:ids) RETURNING id, grp),
         touched AS (UPDATE source_groups g SET dirty = true FROM gone WHERE g.system = :system AND g.key = gone.grp)
    SELECT id FROM gone
""")
_VANISHED = text("""
    SELECT id FROM source_records
    WHERE system = :system AND origin = :origin AND run < :run AND until > :now
""")
_STALE = text("""
    SELECT r.id, r.content::text AS content, p.content::text AS parent
    FROM source_records r LEFT JOIN source_records p ON p.system = r.system AND p.id = r.parent
    WHERE r.system = :system AND r.stale AND r.id > :after ORDER BY r.id LIMIT :limit
""")
_KEY = text("""
    WITH keyed AS (SELECT k.key AS id, k.value AS grp FROM jsonb_each_text(CAST(:keys AS jsonb)) AS k),
         old AS (SELECT r.id, r.grp AS before, keyed.grp FROM source_records r JOIN keyed USING (id)
                 WHERE r.system = :system),
         moved AS (UPDATE source_records r SET grp = old.grp, stale = false FROM old
                   WHERE r.system = :system AND r.id = old.id)
    INSERT INTO source_groups (system, key, dirty)
    SELECT :system, touched, true FROM (
        SELECT before FROM old UNION SELECT grp FROM old
        -- A group that went on under a deleted record's id must give the id back when that record returns.
        UNION SELECT g.key FROM source_groups g JOIN old ON g.offer = old.id
        WHERE g.system = :system AND g.key <> old.grp
    ) AS t(touched)
    WHERE touched IS NOT NULL ORDER BY touched
    ON CONFLICT (system, key) DO UPDATE SET dirty = true
""")
_DIRTY = text("""
    SELECT g.key, CASE WHEN EXISTS (
        SELECT FROM source_records o WHERE o.system = g.system AND o.id = g.offer AND o.grp <> g.key
    ) THEN NULL ELSE g.offer END AS offer
    FROM source_groups g
    WHERE g.system = :system AND g.dirty ORDER BY g.key LIMIT :limit
""")
_MEMBERS = text("""
    SELECT r.grp, r.first_run, r.content::text AS content FROM source_records r
    WHERE r.system = :system AND r.grp = ANY(:keys) ORDER BY r.id
""")
_KNOWN = text("SELECT id, content::text AS content FROM source_records WHERE system = :system AND id = ANY(:ids)")
_SETTLE = text("""
    UPDATE source_groups g SET offer = e.offer, dirty = false
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS e(key text, offer text)
    WHERE g.system = :system AND g.key = e.key
""")
_DIGESTS = text("SELECT offer, digest FROM source_offers WHERE system = :system AND offer = ANY(:offers)")
_EMPTY = text("DELETE FROM source_groups WHERE system = :system AND key = ANY(:keys)")
_PUBLISHED = text("""
    INSERT INTO source_offers (system, offer, digest)
    SELECT :system, e.offer, e.digest FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS e(offer text, digest text)
    ORDER BY e.offer
    ON CONFLICT (system, offer) DO UPDATE SET digest = excluded.digest
""")
_WITHDRAWN = text("""
    SELECT offer FROM source_offers p WHERE p.system = :system
    AND NOT EXISTS (SELECT FROM source_groups g WHERE g.system = p.system AND g.offer = p.offer)
    ORDER BY offer LIMIT :limit
""")
_FORGET = text("DELETE FROM source_offers WHERE system = :system AND offer = ANY(:ids)")
_REFER = """
    INSERT INTO source_references (system, kind, id, content)
    SELECT :system, :kind, e.id, e.content
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS e(id text, content jsonb) ORDER BY e.id
    ON CONFLICT (system, kind, id) DO UPDATE SET content = excluded.content {unless}
"""
_REFERENCES = text("""
    SELECT id, content::text AS content FROM source_references
    WHERE system = :system AND kind = :kind AND id = ANY(:ids)
""")


class SourceRecord(msgspec.Struct, frozen=True):
    """A record as its source's module read it: `until` is its last moment, None where it has no date."""

    id: str
    content: msgspec.Raw
    parent: str | None = None
    until: datetime | None = None


class Stale(msgspec.Struct, frozen=True):
    """A record that needs its group's key, with the record that is its parent, where that is known."""

    id: str
    content: str
    parent: str | None


class Group(msgspec.Struct, frozen=True):
    """Records that are one offer; `members` are pairs of the run that first met a record, and its content.

    `offer` is the id it is published under; None where it has none yet, or where that id's own record has moved to
    another group.
    """

    key: str
    offer: str | None
    members: tuple[tuple[int, str], ...]


class SourceRecords:
    """Reads and writes records of sources, their groups, and what the records refer to (places, keywords)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(
        self, system: str, origin: str, run: int, records: Iterable[SourceRecord], *, refresh: bool = False
    ) -> None:
        """Keep records as they are now; with `refresh`, unchanged ones are folded again as well."""
        rows = msgspec.json.encode(list({record.id: record for record in records}.values())).decode()
        values = {"system": system, "origin": origin, "run": run, "rows": rows, "all": refresh}
        async with self._database.begin() as connection:
            stored = (await connection.execute(_STORE, values)).all()
            await connection.execute(_CHILDREN, {"system": system, "ids": [row.id for row in stored if row.stale]})

    async def remove(self, system: str, ids: Iterable[str]) -> int:
        """Remove records that the source has taken away; return how many there were."""
        values = {"system": system, "ids": sorted(set(ids))}
        async with self._database.begin() as connection:
            gone = (await connection.execute(_REMOVE, values)).scalars().all()
            await connection.execute(_CHILDREN, {"system": system, "ids": list(gone)})
        return len(gone)

    async def vanished(self, system: str, origin: str, run: int, now: datetime) -> list[str]:
        """Return the ids of records still to come that a run over everything did not meet any more."""
        values = {"system": system, "origin": origin, "run": run, "now": now}
        async with self._database.begin() as connection:
            return list((await connection.execute(_VANISHED, values)).scalars())

    async def known(self, system: str, ids: Sequence[str]) -> dict[str, str]:
        """Return the contents of those records that are kept, by id."""
        async with self._database.begin() as connection:
            found = await connection.execute(_KNOWN, {"system": system, "ids": list(ids)})
            return {row.id: row.content for row in found}

    async def stale(self, system: str, after: str = "", limit: int = 500) -> list[Stale]:
        """Return the next records that need a key, by id."""
        async with self._database.begin() as connection:
            found = await connection.execute(_STALE, {"system": system, "after": after, "limit": limit})
            return [Stale(row.id, row.content, row.parent) for row in found]

    async def key(self, system: str, keys: Mapping[str, str]) -> None:
        """Put records into groups; the groups they leave and enter must be folded again."""
        values = {"system": system, "keys": msgspec.json.encode(keys).decode()}
        async with self._database.begin() as connection:
            await connection.execute(_KEY, values)

    async def dirty(self, system: str, limit: int = 200) -> list[Group]:
        """Return the next groups that must be folded again, each with its records."""
        async with self._database.begin() as connection:
            groups = (await connection.execute(_DIRTY, {"system": system, "limit": limit})).all()
            rows = await connection.execute(_MEMBERS, {"system": system, "keys": [group.key for group in groups]})
            members: dict[str, list[tuple[int, str]]] = {}
            for row in rows:
                members.setdefault(row.grp, []).append((row.first_run, row.content))
        return [Group(group.key, group.offer, tuple(members.get(group.key, ()))) for group in groups]

    async def digests(self, system: str, offers: Sequence[str]) -> dict[str, str]:
        """Return the digest of what was last published of each offer."""
        async with self._database.begin() as connection:
            found = await connection.execute(_DIGESTS, {"system": system, "offers": list(offers)})
            return {row.offer: row.digest for row in found}

    async def settle(self, system: str, folded: Mapping[str, tuple[str, str] | None]) -> None:
        """Note under which id, and with which digest, each group is published now; None is an empty group."""
        rows = [{"key": key, "offer": f[0], "digest": f[1]} for key, f in folded.items() if f is not None]
        values = {"system": system, "rows": msgspec.json.encode(rows).decode()}
        async with self._database.begin() as connection:
            await connection.execute(_SETTLE, values)
            await connection.execute(_PUBLISHED, values)
            await connection.execute(_EMPTY, {"system": system, "keys": [k for k, f in folded.items() if f is None]})

    async def withdrawn(self, system: str, limit: int = 500) -> list[str]:
        """Return ids that are published and belong to no group any more."""
        async with self._database.begin() as connection:
            return list((await connection.execute(_WITHDRAWN, {"system": system, "limit": limit})).scalars())

    async def forget(self, system: str, ids: Sequence[str]) -> None:
        """Note that offers are no longer published."""
        async with self._database.begin() as connection:
            await connection.execute(_FORGET, {"system": system, "ids": list(ids)})

    async def refer(
        self, system: str, kind: str, contents: Mapping[str, msgspec.Raw | None], *, renew: bool = True
    ) -> None:
        """Keep what records refer to; None is gone for good. Without `renew`, what is known already stays."""
        if not contents:
            return
        rows = [{"id": id_, "content": content} for id_, content in contents.items()]
        statement = text(_REFER.format(unless="" if renew else "WHERE source_references.content IS NULL"))
        values = {"system": system, "kind": kind, "rows": msgspec.json.encode(rows).decode()}
        async with self._database.begin() as connection:
            await connection.execute(statement, values)

    async def references(self, system: str, kind: str, ids: Iterable[str]) -> dict[str, str | None]:
        """Return what is known of the ids; None is gone for good, an id that is not in the answer is unknown."""
        async with self._database.begin() as connection:
            found = await connection.execute(_REFERENCES, {"system": system, "kind": kind, "ids": sorted(set(ids))})
            return {row.id: row.content for row in found}
