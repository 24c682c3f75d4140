"""What residents have ended, as the ledger and the erasures tell it; and who a restored database still links."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from engine.events import Pseudonym
from engine.records.database import Database
from engine.records.ledger import CHOICES

# An erasure withdraws as well; of somebody erased, the erasure alone counts. Where nothing was granted any more, it
# adds no entry and bears the number of the newest one, which may be told of already.
_ENDED = text("""
    SELECT seq, resident, time, NULL AS purpose FROM erasures WHERE seq >= :seq
    UNION ALL
    SELECT l.seq, l.resident, l.time, l.purpose FROM ledger l
    WHERE l.seq > :seq AND NOT l.granted AND l.purpose <> ALL(:choices)
        AND NOT EXISTS (SELECT FROM erasures e WHERE e.resident = l.resident)
    ORDER BY seq LIMIT :most
""")
_LINKS = text("SELECT pseudonym, person FROM residents")
_HELD = text("""
    SELECT resident, purpose FROM consents
    WHERE granted AND resident = :resident AND purpose = :purpose AND since <= :time
""")


class Ended(NamedTuple):
    """One ending; without a purpose, of everything."""

    seq: int
    resident: Pseudonym
    time: datetime
    purpose: str | None


class EndingRecords:
    """Reads endings, and what they would still end."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def since(self, seq: int, most: int = 5_000) -> Sequence[Ended]:
        """Return what was ended after ledger entry `seq`, oldest first; erasures at the border are told again."""
        values = {"seq": seq, "most": most, "choices": CHOICES}
        async with self._database.begin() as connection:
            return [Ended(*row) for row in await connection.execute(_ENDED, values)]

    async def links(self) -> Mapping[Pseudonym, UUID]:
        """Return everybody who is linked."""
        async with self._database.begin() as connection:
            return {row.pseudonym: row.person for row in await connection.execute(_LINKS)}

    async def holds(self, resident: Pseudonym, purpose: str, time: datetime) -> bool:
        """Say whether a grant from before `time` is in force."""
        values = {"resident": resident, "purpose": purpose, "time": time}
        async with self._database.begin() as connection:
            return (await connection.execute(_HELD, values)).one_or_none() is not None
