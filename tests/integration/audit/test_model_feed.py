"""API processes answer from the newest model, and from the one before where the newest cannot be read."""

import os
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from api.model_feed import ModelFeed
from api.training_schedule import TrainingSchedule
from engine.catalogue import Catalogue
from engine.events import OfferChange
from engine.offers import Localized, encode
from engine.panel import ON_TRIAL
from engine.ranker import Chosen
from engine.records.offers import OfferRecords
from engine.settings import Settings
from engine.taste import key
from engine.trial import LASTS
from models.archive import Archive
from models.artefact import ARRAYS
from models.embedding import bundled
from tests.factories import NOW, offer
from tests.unit.models.topics import needs_extra
from tests.unit.models.trained import MOMENT, card, learned


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "models")


def publish(archive, days=0):
    with archive.training():
        return archive.publish(learned()[3], card(made_at=MOMENT + timedelta(days=days)))


async def test_the_newest_model_answers_and_learns_of_offers_that_came_since(own, archive, tmp_path):
    offers, catalogue = OfferRecords(own.database), Catalogue()
    feed = ModelFeed(tmp_path / "models", catalogue, offers, lambda: NOW)
    await feed.look()
    assert feed.name is None

    later = [offer(f"later:{n}", keywords="music") for n in range(3)]
    await offers.write([OfferChange(its.id, its.source, NOW, msgspec.Raw(encode(its))) for its in later], NOW)
    catalogue.apply({its.id: its for its in later})
    first = publish(archive)
    await feed.look()
    assert feed.name == first
    assert catalogue.unknown() == []
    live = catalogue.live(NOW)
    numbers = live.columns.number[live.rows, 0]
    assert (numbers >= len(learned()[0])).all()
    chosen = Chosen(np.array([key(learned()[0][0].id)], np.uint64), np.array([NOW.timestamp()]))
    opinions = live.ranker.facing(chosen, NOW.timestamp(), frozenset()).opinions(numbers, numbers)
    assert np.isfinite(opinions.scores).all()

    second = publish(archive, days=1)
    await feed.look()
    assert feed.name == second
    with archive.training():
        archive.roll_back()
    await feed.look()
    assert feed.name == first


@needs_extra
async def test_offers_that_are_embedded_are_learned_of_some_at_a_time(own, archive, tmp_path):
    offers, catalogue = OfferRecords(own.database), Catalogue()
    feed = ModelFeed(tmp_path / "models", catalogue, offers, lambda: NOW)
    later = [offer(f"later:{n}", name=Localized(sv=f"Klubben {n}")) for n in range(60)]
    await offers.write([OfferChange(its.id, its.source, NOW, msgspec.Raw(encode(its))) for its in later], NOW)
    catalogue.apply({its.id: its for its in later})
    with archive.training():
        archive.publish(learned(embedding=bundled())[3], card())
    await feed.look()
    assert len(catalogue.unknown()) == 10
    await feed.look()
    assert catalogue.unknown() == []
    live = catalogue.live(NOW)
    ranker = live.ranker
    latent = ranker.offers.dense[live.columns.number[live.rows, 0], : ranker.offers.solution.shape[0]]
    assert np.abs(latent).sum(axis=1).all()


async def test_a_model_with_a_flipped_byte_is_refused_and_the_one_before_keeps_answering(own, archive, tmp_path):
    catalogue = Catalogue()
    feed = ModelFeed(tmp_path / "models", catalogue, OfferRecords(own.database), lambda: NOW)
    first = publish(archive)
    await feed.look()
    damaged = tmp_path / "models" / publish(archive, days=1) / ARRAYS
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    ranker = catalogue.live(NOW).ranker
    await feed.look()
    await feed.look()
    assert feed.name == first
    assert catalogue.live(NOW).ranker is ranker


async def test_a_training_is_due_once_a_day_for_all_workers_and_its_words_are_kept(
    own, database_url, redis_url, addresses, tmp_path
):
    assert own
    at = {"kafka": addresses.kafka, "database": database_url, "redis": redis_url}
    settings, now = Settings(home=tmp_path, **at), datetime.now(UTC)
    schedules = [TrainingSchedule(settings) for _ in range(2)]
    assert all(schedule.due(now) for schedule in schedules)
    assert await schedules[0].look(now) == 1
    assert "nothing that may be learned from yet" in (tmp_path / "logs" / "train.log").read_text()
    assert await schedules[1].look(now) is None
    assert schedules[1].due(now + timedelta(hours=24, minutes=1))
    os.utime(tmp_path / "models" / "attempted", (0, 0))
    assert schedules[1].due(now)
    assert not TrainingSchedule(Settings(home=tmp_path, train_every_hours=0, **at)).due(now)


def put_on_trial(archive, days=1):
    with archive.training():
        return archive.put_on_trial(learned()[3], card(made_at=MOMENT + timedelta(days=days)), 0.5, NOW)


async def test_a_trial_is_followed_from_its_beginning_to_its_end(own, archive, tmp_path):
    offers, catalogue, times = OfferRecords(own.database), Catalogue(), [NOW]
    feed = ModelFeed(tmp_path / "models", catalogue, offers, lambda: times[-1])
    later = [offer(f"later:{n}", keywords="music") for n in range(3)]
    await offers.write([OfferChange(its.id, its.source, NOW, msgspec.Raw(encode(its))) for its in later], NOW)
    catalogue.apply({its.id: its for its in later})
    first = publish(archive)
    await feed.look()
    assert feed.on_trial is None
    tried = put_on_trial(archive)
    await feed.look()
    assert (feed.name, feed.on_trial) == (first, tried)
    assert catalogue.unknown() == catalogue.unknown(ON_TRIAL) == []
    live = catalogue.live(NOW)
    assert live.panel.trial == archive.trial()
    assert live.columns.factors.shape[1] == sum(its.factors.shape[1] for its in live.panel.rankers)
    assert live.columns.number.shape[1] == 2

    times.append(NOW + LASTS)
    await feed.look()
    assert (feed.name, feed.on_trial) == (first, None)
    assert catalogue.live(NOW).columns.number.shape[1] == 1
    times.append(NOW)
    await feed.look()
    assert feed.on_trial == tried
    with archive.training():
        archive.end_trial(NOW)
    await feed.look()
    assert feed.on_trial is None


async def test_what_is_promoted_answers_everybody(own, archive, tmp_path):
    catalogue = Catalogue()
    feed = ModelFeed(tmp_path / "models", catalogue, OfferRecords(own.database), lambda: NOW)
    publish(archive)
    tried = put_on_trial(archive)
    await feed.look()
    with archive.training():
        archive.promote(NOW)
    await feed.look()
    assert (feed.name, feed.on_trial) == (tried, None)
    assert catalogue.live(NOW).panel.trial is None


@pytest.mark.parametrize("what", ["model", "missing", "trial"])
async def test_a_trial_that_cannot_be_read_harms_nobody_and_is_said_once(own, archive, tmp_path, what, capsys):
    catalogue = Catalogue()
    feed = ModelFeed(tmp_path / "models", catalogue, OfferRecords(own.database), lambda: NOW)
    first, tried = publish(archive), put_on_trial(archive)
    if what == "trial":
        (tmp_path / "models" / "trial").write_text("nothing")
    elif what == "missing":
        (tmp_path / "models" / tried / ARRAYS).unlink()
    else:
        (tmp_path / "models" / tried / ARRAYS).write_bytes(b"")
    for _ in range(3):
        await feed.look()
    assert (feed.name, feed.on_trial) == (first, None)
    assert catalogue.live(NOW).panel.trial is None
    told = capsys.readouterr()
    assert (told.out + told.err).count("trial refused") == 1


async def test_while_a_trial_runs_no_training_is_due(archive, tmp_path):
    publish(archive)
    now = datetime.now(UTC)
    schedule = TrainingSchedule(Settings(home=tmp_path))
    assert schedule.due(now)
    with archive.training():
        archive.put_on_trial(learned()[3], card(made_at=MOMENT + timedelta(days=1)), 0.1, now)
    assert not schedule.due(now + timedelta(days=2))
    assert schedule.due(now + LASTS)
    (tmp_path / "models" / "trial").write_text("nothing")
    assert schedule.due(now)
