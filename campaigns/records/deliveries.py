"""Deliveries in SQL: claimed before they are sent, in batches, one a run and resident.

A row goes ``claimed`` → ``handed`` (its handful is with the channel) → ``sent``, ``failed`` or ``deferred``, from where
it is claimed again. What is ``claimed`` was certainly not sent; what is ``handed`` while its worker is gone may have
been. Each step names the life of the worker that holds the row, so that one that was thought dead finds nothing.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import text

from campaigns.caps import Room, week
from campaigns.run import Plan
from engine.events import AwareTime, Pseudonym
from engine.records.database import Database
from engine.records.underway import Underway

ABANDONED = timedelta(minutes=2)
"""After which time without a step the worker of a claim counts as gone."""
KEPT = timedelta(days=400)
AT_ONCE = 500
"""How many that have waited are taken up at once."""
# Planned anew each time, as `Database.planned` does: plans of the small table that it once was would read all of it.
_LOCK = text("""
    SELECT pg_advisory_xact_lock(hashtextextended(r, 2)),
        (SELECT set_config('plan_cache_mode', 'force_custom_plan', true)) FROM (
        SELECT r FROM unnest(CAST(:residents AS text[])) AS u(r) ORDER BY r) AS sorted
""")
# The consent is asked for once more here, in the transaction that writes, and its row is held: a withdrawal waits for
# these rows, and forgets them, or is seen. A deferred row of this run is claimed again; so is one that was claimed and
# not handed out, by whom ever: its holder then finds nothing.
_CLAIM = text("""
    WITH asked AS (
        SELECT * FROM unnest(CAST(:residents AS text[]), CAST(:messages AS text[])) AS a(resident, message)
    ), allowed AS (
        SELECT c.resident FROM consents c
        WHERE c.resident = ANY(:residents) AND c.purpose = :purpose AND c.granted AND c.since <= :planned
        ORDER BY c.resident FOR SHARE OF c
    ), week AS (
        SELECT resident, count(*) AS everybody, count(*) FILTER (WHERE department = :department) AS ours
        FROM deliveries WHERE resident = ANY(:residents) AND channel = :channel AND week = :week
            AND state IN ('claimed', 'handed', 'sent') AND run <> :run
        GROUP BY resident
    ), room AS (
        SELECT a.resident, a.message,
            coalesce(w.everybody, 0) < :most AND coalesce(w.ours, 0) < :share AS free
        FROM asked a JOIN allowed USING (resident) LEFT JOIN week w USING (resident)
    ), claimed AS (
        INSERT INTO deliveries AS d (
            run, resident, purpose, channel, department, week, state, due, message, holder, time)
        SELECT :run, resident, :purpose, :channel, :department, :week,
            CASE WHEN CAST(:due AS timestamptz) IS NULL THEN 'claimed' ELSE 'deferred' END, :due, message, :holder, :now
        FROM room WHERE free
        ON CONFLICT (run, resident) DO UPDATE SET
            purpose = excluded.purpose, channel = excluded.channel, week = excluded.week, state = excluded.state,
            due = excluded.due, reason = NULL, holder = excluded.holder, time = excluded.time
        WHERE (d.state = 'deferred' AND d.due <= :now) OR d.state = 'claimed'
        RETURNING resident, tries, state
    )
    SELECT r.resident, r.free, c.tries, c.state FROM room r LEFT JOIN claimed c USING (resident)
""")
_UNKNOWN = text("""
    UPDATE deliveries SET state = 'failed', reason = 'unknown'
    WHERE run = :run AND resident = ANY(:residents) AND state = 'handed' AND holder <> :holder
""")
# One statement ends a handful and begins the next. Whether the run goes on and the resident still allows it is part of
# it: that is how a pause, a withdrawal or an erasure is in force within a handful.
_TURN = """
    WITH done AS (
        UPDATE deliveries d SET state = o.state, reason = o.reason, due = o.due, tries = d.tries + o.tries,
            reference = o.reference, time = %(now)s
        FROM jsonb_to_recordset(CAST(%(done)s AS jsonb)) AS o(
            run text, resident text, state text, reason text, due timestamptz, tries smallint, reference text)
        WHERE d.run = ANY(%(runs)s) AND d.resident = ANY(%(told)s)
            AND d.run = o.run AND d.resident = o.resident AND d.holder = %(holder)s
            AND (d.state = 'handed' OR (d.state = 'failed' AND d.reason = 'unknown'))
    )
    UPDATE deliveries d SET state = 'handed', time = %(now)s
    FROM unnest(CAST(%(next)s AS text[])) AS n(resident), consents c, runs r
    WHERE d.run = %(run)s AND d.resident = n.resident AND d.state = 'claimed' AND d.holder = %(holder)s
        AND r.id = d.run AND r.state = 'running'
        AND c.resident = d.resident AND c.purpose = d.purpose AND c.granted AND c.since <= r.planned
        AND NOT EXISTS (
            SELECT FROM consents p WHERE p.resident = d.resident AND p.purpose = 'pause' AND %(now)s < pause_end(p))
    RETURNING d.resident
"""
_TAKE_BACK = text("""
    UPDATE deliveries SET state = 'claimed'
    WHERE run = :run AND resident = ANY(:residents) AND state = 'handed' AND holder = :holder
""")
# What was claimed and not handed on: it waits where the run is paused, else it goes, since the leave is gone.
_RELEASE = text("""
    WITH waiting AS (
        UPDATE deliveries d SET state = 'deferred', reason = 'paused', due = :now FROM runs r
        WHERE r.id = d.run AND r.state IN ('running', 'paused') AND d.run = :run AND d.resident = ANY(:residents)
            AND d.state = 'claimed' AND d.holder = :holder AND EXISTS (
                SELECT FROM consents c WHERE c.resident = d.resident AND c.purpose = d.purpose AND c.granted)
        RETURNING d.resident
    )
    DELETE FROM deliveries d WHERE d.run = :run AND d.resident = ANY(:residents) AND d.state = 'claimed'
        AND d.holder = :holder AND d.resident NOT IN (SELECT resident FROM waiting)
""")
_DUE = text("""
    SELECT d.run, d.resident FROM deliveries d JOIN runs r ON r.id = d.run AND r.state = 'running'
    WHERE (d.state = 'deferred' AND d.due <= :now) OR (d.state = 'claimed' AND d.time < :abandoned)
    ORDER BY r.priority, d.due LIMIT :most
""")
_ABANDONED = text("""
    UPDATE deliveries SET state = 'failed', reason = 'unknown'
    WHERE state = 'handed' AND time < :abandoned
""")
_SKIP = text("""
    UPDATE deliveries SET state = 'skipped', reason = :reason, due = NULL, time = :now
    WHERE run = :run AND resident = ANY(:residents) AND state IN ('deferred', 'claimed')
""")
# What a service has asked for is told of by its own name; nothing else has a colon in it.
_SERVICE = """
    UNION ALL SELECT 'service:' || id, resident, coalesce(channel, 'email'), 'service' FROM service_messages
"""
_BY_MESSAGE = text(
    f"SELECT run, resident, channel, purpose FROM deliveries WHERE message = :message {_SERVICE} WHERE id = :message"  # noqa: S608 - ours
)
_BY_REFERENCE = text(
    f"SELECT run, resident, channel, purpose FROM deliveries WHERE reference = :reference AND channel = :channel "  # noqa: S608 - ours
    f"{_SERVICE} WHERE reference = :reference AND channel = :channel"
)
_FAIL = text("""
    UPDATE deliveries SET state = 'failed', reason = :reason
    WHERE run = :run AND resident = :resident AND state IN ('sent', 'handed')
""")
_FAIL_SERVICE = text("""
    UPDATE service_messages SET state = 'failed', reason = :reason
    WHERE 'service:' || id = :run AND resident = :resident AND state IN ('sent', 'handed')
""")
_SWEEP = text("DELETE FROM deliveries WHERE time < :before")


class Claim(msgspec.Struct, frozen=True):
    """What is one's own to send; `tries` is how often it was tried before. `waits` until its time."""

    resident: Pseudonym
    tries: int
    waits: bool


class Claims(msgspec.Struct, frozen=True):
    """Who was claimed, and of whom this week has no room; nobody else was spoken to before or allows it no more."""

    mine: Sequence[Claim]
    full: Sequence[Pseudonym]
    others: Sequence[Pseudonym]


class Done(msgspec.Struct, frozen=True):
    """What became of one delivery: `sent`, `failed`, `deferred` or `skipped`."""

    run: str
    resident: Pseudonym
    state: str
    reason: str | None = None
    due: AwareTime | None = None
    tries: int = 0
    reference: str | None = None


class Told(msgspec.Struct, frozen=True):
    """Whose delivery a report is about."""

    run: str
    resident: Pseudonym
    channel: str
    purpose: str


class DeliveryRecords:
    """Keeps deliveries (see `campaigns.dispatch.Deliveries`).

    Parameters
    ----------
    holder
        This life of a worker: another one has another.
    """

    def __init__(self, database: Database, holder: str) -> None:
        self._database = database
        self._holder = holder
        self._underway = Underway(database)

    async def claim(  # noqa: PLR0913 - a claim is on so much
        self,
        plan: Plan,
        channel: str,
        purpose: str,
        messages: Mapping[Pseudonym, str],
        room: Room,
        now: datetime,
        due: datetime | None = None,
    ) -> Claims:
        """Claim deliveries, by resident with what their Message-IDs are made of; with `due` they wait until then.

        What a worker that is gone may have sent is given up as ``unknown``: nobody gets the same message twice.
        """
        residents = list(messages)
        values = {
            "run": plan.id,
            "planned": plan.planned,
            "department": plan.department,
            "channel": channel,
            "purpose": purpose,
            "residents": residents,
            "messages": list(messages.values()),
            "week": week(due or now),
            "most": room.most,
            "share": room.share,
            "holder": self._holder,
            "now": now,
            "due": due,
        }
        async with self._database.begin() as connection:
            await connection.execute(_LOCK, {"residents": residents})
            await connection.execute(_UNKNOWN, values)
            found = (await connection.execute(_CLAIM, values)).all()
        mine = [Claim(row.resident, row.tries, row.state == "deferred") for row in found if row.state is not None]
        full = [row.resident for row in found if not row.free]
        settled = {*full, *(claim.resident for claim in mine)}
        return Claims(mine, full, [who for who in residents if who not in settled])

    def handing(self, residents: Sequence[Pseudonym]) -> AbstractAsyncContextManager[None]:
        """Keep answers to withdrawals from before a handful's turn until it is delivered."""
        return self._underway.holding(residents)

    async def turn(
        self, done: Sequence[Done], run: str, following: Sequence[Pseudonym], now: datetime
    ) -> set[Pseudonym]:
        """Record a handful, and hand out the next; return those of it that may be sent at this moment."""
        values = {
            "done": msgspec.json.encode(done).decode(),
            "runs": list({its.run for its in done}),
            "told": [its.resident for its in done],
            "run": run,
            "next": list(following),
            "holder": self._holder,
            "now": now,
        }
        return {resident for (resident,) in await self._database.planned(_TURN, values)}

    async def take_back(self, run: str, residents: Sequence[Pseudonym]) -> None:
        """Note that a handful was not handed out after all: its holder never heard whether it might be."""
        async with self._database.begin() as connection:
            await connection.execute(_TAKE_BACK, {"run": run, "residents": list(residents), "holder": self._holder})

    async def release(self, run: str, residents: Sequence[Pseudonym], now: datetime) -> None:
        """Give back what was claimed and not handed out."""
        values = {"run": run, "residents": list(residents), "holder": self._holder, "now": now}
        async with self._database.begin() as connection:
            await connection.execute(_RELEASE, values)

    async def skip(self, run: str, residents: Sequence[Pseudonym], reason: str, now: datetime) -> None:
        """Note that what waited is not sent, and why."""
        async with self._database.begin() as connection:
            await connection.execute(_SKIP, {"run": run, "residents": list(residents), "reason": reason, "now": now})

    async def due(self, now: datetime, most: int = AT_ONCE) -> Mapping[str, Sequence[Pseudonym]]:
        """Return what has waited long enough, by run, the most urgent first; and what a worker left that is gone."""
        values = {"now": now, "abandoned": now - ABANDONED, "most": most}
        due: dict[str, list[Pseudonym]] = {}
        async with self._database.begin() as connection:
            await connection.execute(_ABANDONED, values)
            for row in await connection.execute(_DUE, values):
                due.setdefault(row.run, []).append(row.resident)
        return due

    async def of_message(self, message: str) -> Told | None:
        """Return whose delivery has a Message-ID."""
        async with self._database.begin() as connection:
            row = (await connection.execute(_BY_MESSAGE, {"message": message})).one_or_none()
        return None if row is None else Told(*row)

    async def of_reference(self, channel: str, reference: str) -> Told | None:
        """Return whose delivery a provider calls by that name."""
        async with self._database.begin() as connection:
            row = (await connection.execute(_BY_REFERENCE, {"reference": reference, "channel": channel})).first()
        return None if row is None else Told(*row)

    async def returned(self, run: str, resident: Pseudonym, reason: str) -> None:
        """Note that what was accepted came back."""
        async with self._database.begin() as connection:
            values = {"run": run, "resident": resident, "reason": reason}
            await connection.execute(_FAIL_SERVICE if run.startswith("service:") else _FAIL, values)

    async def sweep(self, now: datetime) -> None:
        """Drop what is older than is promised."""
        async with self._database.begin() as connection:
            await connection.execute(_SWEEP, {"before": now - KEPT})
