"""Lists of residents on the real stores: they narrow, follow, end by themselves, and go with whoever is erased."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from campaigns.audience import All, Everyone, Member, None_, Speaks
from campaigns.audit import Act
from campaigns.counting import Counting
from campaigns.lists import MOST_IMPORTS, ListDraft, new
from campaigns.records.lists import ListRecords
from engine.choices import Choice
from engine.consent import Purpose
from engine.counts import Counts
from engine.erasure import Eraser
from engine.errors import NotFound, Over, TooOften
from engine.records.erasures import ErasureRecords
from engine.residents import Interests
from tests.integration.audit.test_audiences import EMAIL, INBOX, NOW, ready, town

__all__ = ["town"]
DRAFT = ListDraft(department="sport", name="Club", purpose="Its members", basis="6 (1) e", days=30)
OTHERS = [uuid4() for _ in range(40)]


async def a_list(records, now=None):
    its = new(DRAFT, "maija@example.fi", now or datetime.now(UTC))
    await records.write(its, act(its))
    return its


def act(its, what="create"):
    return Act(time=NOW, who="maija@example.fi", what=what, subject=f"list:{its.id}", version=its.version)


async def test_a_list_narrows_and_is_followed_and_goes_with_the_erased_and_with_its_end(town):
    records = ListRecords(town.own.database)
    its = await a_list(records)
    telling = (Purpose.INTERESTS, EMAIL)
    mine, other, silent, outside = [
        await town.someone(*purposes, told=Interests(languages=("sv",)))
        for purposes in (telling, telling, (Purpose.INTERESTS,), (EMAIL,))
    ]
    people = [town.people[one] for one in (mine, other, silent)]
    town.feed.start()
    await ready(town)
    found = await records.put(its, [*people, *OTHERS], act(its, "add"), NOW, alone=False)
    assert found == (3, 40, 1)
    assert await records.size(its.id) == 3
    there = Member(of=its.id)

    def become(tree, *whom):
        return town.until(lambda: town.members(tree), lambda found: found == set(whom))

    await become(there, mine, other)
    await become(None_(of=(there,)), outside)
    await become(All(of=(there, Speaks(language="sv"))), mine, other)
    again = await records.put(its, [*people, *OTHERS], act(its, "add"), NOW, alone=False)
    assert again == found
    await town.own.ledger.choose(mine, Choice.PAUSE, on=True, now=datetime.now(UTC))
    await become(there, other)
    await town.own.ledger.choose(mine, Choice.PAUSE, on=False, now=datetime.now(UTC))
    await become(there, mine, other)
    eraser = Eraser(ErasureRecords(town.own.database), town.own.online, town.own.residents, timedelta(days=9))
    await eraser.erase(town.people[other], datetime.now(UTC))
    await become(there, mine)
    assert await records.size(its.id) == 2
    await records.put(its, [town.people[silent], *OTHERS], act(its, "fill"), NOW, alone=True)
    await become(there)
    assert await records.size(its.id) == 1
    await records.put(its, [town.people[mine], *OTHERS], act(its, "add"), NOW, alone=False)
    await become(there, mine)
    counting = Counting(town.feed, Counts(b"s"), lists=records)
    await counting.count(there, "library", ("email",), datetime.now(UTC))
    await records.end(its, act(its, "end"))
    await become(there)
    with pytest.raises(Over):
        await counting.count(All(of=(Everyone(), None_(of=(there,)))), "library", ("email",), datetime.now(UTC))


async def test_a_list_ends_by_itself_where_nobody_renews_it(town):
    records = ListRecords(town.own.database)
    its = await a_list(records, NOW - timedelta(days=29))
    one = await town.someone(INBOX)
    await records.put(its, [town.people[one], *OTHERS], act(its, "add"), NOW, alone=False)
    assert await records.kept([its.id], NOW) == {its.id: "sport"}
    later = NOW + timedelta(days=2)
    assert (await records.get(its.id, later), await records.of(None, later)) == (None, [])
    with pytest.raises(NotFound):
        await records.put(its, OTHERS, act(its, "add"), later, alone=False)
    (facts,) = await town.records.of([one], NOW)
    assert f"member:{its.id}" in facts.marks
    assert facts.until == its.until
    (after,) = await town.records.of([one], later)
    assert f"member:{its.id}" not in after.marks
    again = its.again(DRAFT, "maija@example.fi", NOW)
    await records.write(again, act(again, "renew"))
    assert (await records.get(its.id, later)).until == again.until
    await records.sweep(NOW + timedelta(days=31))
    assert await records.size(its.id) == 0


async def test_so_often_a_day_one_may_import_and_the_trail_names_nobody(town):
    records = ListRecords(town.own.database)
    its = await a_list(records)
    one = await town.someone(INBOX)
    for _ in range(MOST_IMPORTS):
        await records.put(its, [town.people[one], *OTHERS], act(its, "add"), NOW, alone=False)
    with pytest.raises(TooOften):
        await records.put(its, OTHERS, act(its, "add"), NOW, alone=False)
    await records.put(its, OTHERS, act(its, "add"), NOW + timedelta(days=1), alone=False)
    async with town.own.database.begin() as connection:
        rows = (await connection.exec_driver_sql("SELECT what, content, detail, subject FROM trail")).all()
    assert len(rows) == MOST_IMPORTS + 2
    assert not any(str(word) in str(rows) for word in (one, *town.people.values(), *OTHERS))
