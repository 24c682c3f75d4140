"""Which links of messages were followed, in SQL: once a message and link, and only while `measurement` is allowed.

A row hangs on its delivery and goes with it: by a withdrawal of either leave, by an erasure, or by age.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import text

from engine.consent import Permit
from engine.records.database import Database

# The consent is asked for once more in the transaction that writes: a withdrawal waits for it, or is seen.
_ADD = text("""
    WITH allowed AS (
        SELECT resident FROM consents WHERE resident = :resident AND purpose = :purpose AND granted AND since <= :now
        FOR SHARE
    )
    INSERT INTO follows (run, resident, link, time)
    SELECT d.run, d.resident, :link, :now FROM deliveries d JOIN allowed USING (resident) WHERE d.run = :run
    ON CONFLICT DO NOTHING
""")
_BY_LINK = text("""
    SELECT link, count(*) AS people FROM follows WHERE run = :run GROUP BY link ORDER BY people DESC, link LIMIT 20
""")
_PEOPLE = text("SELECT count(DISTINCT resident) FROM follows WHERE run = :run")
# Of whom it could be known: who allows it, and has got the message with links that are counted.
_MEASURED = text("""
    SELECT count(*) FROM deliveries d JOIN consents c ON c.resident = d.resident AND c.purpose = 'measurement'
    WHERE d.run = :run AND d.channel = 'email' AND d.state = 'sent' AND c.granted AND c.since <= d.time
""")


class Follows(msgspec.Struct, frozen=True):
    """How many of those of whom it can be known followed any link, and each; exact: told through `engine.counts`."""

    measured: int
    people: int
    links: Sequence[tuple[str, int]]


class FollowRecords:
    """Keeps what was followed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, permit: Permit, run: str, link: str, now: datetime) -> None:
        """Note that a resident followed a link of a run's message; again, or without leave, it changes nothing."""
        values = {"resident": permit.resident, "purpose": permit.purpose, "run": run, "link": link, "now": now}
        async with self._database.begin() as connection:
            await connection.execute(_ADD, values)

    async def of(self, run: str) -> Follows:
        """Return what was followed of a run, the most followed links first."""
        async with self._database.begin() as connection:
            measured = int((await connection.execute(_MEASURED, {"run": run})).scalar_one())
            people = int((await connection.execute(_PEOPLE, {"run": run})).scalar_one())
            found = await connection.execute(_BY_LINK, {"run": run})
            return Follows(measured, people, [(row.link, int(row.people)) for row in found])
