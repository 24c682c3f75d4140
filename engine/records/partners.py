"""Partners in SQL, who grants them, and the one transaction in which a partner is shown anything."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.accesses import Accessed
from engine.consent import Consents, Permit, Purpose
from engine.errors import ConsentRequired
from engine.events import Interaction
from engine.offers import Offer
from engine.partners import Partner, key_hash
from engine.records import accesses, journal, ledger, offers
from engine.records.database import Database
from engine.residents import Interests

_COLUMNS = "id, content::text AS content, expires"
_REGISTER = text("""
    INSERT INTO partners (id, content, key_hash, registered, expires)
    VALUES (:id, CAST(:content AS jsonb), :key_hash, :now, :expires)
""")
_OPEN = text(f"SELECT {_COLUMNS} FROM partners WHERE ended IS NULL AND expires > :now ORDER BY registered, id")  # noqa: S608
_NAMED = text(f"SELECT {_COLUMNS} FROM partners WHERE id = ANY(:ids)")  # noqa: S608 - ours
_BY_KEY = text(f"SELECT {_COLUMNS} FROM partners WHERE key_hash = :key_hash AND ended IS NULL AND expires > :now")  # noqa: S608
_STILL = text("SELECT FROM partners WHERE id = :id AND ended IS NULL AND expires > :now FOR SHARE")
_END = text("UPDATE partners SET ended = :now WHERE id = :id AND ended IS NULL")
_DROP = text("DELETE FROM partner_handles WHERE partner = :id")
_SWEEP = text("""
    DELETE FROM partner_handles h USING partners p
    WHERE p.id = h.partner AND (p.ended IS NOT NULL OR p.expires <= :now)
""")
_HANDLES = text("""
    SELECT handle FROM partner_handles WHERE partner = :id AND handle > :after ORDER BY handle LIMIT :most
""")
_WHOSE = text("SELECT resident FROM partner_handles WHERE partner = :id AND handle = :handle")
_TOLD = text("SELECT content::text FROM interests WHERE resident = :resident AND updated >= :since")


class Reading:
    """What one partner may be shown of one resident, in one transaction; no word of the resident changes meanwhile."""

    def __init__(self, connection: AsyncConnection, consents: Consents) -> None:
        self._connection = connection
        self.consents = consents

    async def interests(self, permit: Permit) -> Interests | None:
        """Return what the resident told under the consent they give now."""
        self._check(permit, Purpose.INTERESTS)
        values = {"resident": permit.resident, "since": permit.since}
        content = (await self._connection.execute(_TOLD, values)).scalar_one_or_none()
        return None if content is None else msgspec.json.decode(content, type=Interests)

    async def deeds(self, permit: Permit) -> tuple[Sequence[Interaction], Mapping[str, Offer]]:
        """Return what the resident did under the consent they give now, and the offers that it was about."""
        self._check(permit, Purpose.ACTIVITY)
        found = await journal.deeds(self._connection, [permit.resident], permit.at)
        its = found[permit.resident]
        return its, await offers.remembered(self._connection, {deed.offer for deed in its})

    async def note(self, access: Accessed) -> None:
        """Write the access log: nothing is shown unless this is committed."""
        await accesses.note(self._connection, self.consents.resident, access)

    def _check(self, permit: Permit, purpose: Purpose) -> None:
        if permit.resident != self.consents.resident or permit.purpose is not purpose:
            raise ConsentRequired(f"This needs a permit of the same resident for {purpose}.")


class PartnerRecords:
    """Reads and writes partners."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, partner: Partner, key: str, now: datetime) -> None:
        """Keep a partner, and of its key the hash alone."""
        content = {"name": partner.name, "purpose": partner.purpose, "fields": partner.fields}
        values = {
            "id": partner.id,
            "content": msgspec.json.encode(content).decode(),
            "key_hash": key_hash(key),
            "now": now,
            "expires": partner.expires,
        }
        async with self._database.begin() as connection:
            await connection.execute(_REGISTER, values)

    async def open(self, now: datetime) -> Sequence[Partner]:
        """Return the partners that have neither ended nor expired, oldest first."""
        async with self._database.begin() as connection:
            return [_partner(row) for row in await connection.execute(_OPEN, {"now": now})]

    async def named(self, ids: Sequence[str]) -> Mapping[str, Partner]:
        """Return the partners of those ids, those that are over included."""
        async with self._database.begin() as connection:
            return {row.id: _partner(row) for row in await connection.execute(_NAMED, {"ids": list(ids)})}

    async def end(self, id_: str, now: datetime) -> bool:
        """End a partner, its key and its handles; say whether there was one to end."""
        async with self._database.begin() as connection:
            ended = (await connection.execute(_END, {"id": id_, "now": now})).rowcount > 0
            await connection.execute(_DROP, {"id": id_})
        return ended

    async def sweep(self, now: datetime) -> None:
        """Drop the handles of partners that are over."""
        async with self._database.begin() as connection:
            await connection.execute(_SWEEP, {"now": now})

    async def by_key(self, key: str, now: datetime) -> Partner | None:
        """Return whose key it is, or None for a key of nobody, or of a partner that is over."""
        async with self._database.begin() as connection:
            row = (await connection.execute(_BY_KEY, {"key_hash": key_hash(key), "now": now})).one_or_none()
        return None if row is None else _partner(row)

    async def handles(self, partner: Partner, after: str, most: int) -> Sequence[str]:
        """Return the handles of residents who grant a partner, in their order."""
        async with self._database.begin() as connection:
            values = {"id": partner.id, "after": after, "most": most}
            return list((await connection.execute(_HANDLES, values)).scalars())

    @asynccontextmanager
    async def reading(self, partner: Partner, handle: str, now: datetime) -> AsyncIterator[Reading | None]:
        """Open a transaction in which a partner may be shown a resident; None where it may be shown nobody.

        A withdrawal, and the end of the partner, wait until the transaction ends.
        """
        async with self._database.begin() as connection:
            its = {"id": partner.id, "handle": handle, "now": now}
            still = (await connection.execute(_STILL, its)).one_or_none() is not None
            resident = (await connection.execute(_WHOSE, its)).scalar_one_or_none() if still else None
            yield None if resident is None else Reading(connection, await ledger.locked(connection, resident))


def _partner(row: Row[Any]) -> Partner:
    known = msgspec.json.decode(row.content)
    return msgspec.convert({**known, "id": row.id, "expires": row.expires}, Partner)
