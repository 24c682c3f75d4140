"""The journal as training reads it: acts of residents who allow it at that moment, under numbers of one run.

Leave is given in `engine.consent` alone, as everywhere: a resident's acts are read only with a permit for `activity`
and one for `learning`, both asked for in the transaction that reads, and nothing from before either grant. Numbers
begin at 0 in each run. No pseudonym leaves this module.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.consent import Consents, Permit, Purpose
from engine.events import Pseudonym
from engine.records.database import Database
from engine.records.journal import MEMORY
from engine.records.ledger import words

AT_ONCE = 1_000
"""Residents whose acts are read in one transaction."""
_ASKED = text("""
    SELECT resident FROM consents WHERE purpose = 'learning' AND granted AND resident > :after
    ORDER BY resident LIMIT :most
""")
_DEEDS = text("""
    SELECT p.number, j.offer, j.type, extract(epoch FROM j.time)::double precision, j.value
    FROM unnest(CAST(:residents AS text[]), CAST(:numbers AS int[]), CAST(:since AS timestamptz[]))
        AS p(resident, number, since)
    JOIN journal j ON j.resident = p.resident AND j.accepted >= p.since AND j.time >= date_trunc('second', p.since)
    WHERE j.time > :oldest AND j.time <= :now ORDER BY p.number, j.time
""")


class Deeds(NamedTuple):
    """What some residents did, oldest first of each; lists of one length.

    Attributes
    ----------
    people
        Numbers of this run; all that one resident did is in one chunk.
    times
        Unix seconds.
    values
        The stars of a rating.
    """

    people: Sequence[int]
    offers: Sequence[str]
    types: Sequence[str]
    times: Sequence[float]
    values: Sequence[int | None]


class LearningRecords:
    """Reads the journal for training."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def chunks(self, clock: Callable[[], datetime], most: int = AT_ONCE) -> AsyncIterator[Deeds]:
        """Yield what residents did who allow it when their chunk is read, `most` residents at a time.

        Raises
        ------
        StoreUnavailable
            PostgreSQL does not answer: then nothing more is read.
        """
        after, number = "", 0
        while True:
            async with self._database.begin() as connection:
                await connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                values = {"after": after, "most": most}
                asked = list((await connection.execute(_ASKED, values)).scalars())
                now = clock()
                leaves = _leaves(await words(connection, asked), now)
                deeds = await _deeds(connection, leaves, number, now)
            if not asked:
                return
            after, number = asked[-1], number + len(leaves)
            if deeds.people:
                yield deeds


def _leaves(consents: Mapping[Pseudonym, Consents], now: datetime) -> dict[Pseudonym, datetime]:
    """Return who may be learned from at `now`, and from which moment on."""
    found = {}
    for resident, its in consents.items():
        activity, learning = its.permit(Purpose.ACTIVITY, now), its.permit(Purpose.LEARNING, now)
        if isinstance(activity, Permit) and isinstance(learning, Permit):
            found[resident] = max(activity.since, learning.since)
    return found


async def _deeds(connection: AsyncConnection, leaves: Mapping[Pseudonym, datetime], first: int, now: datetime) -> Deeds:
    values = {
        "residents": list(leaves),
        "numbers": list(range(first, first + len(leaves))),
        "since": list(leaves.values()),
        "oldest": now - MEMORY,
        "now": now,
    }
    rows = (await connection.execute(_DEEDS, values)).all()
    return Deeds(*zip(*rows, strict=True)) if rows else Deeds((), (), (), (), ())
