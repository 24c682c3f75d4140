"""The journal as training reads it: only of residents who allow it at that moment, and under numbers alone."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from engine.choices import Choice
from engine.consent import Purpose
from engine.events import InteractionType
from engine.records.journal import Row
from engine.records.learning import LearningRecords

NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO, ACT = NOW - timedelta(days=9), NOW - timedelta(days=5)
BOTH = (Purpose.ACTIVITY, Purpose.LEARNING)


@pytest.fixture
def journal(own):
    """Return what enrols somebody who granted purposes long ago, and did something with an offer of their name."""

    async def enrol(offer, purposes=BOTH, *acts):
        resident = await own.residents.enrol(uuid4())
        for purpose in purposes:
            await own.ledger.record(resident, purpose, granted=True, notice=1, now=LONG_AGO)
        times = acts or (ACT,)
        await own.journal.write([row(resident, offer, time) for time in times])
        return resident

    return enrol


def row(resident, offer, time, type_=InteractionType.SAVE, **changes):
    return Row(**({"resident": resident, "id": str(uuid4()), "offer": offer, "type": type_, "time": time,
                   "accepted": time} | changes))  # fmt: skip


async def read(own, now=NOW, most=1_000):
    """Return every chunk that training reads."""
    return [deeds async for deeds in LearningRecords(own.database).chunks(lambda: now, most)]


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


async def test_an_empty_journal_is_no_chunk(own):
    assert await read(own) == []


async def test_residents_without_acts_are_no_chunk(own):
    resident = await own.residents.enrol(uuid4())
    for purpose in BOTH:
        await own.ledger.record(resident, purpose, granted=True, notice=1, now=LONG_AGO)
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
    first = await anext(reading)
    await own.ledger.record(residents[2], Purpose.LEARNING, granted=False, notice=None, now=NOW)
    rest = [deeds async for deeds in reading]
    assert [len(deeds.people) for deeds in (first, *rest)] == [1, 1]


@pytest.mark.parametrize("purpose", BOTH)
async def test_nothing_from_before_the_latest_grant_is_read(own, journal, purpose):
    resident = await journal("o:before")
    await own.ledger.record(resident, purpose, granted=False, notice=None, now=NOW - timedelta(days=3))
    await own.ledger.record(resident, purpose, granted=True, notice=1, now=NOW - timedelta(days=2))
    assert await offers(own) == []
    await own.journal.write([row(resident, "o:after", NOW - timedelta(days=1))])
    assert await offers(own) == ["o:after"]


async def test_an_act_that_came_in_late_is_judged_by_when_it_was_accepted_and_when_it_was(own):
    resident = await own.residents.enrol(uuid4())
    await own.ledger.record(resident, Purpose.ACTIVITY, granted=True, notice=1, now=LONG_AGO)
    await own.ledger.record(resident, Purpose.LEARNING, granted=True, notice=1, now=ACT)
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
