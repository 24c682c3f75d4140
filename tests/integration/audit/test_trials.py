"""What came of a trial, on the real database: each resident for the model they are drawn for, as they allow it now."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import text

from engine.choices import Choice
from engine.comparison import ANY, OPENED, REGISTERED, SAVED
from engine.consent import Purpose
from engine.counts import Counts
from engine.events import Impression, InteractionType
from engine.records.journal import Row
from engine.records.trials import TrialRecords
from engine.trial import Lots, Trial
from engine.trial_results import WINDOW, Verdict, results
from tests.factories import in_force

NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO, BEGAN, SHOWN = NOW - timedelta(days=30), NOW - timedelta(days=20), NOW - timedelta(days=12)
TRIAL = Trial("new", "old", BEGAN, 0.5)
UNTIL, LOTS = NOW - WINDOW, Lots(b"a secret of the house")
BOTH = (Purpose.ACTIVITY, Purpose.MEASUREMENT)
OFFERS = ("o:1", "o:2")


class Town:
    """Residents of a database of one's own."""

    def __init__(self, own) -> None:
        self.own, self.records = own, TrialRecords(own.database, LOTS)

    async def enrol(self, *purposes):
        resident = await self.own.residents.enrol(uuid4())
        for purpose in purposes or BOTH:
            await self.own.ledger.record(resident, purpose, granted=True, notice=in_force(purpose), now=LONG_AGO)
        return resident

    async def drawn(self, *, on_trial):
        """Enrol somebody who is drawn for the model on trial, or not."""
        while True:
            resident = await self.own.residents.enrol(uuid4())
            if LOTS.drawn(TRIAL, resident) is on_trial:
                for purpose in BOTH:
                    await self.own.ledger.record(
                        resident, purpose, granted=True, notice=in_force(purpose), now=LONG_AGO
                    )
                return resident

    async def show(self, resident, time=SHOWN, model=None, purpose=Purpose.MEASUREMENT):
        named = model or ("new" if LOTS.drawn(TRIAL, resident) else "old")
        shown = Impression(uuid4().hex, resident, time, "personal", OFFERS, str(purpose), model=named)
        await self.own.journal.impressions([shown])
        return shown.suggestion

    async def do(self, resident, type_="open", after=timedelta(hours=1), offer="o:1", **more):
        time = SHOWN + after
        act = {"resident": resident, "id": str(uuid4()), "offer": offer, "type": InteractionType(type_), "time": time}
        await self.own.journal.write([Row(**({"accepted": time} | act | more))])

    async def read(self, most=1_000, now=NOW, until=UNTIL):
        """Return what is read, all chunks in one: (on trial, shown, kinds) by resident."""
        chunks = [its async for its in self.records.chunks(TRIAL, until, lambda: now, most)]
        rows = [row for its in chunks for row in zip(*(column.tolist() for column in its), strict=True)]
        return sorted((on_trial, shown, *kinds) for on_trial, shown, kinds in rows)

    async def shown(self):
        return sum(row[1] for row in await self.read())


@pytest.fixture
def town(own):
    return Town(own)


async def test_each_arm_is_read_with_what_followed(town):
    one, other = await town.drawn(on_trial=True), await town.drawn(on_trial=False)
    for resident in (one, other):
        await town.show(resident)
        await town.show(resident, SHOWN + timedelta(hours=5))
    await town.do(one, "open")
    await town.do(one, "save", timedelta(hours=6))
    await town.do(other, "register")
    empty = {OPENED: 0.0, SAVED: 0.0, REGISTERED: 0.0}
    first = (False, 2.0, *(empty | {REGISTERED: 1.0, ANY: 1.0}).values())
    # What was saved in the end was shown by both answers.
    second = (True, 2.0, *(empty | {OPENED: 1.0, SAVED: 2.0, ANY: 2.0}).values())
    assert await town.read() == [first, second]
    assert await town.read(most=1) == [first, second]


@pytest.mark.parametrize(
    ("act", "counts"),
    [
        ({}, True),
        ({"after": WINDOW - timedelta(seconds=1)}, True),
        ({"after": WINDOW}, False),
        ({"after": -timedelta(seconds=1)}, False),
        ({"offer": "o:3"}, False),
        ({"type_": "view"}, False),
        ({"type_": "dismiss"}, False),
    ],
)
async def test_an_answer_led_to_what_was_done_with_its_offers_within_a_week(town, act, counts):
    resident = await town.enrol()
    await town.show(resident)
    await town.do(resident, **act)
    ((_, _, *kinds),) = await town.read()
    assert kinds[ANY] == counts


async def test_an_act_that_names_the_answer_counts_for_it_and_one_of_another_resident_does_not(town):
    resident, other = await town.enrol(), await town.enrol()
    suggestion = await town.show(resident)
    await town.do(other, offer="o:1")
    assert [row[2 + ANY] for row in await town.read()] == [0]
    await town.do(resident, offer="o:elsewhere", suggestion=suggestion)
    assert [row[2 + ANY] for row in await town.read()] == [1]


async def test_what_was_shown_before_the_trial_or_is_less_than_a_week_ago_does_not_count(town):
    resident = await town.enrol()
    await town.show(resident, BEGAN - timedelta(seconds=1))
    await town.show(resident, UNTIL)
    assert await town.read() == []
    await town.show(resident, BEGAN)
    await town.show(resident, UNTIL - timedelta(seconds=1))
    assert await town.shown() == 2


async def test_an_answer_of_the_model_that_was_not_the_residents_is_left_out(town):
    resident = await town.drawn(on_trial=True)
    await town.show(resident, model="old")
    await town.show(resident, model="older")
    assert await town.read() == []
    await town.show(resident)
    assert await town.shown() == 1


@pytest.mark.parametrize("purposes", [(Purpose.ACTIVITY, Purpose.MEASUREMENT), (Purpose.ACTIVITY, Purpose.LEARNING)])
async def test_whoever_withdraws_is_out_of_the_results_at_once(town, purposes):
    stays, goes = await town.enrol(*purposes), await town.enrol(*purposes)
    for resident in (stays, goes):
        await town.show(resident, purpose=purposes[1])
    assert await town.shown() == 2
    for purpose in purposes:
        await town.own.ledger.record(goes, purpose, granted=False, notice=None, now=NOW)
        assert await town.shown() == 1
        await town.own.ledger.record(goes, purpose, granted=True, notice=in_force(purpose), now=NOW)
        # A new grant opens nothing from before it.
        assert await town.shown() == 1


async def test_a_withdrawal_of_measurement_alone_leaves_what_learning_opens(town):
    resident = await town.enrol(Purpose.ACTIVITY, Purpose.MEASUREMENT, Purpose.LEARNING)
    await town.show(resident)
    await town.own.ledger.record(resident, Purpose.MEASUREMENT, granted=False, notice=None, now=NOW)
    assert await town.shown() == 1
    await town.own.records.forget(NOW, NOW, resident)
    assert await town.shown() == 0


async def test_without_leave_for_both_nothing_is_read(town):
    for purposes in ((Purpose.ACTIVITY, Purpose.INTERESTS), (Purpose.MEASUREMENT,), (Purpose.LEARNING,)):
        resident = await town.enrol(*purposes)
        await town.show(resident, purpose=purposes[0] if len(purposes) == 1 else Purpose.MEASUREMENT)
    assert await town.read() == []


async def test_who_has_paused_everything_is_not_read(town):
    resident = await town.enrol()
    await town.show(resident)
    await town.own.ledger.choose(resident, Choice.PAUSE, on=True, now=NOW - timedelta(hours=1))
    assert await town.read() == []


async def test_a_withdrawal_counts_between_two_chunks(town):
    residents = sorted([await town.enrol() for _ in range(3)])
    for resident in residents:
        await town.show(resident)
    reading = town.records.chunks(TRIAL, UNTIL, lambda: NOW, 1)
    await anext(reading)
    await town.own.ledger.record(residents[2], Purpose.ACTIVITY, granted=False, notice=None, now=NOW)
    assert len([its async for its in reading]) == 1


async def test_the_models_name_is_part_of_what_is_known_of_a_resident(town):
    resident = await town.enrol()
    await town.show(resident, model="old")
    async with town.own.database.begin() as connection:
        found = await connection.execute(text("SELECT model FROM impressions WHERE resident = :r"), {"r": resident})
        assert found.scalars().all() == ["old"]


async def test_of_a_trial_of_hundreds_the_better_model_is_told(town):
    dice = np.random.default_rng(1)

    async def live(n):
        resident = await town.enrol()
        for turn in range(3):
            await town.show(resident, SHOWN + turn * timedelta(hours=2))
        if dice.random() < (0.6 if LOTS.drawn(TRIAL, resident) else 0.1):
            await town.do(resident, after=timedelta(minutes=30 + n))
        return resident

    residents = [one for n in range(0, 260, 20) for one in await asyncio.gather(*(live(n + m) for m in range(20)))]

    async def tell():
        return await results(TRIAL, town.records, Counts(b"a secret"), lambda: NOW, running=True)

    told = await tell()
    assert told.verdict is Verdict.BETTER
    assert told.on_trial.uptake > 0.15 > told.current.uptake
    sides = {side: sum(LOTS.drawn(TRIAL, one) is side for one in residents) for side in (True, False)}
    assert abs(told.on_trial.residents - sides[True]) < 10
    assert abs(told.current.residents - sides[False]) < 10

    tried = [one for one in residents if LOTS.drawn(TRIAL, one)]
    for one in tried[95:]:
        await town.own.ledger.record(one, Purpose.MEASUREMENT, granted=False, notice=None, now=NOW)
    after = await tell()
    assert (after.verdict, after.on_trial.uptake) == (Verdict.TOO_EARLY, None)
