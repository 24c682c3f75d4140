import hashlib
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from engine.errors import TooLittle
from models.archive import Archive
from models.artefact import ARRAYS, CARD, load
from models.card import Card
from models.embedding import bundled
from models.exposure import STRONGEST
from models.material import LEAST_CHOOSERS, Material
from models.matrix import Interactions
from models.report import MAIN
from models.snapshot import DAY
from models.training import suggested, train
from tests.unit.models.topics import needs_extra
from tests.unit.models.worlds import NOW, TOPICS, ahead, world

AT = datetime.fromtimestamp(NOW, UTC)


def material(people=120, weeks=30, seed=0):
    items, chosen = world(people, weeks, seed)
    items = [
        msgspec.structs.replace(item, kind=("event", "course")[n % 2], area=("north", "south")[n % 3 // 2])
        for n, item in enumerate(items)
    ]
    return Material(tuple(items), chosen, people, ahead(items))


def trained(given, folder, seed=0):
    archive = Archive(folder)
    with archive.training():
        return train(
            given,
            archive,
            now=AT,
            seed=seed,
            disclosed=lambda count, _: count // 10 * 10 or None,
            told=lambda _: None,
        )


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "models"
    return folder, trained(material(), folder)


def test_a_first_model_is_published_with_its_card(first):
    folder, outcome = first
    found = load(folder / outcome.published)
    assert Archive(folder).current().name == outcome.published
    card = found.card
    assert (card.counted.residents, card.counted.live) == (120, 16)
    assert card.least == LEAST_CHOOSERS
    assert card.judged.figures["this"][MAIN].value > card.judged.figures["popular"][MAIN].value
    assert card.judged.above["popular"][MAIN].low > 0
    assert {"kind: event", "kind: course", "district: north", "language: en"} <= set(card.judged.slices)
    assert {"new offers", "experienced residents"} & {*card.judged.slices, *card.judged.too_few}
    assert card.judged.running is None
    assert card.judged.exposure["this"].gini > 0
    assert 0 <= card.sharing <= STRONGEST
    assert card.versions["scikit-learn"]
    assert card.features == found.model.blend.names


@needs_extra
def test_what_offers_mean_becomes_part_of_a_model_and_its_card_says_by_what(first, tmp_path):
    plain, embedding = load(first[0] / first[1].published), bundled()
    outcome = trained(replace(material(), embedding=embedding), tmp_path / "models")
    found = load(tmp_path / "models" / outcome.published)
    assert (plain.card.embedding, found.card.embedding) == (None, embedding.name)
    assert (plain.model.projection.has_meaning, found.model.projection.has_meaning) == (False, True)
    assert found.card.judged.above["popular"][MAIN].low > 0


def test_what_is_published_ranks_what_is_to_come(first):
    folder, outcome = first
    model, given = load(folder / outcome.published).model, material()
    faced = model.facing(given.chosen.before(NOW), given.people, NOW)
    best = dict(faced.rank(np.arange(given.people), given.live))
    liked = [model.items[best[person][0]].id.startswith(TOPICS[person % len(TOPICS)]) for person in best]
    assert np.mean(liked) > 0.95


def test_a_model_as_good_takes_over_and_its_card_says_from_which(first, tmp_path):
    folder, outcome = first
    again = trained(material(), copied(folder, tmp_path), seed=1)
    assert again.published
    card = load(tmp_path / "models" / again.published).card
    assert card.judged.running == f"{outcome.published}, its re-ranker"
    assert set(card.judged.figures) == {"this", "popular", "running"}


def copied(folder, where):
    return shutil.copytree(folder, where / "models")


def test_a_model_that_serves_somebody_worse_is_kept_back_and_it_is_said_where(first, tmp_path):
    folder, outcome = first
    home, given = copied(folder, tmp_path), material()
    # Who did something is now told of the wrong offers: whoever learns from that knows nothing.
    rng = np.random.default_rng(5)
    cut = given.ends - given.horizon
    offers = given.chosen.offers.copy()
    early = given.chosen.times < cut
    offers[early] = rng.permutation(offers[early])
    spoilt = Material(
        given.items,
        Interactions(given.chosen.people, offers, given.chosen.times, given.chosen.weights),
        120,
        given.live,
    )
    older_card(home, outcome.published, cut - DAY)
    kept = trained(spoilt, home)
    assert kept.published is None
    assert any(reason.startswith("known offers: NDCG@10 is") for reason in kept.worse)
    assert all("below running" in reason or "below popular" in reason for reason in kept.worse)
    assert len(Archive(home).names()) == 1


def older_card(home, name, made_at):
    """Let the model of a home have been made earlier, so that it is compared as it is."""
    folder = home / name
    card = msgspec.json.decode((folder / CARD).read_bytes(), type=Card)
    content = msgspec.json.encode(msgspec.structs.replace(card, made_at=datetime.fromtimestamp(made_at, UTC)))
    (folder / CARD).write_bytes(content)
    renamed = f"{name.split('-')[0]}-{hashlib.sha256(content).hexdigest()[:12]}"
    folder.rename(home / renamed)
    (home / "current").write_text(f"{renamed}\n")


def test_a_running_model_that_cannot_be_read_is_no_obstacle_and_is_told_of(first, tmp_path):
    folder, outcome = first
    home = copied(folder, tmp_path)
    (home / outcome.published / ARRAYS).write_bytes(b"")
    said, archive = [], Archive(home)
    with archive.training():
        again = train(material(), archive, now=AT, seed=0, disclosed=lambda count, _: count, told=said.append)
    assert again.published
    assert any("cannot be compared with" in sentence and ARRAYS in sentence for sentence in said)


def test_a_model_of_other_offers_can_be_judged_too(first):
    folder, outcome = first
    model, given = load(folder / outcome.published).model, material()
    fresh = [msgspec.structs.replace(item, id=f"{item.id}-anew") for item in given.items]
    lists = suggested(model, Material(tuple(fresh), given.chosen, 120, given.live).split()).lists
    assert lists
    assert all((best >= 0).all() and (best < len(fresh)).all() for best in lists.values())


def retimed(given, times):
    chosen = given.chosen
    return Material(given.items, Interactions(chosen.people, chosen.offers, times, chosen.weights), 120, given.live)


def limited(given, mask):
    chosen = given.chosen.taken(mask)
    return Material(given.items, chosen, int(chosen.people.max(initial=-1)) + 1, given.live)


LITTLE = {
    "an empty journal": (lambda its: np.zeros(len(its), bool), "nothing that may be learned from"),
    "one resident": (lambda its: its.people == 0, "more than 10 residents"),
    "ten residents": (lambda its: its.people < 10, "more than 10 residents"),
    "one offer": (lambda its: its.offers == 40, "one offer"),
    "few lately": (lambda its: (its.times < NOW - 40 * DAY) | (its.people < 15), "too few to judge"),
}


@pytest.mark.parametrize("case", LITTLE)
def test_too_little_is_a_sentence_and_nothing_is_published(case, tmp_path):
    which, said = LITTLE[case]
    given = material(people=60)
    with pytest.raises(TooLittle, match=said) as refused:
        trained(limited(given, which(given.chosen)), tmp_path)
    assert refused.value.detail.endswith("nothing was published.")
    assert Archive(tmp_path).names() == ()


def test_where_all_offers_are_new_nothing_is_published(tmp_path):
    given = material()
    early = given.chosen.people // len(TOPICS) == given.chosen.offers % 30
    late = np.where(early, given.chosen.times, NOW - DAY)
    with pytest.raises(TooLittle, match="All offers are new"):
        trained(retimed(given, late), tmp_path)
    assert Archive(tmp_path).names() == ()


def test_a_journal_of_one_day_is_judged_by_its_newest_fifth():
    given = material()
    spread = NOW - DAY + np.linspace(0, DAY, len(given.chosen))
    day = retimed(given, spread)
    assert day.horizon == pytest.approx(DAY / 5, rel=0.01)
    split = day.split()
    assert split.folds[0].ends - split.folds[0].starts == pytest.approx(day.horizon)
    assert set(np.concatenate(list(split.folds[0].truth.values()))) <= set(split.folds[0].candidates)
