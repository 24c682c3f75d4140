"""The journal as training reads it: acts of residents who allow it at that moment, under numbers of one run.

Leave is given in `engine.consent` alone, as everywhere: a resident's acts, and what they were shown, are read only with
a permit for `activity` and one for `learning`, both asked for in the transaction that reads, and nothing from before
either grant. Numbers begin at 0 in each run. No pseudonym leaves this module.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.consent import Consents, Permit, Purpose
from engine.events import Pseudonym
from engine.records.database import Database
from engine.records.journal import MEMORY
from engine.records.ledger import words
from engine.taste import CHOICES

AT_ONCE = 1_000
"""Residents whose acts are read in one transaction."""
FOLLOWS = timedelta(days=7)
"""What is chosen so long after it was shown is taken to follow from that."""
MOST_LISTS = 40
"""How many lists of a resident are read: the newest."""
_ASKED = text("""
    SELECT resident FROM consents WHERE purpose = 'learning' AND granted AND resident > :after
    ORDER BY resident LIMIT :most
""")
_DEEDS = text("""
    SELECT p.number, j.offer, j.type, extract(epoch FROM j.time)::double precision, j.value
    FROM unnest(CAST(:residents AS text[]), CAST(:numbers AS int[]), CAST(:since AS timestamptz[]))
        AS p(resident, number, since)
    JOIN journal j ON j.resident = p.resident AND j.accepted >= p.since AND j.time >= date_trunc('second', p.since)
    WHERE j.time > :oldest AND j.time <= :now AND j.type = ANY(:telling) ORDER BY p.number, j.time
""")
# A client's clock tells whole seconds: what follows may seem to come within the second before.
_LISTS = """
    SELECT p.number, extract(epoch FROM i.time)::double precision, i.offers, i.tried_place, i.tried_propensity
    FROM unnest(CAST(:residents AS text[]), CAST(:numbers AS int[]), CAST(:since AS timestamptz[]))
        AS p(resident, number, since)
    CROSS JOIN LATERAL (
        SELECT * FROM impressions i
        WHERE i.resident = p.resident AND i.time >= p.since AND i.time > :oldest AND i.time <= :now AND {which}
        ORDER BY i.time DESC LIMIT :most
    ) i ORDER BY p.number, i.time
"""
_FOLLOWED = text(
    _LISTS.format(
        which="""EXISTS (
            SELECT FROM journal j WHERE j.resident = i.resident AND j.accepted >= p.since
            AND j.time >= date_trunc('second', i.time) AND j.time < i.time + :follows
            AND j.type = ANY(:choosing) AND j.offer = ANY(i.offers)
        )"""
    )
)
_TRIED = text(_LISTS.format(which="i.tried_place IS NOT NULL AND i.time <= :now - :follows"))
_FOR_LEARNING = (Purpose.ACTIVITY, Purpose.LEARNING)
_FOR_JUDGING = (*_FOR_LEARNING, Purpose.MEASUREMENT)
_TELLING = [str(type_) for type_ in CHOICES]
_CHOOSING = [str(type_) for type_, says in CHOICES.items() if says > 0]


class Deeds(NamedTuple):
    """What some residents did that chooses an offer or takes that back, oldest first of each; lists of one length.

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


class Lists(NamedTuple):
    """Lists that some residents were shown, the oldest first of each; sequences of one length.

    Attributes
    ----------
    people
        Numbers of this run, as in `Deeds`.
    times
        Unix seconds.
    offers
        Best first.
    places, chances
        Which place, from 1, had a known chance to hold what it held, and which; None where none was kept.
    """

    people: Sequence[int]
    times: Sequence[float]
    offers: Sequence[Sequence[str]]
    places: Sequence[int | None]
    chances: Sequence[float | None]


class Read(NamedTuple):
    """What some residents did, and what they were shown."""

    deeds: Deeds
    lists: Lists


class LearningRecords:
    """Reads the journal for training."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def chunks(
        self, clock: Callable[[], datetime], most: int = AT_ONCE, *, tried: bool = False
    ) -> AsyncIterator[Read]:
        """Yield what residents did who allow it when their chunk is read, `most` residents at a time.

        Parameters
        ----------
        tried
            Read the lists of which a chance was kept, once what follows has followed, for judging: of residents who
            allow `measurement` too. Otherwise those of which something may have been chosen.

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
                leaves = _leaves(await words(connection, asked), now, _FOR_JUDGING if tried else _FOR_LEARNING)
                found = Read(
                    await _deeds(connection, leaves, number, now), await _lists(connection, leaves, number, now, tried)
                )
            if not asked:
                return
            after, number = asked[-1], number + len(leaves)
            if found.deeds.people or found.lists.people:
                yield found


def _leaves(
    consents: Mapping[Pseudonym, Consents], now: datetime, purposes: Sequence[Purpose]
) -> dict[Pseudonym, datetime]:
    """Return who allows all of some purposes at `now`, and from which moment on."""
    found = {}
    for resident, its in consents.items():
        permits = [answer for purpose in purposes if isinstance(answer := its.permit(purpose, now), Permit)]
        if len(permits) == len(purposes):
            found[resident] = max(permit.since for permit in permits)
    return found


async def _deeds(connection: AsyncConnection, leaves: Mapping[Pseudonym, datetime], first: int, now: datetime) -> Deeds:
    rows = (await connection.execute(_DEEDS, {**_values(leaves, first, now), "telling": _TELLING})).all()
    return Deeds(*zip(*rows, strict=True)) if rows else Deeds((), (), (), (), ())


async def _lists(
    connection: AsyncConnection,
    leaves: Mapping[Pseudonym, datetime],
    first: int,
    now: datetime,
    tried: bool,  # noqa: FBT001 - as `chunks` has it
) -> Lists:
    which = {} if tried else {"choosing": _CHOOSING}
    values = {**_values(leaves, first, now), "most": MOST_LISTS, "follows": FOLLOWS, **which}
    rows = (await connection.execute(_TRIED if tried else _FOLLOWED, values)).all()
    return Lists(*zip(*rows, strict=True)) if rows else Lists((), (), (), (), ())


def _values(leaves: Mapping[Pseudonym, datetime], first: int, now: datetime) -> dict[str, Any]:
    return {
        "residents": list(leaves),
        "numbers": list(range(first, first + len(leaves))),
        "since": list(leaves.values()),
        "oldest": now - MEMORY,
        "now": now,
    }
