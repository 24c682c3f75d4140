"""Everything the durable home holds of one person, for that person's own eyes: the right of access."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from engine.accesses import Accessed
from engine.records.accesses import accessed
from engine.records.database import Database
from engine.residents import Interests

_PSEUDONYM = text("SELECT pseudonym FROM residents WHERE person = :person")
_DECISIONS = text("""
    SELECT l.purpose, l.granted, l.notice, l.time, p.content->>'name' AS partner
    FROM ledger l LEFT JOIN partners p ON l.purpose = 'partner:' || p.id WHERE l.resident = :resident ORDER BY l.seq
""")
_INTERESTS = text("SELECT content::text FROM interests WHERE resident = :resident")
_NAME = "coalesce(o.content->'name'->>'fi', o.content->'name'->>'sv', o.content->'name'->>'en')"
_INTERACTIONS = text(f"""
    SELECT j.offer, {_NAME} AS name, j.type, j.time, j.value, j.suggestion, j.context, j.id
    FROM journal j LEFT JOIN offers o ON o.id = j.offer WHERE j.resident = :resident ORDER BY j.time
""")  # noqa: S608 - our own words
_HANDLES = text("""
    SELECT p.content->>'name' AS name, h.handle FROM partner_handles h JOIN partners p ON p.id = h.partner
    WHERE h.resident = :resident ORDER BY p.registered, p.id
""")
_ACCESSES = text("""
    SELECT time, who, capacity, purpose, what, fields FROM accesses WHERE resident = :resident ORDER BY time, id
""")
_SHOWN = text("SELECT time, basis, offers FROM impressions WHERE resident = :resident ORDER BY time")


class Decision(msgspec.Struct, frozen=True):
    """One entry of the ledger; of a word on a partner, with the partner's name."""

    purpose: str
    granted: bool
    notice: int
    time: datetime
    partner: str | None = None


class Deed(msgspec.Struct, frozen=True):
    """One interaction, with the offer's name where the offer is still known."""

    offer: str
    name: str | None
    type: str
    time: datetime
    value: int | None
    suggestion: str | None
    context: dict[str, Any] | None
    id: str = ""


class Shown(msgspec.Struct, frozen=True):
    """One answer that was shown."""

    time: datetime
    basis: str
    offers: Sequence[str]


class Known(msgspec.Struct, frozen=True):
    """A partner who may read something of the person, and by what it knows them."""

    partner: str
    handle: str


class Personal(msgspec.Struct, frozen=True):
    """All of it, oldest first."""

    decisions: Sequence[Decision]
    interests: Interests
    deeds: Sequence[Deed]
    shown: Sequence[Shown]
    partners: Sequence[Known] = ()
    accesses: Sequence[Accessed] = ()


class PersonalRecords:
    """Reads what is held of a person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, person: UUID) -> Personal | None:
        """Return everything of a person as of one moment, or None for somebody unknown."""
        async with self._database.begin() as connection:
            await connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            resident = (await connection.execute(_PSEUDONYM, {"person": person})).scalar_one_or_none()
            if resident is None:
                return None
            its = {"resident": resident}
            told = (await connection.execute(_INTERESTS, its)).scalar_one_or_none()
            return Personal(
                [Decision(*row) for row in await connection.execute(_DECISIONS, its)],
                Interests() if told is None else msgspec.json.decode(told, type=Interests),
                [Deed(*row) for row in await connection.execute(_INTERACTIONS, its)],
                [Shown(*row) for row in await connection.execute(_SHOWN, its)],
                [Known(*row) for row in await connection.execute(_HANDLES, its)],
                [accessed(row) for row in await connection.execute(_ACCESSES, its)],
            )
