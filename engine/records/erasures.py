"""Erasures in SQL: one function call withdraws, deletes and cuts the link (migration 0007)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from engine.erasure import Erasure
from engine.events import Pseudonym
from engine.records.database import Database
from engine.records.underway import Underway

CHANNEL = "erasures"
"""The notification that a pseudonym, its payload, is nobody's any more."""
_ERASE = text("SELECT resident, seq FROM resident_erase(:person, :now)")
_UNFINISHED = text("SELECT resident, seq FROM erasures WHERE NOT done ORDER BY seq LIMIT 1000")
_FINISH = text("UPDATE erasures SET done = true WHERE resident = :resident")
_KNOWN = text("SELECT EXISTS (SELECT FROM residents WHERE person = :person)")
_SINCE = text("SELECT resident, seq FROM erasures WHERE seq >= :seq ORDER BY seq")
_NEWEST = text("SELECT seq FROM ledger_head")


class ErasureRecords:
    """Erases (see `engine.erasure.ErasureRecords`)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._underway = Underway(database)

    async def erase(self, person: UUID, now: datetime) -> Sequence[Erasure]:
        """Withdraw every consent, delete every row and the link, in one transaction; nothing for somebody unknown.

        Children under 13 who would have no guardian left go along.
        """
        async with self._database.begin() as connection:
            found = await connection.execute(_ERASE, {"person": person, "now": now})
            return [Erasure(row.resident, row.seq) for row in found]

    async def gone(self, resident: Pseudonym) -> None:
        """Return when no message is on its way to a resident any more (`engine.records.underway`)."""
        await self._underway.gone(resident)

    async def unfinished(self) -> Sequence[Erasure]:
        """Return erasures whose online state may not be gone yet, oldest first."""
        async with self._database.begin() as connection:
            return [Erasure(row.resident, row.seq) for row in await connection.execute(_UNFINISHED)]

    async def finish(self, resident: Pseudonym) -> None:
        """Note that the online state is gone."""
        async with self._database.begin() as connection:
            await connection.execute(_FINISH, {"resident": resident})

    async def known(self, person: UUID) -> bool:
        """Say whether anything links the person."""
        async with self._database.begin() as connection:
            return bool((await connection.execute(_KNOWN, {"person": person})).scalar_one())

    async def since(self, seq: int) -> Sequence[Erasure]:
        """Return erasures from ledger entry `seq` on; those at the border are told again."""
        async with self._database.begin() as connection:
            return [Erasure(row.resident, row.seq) for row in await connection.execute(_SINCE, {"seq": seq})]

    async def newest(self) -> int:
        """Return the number of the ledger's newest entry."""
        async with self._database.begin() as connection:
            return int((await connection.execute(_NEWEST)).scalar_one())
