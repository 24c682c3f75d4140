"""Secrets of webhooks, sealed, and what systems are to be told, in SQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from campaigns.campaign import Campaign
from campaigns.webhooks import Due
from engine.records.database import Database

_HELD = timedelta(seconds=30)
"""How long one that tells something has it alone; longer than any attempt takes."""
KEPT = timedelta(days=30)
_PUT_SECRET = text("""
    INSERT INTO webhook_secrets (name, sealed) VALUES (:name, :sealed)
    ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed
""")
_DROP_SECRET = text("DELETE FROM webhook_secrets WHERE name = :name")
_SECRET = text("SELECT sealed FROM webhook_secrets WHERE name = :name")
_ANNOUNCE = text("""
    INSERT INTO webhook_events (id, webhook, body, since, due)
    SELECT :id || '-' || d.id, d.id, :body, :now, :now FROM documents d
    WHERE d.kind = 'webhook' AND d.department = :department AND d.state = 'out'
        AND (coalesce(d.content::jsonb->'draft'->'events', '[]') = '[]' OR d.content::jsonb->'draft'->'events' ? :event)
    ON CONFLICT (id) DO NOTHING
""")
# Of each webhook the oldest that waits, if its time has come: the others wait behind it.
_DUE = text("""
    UPDATE webhook_events e SET due = :held, tries = e.tries + 1
    FROM (
        SELECT DISTINCT ON (webhook) id, webhook, due FROM webhook_events WHERE due IS NOT NULL ORDER BY webhook, seq
    ) first JOIN documents d ON d.kind = 'webhook' AND d.id = first.webhook AND d.state = 'out'
    WHERE e.id = first.id AND first.due <= :now AND e.due <= :now
    RETURNING e.id, e.webhook, d.content::jsonb->'draft'->>'url' AS url, e.body, e.since, e.tries - 1 AS tries
""")
_TOLD = text("UPDATE webhook_events SET due = NULL, told = true, reason = NULL WHERE id = :id")
_PUT_OFF = text("UPDATE webhook_events SET due = :until, reason = :reason WHERE id = :id")
_STANDING = text("""
    SELECT count(*) FILTER (WHERE due IS NOT NULL) AS waiting, count(*) FILTER (WHERE told) AS told,
        count(*) FILTER (WHERE due IS NULL AND NOT told) AS given_up,
        (array_agg(reason ORDER BY seq DESC) FILTER (WHERE reason IS NOT NULL))[1] AS reason
    FROM webhook_events WHERE webhook = :name
""")
_SWEEP = text("DELETE FROM webhook_events WHERE since < :before")
_FORGET = text("DELETE FROM webhook_events WHERE webhook = :name AND due IS NOT NULL")


class Standing(msgspec.Struct, frozen=True):
    """How much of the last 30 days a system was told, waits, or was given up; and why it failed last."""

    told: int
    waiting: int
    given_up: int
    reason: str | None


async def announce(connection: AsyncConnection, campaign: Campaign, event: str) -> None:
    """Write, in a transaction of the caller's, what systems are to be told of a campaign; nothing of a person."""
    its = {
        "type": event,
        "timestamp": campaign.changed,
        "data": {
            "campaign": campaign.id,
            "version": campaign.version,
            "state": campaign.state,
            "name": campaign.draft.name,
            "department": campaign.draft.department,
        },
    }
    values: Mapping[str, object] = {
        "id": f"{campaign.id}-{campaign.version}",
        "body": msgspec.json.encode(its).decode(),
        "department": campaign.draft.department,
        "event": event,
        "now": campaign.changed,
    }
    await connection.execute(_ANNOUNCE, values)


class WebhookRecords:
    """Keeps them (see `campaigns.webhooks.Records`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_secret(self, name: str, sealed: bytes | None) -> None:
        """Keep a secret in the place of an earlier one; with None it goes, and what waits to be told with it."""
        async with self._database.begin() as connection:
            if sealed is None:
                await connection.execute(_DROP_SECRET, {"name": name})
                await connection.execute(_FORGET, {"name": name})
            else:
                await connection.execute(_PUT_SECRET, {"name": name, "sealed": sealed})

    async def secret(self, name: str) -> bytes | None:
        """Return a secret, sealed."""
        async with self._database.begin() as connection:
            found = (await connection.execute(_SECRET, {"name": name})).scalar_one_or_none()
        return None if found is None else bytes(found)

    async def due(self, now: datetime) -> Sequence[Due]:
        """Return the oldest thing that each system is to be told, if its time has come."""
        async with self._database.begin() as connection:
            found = await connection.execute(_DUE, {"now": now, "held": now + _HELD})
            return [Due(row.id, row.webhook, row.url, row.body, row.since, row.tries) for row in found]

    async def told(self, id_: str) -> None:
        """Note that a system has been told."""
        async with self._database.begin() as connection:
            await connection.execute(_TOLD, {"id": id_})

    async def put_off(self, id_: str, until: datetime | None, reason: str) -> None:
        """Note that it has not, and when it is tried again; None for never."""
        async with self._database.begin() as connection:
            await connection.execute(_PUT_OFF, {"id": id_, "until": until, "reason": reason})

    async def standing(self, name: str) -> Standing:
        """Return how a system stands."""
        async with self._database.begin() as connection:
            row = (await connection.execute(_STANDING, {"name": name})).one()
        return Standing(int(row.told), int(row.waiting), int(row.given_up), row.reason)

    async def sweep(self, now: datetime) -> None:
        """Drop what is older than is promised."""
        async with self._database.begin() as connection:
            await connection.execute(_SWEEP, {"before": now - KEPT})
