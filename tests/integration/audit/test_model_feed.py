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
from engine.offers import encode
from engine.ranker import Chosen
from engine.records.offers import OfferRecords
from engine.settings import Settings
from engine.taste import key
from models.archive import Archive
from models.artefact import ARRAYS
from tests.factories import NOW, offer
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
    opinions = live.ranker.facing(chosen, NOW.timestamp(), frozenset()).opinions(numbers)
    assert np.isfinite(opinions.scores).all()

    second = publish(archive, days=1)
    await feed.look()
    assert feed.name == second
    with archive.training():
        archive.roll_back()
    await feed.look()
    assert feed.name == first


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
