"""What is held of residents, as audiences need it: read in chunks, and anew of whom something has changed."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from campaigns.facts import Facts, Told, known
from campaigns.index import Subject
from engine.consent import Consents
from engine.events import Pseudonym
from engine.records.database import Database
from engine.records.journal import deeds
from engine.records.ledger import words
from engine.records.residents import told

CHANNEL = "residents"
"""The notification of whose words, interests, acts or family have changed: pseudonyms with blanks between."""
AT_ONCE = 100
"""Residents read in one transaction: some 30 ms, in which this process answers nothing else."""
_NEXT = text("SELECT DISTINCT resident FROM consents WHERE resident > :after ORDER BY resident LIMIT :most")
_ALSO = text("SELECT guardian FROM guardians WHERE dependant = ANY(:residents)")
_CHILDREN = text("""
    SELECT g.guardian, g.dependant, d.born FROM guardians g JOIN dependants d ON d.resident = g.dependant
    WHERE g.guardian = ANY(:residents) AND d.grown < 18 AND birthday(d.born, 18) > :now
""")
_SAID = text("SELECT DISTINCT resident FROM ledger WHERE seq > :seq")
_SEQ = text("SELECT seq FROM ledger_head")
_SUBJECTS = text("""
    SELECT version, id, kind, place, lat, lon,
        ARRAY(SELECT one->>'id' FROM jsonb_array_elements(content->'keywords') one) AS keywords
    FROM offers WHERE version > :version ORDER BY version
""")


class FactRecords:
    """Reads what is known of residents, with their permits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seq(self) -> int:
        """Return the number of the newest word in the ledger."""
        async with self._database.begin() as connection:
            return int((await connection.execute(_SEQ)).scalar_one())

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
        return [known(Told(its, interests.get(who), acts[who], children[who]), now) for who, its in consents.items()]

    async def subjects(self, version: int) -> tuple[int, Sequence[Subject]]:
        """Return what offers are that changed after a version, those that are gone too; and the newest version."""
        async with self._database.begin() as connection:
            found = (await connection.execute(_SUBJECTS, {"version": version})).all()
        newest = found[-1].version if found else version
        return newest, [Subject(r.id, r.kind, r.place, r.lat, r.lon, tuple(r.keywords)) for r in found]


async def _children(
    connection: AsyncConnection, residents: Sequence[Pseudonym], now: datetime
) -> Mapping[Pseudonym, Sequence[tuple[date, Consents]]]:
    rows = (await connection.execute(_CHILDREN, {"residents": list(residents), "now": now})).all()
    consents = await words(connection, sorted({row.dependant for row in rows}))
    found: dict[Pseudonym, list[tuple[date, Consents]]] = defaultdict(list)
    for row in rows:
        found[row.guardian].append((row.born, consents[row.dependant]))
    return found
