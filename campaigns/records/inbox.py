"""The inbox in SQL: messages that wait in the service, kept while the leave for them holds."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import text

from engine.consent import SERVICE, Permit, ServicePermit
from engine.events import Pseudonym
from engine.records.database import Database

CHANNEL = "inboxes"
"""Where the database tells whose inbox has changed, as pseudonyms with spaces between."""
KEPT = timedelta(days=180)
MOST = 200
# As everywhere, the leave is looked at in the transaction that writes; what is sent on another basis needs none.
_PUT = text("""
    INSERT INTO inbox (id, resident, purpose, content, time)
    SELECT i.id, i.resident, i.purpose, i.content, :now
    FROM jsonb_to_recordset(CAST(:items AS jsonb)) AS i(id text, resident text, purpose text, content jsonb)
    LEFT JOIN (SELECT resident, purpose FROM consents WHERE resident = ANY(:residents) AND granted AND since <= :now
        ORDER BY resident, purpose FOR SHARE) c ON c.resident = i.resident AND c.purpose = i.purpose
    WHERE c.resident IS NOT NULL
        OR (i.purpose = :service AND EXISTS (SELECT FROM residents r WHERE r.pseudonym = i.resident))
    ON CONFLICT (id) DO NOTHING
    RETURNING id
""")
_THERE = text("SELECT id FROM inbox WHERE id = ANY(:ids)")
# Nothing from before a leave is shown under it: the forgetting of an earlier one may be under way.
_ALLOWED = """
    EXISTS (SELECT FROM unnest(CAST(:purposes AS text[]), CAST(:since AS timestamptz[])) AS p(purpose, since)
        WHERE p.purpose = inbox.purpose AND inbox.time >= p.since)
"""
_OF = text(f"""
    SELECT id, purpose, content::text AS content, time, read FROM inbox
    WHERE resident = :resident AND time >= :after AND {_ALLOWED} ORDER BY time DESC, id LIMIT :most
""")  # noqa: S608 - ours
_UNREAD = text(f"""
    SELECT count(*) FROM (
        SELECT read FROM inbox WHERE resident = :resident AND time >= :after AND {_ALLOWED}
        ORDER BY time DESC, id LIMIT :most
    ) AS shown WHERE read IS NULL
""")  # noqa: S608 - ours
_READ = text(f"""
    UPDATE inbox SET read = CASE WHEN :read THEN coalesce(read, :now) END
    WHERE resident = :resident AND id = :id AND {_ALLOWED}
""")  # noqa: S608 - ours
_DELETE = text("DELETE FROM inbox WHERE resident = :resident AND id = :id")
_SWEEP = text("DELETE FROM inbox WHERE time < :before")


class Letter(msgspec.Struct, frozen=True):
    """What is said: text always, html where there is some."""

    subject: str
    text: str
    html: str | None
    language: str
    topic: str
    stop: str


class Item(msgspec.Struct, frozen=True):
    """A message as it is put in somebody's inbox."""

    id: str
    resident: Pseudonym
    purpose: str
    content: Letter


class Kept(msgspec.Struct, frozen=True):
    """A message as it lies there."""

    id: str
    purpose: str
    content: Letter
    time: datetime
    read: datetime | None


class InboxRecords:
    """Keeps the inbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, items: Sequence[Item], now: datetime) -> set[str]:
        """Put messages in; return the ids that are there now. The same id again changes nothing."""
        values = {
            "items": msgspec.json.encode(items).decode(),
            "residents": list({item.resident for item in items}),
            "now": now,
            "service": SERVICE,
        }
        async with self._database.begin() as connection:
            put = set((await connection.execute(_PUT, values)).scalars())
            there = await connection.execute(_THERE, {"ids": [item.id for item in items]})
            return put | set(there.scalars())

    async def of(self, permits: Sequence[Permit | ServicePermit], now: datetime) -> Sequence[Kept]:
        """Return the newest messages of one resident that the permits allow, at most 200."""
        if not permits:
            return []
        values = {**_under(permits), "after": now - KEPT, "most": MOST}
        async with self._database.begin() as connection:
            found = (await connection.execute(_OF, values)).all()
        return [
            Kept(row.id, row.purpose, msgspec.json.decode(row.content, type=Letter), row.time, row.read)
            for row in found
        ]

    async def unread(self, permits: Sequence[Permit | ServicePermit], now: datetime) -> int:
        """Return how many of these are not read yet."""
        if not permits:
            return 0
        values = {**_under(permits), "after": now - KEPT, "most": MOST}
        async with self._database.begin() as connection:
            return int((await connection.execute(_UNREAD, values)).scalar_one())

    async def mark(self, permits: Sequence[Permit | ServicePermit], id_: str, *, read: bool, now: datetime) -> bool:
        """Mark one as read, or as not; say whether it was there."""
        if not permits:
            return False
        values = {**_under(permits), "id": id_, "read": read, "now": now}
        async with self._database.begin() as connection:
            return bool((await connection.execute(_READ, values)).rowcount)

    async def delete(self, resident: Pseudonym, id_: str) -> bool:
        """Delete one, whatever is allowed; say whether it was there."""
        async with self._database.begin() as connection:
            return bool((await connection.execute(_DELETE, {"resident": resident, "id": id_})).rowcount)

    async def sweep(self, now: datetime) -> None:
        """Drop what is older than is promised."""
        async with self._database.begin() as connection:
            await connection.execute(_SWEEP, {"before": now - KEPT})


def _under(permits: Sequence[Permit | ServicePermit]) -> dict[str, Any]:
    return {
        "resident": permits[0].resident,
        "purposes": [str(permit.purpose) for permit in permits],
        "since": [permit.since for permit in permits],
    }
