"""What came of a trial is read once in the background, told for some minutes, and then read anew."""

import asyncio
from datetime import timedelta

import pytest

from api.trials import KEPT, Trials
from engine.counts import Counts
from engine.errors import NotFound, StoreUnavailable
from engine.trial_results import Verdict
from models.archive import Archive
from tests.factories import NOW
from tests.unit.models.trained import MOMENT, card, learned


class Records:
    """Nobody's answers, when they are let be read."""

    def __init__(self):
        self.let, self.read, self.fails = asyncio.Event(), 0, False

    async def chunks(self, _trial, _until, _clock):
        self.read += 1
        await self.let.wait()
        if self.fails:
            raise StoreUnavailable
        return
        yield


@pytest.fixture
def archive(tmp_path):
    archive = Archive(tmp_path)
    with archive.training():
        archive.publish(learned()[3], card())
        archive.put_on_trial(learned()[3], card(made_at=MOMENT + timedelta(hours=1)), 0.1, NOW - timedelta(days=20))
    return archive


@pytest.fixture
async def asked(tmp_path):
    records, times = Records(), [NOW]
    trials = Trials(tmp_path, records, Counts(b"a secret"), lambda: times[-1], 0.01)
    yield trials, records, times
    await trials.close()


async def test_a_reading_is_begun_once_and_goes_on_without_whoever_asked(archive, asked):
    trials, records, times = asked
    assert archive.running(NOW)
    assert await trials.ask() is await trials.ask() is None
    assert records.read == 1
    records.let.set()
    told = await trials.ask()
    assert (told.running, told.verdict) == (True, Verdict.TOO_EARLY)
    assert await trials.ask() is told
    times.append(NOW + KEPT)
    assert await trials.ask() == told
    assert records.read == 2


async def test_when_the_trial_ends_it_is_read_anew(archive, asked):
    trials, records, _ = asked
    records.let.set()
    assert (await trials.ask()).running
    with archive.training():
        archive.end_trial(NOW)
    told = await trials.ask()
    assert (told.running, told.until, records.read) == (False, NOW, 2)


async def test_what_fails_is_said_and_tried_again(archive, asked):
    trials, records, _ = asked
    assert archive.running(NOW)
    records.let.set()
    records.fails = True
    with pytest.raises(StoreUnavailable):
        await trials.ask()
    records.fails = False
    assert await trials.ask() is not None


async def test_without_a_trial_or_with_one_that_was_changed_nothing_is_told(asked, tmp_path):
    trials, _, _ = asked
    with pytest.raises(NotFound, match="No model has been on trial"):
        await trials.ask()
    (tmp_path / "trial").write_text("nothing")
    for tell in (trials.ask, trials.results):
        with pytest.raises(NotFound, match="was changed"):
            await tell()
