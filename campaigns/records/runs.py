"""Runs in SQL: their plans, what is on the topic, whether they may go on, and what came of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import text

from campaigns.records.deliveries import KEPT
from campaigns.run import Chunk, Plan, Standing
from engine.records.database import Database

_HELD = timedelta(seconds=30)
_BEGIN = text("""
    INSERT INTO runs (id, campaign, content, priority, planned, state)
    VALUES (:id, :campaign, CAST(:content AS jsonb), :priority, :planned, 'running') ON CONFLICT DO NOTHING
""")
_PLAN = text("SELECT content::text FROM runs WHERE id = :run")
_UNEXPANDED = text("""
    SELECT content::text FROM runs WHERE state = 'running' AND NOT expanded ORDER BY priority, planned LIMIT 20
""")
_STANDING = text("SELECT state FROM runs WHERE id = :run")
_HOLD = text("""
    UPDATE runs SET expander = :holder, held = :now
    WHERE id = :run AND state = 'running' AND NOT expanded
        AND (expander IS NULL OR expander = :holder OR held < :lapsed)
""")
_END_OPEN = text("""
    WITH ended AS (
        UPDATE runs SET state = 'cancelled' WHERE state IN ('running', 'paused') RETURNING id
    ), given_up AS (
        UPDATE deliveries SET state = 'skipped', reason = 'cancelled', due = NULL
        WHERE state IN ('deferred', 'claimed') AND run IN (SELECT id FROM ended)
    )
    SELECT count(*) FROM ended
""")
_SWEEP = text("DELETE FROM runs WHERE planned < :before AND state IN ('finished', 'cancelled')")
_CHUNKS = text("SELECT number, people, mark FROM run_chunks WHERE run = :run AND mark <> '' ORDER BY number")
_NOTE = text("""
    INSERT INTO run_chunks (run, number, people, mark)
    SELECT :run, number, people, mark FROM unnest(
        CAST(:numbers AS integer[]), CAST(:people AS integer[]), CAST(:marks AS bytea[])) AS n(number, people, mark)
    ON CONFLICT (run, number) DO UPDATE SET people = excluded.people, mark = excluded.mark
""")
_EXPANDED = text("UPDATE runs SET expanded = true WHERE id = :run")
_UNDER_WAY = text("""
    SELECT campaign, bool_or(state = 'running') AS running FROM runs WHERE state IN ('running', 'paused')
    GROUP BY campaign
""")
_OF = text("SELECT id, state, planned FROM runs WHERE campaign = :campaign ORDER BY planned DESC LIMIT 100")
_MOVE = text("""
    UPDATE runs SET state = :to WHERE campaign = :campaign AND state = ANY(:froms)
""")
# What waited for a run that is cancelled waits no more.
_GIVE_UP = text("""
    UPDATE deliveries SET state = 'skipped', reason = 'cancelled', due = NULL
    WHERE state IN ('deferred', 'claimed') AND run IN (
        SELECT id FROM runs WHERE campaign = :campaign AND state = 'cancelled')
""")
_LEFT_OUT = text("""
    WITH chunk AS (
        INSERT INTO run_chunks (run, number, people, handled) VALUES (:run, :number, :people, true)
        ON CONFLICT (run, number) DO UPDATE SET handled = true
    ), gone AS (
        DELETE FROM run_left_out WHERE run = :run AND number = :number AND reason <> ALL(:reasons)
    )
    SELECT 1
""")
_COUNT_LEFT_OUT = text("""
    INSERT INTO run_left_out (run, number, reason, count)
    SELECT :run, :number, reason, count
    FROM unnest(CAST(:reasons AS text[]), CAST(:counts AS integer[])) AS l(reason, count)
    ON CONFLICT (run, number, reason) DO UPDATE SET count = excluded.count
""")
# It has no chunk that the reason could stand with: an empty one is noted.
_DROP = text("""
    WITH dropped AS (
        UPDATE runs SET state = 'cancelled', expanded = true WHERE id = :run RETURNING id
    ), chunk AS (
        INSERT INTO run_chunks (run, number, people, handled) SELECT id, 0, 0, true FROM dropped
        ON CONFLICT (run, number) DO NOTHING
    )
    SELECT 1
""")
_SAY_WHY = text("""
    INSERT INTO run_left_out (run, number, reason, count) VALUES (:run, 0, :reason, 0) ON CONFLICT DO NOTHING
""")
_FINISH = text("""
    UPDATE runs r SET state = 'finished' WHERE state = 'running' AND expanded
    AND NOT EXISTS (SELECT FROM run_chunks c WHERE c.run = r.id AND NOT c.handled)
    AND NOT EXISTS (
        SELECT FROM deliveries d WHERE d.run = r.id AND d.state IN ('claimed', 'handed', 'deferred'))
    RETURNING campaign
""")
_PEOPLE = text("SELECT coalesce(sum(people), 0) FROM run_chunks WHERE run = :run")
_OUTCOMES = text("""
    SELECT state, channel, coalesce(reason, '') AS reason, count(*) AS number FROM deliveries
    WHERE run = :run GROUP BY 1, 2, 3
    UNION ALL
    SELECT 'skipped', '', reason, sum(count) AS number FROM run_left_out WHERE run = :run GROUP BY reason
""")


class Tally(msgspec.Struct, frozen=True):
    """How many came to one end; exact, so it is told outside through `engine.counts` alone."""

    state: str
    channel: str
    reason: str
    count: int


class RunRecords:
    """Keeps runs (see `campaigns.run.Runs`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, plan: Plan) -> bool:
        """Keep a plan; say whether it is new."""
        values = {
            "id": plan.id,
            "campaign": plan.campaign,
            "content": msgspec.json.encode(plan).decode(),
            "priority": plan.priority,
            "planned": plan.planned,
        }
        async with self._database.begin() as connection:
            return bool((await connection.execute(_BEGIN, values)).rowcount)

    async def plan(self, run: str) -> Plan | None:
        """Return the plan of a run."""
        async with self._database.begin() as connection:
            found = (await connection.execute(_PLAN, {"run": run})).scalar_one_or_none()
        return None if found is None else msgspec.json.decode(found, type=Plan)

    async def unexpanded(self) -> Sequence[Plan]:
        """Return running runs that are not expanded, the most urgent first."""
        async with self._database.begin() as connection:
            return [msgspec.json.decode(its, type=Plan) for its in (await connection.execute(_UNEXPANDED)).scalars()]

    async def standing(self, run: str) -> Standing:
        """Return where a run is; one that there is not counts as cancelled."""
        async with self._database.begin() as connection:
            found = (await connection.execute(_STANDING, {"run": run})).scalar_one_or_none()
        return Standing.CANCELLED if found is None else Standing(found)

    async def hold(self, run: str, holder: str, now: datetime) -> bool:
        """Hold a running run for half a minute, to expand it; say whether nobody else does and it still runs."""
        values = {"run": run, "holder": holder, "now": now, "lapsed": now - _HELD}
        async with self._database.begin() as connection:
            return bool((await connection.execute(_HOLD, values)).rowcount)

    async def chunks(self, run: str) -> Sequence[Chunk]:
        """Return what is noted of a run, in order."""
        async with self._database.begin() as connection:
            return [Chunk(row.number, row.people, row.mark) for row in await connection.execute(_CHUNKS, {"run": run})]

    async def note(self, run: str, chunks: Sequence[Chunk]) -> None:
        """Note that messages are on the topic; the same again changes nothing."""
        values = {
            "run": run,
            "numbers": [its.number for its in chunks],
            "people": [its.people for its in chunks],
            "marks": [its.mark for its in chunks],
        }
        async with self._database.begin() as connection:
            await connection.execute(_NOTE, values)

    async def expanded(self, run: str) -> None:
        """Note that all are on the topic."""
        async with self._database.begin() as connection:
            await connection.execute(_EXPANDED, {"run": run})

    async def handled(self, run: str, number: int, people: int, left_out: Mapping[str, int]) -> None:
        """Note that all in a message are decided on, and how many were left out; said again, it replaces that."""
        reasons = list(left_out)
        values = {"run": run, "number": number, "people": people, "reasons": reasons}
        async with self._database.begin() as connection:
            await connection.execute(_LEFT_OUT, values)
            if reasons:
                await connection.execute(_COUNT_LEFT_OUT, {**values, "counts": list(left_out.values())})

    async def under_way(self) -> Mapping[str, Standing]:
        """Return the campaigns of which runs are under way, and whether these rest."""
        async with self._database.begin() as connection:
            found = await connection.execute(_UNDER_WAY)
            return {row.campaign: Standing.RUNNING if row.running else Standing.PAUSED for row in found}

    async def of(self, campaign: str) -> Sequence[tuple[str, Standing, datetime]]:
        """Return a campaign's runs, where they are and when they were planned for, the newest first."""
        async with self._database.begin() as connection:
            found = await connection.execute(_OF, {"campaign": campaign})
            return [(row.id, Standing(row.state), row.planned) for row in found]

    async def drop(self, run: str, reason: str) -> None:
        """End a run that may speak to nobody; its results tell the reason."""
        async with self._database.begin() as connection:
            await connection.execute(_DROP, {"run": run})
            await connection.execute(_SAY_WHY, {"run": run, "reason": reason})

    async def pause(self, campaign: str) -> None:
        """Let a campaign's runs rest; what is under way stops with the next few messages."""
        await self._move(campaign, "paused", ["running"])

    async def resume(self, campaign: str) -> None:
        """Let a campaign's runs go on."""
        await self._move(campaign, "running", ["paused"])

    async def cancel(self, campaign: str) -> None:
        """End a campaign's runs; what waits is not sent."""
        await self._move(campaign, "cancelled", ["running", "paused"])
        async with self._database.begin() as connection:
            await connection.execute(_GIVE_UP, {"campaign": campaign})

    async def end_open(self) -> int:
        """Cancel every run under way, since what it has sent is not known any more; return how many there were."""
        async with self._database.begin() as connection:
            return int((await connection.execute(_END_OPEN)).scalar_one())

    async def finish(self, _: datetime) -> Sequence[str]:
        """End the runs of which nothing is left to do; return their campaigns."""
        async with self._database.begin() as connection:
            return list((await connection.execute(_FINISH)).scalars())

    async def sweep(self, now: datetime) -> None:
        """Drop runs that ended longer ago than deliveries are kept."""
        async with self._database.begin() as connection:
            await connection.execute(_SWEEP, {"before": now - KEPT})

    async def tallies(self, run: str) -> tuple[int, Sequence[Tally]]:
        """Return to how many a run meant to speak, and what came of it.

        What the tallies lack was forgotten with a withdrawal, or is still to come.
        """
        async with self._database.begin() as connection:
            people = int((await connection.execute(_PEOPLE, {"run": run})).scalar_one())
            found = await connection.execute(_OUTCOMES, {"run": run})
            return people, [Tally(row.state, row.channel, row.reason, int(row.number)) for row in found]

    async def _move(self, campaign: str, to: str, froms: list[str]) -> None:
        async with self._database.begin() as connection:
            await connection.execute(_MOVE, {"campaign": campaign, "to": to, "froms": froms})
