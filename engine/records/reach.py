"""Who has said anything to the house, and to whom the city may speak of a topic: read in chunks, to be asked again."""

from collections.abc import AsyncIterator, Collection
from typing import NamedTuple

from sqlalchemy import text

from engine.consent import Purpose
from engine.events import Pseudonym
from engine.records.database import Database

AT_ONCE = 500
"""Residents of one chunk."""
_CHUNK = text("""
    SELECT resident, bool_or(granted AND purpose = ANY(:purposes)) AS granted FROM consents
    WHERE resident > :after GROUP BY resident ORDER BY resident LIMIT :most
""")
_SIZE = text("SELECT count(*) FROM residents")


class Chunk(NamedTuple):
    """Residents who have granted one of the purposes, and how many others stand between them."""

    granted: list[Pseudonym]
    others: int


class ReachRecords:
    """Reads residents by their words (see `engine.reach.ReachRecords`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def size(self) -> int:
        """Return about how many residents there are."""
        async with self._database.begin() as connection:
            return int((await connection.execute(_SIZE)).scalar_one())

    async def chunks(self, purposes: Collection[Purpose], most: int = AT_ONCE) -> AsyncIterator[Chunk]:
        """Yield all residents, `most` at a time; a chunk is read when it is asked for.

        Raises
        ------
        StoreUnavailable
            PostgreSQL does not answer: then nothing more is read.
        """
        after = ""
        while True:
            values = {"purposes": list(map(str, purposes)), "after": after, "most": most}
            async with self._database.begin() as connection:
                found = (await connection.execute(_CHUNK, values)).all()
            if not found:
                return
            after = found[-1].resident
            granted = [row.resident for row in found if row.granted]
            yield Chunk(granted, len(found) - len(granted))
