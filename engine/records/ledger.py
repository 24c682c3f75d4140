"""The consent ledger: append-only entries, each resident's latest word, and the forgetting that a withdrawal orders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.choices import Choice
from engine.consent import PARTNER, Consents, Entry, Grant, Purpose
from engine.errors import Erased
from engine.events import Pseudonym
from engine.records.database import Database
from engine.records.scribe import Scribe, Word
from engine.records.underway import Underway

# Of a dependant without any word, one row with the birth date alone.
_CONSENTS = text("""
    SELECT coalesce(c.resident, d.resident) AS resident, purpose, granted, notice, since, seq, born
    FROM (SELECT * FROM consents WHERE resident = ANY(:residents)) c
    FULL JOIN (SELECT * FROM dependants WHERE resident = ANY(:residents)) d ON d.resident = c.resident
""")
_LOCKED = text("""
    SELECT c.resident, purpose, granted, notice, since, seq, born
    FROM consents c LEFT JOIN dependants d ON d.resident = c.resident
    WHERE c.resident = ANY(:residents) ORDER BY c.resident, purpose FOR SHARE OF c
""")
_HISTORY = text("""
    SELECT seq, purpose, granted, notice, time FROM ledger
    WHERE resident = :resident AND starts_with(purpose, :partner) = :partners AND purpose <> ALL(:choices) ORDER BY seq
""")
CHOICES = [str(choice) for choice in Choice]
"""What stands in the ledger beside purposes and partners."""
_DUE = text("""
    SELECT seq, purpose FROM forgettings
    WHERE done IS NULL AND requested <= :before AND resident = :resident ORDER BY seq FOR UPDATE SKIP LOCKED
""")
_OVERDUE = text("""
    SELECT resident FROM forgettings WHERE done IS NULL AND requested <= :before
    GROUP BY resident ORDER BY min(seq) LIMIT :limit
""")
_LINKED = text("SELECT FROM residents WHERE pseudonym = :resident")
_DONE = text("UPDATE forgettings SET done = :now WHERE seq = ANY(:seqs)")
_WAITING = text("SELECT count(*), min(requested) FROM forgettings WHERE done IS NULL")


class LedgerRecords:
    """Reads and writes the ledger (see `engine.ledger.LedgerRecords`)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scribe = Scribe(database)
        self._underway = Underway(database)

    async def append(  # noqa: PLR0913 - an entry has so many parts
        self,
        resident: Pseudonym,
        purpose: str,
        *,
        granted: bool,
        notice: int,
        time: datetime,
        guardian: Pseudonym | None = None,
    ) -> Consents:
        """Write one entry, the latest word and, for a withdrawal, the forgetting; an unchanged word writes nothing.

        A choice orders no forgetting (migration 0006).

        When this returns, it is on disk.

        Raises
        ------
        Erased
            The pseudonym is nobody's any more.
        """
        found = await self._scribe.append(Word(resident, purpose, granted, notice, time, guardian))
        if its := [row for row in found if row.resident == resident]:
            return _consents(resident, its)
        # No word at all: of somebody erased, or of a child of whom nobody has said anything that counts.
        async with self._database.begin() as connection:
            if (await connection.execute(_LINKED, {"resident": resident})).one_or_none() is None:
                raise Erased
        return await self.consents(resident)

    async def gone(self, resident: Pseudonym) -> None:
        """Return when no message is on its way to a resident any more (`engine.records.underway`)."""
        await self._underway.gone(resident)

    async def consents(self, resident: Pseudonym) -> Consents:
        """Return what the ledger says now."""
        async with self._database.begin() as connection:
            return _consents(resident, (await connection.execute(_CONSENTS, {"residents": [resident]})).all())

    async def consents_of(self, residents: Sequence[Pseudonym]) -> dict[Pseudonym, Consents]:
        """Return what the ledger says now of each of `residents`."""
        async with self._database.begin() as connection:
            return await words(connection, residents)

    async def everyone(self, batch: int = 1000) -> "list[list[Pseudonym]]":
        """Return every resident who has decided anything, in batches."""
        async with self._database.begin() as connection:
            known = list((await connection.execute(text("SELECT DISTINCT resident FROM consents"))).scalars())
        return [known[i : i + batch] for i in range(0, len(known), batch)]

    async def history(self, resident: Pseudonym) -> Sequence[Entry]:
        """Return every entry of a resident on a purpose, oldest first."""
        return await self._history(resident, partners=False)

    async def partner_history(self, resident: Pseudonym) -> Sequence[Entry]:
        """Return every entry of a resident on a partner, oldest first."""
        return await self._history(resident, partners=True)

    async def _history(self, resident: Pseudonym, *, partners: bool) -> Sequence[Entry]:
        values = {"resident": resident, "partner": PARTNER, "partners": partners, "choices": CHOICES}
        async with self._database.begin() as connection:
            return [Entry(*row) for row in await connection.execute(_HISTORY, values)]

    async def overdue(self, before: datetime, limit: int = 500) -> list[Pseudonym]:
        """Return residents with a withdrawal from before `before` that is not complete."""
        async with self._database.begin() as connection:
            return list((await connection.execute(_OVERDUE, {"before": before, "limit": limit})).scalars())

    async def forget(self, before: datetime, now: datetime, resident: Pseudonym) -> None:
        """Do what a resident's withdrawals up to `before` order, in one transaction.

        What another worker is at is skipped; a crash in the middle leaves it due.
        """
        async with self._database.begin() as connection:
            due = (await connection.execute(_DUE, {"before": before, "resident": resident})).all()
            for purpose in {row.purpose for row in due}:
                for statement in FORGETTING.get(purpose, ()):
                    await connection.execute(text(statement), {"resident": resident, "purpose": purpose})
            await connection.execute(_DONE, {"seqs": [row.seq for row in due], "now": now})

    async def backlog(self) -> int:
        """Return how many withdrawals are not complete."""
        return (await self.waiting())[0]

    async def waiting(self) -> tuple[int, datetime | None]:
        """Return how many withdrawals are not complete, and when the oldest of them was said."""
        async with self._database.begin() as connection:
            row = (await connection.execute(_WAITING)).one()
            return row[0], row[1]


# A resident who has granted the purpose anew in the meantime keeps what came after: each statement spares it.
_DELETE = (
    "DELETE FROM {table} t WHERE t.resident = :resident AND NOT EXISTS (SELECT FROM consents c "
    "WHERE c.resident = t.resident AND c.purpose = :purpose AND c.granted AND t.{time} >= c.since)"
)
# What was shown before may tell what was learned; what is shown after is a matter of `measurement` alone.
_SHOWN_BEFORE = (
    "DELETE FROM impressions t USING consents c "
    "WHERE t.resident = :resident AND c.resident = t.resident AND c.purpose = :purpose AND t.time < c.since"
)
# What was shown is kept for measuring, or else for learning: without the one, what the other does not hold goes.
_SHOWN_TO_LEARN = (
    "DELETE FROM impressions t WHERE t.resident = :resident AND NOT EXISTS (SELECT FROM consents c "
    "WHERE c.resident = t.resident AND c.purpose IN (:purpose, 'measurement') AND c.granted AND t.time >= c.since)"
)
_DELETE_OF = _DELETE + " AND t.purpose = :purpose"
# A mailbox that refused for good is of no concern once no topic may use it.
_UNSUPPRESS = (
    "DELETE FROM suppressions t WHERE t.resident = :resident AND NOT EXISTS (SELECT FROM consents c "
    "WHERE c.resident = t.resident AND c.granted AND c.purpose ~ ('^marketing_.*_' || t.channel || '$'))"
)
# What somebody did is no campaign's to speak of any more; what was said of them goes once they allow no message.
_ACTED = _DELETE.format(table="happening_residents", time="time") + " AND t.purpose = 'activity'"
_UNNAME = (
    "DELETE FROM happening_residents t WHERE t.resident = :resident AND t.purpose = 'marketing' AND NOT EXISTS ("
    "SELECT FROM consents c WHERE c.resident = t.resident AND c.granted AND starts_with(c.purpose, 'marketing_') "
    "AND t.time >= c.since)"
)
_SENT = (
    _DELETE_OF.format(table="deliveries", time="time"),
    _DELETE_OF.format(table="inbox", time="time"),
    _UNSUPPRESS,
    _UNNAME,
)
FORGETTING: dict[str, tuple[str, ...]] = {
    Purpose.ACTIVITY: (
        _DELETE.format(table="journal", time="accepted"),
        _DELETE.format(table="journal_ids", time="accepted"),
        _SHOWN_BEFORE,
        _ACTED,
    ),
    Purpose.INTERESTS: (_DELETE.format(table="interests", time="updated"),),
    Purpose.MEASUREMENT: (
        _DELETE.format(table="impressions", time="time"),
        _DELETE.format(table="follows", time="time"),
    ),
    Purpose.LEARNING: (_SHOWN_TO_LEARN,),
    **{purpose: _SENT for purpose in Purpose if purpose.marketing},
}
"""What the withdrawal of each purpose deletes. `location` keeps no rows of its own: what it allowed is left out of the
online state from the moment of the withdrawal, as what `learning` allowed is of training. What a partner was granted
ends with the word itself, and its handle in the same transaction (migration 0005)."""


async def words(connection: AsyncConnection, residents: Sequence[Pseudonym]) -> dict[Pseudonym, Consents]:
    """Return what the ledger says of each of `residents`, in a transaction of the caller's."""
    found = (await connection.execute(_CONSENTS, {"residents": list(residents)})).all()
    grouped: dict[Pseudonym, list[Row[Any]]] = {resident: [] for resident in residents}
    for row in found:
        grouped[row.resident].append(row)
    return {resident: _consents(resident, rows) for resident, rows in grouped.items()}


async def locked(connection: AsyncConnection, resident: Pseudonym) -> Consents:
    """Return what the ledger says now; until the transaction ends, no word of the resident changes."""
    return _consents(resident, (await connection.execute(_LOCKED, {"residents": [resident]})).all())


def _consents(resident: Pseudonym, found: Sequence[Row[Any]]) -> Consents:
    said = [row for row in found if row.purpose is not None]
    words = {row.purpose: Grant(row.granted, row.notice, row.since) for row in said}
    seq = max((row.seq for row in said), default=0)
    partners = {name.removeprefix(PARTNER): word for name, word in words.items() if name.startswith(PARTNER)}
    choices = {Choice(name): word for name, word in words.items() if name in CHOICES}
    grants = {Purpose(n): word for n, word in words.items() if not n.startswith(PARTNER) and n not in CHOICES}
    born = found[0].born if found else None
    return Consents(resident, seq, grants, partners=partners, choices=choices, born=born)
