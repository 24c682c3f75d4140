"""Service messages in SQL: accepted once a client's key, handed out before they are sent, without content when over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Row, text

from campaigns.records.deliveries import ABANDONED
from campaigns.service_messages import Ended, MessageState, Waiting
from engine.errors import Erased
from engine.events import Pseudonym
from engine.records.database import Database

KEPT = timedelta(days=90)
"""How long it is told what became of a message, and a key stands for it."""
# A row hangs on its resident: an erasure takes it along, and none can be written of somebody erased.
_ADD = text("""
    INSERT INTO service_messages (id, client, key, body, campaign, resident, content, state, due, accepted, time)
    SELECT :id, :client, :key, :body, :campaign, r.pseudonym, :content, 'accepted', :now, :now, :now
    FROM residents r WHERE r.pseudonym = :resident
    ON CONFLICT (client, key) DO NOTHING
""")
_KEPT = "id, body, campaign, state, channel, reason, accepted, time"
_BY_KEY = text(f"SELECT {_KEPT} FROM service_messages WHERE client = :client AND key = :key")  # noqa: S608 - ours
_OF = text(f"SELECT {_KEPT} FROM service_messages WHERE client = :client AND id = :id")  # noqa: S608
# What was handed out while its worker is gone may have been sent; what no campaign sends any more is not.
_GIVE_UP = text("""
    UPDATE service_messages m SET
        state = CASE m.state WHEN 'handed' THEN 'failed' ELSE 'skipped' END,
        reason = CASE m.state WHEN 'handed' THEN 'unknown' ELSE 'cancelled' END, content = NULL, time = :now
    WHERE (m.state = 'handed' AND m.time < :abandoned) OR (m.state IN ('accepted', 'deferred') AND EXISTS (
        SELECT FROM documents d WHERE d.kind = 'campaign' AND d.id = m.campaign AND d.state = 'cancelled'))
""")
_DUE = text("""
    SELECT m.id, m.campaign, m.resident, m.content, m.tries FROM service_messages m
    JOIN documents d ON d.kind = 'campaign' AND d.id = m.campaign AND d.state IN ('running', 'finished')
    WHERE m.state IN ('accepted', 'deferred') AND m.due <= :now ORDER BY m.due LIMIT :most
""")
_HAND = text("""
    UPDATE service_messages m SET state = 'handed', holder = :holder, time = :now FROM documents d
    WHERE m.id = ANY(:ids) AND m.state IN ('accepted', 'deferred') AND m.due <= :now
        AND d.kind = 'campaign' AND d.id = m.campaign AND d.state IN ('running', 'finished')
    RETURNING m.id
""")
_END = text("""
    UPDATE service_messages m SET state = e.state, channel = e.channel, reason = e.reason,
        due = coalesce(e.due, m.due), reference = e.reference, tries = greatest(m.tries, e.tries), time = :now,
        content = CASE e.state WHEN 'deferred' THEN m.content END
    FROM jsonb_to_recordset(CAST(:ended AS jsonb)) AS e(
        id text, state text, channel text, reason text, due timestamptz, reference text, tries smallint)
    WHERE m.id = e.id AND (m.state IN ('accepted', 'deferred') OR (m.holder = :holder
        AND (m.state = 'handed' OR (m.state = 'failed' AND m.reason = 'unknown'))))
""")
_TALLY = text("""
    SELECT state, coalesce(channel, '') AS channel, coalesce(reason, '') AS reason, count(DISTINCT resident) AS number
    FROM service_messages WHERE campaign = :campaign GROUP BY 1, 2, 3
""")
_SWEEP = text("DELETE FROM service_messages WHERE accepted < :before")


class Kept(msgspec.Struct, frozen=True):
    """A message as its client asked for it, and what became of it."""

    id: str
    body: bytes
    campaign: str
    state: MessageState
    channel: str | None
    reason: str | None
    accepted: datetime
    time: datetime


class Asked(msgspec.Struct, frozen=True):
    """A message that a client asks for; `key` and `body` are digests of its key and of what it asks."""

    id: str
    client: str
    key: bytes
    body: bytes
    campaign: str
    resident: Pseudonym
    content: bytes


class ServiceMessageRecords:
    """Keeps service messages (see `campaigns.service_messages.Messages`).

    Parameters
    ----------
    holder
        This life of a worker; empty for who sends none.
    """

    def __init__(self, database: Database, holder: str = "") -> None:
        self._database = database
        self._holder = holder

    async def add(self, asked: Asked, now: datetime) -> Kept:
        """Keep a message, durably when this returns; of a key that there is already, return what it stands for.

        Raises
        ------
        Erased
            The resident is gone.
        """
        async with self._database.begin() as connection:
            await connection.execute(_ADD, {**msgspec.structs.asdict(asked), "now": now})
        if (found := await self.by_key(asked.client, asked.key)) is None:
            raise Erased
        return found

    async def by_key(self, client: str, key: bytes) -> Kept | None:
        """Return what a client's key stands for."""
        async with self._database.begin() as connection:
            row = (await connection.execute(_BY_KEY, {"client": client, "key": key})).one_or_none()
        return None if row is None else _kept(row)

    async def of(self, client: str, id_: str) -> Kept | None:
        """Return a client's message."""
        async with self._database.begin() as connection:
            row = (await connection.execute(_OF, {"client": client, "id": id_})).one_or_none()
        return None if row is None else _kept(row)

    async def due(self, now: datetime, most: int) -> Sequence[Waiting]:
        """Return what is due, the oldest first; give up what nobody may send any more."""
        async with self._database.begin() as connection:
            await connection.execute(_GIVE_UP, {"now": now, "abandoned": now - ABANDONED})
            found = await connection.execute(_DUE, {"now": now, "most": most})
            return [Waiting(row.id, row.campaign, row.resident, row.content, row.tries) for row in found]

    async def hand(self, ids: Sequence[str], now: datetime) -> set[str]:
        """Hand out messages; return those that are one's own to send."""
        async with self._database.begin() as connection:
            values = {"ids": list(ids), "holder": self._holder, "now": now}
            return set((await connection.execute(_HAND, values)).scalars())

    async def end(self, ended: Sequence[Ended], now: datetime) -> None:
        """Note what became of messages."""
        if not ended:
            return
        values = {"ended": msgspec.json.encode(ended).decode(), "holder": self._holder, "now": now}
        async with self._database.begin() as connection:
            await connection.execute(_END, values)

    async def tallies(self, campaign: str) -> Sequence[tuple[str, str, str, int]]:
        """Return (state, channel, reason, residents) of a campaign's messages; exact: told through `engine.counts`."""
        async with self._database.begin() as connection:
            found = await connection.execute(_TALLY, {"campaign": campaign})
            return [(row.state, row.channel, row.reason, int(row.number)) for row in found]

    async def sweep(self, now: datetime) -> None:
        """Drop what is older than is promised."""
        async with self._database.begin() as connection:
            await connection.execute(_SWEEP, {"before": now - KEPT})


def _kept(row: Row[Any]) -> Kept:
    return Kept(
        row.id, bytes(row.body), row.campaign, MessageState(row.state), row.channel, row.reason, row.accepted, row.time
    )
