"""Who followed a link of a campaign: exact against plain SQL, and known while every leave it rests on holds."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from campaigns.audience import All, Any_, Everyone, Followed, None_, WasSent
from campaigns.records.follows import FollowRecords
from engine.choices import Choice
from engine.consent import Permit, Purpose
from engine.erasure import Eraser
from engine.records.erasures import ErasureRecords
from tests.factories import in_force
from tests.integration.audit.test_audiences import EMAIL, INBOX, LONG_AGO, NOW, allows, ready, town
from tests.integration.audit.test_reasons import a_run, execute, spoken

__all__ = ["town"]
NEEDED = (Purpose.MEASUREMENT, Purpose.ACTIVITY)
LINK = "https://example.org/a"
MEASURED = "(p.purpose <> 'measurement' OR p.notice >= :least)"


def holds(campaign: str, days: int) -> str:
    """Return a condition in plain SQL: a click within so many days of Helsinki, and within each leave it rests on."""
    within = " AND ".join(
        f"""EXISTS (SELECT FROM consents p WHERE p.resident = f.resident AND p.purpose = {purpose}
            AND p.granted AND p.since <= f.time AND {MEASURED})"""
        for purpose in ("'measurement'", "'activity'", "d.purpose")
    )
    return f"""(NOT EXISTS (SELECT FROM consents p WHERE p.resident = c.resident AND p.purpose = 'pause' AND p.granted)
        AND EXISTS (SELECT FROM follows f JOIN deliveries d ON (d.run, d.resident) = (f.run, f.resident)
            JOIN runs r ON r.id = f.run WHERE f.resident = c.resident AND r.campaign = '{campaign}' AND {within}
            AND (f.time AT TIME ZONE 'Europe/Helsinki')::date
                >= (:now AT TIME ZONE 'Europe/Helsinki')::date - {days}))"""  # noqa: S608 - ours


async def follow(town, run, resident, time, link=LINK) -> None:
    """Note a click as it lies there, whatever has been said meanwhile."""
    query = "INSERT INTO follows VALUES (:run, :resident, :link, :time) ON CONFLICT DO NOTHING"
    await execute(town, query, run=run, resident=resident, link=link, time=time)


async def outdate(town, resident) -> None:
    query = "UPDATE consents SET notice = 2 WHERE resident = :who AND purpose = 'measurement'"
    await execute(town, query, who=resident)


async def test_who_followed_a_link_is_whom_plain_sql_finds(town):
    await town.crowd(150)
    chance = town.chance
    runs = [await a_run(town, campaign, f"{campaign}-{n}") for campaign in ("a", "b") for n in range(2)]
    for resident in town.people:
        for purpose in NEEDED:
            if chance.random() < 0.2:
                since = NOW - timedelta(days=chance.randint(0, 40), hours=chance.randint(0, 23))
                await town.own.ledger.record(resident, purpose, granted=False, notice=None, now=since)
                await town.own.ledger.record(resident, purpose, granted=True, notice=in_force(purpose), now=since)
        if chance.random() < 0.15:
            await outdate(town, resident)
        for run in runs:
            if chance.random() < 0.6:
                await spoken(town, run, resident, NOW - timedelta(days=45))
                for n in range(chance.randint(0, 2)):
                    when = NOW - timedelta(days=chance.randint(0, 44), hours=chance.randint(0, 23))
                    await follow(town, run, resident, when, f"{LINK}{n}")
    town.feed.start()
    await ready(town)
    values, seen = {"least": in_force(Purpose.MEASUREMENT)}, set()
    for campaign in ("a", "b"):
        for days in (1, 3, 14, 60):
            its, where = Followed(campaign=campaign, within_days=days), holds(campaign, days)
            found = await town.members(its)
            assert found == await town.sql(where, **values), (campaign, days)
            seen.add(len(found))
            other = WasSent(campaign=campaign, within_days=90)
            both = All(of=(other, None_(of=(its,))))
            assert await town.members(both) == await town.members(other) - found
    assert len(seen) > 3, "the crowd tells them apart, at whatever hour"
    either = Any_(of=(Followed(campaign="a", within_days=14), Followed(campaign="b", within_days=3)))
    where = f"{holds('a', 14)} OR {holds('b', 3)}"
    assert await town.members(either) == await town.sql(where, **values)
    assert await town.members(Followed(campaign="a")) < await town.sql(
        f"{allows(EMAIL)} AND EXISTS (SELECT FROM follows f WHERE f.resident = c.resident)"
    )


async def end(town, resident, what) -> None:
    own, now = town.own, datetime.now(UTC)
    match what:
        case "pause":
            await own.ledger.choose(resident, Choice.PAUSE, on=True, now=now)
        case "notice":
            await outdate(town, resident)
        case "erasure":
            eraser = Eraser(ErasureRecords(own.database), own.online, own.residents, timedelta(days=9))
            await eraser.erase(town.people[resident], now)
        case "delivery":
            await own.sql("DELETE FROM deliveries")
        case purpose:
            await own.ledger.record(resident, Purpose(purpose), granted=False, notice=None, now=now)


@pytest.mark.parametrize("ends", ["measurement", "activity", EMAIL, "pause", "notice", "erasure", "delivery"])
async def test_a_click_counts_within_seconds_and_no_more_when_any_leave_ends(town, ends):
    mine, other = [await town.someone(*NEEDED, EMAIL, INBOX) for _ in range(2)]
    town.feed.start()
    await ready(town)
    run = await a_run(town, "c")
    for who in (mine, other):
        await spoken(town, run, who, NOW)
    follows, now = FollowRecords(town.own.database), datetime.now(UTC)
    permit = (await town.own.ledger.consents(mine)).permit(Purpose.MEASUREMENT, now)
    assert isinstance(permit, Permit)
    its, rest = Followed(campaign="c"), All(of=(Everyone(), None_(of=(Followed(campaign="c"),))))

    def become(tree, *whom):
        return town.until(lambda: town.members(tree), lambda found: found == set(whom))

    await become(its)
    await follows.add(permit, run, LINK, now)
    await become(its, mine)
    await become(rest, other)
    found = await follows.of(run)
    assert (found.measured, found.people, found.links) == (2, 1, [(LINK, 1)])
    await end(town, mine, ends)
    await become(its)
    if ends not in ("pause", "erasure"):
        await become(rest, mine, other)
    if ends == "notice":
        found = await follows.of(run)
        assert (found.measured, found.people, found.links) == (1, 0, [])


async def test_what_was_followed_before_a_new_grant_chooses_nobody(town):
    resident = await town.someone(*NEEDED, EMAIL)
    run = await a_run(town, "c")
    await spoken(town, run, resident, LONG_AGO + timedelta(days=1))
    await follow(town, run, resident, NOW - timedelta(days=2))
    for granted in (False, True):
        notice = in_force(Purpose.ACTIVITY) if granted else None
        await town.own.ledger.record(resident, Purpose.ACTIVITY, granted=granted, notice=notice, now=NOW)
    town.feed.start()
    await ready(town)
    assert await town.members(Everyone(), ("email",)) == {resident}
    assert await town.members(Followed(campaign="c")) == set()
    async with town.own.database.begin() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM follows"))).scalar_one() == 1
