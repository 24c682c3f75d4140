"""The journal: what residents who allowed it did, one row an event, a partition a month; and popularity from it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.events import AwareTime, Impression, Interaction, InteractionType, Pseudonym
from engine.records.database import Database


class Row(msgspec.Struct, frozen=True):
    """One event as it goes into the journal."""

    resident: Pseudonym
    id: str
    offer: str
    type: InteractionType
    time: AwareTime
    accepted: AwareTime
    value: int | None = None
    suggestion: str | None = None
    context: dict[str, Any] | None = None


# Many clients tell whole seconds: an event in the second of the grant, but accepted after it, is not from before it.
# The permit is asked for once more here, in the transaction that writes: the lock on the consent row makes a withdrawal
# either wait until these rows are there to be forgotten, or be seen. A pause that comes in the meantime comes after
# these rows; of the time up to the end of one that is seen nothing is ever taken in, neither late nor sent again. A
# grant that a dependant has outgrown counts as withdrawn, though its withdrawal may not be written yet. Rows travel as
# one JSON text, which PostgreSQL unpacks faster than a driver binds thousands of values.
_WRITE = text("""
    WITH event AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS e(
            resident text, id text, offer text, type text, time timestamptz, accepted timestamptz,
            value smallint, suggestion text, context jsonb)
    ), allowed AS (
        SELECT c.resident, greatest(c.since, pause_end(p)) AS since, d.born, c.since AS granted
        FROM consents c LEFT JOIN consents p ON p.resident = c.resident AND p.purpose = 'pause'
        LEFT JOIN dependants d ON d.resident = c.resident
        WHERE c.resident = ANY(:residents) AND c.purpose = 'activity' AND c.granted ORDER BY c.resident FOR SHARE OF c
    ), fresh AS (
        INSERT INTO journal_ids (resident, id, accepted)
        SELECT DISTINCT ON (e.resident, e.id) e.resident, e.id, e.accepted
        FROM event e JOIN allowed a
            ON a.resident = e.resident AND e.time >= date_trunc('second', a.since) AND e.accepted >= a.since
            AND outgrown(a.born, a.since, e.accepted) IS NULL
        ORDER BY e.resident, e.id
        ON CONFLICT DO NOTHING RETURNING resident, id
    )
    INSERT INTO journal (resident, id, offer, type, time, accepted, value, suggestion, context)
    SELECT DISTINCT ON (e.resident, e.id)
        e.resident, e.id, e.offer, e.type, e.time, e.accepted, e.value, e.suggestion, e.context
    FROM event e JOIN fresh f ON f.resident = e.resident AND f.id = e.id
    ORDER BY e.resident, e.id, e.time
    RETURNING resident, id
""")
_OF = text("""
    SELECT resident, id, offer, type, time, value FROM (
        SELECT j.resident, j.id, j.offer, j.type, j.time, j.value,
               row_number() OVER (PARTITION BY j.resident ORDER BY j.time DESC) AS n
        FROM journal j JOIN consents c ON c.resident = j.resident AND c.purpose = 'activity' AND c.granted
        LEFT JOIN dependants d ON d.resident = c.resident
        WHERE outgrown(d.born, c.since, :now) IS NULL AND j.resident = ANY(:residents) AND j.time >= :after
          AND j.time >= date_trunc('second', c.since) AND j.accepted >= c.since
    ) latest WHERE n <= :most ORDER BY resident, time
""")
# Locked like the journal's, so that no withdrawal slips in between. What was shown before the latest word on `activity`
# may tell of what that word has ended, and is left out too.
_IMPRESSIONS = text("""
    WITH event AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS e(
            suggestion text, resident text, time timestamptz, basis text, offers text[], purpose text, chance jsonb,
            model text)
    ), word AS (
        SELECT c.resident, c.purpose, c.granted, c.since, d.born
        FROM consents c LEFT JOIN dependants d ON d.resident = c.resident
        WHERE c.resident = ANY(:residents) ORDER BY c.resident, c.purpose FOR SHARE OF c
    )
    INSERT INTO impressions (suggestion, resident, time, basis, offers, tried_place, tried_propensity, model)
    SELECT e.suggestion, e.resident, e.time, e.basis, e.offers, (e.chance->>'place')::smallint,
        (e.chance->>'propensity')::double precision, e.model
    FROM event e JOIN word w ON w.resident = e.resident AND w.purpose = e.purpose AND w.granted AND e.time >= w.since
    WHERE outgrown(w.born, w.since, e.time) IS NULL AND NOT EXISTS (
        SELECT FROM word a WHERE a.resident = e.resident AND a.purpose = 'activity' AND e.time < a.since
    ) AND NOT EXISTS (
        SELECT FROM consents p WHERE p.resident = e.resident AND p.purpose = 'pause' AND e.time < pause_end(p)
    )
    ON CONFLICT DO NOTHING
""")
# Evidence halves every week. Only what at least one resident did counts, and how many different ones is kept, so that a
# small group is never named. Who withdrew a moment ago does not count, swept or not, and neither does a grant that a
# wider notice suspends, nor who has paused everything.
_POPULARITY = text("""
    WITH fresh AS (
        SELECT j.offer,
               sum(CASE j.type WHEN 'view' THEN 1 WHEN 'open' THEN 2 WHEN 'dismiss' THEN -1 WHEN 'unsave' THEN -2
                   WHEN 'cancel' THEN -4 ELSE 4 END
                   * power(0.5, extract(epoch FROM :now - j.time) / (7 * 86400.0))) AS score,
               count(DISTINCT j.resident) AS residents
        FROM journal j JOIN consents c ON c.resident = j.resident AND c.purpose = 'activity' AND c.granted
            AND c.notice >= :least AND c.since <= j.accepted
        LEFT JOIN dependants d ON d.resident = j.resident
        WHERE j.time > :now - interval '28 days' AND j.time <= :now AND outgrown(d.born, c.since, :now) IS NULL
        AND NOT EXISTS (
            SELECT FROM consents p WHERE p.resident = j.resident AND p.purpose = 'pause' AND :now < pause_end(p)
        ) GROUP BY j.offer
    ), gone AS (
        DELETE FROM popularity p WHERE NOT EXISTS (SELECT FROM fresh f WHERE f.offer = p.offer)
    )
    INSERT INTO popularity (offer, score, residents)
    SELECT offer, greatest(score, 0), residents FROM fresh
    ON CONFLICT (offer) DO UPDATE SET score = excluded.score, residents = excluded.residents
""")
_PARTITIONS = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'journal'::regclass")
POPULARITY_CHANNEL = "popularity"
"""The notification that popularity was recomputed."""
MEMORY = timedelta(days=400)
"""How long what residents did is kept, as the notices promise."""
_MOST = 2_000


class JournalRecords:
    """Reads and writes the journal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, rows: Sequence[Row]) -> set[tuple[Pseudonym, str]]:
        """Write the rows that are allowed and new; return (resident, event id) of those.

        Idempotent: an id that the resident used before is passed over, whatever else the row says.
        """
        values = {"rows": msgspec.json.encode(rows).decode(), "residents": list({row.resident for row in rows})}
        async with self._database.begin() as connection:
            return {(row.resident, row.id) for row in await connection.execute(_WRITE, values)}

    async def of(self, residents: Sequence[Pseudonym], now: datetime) -> dict[Pseudonym, list[Interaction]]:
        """Return what each resident did within the latest consent, oldest first; at most 2,000 events each."""
        async with self._database.begin() as connection:
            return await deeds(connection, residents, now)

    async def impressions(self, shown: Sequence[Impression]) -> None:
        """Keep what was shown to residents who allow it; idempotent by suggestion."""
        values = {"rows": msgspec.json.encode(shown).decode(), "residents": list({its.resident for its in shown})}
        async with self._database.begin() as connection:
            await connection.execute(_IMPRESSIONS, values)

    async def refresh_popularity(self, now: datetime, least: int) -> None:
        """Recompute every offer's popularity, and tell every process that it changed.

        Parameters
        ----------
        least
            The oldest version of the notice of `activity` whose grants hold.
        """
        async with self._database.begin() as connection:
            await connection.execute(_POPULARITY, {"now": now, "least": least})
            await connection.exec_driver_sql(f"NOTIFY {POPULARITY_CHANNEL}")

    async def popularity(self) -> list[tuple[str, float, int]]:
        """Return (offer, decayed score, different residents)."""
        async with self._database.begin() as connection:
            found = await connection.execute(text("SELECT offer, score, residents FROM popularity"))
            return [(row.offer, row.score, row.residents) for row in found]

    async def ensure_partitions(self, now: datetime) -> None:
        """Create the partitions of last month, this month and next month where they are missing."""
        first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        starts = [_month(first, n) for n in (-1, 0, 1, 2)]
        async with self._database.begin() as connection:
            # Processes that start together would trip over one another; a partition that is there is left unlocked.
            await connection.exec_driver_sql("SELECT pg_advisory_xact_lock(8457)")
            present = set((await connection.execute(_PARTITIONS)).scalars())
            for start, end in pairwise(starts):
                if (name := f"journal_{start:%Y_%m}") not in present:
                    await connection.exec_driver_sql(
                        f"CREATE TABLE {name} PARTITION OF journal "
                        f"FOR VALUES FROM ('{start:%Y-%m-%d}Z') TO ('{end:%Y-%m-%d}Z')"
                    )

    async def sweep(self, ids_before: datetime, now: datetime) -> None:
        """Drop event ids accepted before `ids_before`, and what is older than the notice promises (400 days)."""
        async with self._database.begin() as connection:
            await connection.execute(text("DELETE FROM journal_ids WHERE accepted < :before"), {"before": ids_before})
            await connection.execute(text("DELETE FROM journal WHERE time < :before"), {"before": now - MEMORY})
            await connection.execute(text("DELETE FROM impressions WHERE time < :before"), {"before": now - MEMORY})


async def deeds(
    connection: AsyncConnection, residents: Sequence[Pseudonym], now: datetime
) -> dict[Pseudonym, list[Interaction]]:
    """Return what `JournalRecords.of` does, in a transaction of the caller's."""
    values = {"residents": list(residents), "after": now - MEMORY, "now": now, "most": _MOST}
    found: dict[Pseudonym, list[Interaction]] = {resident: [] for resident in residents}
    for row in await connection.execute(_OF, values):
        event = Interaction(row.id, row.offer, InteractionType(row.type), row.time, row.value)
        found[row.resident].append(event)
    return found


def _month(first: datetime, offset: int) -> datetime:
    month = first.month - 1 + offset
    return first.replace(year=first.year + month // 12, month=month % 12 + 1)
