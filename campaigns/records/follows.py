"""Which links of messages were followed, in SQL: once a message and link, and only while `measurement` is allowed.

A row hangs on its delivery and goes with it: by a withdrawal of either leave, by an erasure, or by age.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import text

from engine.consent import Permit, Purpose, declared
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
# Whose grant waits until a wider notice is agreed to is in no number: their links are plain meanwhile.
_ALLOWED = """
    JOIN consents c ON c.resident = t.resident AND c.purpose = 'measurement' AND c.granted AND c.notice >= :least
        AND c.since <= t.time
    WHERE t.run = :run
"""
_BY_LINK = text(
    f"SELECT link, count(*) AS people FROM follows t {_ALLOWED} GROUP BY link ORDER BY people DESC, link LIMIT 20"  # noqa: S608 - ours
)
_PEOPLE = text(f"SELECT count(DISTINCT t.resident) FROM follows t {_ALLOWED}")  # noqa: S608 - ours
# Of whom it could be known: who allows it, and has got the message with links that are counted.
_MEASURED = text(f"SELECT count(*) FROM deliveries t {_ALLOWED} AND t.channel = 'email' AND t.state = 'sent'")  # noqa: S608 - ours


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
        asked = {"run": run, "least": declared().least[Purpose.MEASUREMENT]}
        async with self._database.begin() as connection:
            measured = int((await connection.execute(_MEASURED, asked)).scalar_one())
            people = int((await connection.execute(_PEOPLE, asked)).scalar_one())
            found = await connection.execute(_BY_LINK, asked)
            return Follows(measured, people, [(row.link, int(row.people)) for row in found])
