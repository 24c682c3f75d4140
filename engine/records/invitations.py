"""Invitations of birth years in SQL (migration 0007)."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import text

from engine.events import Pseudonym
from engine.invitations import Invitation, Invited
from engine.records.database import Database

_PUT = text("""
    INSERT INTO invitations (id, birth_year, content, created, until)
    VALUES (:id, :birth_year, CAST(:content AS jsonb), :now, :until)
""")
_OF = text("""
    SELECT i.content::text AS content, array_agg(r.person ORDER BY d.born, r.person) AS dependants
    FROM guardians g JOIN dependants d ON d.resident = g.dependant JOIN residents r ON r.pseudonym = g.dependant
    JOIN invitations i ON i.birth_year = extract(year FROM d.born) AND i.until > :now
    WHERE g.guardian = :guardian AND d.grown < 18 AND birthday(d.born, 18) > :now
    GROUP BY i.id ORDER BY i.until, i.id LIMIT 200
""")
_TIDY = text("DELETE FROM invitations WHERE until <= :now")


class InvitationRecords:
    """Reads and writes invitations (see `engine.invitations.InvitationRecords`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, invitation: Invitation, now: datetime) -> None:
        """Keep an invitation."""
        values = {"id": invitation.id, "birth_year": invitation.birth_year, "until": invitation.until, "now": now}
        async with self._database.begin() as connection:
            await connection.execute(_PUT, {**values, "content": msgspec.json.encode(invitation).decode()})

    async def of(self, guardian: Pseudonym, now: datetime) -> Sequence[Invited]:
        """Return the invitations for a guardian's own dependants who are under 18, those that end first in front."""
        async with self._database.begin() as connection:
            found = await connection.execute(_OF, {"guardian": guardian, "now": now})
            return [Invited(msgspec.json.decode(row.content, type=Invitation), row.dependants) for row in found]

    async def tidy(self, now: datetime) -> None:
        """Drop what is over."""
        async with self._database.begin() as connection:
            await connection.execute(_TIDY, {"now": now})
