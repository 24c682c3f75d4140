"""What answers and what learns work the same features out; that is held together here."""

import numpy as np
import pytest

from engine.ranker import Chosen, Part
from engine.taste import key
from models import closer
from models.artefact import Artefact
from models.context import Seats, Setting, described
from models.embedding import bundled
from models.item import item
from models.serving import ServingRanker
from models.snapshot import found
from tests.factories import offer, place
from tests.unit.models.topics import needs_extra
from tests.unit.models.trained import PEOPLE, card, learned
from tests.unit.models.worlds import NOW, ahead


@pytest.fixture(scope="module")
def ranker():
    return ranker_of(learned()[3])


def ranker_of(model):
    return ServingRanker.of(Artefact("20261122T100000Z-0123456789ab", card(), model))


def history(person):
    """What a resident of the small world chose, each once, at the latest time."""
    items, interactions, _, _ = learned()
    before = interactions.before(NOW)
    own = before.taken(before.people == person)
    offers = np.unique(own.offers)
    times = np.array([own.times[own.offers == offer].max() for offer in offers])
    return Chosen(np.array([key(items[n].id) for n in offers], np.uint64), times), offers


def asked(ranker, person, off=frozenset()):
    return ranker.facing(history(person)[0], NOW, off)


def unlimited(numbers):
    """The seats left of offers none of which has a limit."""
    return np.full(len(numbers), -1, np.int32)


def opinions(facing, numbers):
    """What a model thinks of offers whose seats have no limit."""
    return facing.opinions(numbers, unlimited(numbers))


def slowly(person, numbers):
    """Return features and log-odds of some offers the way training does."""
    _, interactions, _, model = learned()
    before = interactions.before(NOW)
    faced = model.facing(before, PEOPLE, NOW).snapshot
    (pairs,) = found(faced, np.array([person]), numbers, kept=len(numbers))
    told = described(pairs, faced, Setting.of(model.items), numbers)
    return numbers[told.columns], told.features, model.blend.scores(told.features)


def test_how_strongly_exposure_is_shared_out_comes_with_the_model():
    its = ServingRanker.of(Artefact("20261122T100000Z-0123456789ab", card(sharing=0.07), learned()[3]))
    assert its.sharing == 0.07
    assert its.knowing([offer("t:new", keywords="swimming")]).sharing == 0.07


@pytest.mark.parametrize("person", range(0, PEOPLE, 9))
def test_an_answer_looks_at_the_same_features_as_training(ranker, person):
    items = learned()[0]
    numbers, features, odds = slowly(person, ahead(items))
    facing = asked(ranker, person)
    table = closer.describe(
        ranker.offers, facing.who, numbers.astype(np.int32), unlimited(numbers), NOW, ranker.scratch()
    )
    for name, column in features.items():
        assert table[:, closer.NAMES.index(name)] == pytest.approx(column, rel=2e-3, abs=2e-3, nan_ok=True), name
    its = opinions(facing, numbers.astype(np.int32))
    assert its.scores == pytest.approx(odds - odds.mean(), abs=0.02)
    assert its.parts.sum(axis=1) == pytest.approx(its.scores, abs=1e-5)


def test_the_blend_knows_no_feature_that_answers_lack():
    assert set(learned()[3].blend.names) <= set(closer.NAMES)


def test_how_many_seats_are_left_now_counts_as_it_did_in_training():
    items, interactions, _, model = learned(limited=True)
    assert "seats_left" in model.blend.names
    ranker = ServingRanker.of(Artefact("20261122T100000Z-0123456789ab", card(), model))
    numbers = ahead(items).astype(np.int32)
    faced = model.facing(interactions.before(NOW), PEOPLE, NOW).snapshot
    (pairs,) = found(faced, np.array([2]), numbers, kept=len(numbers))
    told = described(pairs, faced, Setting.of(items), numbers).features
    some, facing = numbers[pairs.columns], asked(ranker, 2)
    left = Seats.of(items).at(NOW)[some]
    assert len(np.unique(left)) > 2
    table = closer.describe(ranker.offers, facing.who, some, left, NOW, ranker.scratch())
    for name, column in told.items():
        assert table[:, closer.NAMES.index(name)] == pytest.approx(column, rel=2e-3, abs=2e-3, nan_ok=True), name
    odds = model.blend.scores({name: table[:, closer.NAMES.index(name)] for name in model.blend.names})
    assert facing.opinions(some, left).scores == pytest.approx(odds - odds.mean(), abs=0.02)
    limited, others = left >= 0, left < 0
    apart = [
        (its := facing.opinions(some, np.where(limited, seats, -1).astype(np.int32)).scores)[limited].mean()
        - its[others].mean()
        for seats in (1, 30)
    ]
    assert abs(apart[0] - apart[1]) > 1e-3


def test_room_is_left_as_it_was_found(ranker):
    numbers = np.arange(12, dtype=np.int32)
    first = opinions(asked(ranker, 0), numbers).scores
    opinions(asked(ranker, 7), numbers)
    assert (opinions(asked(ranker, 0), numbers).scores == first).all()
    assert not ranker.scratch().profile.any()
    assert not ranker.scratch().together.any()


def test_of_what_is_unknown_or_chosen_already_nothing_is_thought(ranker):
    chosen, offers = history(0)
    told = opinions(asked(ranker, 0), np.array([-1, offers[0], ahead(learned()[0])[0]], np.int32))
    assert told.scores[:2].tolist() == [0, 0]
    assert ranker.facing(Chosen(np.array([1, 2], np.uint64), np.array([NOW, NOW])), NOW, frozenset()) is None
    assert ranker.facing(Chosen(np.zeros(0, np.uint64), np.zeros(0)), NOW, frozenset()) is None
    assert len(chosen.offers)


@pytest.mark.parametrize("part", [Part.TOPIC, Part.ALIKE, Part.POPULAR, Part.PLACE, Part.ORGANISER, Part.TIME])
def test_a_part_that_is_turned_off_moves_nothing(ranker, part):
    numbers = ahead(learned()[0]).astype(np.int32)
    everything = opinions(asked(ranker, 3), numbers).parts
    without = asked(ranker, 3, frozenset({part}))
    assert np.abs(opinions(without, numbers).parts[:, part]).max() == 0
    assert np.abs(everything).max() > 1e-3
    if part is Part.ALIKE:
        assert not without.direction.any()


def test_the_first_stage_finds_what_the_factors_find(ranker):
    who = asked(ranker, 5)
    exact = ranker.offers.dense[:, -len(who.who.folded) :] @ who.who.folded
    assert np.corrcoef(ranker.factors @ who.direction, exact)[0, 1] > 0.9


def test_an_offer_of_later_is_known_by_what_it_says(ranker):
    like, new_place = (offer(f"later:{n}", keywords="music") for n in range(2))
    new_place = offer("later:1", keywords="music", place=place("somewhere:new"), organiser="new")
    wider = ranker.knowing([like, new_place])
    keys = np.array([key("later:0"), key("later:1"), key(learned()[0][3].id), 1], np.uint64)
    assert wider.numbers(keys).tolist() == [len(ranker.factors), len(ranker.factors) + 1, 3, -1]
    assert len(wider.factors) == len(ranker.factors) + 2
    assert all(np.isfinite(array).all() for array in (wider.factors, wider.offers.dense))
    told = opinions(asked(wider, 0), np.arange(len(wider.factors), dtype=np.int32))
    assert np.isfinite(told.scores).all()
    before = ahead(learned()[0]).astype(np.int32)
    assert opinions(asked(wider, 0), before).scores == pytest.approx(
        opinions(asked(ranker, 0), before).scores, abs=1e-5
    )


@pytest.mark.parametrize("embedding", [None, pytest.param(bundled(), marks=needs_extra, id="with the extra")])
def test_a_later_offer_is_looked_at_as_training_would(embedding):
    """The model of training that is told of an offer, and the one that answers, see the same in it."""
    items, interactions, _, model = learned(embedding=embedding)
    ranker = ranker_of(model)
    later = [offer(f"later:{n}", keywords="music swim", place=place(f"p:{n}"), organiser=f"o:{n}") for n in range(3)]
    wider_model, wider = model.knowing([item(o) for o in later]), ranker.knowing(later)
    numbers = np.concatenate([ahead(items), np.arange(len(items), len(items) + 3)]).astype(np.int32)
    before = interactions.before(NOW)
    faced = wider_model.facing(before, PEOPLE, NOW).snapshot
    (pairs,) = found(faced, np.array([4]), numbers, kept=len(numbers))
    told = described(pairs, faced, Setting.of(wider_model.items), numbers).features
    some = numbers[pairs.columns]
    table = closer.describe(wider.offers, asked(wider, 4).who, some, unlimited(some), NOW, wider.scratch())
    for name, column in told.items():
        assert table[:, closer.NAMES.index(name)] == pytest.approx(column, rel=2e-3, abs=2e-3, nan_ok=True), name
