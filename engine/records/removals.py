"""Single things removed in SQL. The ids of removed acts stay in `journal_ids`, so that nothing brings them back."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.events import Pseudonym
from engine.offers import decode
from engine.records.database import Database
from engine.residents import Interests, without
from engine.taste import features

# Whoever writes the resident's rows holds the rows of `consents`: it is waited for, and what it wrote is seen.
_LOCK = text("SELECT FROM consents WHERE resident = :resident ORDER BY purpose FOR UPDATE")
_ACT = text("DELETE FROM journal WHERE resident = :resident AND id = :event RETURNING id")
_OFFERS = text("""
    SELECT o.content::text FROM offers o
    WHERE o.id IN (SELECT j.offer FROM journal j WHERE j.resident = :resident)
""")
_ACTS = text("DELETE FROM journal WHERE resident = :resident AND offer = ANY(:offers) RETURNING id")
# What a campaign was about to say of an act goes with the act.
_UNHAPPEN = text("""
    DELETE FROM happening_residents r USING happenings h
    WHERE h.id = r.happening AND r.resident = :resident AND r.purpose = 'activity' AND NOT EXISTS (
        SELECT FROM journal j
        WHERE j.resident = r.resident AND j.offer = ANY(h.offers) AND h.kind = 'journal_event:' || j.type)
""")
_TOLD = text("SELECT content::text FROM interests WHERE resident = :resident FOR UPDATE")
_TELL = text("UPDATE interests SET content = CAST(:content AS jsonb) WHERE resident = :resident")


class RemovalRecords:
    """Removes (see `engine.removal.RemovalRecords`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def act(self, resident: Pseudonym, event: str) -> bool:
        """Remove one act; say whether there was one."""
        async with self._database.begin() as connection:
            await connection.execute(_LOCK, {"resident": resident})
            removed = (await connection.execute(_ACT, {"resident": resident, "event": event})).all()
            await connection.execute(_UNHAPPEN, {"resident": resident})
            return bool(removed)

    async def acts_about(self, resident: Pseudonym, feature: str) -> bool:
        """Remove every act with an offer that has a feature; say whether there was one."""
        async with self._database.begin() as connection:
            await connection.execute(_LOCK, {"resident": resident})
            offers = await _about(connection, resident, feature)
            removed = (await connection.execute(_ACTS, {"resident": resident, "offers": offers})).all()
            await connection.execute(_UNHAPPEN, {"resident": resident})
            return bool(removed)

    async def interest(self, resident: Pseudonym, item: str) -> bool:
        """Remove one thing that was told; say whether it was."""
        async with self._database.begin() as connection:
            content = (await connection.execute(_TOLD, {"resident": resident})).scalar_one_or_none()
            told = Interests() if content is None else msgspec.json.decode(content, type=Interests)
            left = without(told, item)
            if left != told:
                values = {"resident": resident, "content": msgspec.json.encode(left).decode()}
                await connection.execute(_TELL, values)
            return left != told


async def _about(connection: AsyncConnection, resident: Pseudonym, feature: str) -> Sequence[str]:
    found = (await connection.execute(_OFFERS, {"resident": resident})).scalars()
    return [offer.id for offer in map(decode, found) if feature in features(offer)]
