"""`vinkki train` as anybody runs it, on a home in which synthetic residents have lived for some days."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from engine.consent import Purpose
from engine.events import OfferChange
from engine.offers import encode
from engine.records.journal import Row
from engine.records.offers import OfferRecords
from models.archive import Archive
from models.artefact import ARRAYS, CARD, OFFERS
from models.simulation import day
from models.simulation import residents as synthetic
from stream.sources.sample_catalogue import sample_offers
from tests.unit.models.trained import MOMENT, card, learned

DAYS, PEOPLE = 5, 140
NOW = datetime.now(UTC)


@pytest.fixture
def vinkki(database_url, redis_url, addresses, tmp_path):
    """Run a command as a person does."""

    def run(*words):
        given = {
            "VINKKI_KAFKA": addresses.kafka,
            "VINKKI_DATABASE": database_url,
            "VINKKI_REDIS": redis_url,
            "VINKKI_HOME": str(tmp_path),
        }
        command = [sys.executable, "-m", "api", *words]
        return subprocess.run(command, env=os.environ | given, capture_output=True, text=True, timeout=500, check=False)

    return run


async def live(own):
    """Let synthetic residents, all of whom allow learning, live for some days; return their pseudonyms."""
    catalogue = sample_offers(NOW.date())
    changes = [OfferChange(offer.id, offer.source, NOW, msgspec.Raw(encode(offer))) for offer in catalogue]
    await OfferRecords(own.database).write(changes, NOW)
    people, names = synthetic(PEOPLE, 1, catalogue), {}
    for person in people:
        names[person.id] = resident = await own.residents.enrol(person.id)
        for purpose in (Purpose.ACTIVITY, Purpose.LEARNING):
            await own.ledger.record(resident, purpose, granted=True, notice=1, now=NOW - timedelta(days=DAYS + 1))
    for ago in range(DAYS):
        visits = day(people, catalogue, now=NOW - timedelta(days=ago, seconds=1), seed=ago)
        rows = [
            Row(names[who.id], its.id, its.offer, its.type, its.time, its.time, its.value)
            for who, did in visits
            for its in did
        ]
        await own.journal.write(rows)
    return list(names.values())


async def test_a_home_trains_and_publishes_and_nobody_is_in_what_it_publishes(own, vinkki, tmp_path):
    residents = await live(own)
    done = vinkki("train", "--seed", "1")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Reading the journal" in done.stdout
    assert "Published: " in done.stdout
    archive = Archive(tmp_path / "models")
    first = archive.current()
    assert first.name in done.stdout
    assert first.card.seed == 1
    assert first.card.counted.residents % 10 == 0
    assert len(residents) not in {n for array in first.model.arrays().values() for n in array.shape}
    nobody_is_in(tmp_path / "models" / first.name, residents)

    assert vinkki("audit", "leaks").returncode == 0
    plant(tmp_path / "models" / first.name / ARRAYS, residents[7])
    found = vinkki("audit", "leaks")
    assert found.returncode == 1
    assert ARRAYS in found.stderr
    assert residents[7] not in found.stderr + found.stdout


def nobody_is_in(folder, residents):
    told = b"".join((folder / name).read_bytes() for name in (CARD, ARRAYS, OFFERS))
    assert not any(resident.encode() in told for resident in residents)


def plant(path, resident):
    """Write a pseudonym into an artefact, as a careless version might."""
    with np.load(path) as found:
        arrays = {name: found[name] for name in found.files}
    np.savez(path, who=np.frombuffer(resident.encode(), np.uint8), **arrays)


async def test_the_model_before_comes_back_and_then_there_is_none_before(vinkki, tmp_path):
    archive, model = Archive(tmp_path / "models"), learned()[3]
    with archive.training():
        first = archive.publish(model, card())
        archive.publish(model, card(made_at=MOMENT + timedelta(days=1)))
    back = vinkki("train", "--roll-back")
    assert (back.returncode, back.stdout) == (0, f"Current is now {first}.\n")
    assert archive.current().name == first
    again = vinkki("train", "--roll-back")
    assert again.returncode == 1
    assert again.stderr == "vinkki: There is no model before the current one; nothing was changed.\n"


async def test_an_empty_home_is_told_what_is_missing(own, vinkki, tmp_path):
    assert own
    done = vinkki("train")
    assert done.returncode == 1
    assert done.stderr == ("vinkki: The journal holds nothing that may be learned from yet; nothing was published.\n")
    assert Archive(tmp_path / "models").names() == ()
    assert "no model before" in vinkki("train", "--roll-back").stderr


async def test_a_second_training_at_the_same_time_is_refused(vinkki, tmp_path):
    with Archive(tmp_path / "models").training():
        for words in (["train"], ["train", "--roll-back"]):
            done = vinkki(*words)
            assert done.returncode == 1
            assert done.stderr == "vinkki: Another training is under way on this home; wait until it is done.\n"
