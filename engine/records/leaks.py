"""SQL as somebody who looks for leaks reads it: every row of every table, and what a withdrawal should have deleted."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text

from engine.accesses import KEPT
from engine.consent import SERVICE
from engine.records.database import Database
from engine.records.journal import MEMORY

_PEOPLE = text("SELECT person FROM residents")
_PSEUDONYMS = text("SELECT pseudonym FROM residents UNION SELECT resident FROM erasures")
_TABLES = text("""
    SELECT format('%I.%I', c.table_schema, c.table_name) AS name,
           string_agg(format('%I', c.column_name), ', ' ORDER BY c.ordinal_position) AS columns
    FROM information_schema.columns c
    JOIN pg_class p ON p.oid = format('%I.%I', c.table_schema, c.table_name)::regclass AND p.relkind IN ('r', 'm', 'f')
    WHERE c.table_schema NOT IN ('pg_catalog', 'information_schema')
        AND NOT (c.table_schema = 'public' AND c.table_name = 'residents' AND c.column_name = 'person')
    GROUP BY 1, c.table_schema, c.table_name ORDER BY 1
""")
# A forgetting that was ordered a moment ago may be under way.
_UNDER_WAY = "(SELECT resident FROM forgettings WHERE done IS NULL AND requested > :patience)"
_ALLOWED = (
    "(SELECT FROM consents c WHERE c.resident = t.resident AND c.granted AND c.purpose IN ({purposes}) "
    "AND c.since <= t.{time} AND NOT EXISTS (SELECT FROM dependants d "
    "WHERE d.resident = c.resident AND outgrown(d.born, c.since, :patience) IS NOT NULL))"
)
_KEPT = {
    "journal": _ALLOWED.format(purposes="'activity'", time="accepted"),
    "journal_ids": _ALLOWED.format(purposes="'activity'", time="accepted"),
    "interests": _ALLOWED.format(purposes="'interests'", time="updated"),
    "impressions": _ALLOWED.format(purposes="'activity', 'measurement'", time="time"),
    "deliveries": _ALLOWED.format(purposes="t.purpose", time="time"),
    "inbox": f"(SELECT WHERE t.purpose = '{SERVICE}' UNION ALL {_ALLOWED.format(purposes='t.purpose', time='time')})",
    "suppressions": (
        "(SELECT FROM consents c WHERE c.resident = t.resident AND c.granted "
        "AND c.purpose ~ ('^marketing_.*_' || t.channel || '$'))"
    ),
    "follows": _ALLOWED.format(purposes="'measurement'", time="time"),
    "happening_residents": (
        "(SELECT FROM consents c WHERE c.resident = t.resident AND c.granted AND c.since <= t.time "
        "AND CASE t.purpose WHEN 'activity' THEN c.purpose = 'activity' ELSE starts_with(c.purpose, 'marketing_') END)"
    ),
    "partner_handles": (
        "(SELECT FROM consents c WHERE c.resident = t.resident AND c.granted AND c.purpose = 'partner:' || t.partner)"
    ),
}
_ERASED = (
    ("residents", "pseudonym"),
    ("consents", "resident"),
    ("forgettings", "resident"),
    ("accesses", "resident"),
    ("dependants", "resident"),
    ("guardians", "guardian"),
    ("guardians", "dependant"),
    ("guardian_choices", "guardian"),
    ("guardian_choices", "dependant"),
    ("helpers", "resident"),
    ("helpers", "helper"),
    ("addresses", "resident"),
    ("address_claims", "resident"),
    ("address_sends", "resident"),
    ("service_messages", "resident"),
    ("happening_residents", "resident"),
    ("push_subscriptions", "resident"),
)
# What is over goes within minutes: codes and their counts, leaves, and what guardians said of a child who is 13.
_OVER = {
    "address_claims": "SELECT count(*) FROM address_claims WHERE until <= :patience - interval '10 minutes'",
    "address_sends": "SELECT count(*) FROM address_sends WHERE time <= :patience - interval '1 day 10 minutes'",
    "happenings": "SELECT count(*) FROM happenings WHERE time <= :patience - interval '10 days'",
    "helpers": "SELECT count(*) FROM helpers WHERE until <= :patience - interval '10 minutes'",
    "guardian_choices": "SELECT count(*) FROM guardian_choices c JOIN dependants d ON d.resident = c.dependant "
    "WHERE birthday(d.born, 13) <= :patience - interval '10 minutes'",
    "guardians": "SELECT count(*) FROM guardians g JOIN dependants d ON d.resident = g.dependant "
    "WHERE birthday(d.born, 18) <= :patience - interval '10 minutes'",
}
_WITHDRAWN = (
    *(
        (
            table,
            f"SELECT count(*) FROM {table} t WHERE NOT EXISTS {allowed} AND t.resident NOT IN {_UNDER_WAY}",  # noqa: S608 - ours
        )
        for table, allowed in _KEPT.items()
    ),
    *(
        (table, f"SELECT count(*) FROM {table} t JOIN erasures e ON e.resident = t.{column}")  # noqa: S608 - ours
        for table, column in _ERASED
    ),
    *_OVER.items(),
)
_SLACK = timedelta(days=1)
"""How long the tidying may take that deletes what is over."""
_PROMISED = {"journal": MEMORY, "impressions": MEMORY, "accesses": KEPT}
_OLD = {table: text(f"SELECT count(*) FROM {table} WHERE time < :before") for table in _PROMISED}  # noqa: S608 - ours


class Table(msgspec.Struct, frozen=True):
    """A table, and the columns of it in which no id may be."""

    name: str
    columns: str


class LeakRecords:
    """Reads everything."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def people(self) -> Sequence[UUID]:
        """Return everybody who is linked."""
        async with self._database.begin() as connection:
            return list((await connection.execute(_PEOPLE)).scalars())

    async def pseudonyms(self) -> Sequence[str]:
        """Return every pseudonym, those that are nobody's included."""
        async with self._database.begin() as connection:
            return list((await connection.execute(_PSEUDONYMS)).scalars())

    async def tables(self) -> Sequence[Table]:
        """Return every table that is not PostgreSQL's own; of `residents` without the column that holds the id."""
        async with self._database.begin() as connection:
            return [Table(row.name, row.columns) for row in await connection.execute(_TABLES)]

    def rows(self, table: Table) -> AsyncIterator[bytes]:
        """Yield a table's rows as text, in blocks."""
        return self._database.copy(f"SELECT {table.columns} FROM {table.name}")  # noqa: S608 - as PostgreSQL names them

    async def withdrawn(self, now: datetime, patience: timedelta = timedelta(seconds=10)) -> dict[str, int]:
        """Return how many rows of each table tell of somebody who no longer allows it, where there are any."""
        counts: Counter[str] = Counter()
        async with self._database.begin() as connection:
            for table, query in _WITHDRAWN:
                values = {"patience": now - patience} if ":patience" in query else {}
                counts[table] += int((await connection.execute(text(query), values)).scalar_one())
        return {table: count for table, count in counts.items() if count}

    async def overdue(self, now: datetime) -> dict[str, int]:
        """Return how many rows of each table are older than the notices promise, where there are any."""
        async with self._database.begin() as connection:
            counts = {
                table: int((await connection.execute(_OLD[table], {"before": now - kept - _SLACK})).scalar_one())
                for table, kept in _PROMISED.items()
            }
        return {table: count for table, count in counts.items() if count}
