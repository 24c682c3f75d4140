"""Decisions as receipts tell them: each entry of a resident with the end of the forgetting that it ordered.

Choices (`engine.choices`) allow nothing and have no notice, and so no receipt: the resident reads them among their
data.
"""

from collections.abc import Sequence

from sqlalchemy import text

from engine.consent import Entry
from engine.events import Pseudonym
from engine.receipts import Decided
from engine.records.database import Database
from engine.records.ledger import CHOICES

_DECISIONS = text("""
    SELECT l.seq, l.purpose, l.granted, l.notice, l.time, f.done
    FROM ledger l LEFT JOIN forgettings f ON f.seq = l.seq
    WHERE l.resident = :resident AND l.purpose <> ALL(:choices) ORDER BY l.seq
""")


class ReceiptRecords:
    """Reads decisions (see `engine.receipts.ReceiptRecords`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def decisions(self, resident: Pseudonym) -> Sequence[Decided]:
        """Return a resident's decisions, oldest first."""
        async with self._database.begin() as connection:
            found = await connection.execute(_DECISIONS, {"resident": resident, "choices": CHOICES})
            return [Decided(Entry(row.seq, row.purpose, row.granted, row.notice, row.time), row.done) for row in found]
