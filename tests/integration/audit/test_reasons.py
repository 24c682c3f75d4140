"""Why residents are not reached, and what they were sent: exact against plain SQL, and followed within seconds."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from campaigns.audience import All, Everyone, None_, WasSent
from campaigns.caps import week
from campaigns.counting import Out
from engine.consent import Purpose
from engine.errors import Unavailable
from engine.records.family import FamilyRecords
from tests.integration.audit.test_audiences import EMAIL, INBOX, NOW, allows, ready, town

__all__ = ["town"]

WEEK = week(NOW)
ADDRESSED = """EXISTS (SELECT FROM addresses a WHERE a.resident = c.resident AND a.means = 'email'
    AND NOT EXISTS (SELECT FROM suppressions s WHERE s.resident = a.resident AND s.channel = 'email'
        AND s.time >= a.confirmed))"""
ROOM = """(SELECT count(*) FROM deliveries d WHERE d.resident = c.resident AND d.channel = 'email'
    AND d.week = :week AND d.state IN ('claimed', 'handed', 'sent')) < 3"""


def minor() -> str:
    return """EXISTS (SELECT FROM dependants d WHERE d.resident = c.resident AND birthday(d.born, 18) > :now)"""


def paused() -> str:
    return """EXISTS (SELECT FROM consents p WHERE p.resident = c.resident AND p.purpose = 'pause' AND p.granted)"""


async def execute(town, query, **values) -> None:
    async with town.own.database.begin() as connection:
        await connection.execute(text(query), values)


async def a_run(town, campaign, id_=None) -> str:
    run = id_ or f"{campaign}-run"
    query = """INSERT INTO runs (id, campaign, content, priority, planned, state)
        VALUES (:run, :campaign, '{}', 5, now(), 'finished')"""
    await execute(town, query, run=run, campaign=campaign)
    return run


async def spoken(town, run, resident, time=NOW, state="sent") -> None:
    query = """INSERT INTO deliveries
        (run, resident, purpose, channel, department, week, state, message, holder, time)
        VALUES (:run, :resident, :purpose, 'email', 'd', :week, :state, 'm', 'h', :time)"""
    its = {"run": run, "resident": resident, "purpose": str(EMAIL), "state": state, "time": time, "week": week(time)}
    await execute(town, query, **its)


async def has_address(town, resident, confirmed=NOW - timedelta(days=9)) -> None:
    query = "INSERT INTO addresses VALUES (:resident, 'email', 'x', :confirmed)"
    await execute(town, query, resident=resident, confirmed=confirmed)


async def suppressed(town, resident, time) -> None:
    query = "INSERT INTO suppressions VALUES (:resident, 'email', 'x', 'gone', :time)"
    await execute(town, query, resident=resident, time=time)


async def test_everybody_who_is_meant_is_reached_or_drops_out_for_one_reason_as_plain_sql_finds(town):
    await town.crowd(120)
    runs = [await a_run(town, f"c{n}") for n in range(5)]
    for resident in town.people:
        chance = town.chance.random
        if chance() < 0.7:
            await has_address(town, resident)
            if chance() < 0.3:
                await suppressed(town, resident, NOW - timedelta(days=town.chance.choice([1, 20])))
        for run in runs:
            if chance() < 0.45:
                when = NOW if chance() < 0.8 else NOW - timedelta(days=8)
                await spoken(town, run, resident, when, town.chance.choice(["sent", "sent", "handed", "failed"]))
    for _ in range(6):
        child = await town.someone(Purpose.INTERESTS)
        guardian = await town.someone(EMAIL)
        born = date(NOW.year - 8, 1, 1)
        assert await FamilyRecords(town.own.database).add(guardian, child, born, 0, NOW, 20)
    town.feed.start()
    await ready(town)

    async def sql(where):
        query = f"SELECT count(DISTINCT c.resident) FROM consents c WHERE {where}"  # noqa: S608 - ours
        async with town.own.database.begin() as connection:
            values = {"now": datetime.now(UTC), "week": WEEK}
            return (await connection.execute(text(query), values)).scalar_one()

    found = await town.counting.count(Everyone(), "library", ("email", "inbox"), NOW)
    mail, box = allows(EMAIL), allows(INBOX)
    by_mail, in_time = f"{mail} AND {ADDRESSED}", f"{mail} AND {ADDRESSED} AND {ROOM}"
    silent = f"NOT ({mail} OR {box})"
    assert found.total == await sql(f"({in_time}) OR {box}")
    assert found.aimed == await sql(f"({by_mail}) OR {box}")
    assert found.channels == {"email": await sql(in_time), "inbox": await sql(box)}
    assert found.out == {
        Out.PAUSED: await sql(f"{silent} AND {paused()}"),
        Out.UNDER_AGE: await sql(f"{silent} AND NOT {paused()} AND {minor()}"),
        Out.NO_CONSENT: await sql(f"{silent} AND NOT {paused()} AND NOT {minor()}"),
        Out.NO_ADDRESS: await sql(f"{mail} AND NOT {box} AND NOT {ADDRESSED}"),
        Out.CAPPED: await sql(f"{by_mail} AND NOT {ROOM} AND NOT {box}"),
    }
    assert min(found.out.values()) > 0
    assert found.total + sum(found.out.values()) == len(town.feed.index) == await sql("true")
    for campaign in ("c0", "c1"):
        for days, ago in ((30, 30), (3, 3)):
            its = f"""EXISTS (SELECT FROM deliveries d JOIN runs r ON r.id = d.run WHERE d.resident = c.resident
                AND r.campaign = '{campaign}' AND d.state = 'sent' AND d.time > :now - interval '{ago} days')"""
            where = f"{allows(EMAIL)} AND {its}"
            assert await town.members(WasSent(campaign=campaign, within_days=days)) == await town.sql(where)


async def test_what_reaches_residents_is_followed(town):
    town.feed.start()
    await ready(town)
    mine, other = [await town.someone(EMAIL) for _ in range(2)]

    async def reached():
        try:
            its = await town.counting.count(Everyone(), "library", ("email",), datetime.now(UTC))
        except Unavailable:
            return None
        return its.total, its.out[Out.NO_ADDRESS], its.out[Out.CAPPED]

    def become(*numbers):
        return town.until(reached, lambda found: found == numbers)

    await become(0, 2, 0)
    await has_address(town, mine)
    await has_address(town, other)
    await become(2, 0, 0)
    await suppressed(town, other, NOW)
    await become(1, 1, 0)
    await town.own.sql("DELETE FROM suppressions")
    await become(2, 0, 0)
    await execute(town, "DELETE FROM addresses WHERE resident = :who", who=other)
    await become(1, 1, 0)
    for n in range(3):
        await a_run(town, "c", f"more-{n}")
        await spoken(town, f"more-{n}", mine, datetime.now(UTC))
    await become(0, 1, 1)


async def test_who_was_sent_a_campaign_is_known_in_seconds_and_no_more_after_a_withdrawal_or_a_return(town):
    mine, other, third = [await town.someone(EMAIL, INBOX) for _ in range(3)]
    town.feed.start()
    await ready(town)
    run = await a_run(town, "c")
    for resident in (mine, other):
        await spoken(town, run, resident, datetime.now(UTC), "handed")
    await town.own.sql("UPDATE deliveries SET state = 'sent'")
    again = All(of=(Everyone(), None_(of=(WasSent(campaign="c", within_days=7),))))

    def become(tree, *whom):
        return town.until(lambda: town.members(tree), lambda found: found == set(whom))

    await become(WasSent(campaign="c"), mine, other)
    await become(again, third)
    await execute(town, "UPDATE deliveries SET state = 'failed' WHERE resident = :who", who=other)
    await become(WasSent(campaign="c"), mine)
    await town.own.ledger.record(mine, EMAIL, granted=False, notice=None, now=datetime.now(UTC))
    await become(WasSent(campaign="c"))
    await become(again, mine, other, third)
