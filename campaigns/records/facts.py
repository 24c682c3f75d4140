"""What is held of residents, as audiences need it: read in chunks, and anew of whom something has changed."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from campaigns.caps import MOST, week
from campaigns.facts import Facts, Followed, Spoken, Told, known
from campaigns.subjects import Subject
from engine.consent import Consents
from engine.events import Pseudonym
from engine.records.database import Database
from engine.records.journal import deeds
from engine.records.ledger import words
from engine.records.residents import told

CHANNEL = "residents"
"""The notification of whose words, interests, acts or family have changed: pseudonyms with blanks between."""
_OFFERS_AT_ONCE = 2_000
AT_ONCE = 100
"""Residents read in one transaction: some 30 ms, in which this process answers nothing else."""
_NEXT = text("SELECT DISTINCT resident FROM consents WHERE resident > :after ORDER BY resident LIMIT :most")
_ALSO = text("SELECT guardian FROM guardians WHERE dependant = ANY(:residents)")
_CHILDREN = text("""
    SELECT g.guardian, g.dependant, d.born FROM guardians g JOIN dependants d ON d.resident = g.dependant
    WHERE g.guardian = ANY(:residents) AND d.grown < 18 AND birthday(d.born, 18) > :now
""")
_SAID = text("SELECT DISTINCT resident FROM ledger WHERE seq > :seq")
_HEADS = text("SELECT seq, (SELECT coalesce(max(version), 0) FROM offers) FROM ledger_head")
# Where confirmed addresses lie, by table: each a query of (resident, channel). A channel that sends to something else
# than `addresses` adds one here, and triggers on its table as migration 0018 has them.
ADDRESSED = (
    """SELECT a.resident, a.means AS channel FROM addresses a WHERE a.resident = ANY(:residents) AND NOT EXISTS (
        SELECT FROM suppressions s WHERE s.resident = a.resident AND s.channel = a.means AND s.time >= a.confirmed)""",
    "SELECT DISTINCT p.resident, 'push' AS channel FROM push_subscriptions p WHERE p.resident = ANY(:residents)",
)
_ADDRESSED = text(" UNION ALL ".join(ADDRESSED))
_SPOKEN = """
    SELECT d.resident, r.campaign, d.purpose, (d.time AT TIME ZONE 'Europe/Helsinki')::date AS day, max(d.time) AS last
    FROM deliveries d JOIN runs r ON r.id = d.run WHERE d.state = 'sent' AND {} GROUP BY 1, 2, 3, 4
"""
_SPOKEN_TO = text(_SPOKEN.format("d.resident = ANY(:residents)"))
_SPOKEN_SINCE = text(_SPOKEN.format("d.time >= :since"))
_FOLLOWED = text("""
    SELECT f.resident, r.campaign, d.purpose, (f.time AT TIME ZONE 'Europe/Helsinki')::date AS day, max(f.time) AS last
    FROM follows f JOIN deliveries d USING (run, resident) JOIN runs r ON r.id = f.run
    WHERE f.resident = ANY(:residents) GROUP BY 1, 2, 3, 4
""")
_WEEK = text("""
    SELECT resident, channel, count(*) AS number FROM deliveries
    WHERE resident = ANY(:residents) AND week = :week AND state IN ('claimed', 'handed', 'sent') GROUP BY 1, 2
""")
_LISTS = text("""
    SELECT m.resident, m.list, l.until FROM list_members m JOIN lists l ON l.id = m.list
    WHERE m.resident = ANY(:residents)
""")
_SUBJECTS = text("""
    SELECT version, id, kind, place, lat, lon,
        ARRAY(SELECT one->>'id' FROM jsonb_array_elements(content->'keywords') one) AS keywords
    FROM offers WHERE version > :version ORDER BY version LIMIT :most
""")


class FactRecords:
    """Reads what is known of residents, with their permits.

    Parameters
    ----------
    most
        Messages a week, by channel: who has got so many hears no more (`campaigns.caps`).
    """

    def __init__(self, database: Database, most: Mapping[str, int] = MOST) -> None:
        self._database = database
        self._most = most

    async def heads(self) -> tuple[int, int]:
        """Return the number of the newest word in the ledger, and the version of the offer that changed last."""
        async with self._database.begin() as connection:
            seq, version = (await connection.execute(_HEADS)).one()
            return int(seq), int(version)

    async def said_since(self, seq: int) -> Collection[Pseudonym]:
        """Return who has said something after a word of the ledger."""
        async with self._database.begin() as connection:
            return set((await connection.execute(_SAID, {"seq": seq})).scalars())

    async def chunks(self, most: int = AT_ONCE) -> AsyncIterator[list[Pseudonym]]:
        """Yield everybody who has decided on anything.

        Raises
        ------
        StoreUnavailable
            PostgreSQL does not answer: then nothing more is read.
        """
        after = ""
        while True:
            async with self._database.begin() as connection:
                found = list((await connection.execute(_NEXT, {"after": after, "most": most})).scalars())
            if not found:
                return
            after = found[-1]
            yield found

    async def guardians(self, residents: Collection[Pseudonym]) -> Collection[Pseudonym]:
        """Return the guardians of those of them who are children."""
        async with self._database.begin() as connection:
            return set((await connection.execute(_ALSO, {"residents": list(residents)})).scalars())

    async def of(self, residents: Sequence[Pseudonym], now: datetime) -> Sequence[Facts]:
        """Return what may be used of residents at `now`; nothing of those who have said no word, or are erased."""
        async with self._database.begin() as connection:
            await connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            consents = {who: its for who, its in (await words(connection, residents)).items() if its.seq}
            interests = await told(connection, list(consents))
            acts = await deeds(connection, list(consents), now)
            children = await _children(connection, list(consents), now)
            more = await self._reached(connection, list(consents), now)
        return [
            known(Told(its, interests.get(who), acts[who], children[who], **{k: v[who] for k, v in more.items()}), now)
            for who, its in consents.items()
        ]

    async def spoken_since(self, since: datetime) -> Sequence[Spoken]:
        """Return who was sent messages since a moment, by campaign and day; nobody has asked for permits."""
        async with self._database.begin() as connection:
            return [Spoken(*row) for row in await connection.execute(_SPOKEN_SINCE, {"since": since})]

    async def full(self, residents: Collection[Pseudonym], now: datetime) -> Mapping[Pseudonym, Sequence[str]]:
        """Return on which channels this week has no room left, of those of whom there are such."""
        async with self._database.begin() as connection:
            return await self._full(connection, residents, now)

    async def _full(
        self, connection: AsyncConnection, residents: Collection[Pseudonym], now: datetime
    ) -> Mapping[Pseudonym, Sequence[str]]:
        never = [channel for channel, most in self._most.items() if most <= 0]
        found: dict[Pseudonym, list[str]] = defaultdict(list, {who: [*never] for who in residents if never})
        for row in await connection.execute(_WEEK, {"residents": list(residents), "week": week(now)}):
            if row.channel not in never and row.number >= self._most.get(row.channel, 0):
                found[row.resident].append(row.channel)
        return found

    async def _reached(
        self, connection: AsyncConnection, residents: Sequence[Pseudonym], now: datetime
    ) -> Mapping[str, Mapping[Pseudonym, list[Any]]]:
        """Return by what residents are reached, what they were sent and followed, and which lists they are on."""
        asked = {"residents": residents}
        found: dict[str, dict[Pseudonym, list[Any]]] = {
            name: defaultdict(list) for name in ("addressed", "full", "spoken", "followed", "lists")
        }
        for row in await connection.execute(_ADDRESSED, asked):
            found["addressed"][row.resident].append(row.channel)
        for who, channels in (await self._full(connection, residents, now)).items():
            found["full"][who] = [(channel, week(now)) for channel in channels]
        for row in await connection.execute(_SPOKEN_TO, asked):
            found["spoken"][row.resident].append(Spoken(*row))
        for row in await connection.execute(_FOLLOWED, asked):
            found["followed"][row.resident].append(Followed(*row))
        for row in await connection.execute(_LISTS, asked):
            found["lists"][row.resident].append((row.list, row.until))
        return found

    async def subjects(self, version: int) -> AsyncIterator[tuple[int, Sequence[Subject]]]:
        """Yield what offers are that changed after a version, those that are gone too, and how far that is, in chunks.

        A whole catalogue at once would leave a process twice as large for good.
        """
        while True:
            async with self._database.begin() as connection:
                found = (await connection.execute(_SUBJECTS, {"version": version, "most": _OFFERS_AT_ONCE})).all()
            if not found:
                return
            version = found[-1].version
            yield version, [Subject(r.id, r.kind, r.place, r.lat, r.lon, r.keywords) for r in found]


async def _children(
    connection: AsyncConnection, residents: Sequence[Pseudonym], now: datetime
) -> Mapping[Pseudonym, Sequence[tuple[date, Consents]]]:
    rows = (await connection.execute(_CHILDREN, {"residents": list(residents), "now": now})).all()
    consents = await words(connection, sorted({row.dependant for row in rows}))
    found: dict[Pseudonym, list[tuple[date, Consents]]] = defaultdict(list)
    for row in rows:
        found[row.guardian].append((row.born, consents[row.dependant]))
    return found
