"""What is told of a trial: too little until it is enough, never of few, and the same all day."""

from datetime import timedelta

import msgspec
import numpy as np
import pytest

from engine.comparison import KINDS, Difference, Followed
from engine.counts import Counts
from engine.trial import Trial
from engine.trial_results import SAYS, WINDOW, Verdict, judged, results
from tests.factories import NOW

TRIAL = Trial("new", "old", NOW, 0.1)
COUNTS = Counts(b"a secret")


class Records:
    """Residents of whom it is known what came of what they were shown."""

    def __init__(self, *chunks):
        self.its, self.asked = chunks, []

    async def chunks(self, _, until, clock):
        self.asked.append((until, clock()))
        for its in self.its:
            yield its


def followed(residents, share, *, on_trial, shown=10):
    led = np.full(residents, shown * share)
    led[::2] *= 1.2
    led[1::2] *= 0.8
    kinds = np.zeros((residents, KINDS))
    kinds[:, 0], kinds[:, 3] = led, led
    return Followed(np.full(residents, on_trial), np.full(residents, float(shown)), kinds)


async def tell(*chunks, days=20, trial=TRIAL):
    return await results(trial, Records(*chunks), COUNTS, lambda: NOW + timedelta(days=days), running=True)


async def test_within_the_first_week_nothing_is_read():
    records = Records(followed(500, 0.1, on_trial=True))
    told = await results(TRIAL, records, COUNTS, lambda: NOW + WINDOW, running=True)
    assert records.asked == []
    assert (told.verdict, told.difference, told.current.residents) == (Verdict.TOO_EARLY, None, None)
    assert told.counted_until == TRIAL.began


@pytest.mark.parametrize(("current", "on_trial"), [(99, 5_000), (5_000, 99), (5_000, 0), (0, 0)])
async def test_of_fewer_than_a_hundred_no_share_is_told(current, on_trial):
    told = await tell(followed(current, 0.1, on_trial=False), followed(on_trial, 0.3, on_trial=True))
    assert (told.verdict, told.difference) == (Verdict.TOO_EARLY, None)
    for group in (told.current, told.on_trial):
        assert (group.uptake, group.opened, group.impressions) == (None, None, None)


@pytest.mark.parametrize("few", [1, 9, 10])
async def test_of_ten_or_fewer_not_even_their_number_is_told(few):
    told = await tell(followed(5_000, 0.1, on_trial=False), followed(few, 0.3, on_trial=True))
    assert told.on_trial.residents is None
    assert told.current.residents % 10 == 0


async def test_numbers_are_rounded_and_the_same_all_day():
    chunks = (followed(1_003, 0.1234, on_trial=False), followed(457, 0.1567, on_trial=True))
    told = await tell(*chunks)
    assert abs(told.current.residents - 1_003) < 10
    assert told.current.impressions == 10_000
    assert (told.current.uptake, told.current.saved) == (0.123, 0.0)
    assert told == await tell(*chunks, days=20.4)
    assert told.counted_until.hour == 0


async def test_a_trial_that_ended_is_counted_to_its_end():
    ended = msgspec.structs.replace(TRIAL, ended=NOW + timedelta(days=5))
    told = await tell(followed(500, 0.1, on_trial=False), followed(500, 0.1, on_trial=True), trial=ended)
    assert told.counted_until == ended.ended


async def test_what_is_said_goes_with_the_numbers():
    told = await tell(followed(5_000, 0.10, on_trial=False), followed(2_000, 0.14, on_trial=True))
    assert told.verdict is Verdict.BETTER
    assert told.difference.low > 0
    assert told.says == SAYS[Verdict.BETTER]


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (None, Verdict.TOO_EARLY),
        (Difference(0.02, -0.01, 0.05), Verdict.TOO_LITTLE),
        (Difference(0.02, 0.001, 0.04), Verdict.BETTER),
        (Difference(-0.02, -0.04, -0.001), Verdict.WORSE),
        (Difference(0.001, -0.007, 0.009), Verdict.ALIKE),
    ],
)
def test_a_difference_is_judged_by_its_interval(found, verdict):
    assert judged(found) is verdict


def test_every_verdict_is_in_three_languages():
    assert set(SAYS) == set(Verdict)
    assert all(its.fi and its.sv and its.en for its in SAYS.values())
