"""The journal as training reads it: only of residents who allow it at that moment, and under numbers alone."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from engine.choices import Choice
from engine.consent import Purpose
from engine.events import Chance, Impression, InteractionType
from engine.records.journal import Row
from engine.records.learning import LearningRecords
from tests.factories import in_force

NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO, ACT = NOW - timedelta(days=9), NOW - timedelta(days=5)
BOTH = (Purpose.ACTIVITY, Purpose.LEARNING)


@pytest.fixture
def journal(own):
    """Return what enrols somebody who granted purposes long ago, and did something with an offer of their name."""

    async def enrol(offer, purposes=BOTH, *acts):
        resident = await own.residents.enrol(uuid4())
        for purpose in purposes:
            await own.ledger.record(resident, purpose, granted=True, notice=in_force(purpose), now=LONG_AGO)
        times = acts or (ACT,)
        await own.journal.write([row(resident, offer, time) for time in times])
        return resident

    return enrol


def row(resident, offer, time, type_=InteractionType.SAVE, **changes):
    return Row(**({"resident": resident, "id": str(uuid4()), "offer": offer, "type": type_, "time": time,
                   "accepted": time} | changes))  # fmt: skip


async def read(own, now=NOW, most=1_000):
    """Return every chunk of acts that training reads."""
    return [deeds async for deeds, _ in LearningRecords(own.database).chunks(lambda: now, most)]


async def lists(own, now=NOW, **which):
    """Return the lists that training reads, one after another."""
    found = [shown async for _, shown in LearningRecords(own.database).chunks(lambda: now, **which)]
    return [one for shown in found for one in zip(*shown, strict=True)]


async def offers(own, now=NOW):
    return sorted(offer for deeds in await read(own, now) for offer in deeds.offers)


async def test_what_is_allowed_is_read_as_numbers(own, journal):
    residents = [await journal(f"o:{n}", BOTH, ACT, ACT + timedelta(seconds=n + 1)) for n in range(5)]
    chunks = await read(own, most=2)
    assert [len(set(deeds.people)) for deeds in chunks] == [2, 2, 1]
    assert sorted({person for deeds in chunks for person in deeds.people}) == [0, 1, 2, 3, 4]
    told = repr(chunks)
    assert not any(resident in told for resident in residents)
    assert {deeds.types[0] for deeds in chunks} == {"save"}
    assert all(deeds.times[0] == ACT.timestamp() for deeds in chunks)


async def test_what_chooses_or_takes_back_is_read_and_no_look(own, journal):
    resident = await journal("o:1")
    for n, type_ in enumerate(InteractionType, 1):
        stars = 2 if type_ is InteractionType.RATE else None
        await own.journal.write([row(resident, "o:1", ACT + timedelta(seconds=n), type_, value=stars)])
    (deeds,) = await read(own)
    assert set(deeds.types) == set(InteractionType) - {InteractionType.VIEW}
    assert {deeds.values[n] for n, type_ in enumerate(deeds.types) if type_ == "rate"} == {2}


async def test_an_empty_journal_is_no_chunk(own):
    assert await read(own) == []


async def test_residents_without_acts_are_no_chunk(own):
    resident = await own.residents.enrol(uuid4())
    for purpose in BOTH:
        await own.ledger.record(resident, purpose, granted=True, notice=in_force(purpose), now=LONG_AGO)
    assert await read(own) == []


@pytest.mark.parametrize("purposes", [(Purpose.ACTIVITY,), (Purpose.ACTIVITY, Purpose.MEASUREMENT)])
async def test_without_leave_for_learning_nothing_is_read(own, journal, purposes):
    await journal("o:never", purposes)
    await journal("o:ours")
    assert await offers(own) == ["o:ours"]


@pytest.mark.parametrize("purpose", BOTH)
async def test_of_whom_withdraws_nothing_is_read_from_then_on(own, journal, purpose):
    resident = await journal("o:withdrawn")
    await journal("o:ours")
    assert await offers(own) == ["o:ours", "o:withdrawn"]
    await own.ledger.record(resident, purpose, granted=False, notice=None, now=NOW)
    assert await offers(own) == ["o:ours"]


async def test_a_withdrawal_counts_between_two_chunks(own, journal):
    residents = sorted([await journal(f"o:{n}") for n in range(3)])
    reading = LearningRecords(own.database).chunks(lambda: NOW, 1)
    first = (await anext(reading)).deeds
    await own.ledger.record(residents[2], Purpose.LEARNING, granted=False, notice=None, now=NOW)
    rest = [deeds async for deeds, _ in reading]
    assert [len(deeds.people) for deeds in (first, *rest)] == [1, 1]


@pytest.mark.parametrize("purpose", BOTH)
async def test_nothing_from_before_the_latest_grant_is_read(own, journal, purpose):
    resident = await journal("o:before")
    await own.ledger.record(resident, purpose, granted=False, notice=None, now=NOW - timedelta(days=3))
    await own.ledger.record(resident, purpose, granted=True, notice=in_force(purpose), now=NOW - timedelta(days=2))
    assert await offers(own) == []
    await own.journal.write([row(resident, "o:after", NOW - timedelta(days=1))])
    assert await offers(own) == ["o:after"]


async def test_an_act_that_came_in_late_is_judged_by_when_it_was_accepted_and_when_it_was(own):
    resident = await own.residents.enrol(uuid4())
    await own.ledger.record(resident, Purpose.ACTIVITY, granted=True, notice=1, now=LONG_AGO)
    await own.ledger.record(resident, Purpose.LEARNING, granted=True, notice=in_force(Purpose.LEARNING), now=ACT)
    hour = timedelta(hours=1)
    await own.journal.write([
        row(resident, "o:done before, told later", ACT - hour, accepted=ACT + hour),
        row(resident, "o:after", ACT + hour, accepted=ACT + hour),
        row(resident, "o:in the second of the grant", ACT, accepted=ACT),
    ])  # fmt: skip
    assert await offers(own) == ["o:after", "o:in the second of the grant"]


async def test_who_has_paused_everything_is_not_read(own, journal):
    resident = await journal("o:paused")
    await own.ledger.choose(resident, Choice.PAUSE, on=True, now=NOW - timedelta(hours=1))
    assert await offers(own) == []
    await own.ledger.choose(resident, Choice.PAUSE, on=False, now=NOW)
    assert await offers(own) == ["o:paused"]


async def test_a_grant_that_a_dependant_has_outgrown_holds_no_more(own, journal):
    await journal("o:child")
    born = "(now() - interval '13 years 2 days')::date"
    await own.sql(f"INSERT INTO dependants SELECT pseudonym, {born}, 0 FROM residents")  # noqa: S608 - our own words
    assert await offers(own) == []


async def test_a_grant_of_a_notice_that_was_widened_since_is_suspended(own, journal):
    await journal("o:old")
    await own.sql("UPDATE consents SET notice = 0 WHERE purpose = 'learning'")
    assert await offers(own) == []


async def test_a_grant_from_the_future_is_none_yet(own, journal):
    await journal("o:early")
    await own.sql("UPDATE consents SET since = now() + interval '1 day' WHERE purpose = 'learning'")
    assert await offers(own) == []


async def test_what_is_older_than_is_kept_is_not_read_though_it_may_still_lie_there(own, journal):
    await journal("o:new")
    await own.sql(
        "UPDATE consents SET since = since - interval '500 days'",
        "INSERT INTO journal SELECT resident, 'old', 'o:old', type, time - interval '450 days', accepted, value, "
        "suggestion, context FROM journal",
    )
    assert await offers(own) == ["o:new"]


async def shown(own, resident, ago, *offers, purpose=Purpose.LEARNING, chance=None):
    """Keep that a resident was shown some offers so many days ago."""
    time = NOW - timedelta(days=ago)
    its = Impression(str(uuid4()), resident, time, "personal", offers, purpose=str(purpose), chance=chance)
    await own.journal.impressions([its])
    return time.timestamp()


async def test_a_list_is_read_if_something_of_it_was_chosen_within_a_week(own, journal):
    resident = await journal("o:1", BOTH, ACT)
    at = await shown(own, resident, 6, "o:0", "o:1", "o:2")
    await shown(own, resident, 4, "o:1", "o:2")
    await shown(own, resident, 6, "o:0", "o:2")
    await own.journal.write([row(resident, "o:2", ACT, InteractionType.VIEW), row(resident, "o:0", ACT - timedelta(2))])
    assert await lists(own) == [(0, at, ["o:0", "o:1", "o:2"], None, None)]


async def test_lists_are_read_under_the_numbers_of_the_acts(own, journal):
    for name in ("o:a", "o:b"):
        await shown(own, await journal(name), 6, "o:0", name)
    chunks = [chunk async for chunk in LearningRecords(own.database).chunks(lambda: NOW, 1)]
    assert [deeds.people for deeds, _ in chunks] == [lists.people for _, lists in chunks] == [(0,), (1,)]
    assert all(its.offers[0] in lists.offers[0] for its, lists in chunks)


@pytest.mark.parametrize("purpose", BOTH)
async def test_no_list_of_whom_withdraws_or_from_before_the_latest_grant_is_read(own, journal, purpose):
    resident = await journal("o:1")
    await shown(own, resident, 6, "o:1")
    assert len(await lists(own)) == 1
    await own.ledger.record(resident, purpose, granted=False, notice=None, now=NOW - timedelta(days=3))
    assert await lists(own) == []
    await own.ledger.record(resident, purpose, granted=True, notice=in_force(purpose), now=NOW - timedelta(days=2))
    assert await lists(own) == []


async def test_for_an_export_lists_with_a_chance_are_read_once_a_week_is_over(own, journal):
    resident = await journal("o:1", (*BOTH, Purpose.MEASUREMENT))
    at = await shown(own, resident, 8, "o:5", "o:6", chance=Chance(2, 0.25))
    await shown(own, await journal("o:2"), 8, "o:5", "o:6", chance=Chance(2, 0.25))
    await shown(own, resident, 8, "o:1")
    await shown(own, resident, 2, "o:1", chance=Chance(1, 0.9))
    assert await lists(own, tried=True) == [(0, at, ["o:5", "o:6"], 2, 0.25)]
