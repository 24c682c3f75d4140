"""The link between people and pseudonyms, and what residents have told us."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.events import Pseudonym
from engine.records.database import Database
from engine.residents import Interests

_PSEUDONYM = text("SELECT pseudonym FROM residents WHERE person = :person")
_LINK = text("INSERT INTO residents (person, pseudonym) VALUES (:person, :pseudonym) ON CONFLICT (person) DO NOTHING")
_INTERESTS = text("SELECT content::text FROM interests WHERE resident = :resident")
# What was told before the latest grant is as good as forgotten already.
_UNDER_CONSENT = """
    SELECT i.resident, i.content::text AS content FROM interests i
    JOIN consents c ON c.resident = i.resident AND c.purpose = 'interests' AND c.granted AND i.updated >= c.since
    WHERE i.resident = ANY(:residents)
"""
_TOLD = text(_UNDER_CONSENT)
# What is removed meanwhile (`engine.records.removals`) is waited for, so that it is not written again.
_CHANGED = text(f"{_UNDER_CONSENT} FOR UPDATE OF i")
# Whoever writes the resident's rows waits for this one, so that of two changes at once none is lost.
_LOCK = text("SELECT FROM consents WHERE resident = :resident AND purpose = 'interests' FOR UPDATE")
_TELL = text("""
    INSERT INTO interests (resident, content, updated)
    SELECT :resident, CAST(:content AS jsonb), :now FROM consents c LEFT JOIN dependants d ON d.resident = c.resident
    WHERE c.resident = :resident AND c.purpose = 'interests' AND c.granted AND outgrown(d.born, c.since, :now) IS NULL
    AND NOT EXISTS (
        SELECT FROM consents p WHERE p.resident = :resident AND p.purpose = 'pause' AND :now < pause_end(p)
    ) FOR SHARE OF c
    ON CONFLICT (resident) DO UPDATE SET content = excluded.content, updated = excluded.updated
""")


class ResidentRecords:
    """Reads and writes links and interests (see `engine.residents.ResidentRecords`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pseudonym(self, person: UUID) -> Pseudonym | None:
        """Return the pseudonym linked to a person."""
        async with self._database.begin() as connection:
            return (await connection.execute(_PSEUDONYM, {"person": person})).scalar_one_or_none()

    async def link(self, person: UUID, proposed: Pseudonym) -> Pseudonym:
        """Link a person to `proposed`, unless linked already; return the pseudonym that holds."""
        async with self._database.begin() as connection:
            await connection.execute(_LINK, {"person": person, "pseudonym": proposed})
            return str((await connection.execute(_PSEUDONYM, {"person": person})).scalar_one())

    async def interests(self, resident: Pseudonym) -> Interests | None:
        """Return what a resident told."""
        async with self._database.begin() as connection:
            content = (await connection.execute(_INTERESTS, {"resident": resident})).scalar_one_or_none()
        return None if content is None else msgspec.json.decode(content, type=Interests)

    async def told(self, residents: Sequence[Pseudonym]) -> dict[Pseudonym, Interests]:
        """Return what residents told under the consent they give now; nothing for the others."""
        async with self._database.begin() as connection:
            return await told(connection, residents)

    async def tell(self, resident: Pseudonym, interests: Interests, now: datetime) -> None:
        """Replace what a resident told, while the consent holds in the same transaction."""
        values = {"resident": resident, "content": msgspec.json.encode(interests).decode(), "now": now}
        async with self._database.begin() as connection:
            await connection.execute(_TELL, values)

    async def change(
        self, resident: Pseudonym, change: Callable[[Interests], Interests], now: datetime
    ) -> Interests | None:
        """Replace what a resident told by what `change` makes of it, while the consent holds; None where it does not.

        What was told before the latest grant is as good as forgotten already, and nothing is made of it.
        """
        async with self._database.begin() as connection:
            await connection.execute(_LOCK, {"resident": resident})
            held = (await connection.execute(_CHANGED, {"residents": [resident]})).one_or_none()
            told = change(Interests() if held is None else msgspec.json.decode(held.content, type=Interests))
            values = {"resident": resident, "content": msgspec.json.encode(told).decode(), "now": now}
            kept = (await connection.execute(_TELL, values)).rowcount
        return told if kept else None


async def told(connection: AsyncConnection, residents: Sequence[Pseudonym]) -> dict[Pseudonym, Interests]:
    """Return what `ResidentRecords.told` does, in a transaction of the caller's."""
    found = await connection.execute(_TOLD, {"residents": list(residents)})
    return {row.resident: msgspec.json.decode(row.content, type=Interests) for row in found}
