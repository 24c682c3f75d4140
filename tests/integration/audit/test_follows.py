"""What is told of followed links rests on those alone who allow it by the notice in force."""

from datetime import timedelta

from campaigns.records.follows import FollowRecords
from engine.consent import Purpose
from tests.integration.audit.test_audiences import EMAIL, NOW, town
from tests.integration.audit.test_reasons import a_run, execute, spoken

__all__ = ["town"]
LINK = "https://example.org/a"


async def test_whose_leave_waits_for_a_wider_notice_is_in_no_number(town):
    run, then = await a_run(town, "c"), NOW - timedelta(hours=1)
    follows = FollowRecords(town.own.database)
    people = [await town.someone(EMAIL, Purpose.MEASUREMENT) for _ in range(4)]
    for who in people:
        await spoken(town, run, who, then)
    for who in people[:3]:
        await execute(
            town, "INSERT INTO follows VALUES (:run, :who, :link, :time)", run=run, who=who, link=LINK, time=then
        )
    told = await follows.of(run)
    assert (told.measured, told.people, list(told.links)) == (4, 3, [(LINK, 3)])
    old = "UPDATE consents SET notice = 1 WHERE resident = :who AND purpose = 'measurement'"
    await execute(town, old, who=people[0])
    await execute(town, old.replace("notice = 1", "granted = false"), who=people[1])
    told = await follows.of(run)
    assert (told.measured, told.people, list(told.links)) == (2, 1, [(LINK, 1)])
