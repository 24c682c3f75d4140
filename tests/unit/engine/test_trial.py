"""Who gets the suggestions of a model on trial: a fair draw, kept nowhere, and only of whom it may be kept."""

from datetime import timedelta

import msgspec
import numpy as np
import pytest

from engine.catalogue import Catalogue
from engine.consent import Purpose
from engine.events import Impression
from engine.panel import ON_TRIAL, Contender, Panel
from engine.query import Query
from engine.ranker import Part
from engine.suggestion import Suggester
from engine.taste import key
from engine.trial import LASTS, Lots, Trial
from tests.factories import NOW, consents, observation, offer, taste
from tests.unit.engine.rankers import Believer, directions
from tests.unit.engine.test_suggestion import ALL, Away, Opened, Store

LOTS = Lots(b"a secret of the house")
PEOPLE = [f"resident {n}" for n in range(20_000)]


def trial(name="new", share=0.1, **more):
    return Trial(name, "old", NOW, share, **more)


def drawn(its, lots=LOTS):
    return np.array([lots.drawn(its, one) for one in PEOPLE])


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_share_of_residents_is_the_one_that_is_set(share):
    error = (share * (1 - share) / len(PEOPLE)) ** 0.5
    assert drawn(trial(share=share)).mean() == pytest.approx(share, abs=4 * error)


def test_a_draw_stays_the_same_within_a_trial_and_in_every_process():
    assert (drawn(trial()) == drawn(trial(), Lots(b"a secret of the house"))).all()
    assert (drawn(trial()) == drawn(trial(ended=NOW))).all()


def test_who_is_drawn_for_a_smaller_share_is_for_a_larger_one():
    assert (drawn(trial(share=0.1)) <= drawn(trial(share=0.3))).all()


def test_trials_draw_independently_and_nobody_knows_the_draw_without_the_secret():
    first, second, other = drawn(trial(share=0.5)), drawn(trial("newer", 0.5)), drawn(trial(share=0.5), Lots(b"other"))
    for its in (second, other):
        assert (first & its).mean() == pytest.approx(0.25, abs=0.015)


def test_a_trial_runs_against_the_model_it_began_with_until_it_is_ended_or_over():
    its = trial()
    assert its.runs("old", NOW)
    assert not its.runs("newer", NOW)
    assert not its.runs(None, NOW)
    assert its.runs("old", NOW + LASTS - timedelta(seconds=1))
    assert not its.runs("old", NOW + LASTS)
    ended = trial(ended=NOW + timedelta(days=3))
    assert not ended.runs("old", NOW + timedelta(days=3))
    assert ended.until() == NOW + timedelta(days=3)


SWIM = [offer(f"swim:{n}", keywords="swimming", days=n + 1) for n in range(4)]
CHESS = [offer(f"chess:{n}", keywords="chess", days=n + 1) for n in range(4)]
SWIMMER = taste(observation(SWIM[0], "save", ago=1), observation(SWIM[1], "open", ago=1))
OLD = {o.id: {} for o in (*SWIM, *CHESS)} | {"chess:1": {Part.ALIKE: 9.0}}
NEW = {o.id: {} for o in (*CHESS, *SWIM)} | {"chess:3": {Part.ALIKE: 9.0}}


def city(share=0.5, old=OLD, new=NEW):
    catalogue = Catalogue()
    catalogue.apply({o.id: o for o in (*SWIM, *CHESS)})
    catalogue.learn(Believer(old, "old"), Contender(Believer(new, "new"), trial(share=share)))
    return catalogue


async def ask(catalogue, resident, *purposes, lots=LOTS, learned=SWIMMER):
    store = Store(Opened(consents(*purposes, resident=resident), learned, None))
    return await Suggester(catalogue, store, Away(), lots=lots).shown(resident, Query(limit=3), NOW)


@pytest.mark.parametrize("leave", [Purpose.MEASUREMENT, Purpose.LEARNING])
async def test_each_model_answers_those_who_are_drawn_for_it_and_the_record_names_it(leave):
    catalogue, seen = city(), set()
    for resident in PEOPLE[:30]:
        answer, impression = await ask(catalogue, resident, *ALL, leave)
        model = "new" if LOTS.drawn(trial(share=0.5), resident) else "old"
        assert impression.model == model
        assert answer.offers[0] == {"old": "chess:1", "new": "chess:3"}[model]
        seen.add(model)
    assert seen == {"old", "new"}


async def test_who_lets_nothing_be_kept_stays_with_the_current_model():
    catalogue = city()
    for resident in PEOPLE[:20]:
        answer, impression = await ask(catalogue, resident, *ALL)
        assert impression is None
        assert answer.offers[0] == "chess:1"


async def test_without_lots_nobody_gets_the_model_on_trial():
    for resident in PEOPLE[:20]:
        answer, impression = await ask(city(), resident, *ALL, Purpose.LEARNING, lots=None)
        assert (answer.offers[0], impression.model) == ("chess:1", "old")


async def test_where_no_model_could_have_had_a_say_none_is_named():
    looked = taste(observation(SWIM[0], "view", ago=1))
    for learned in (looked, None):
        _, impression = await ask(city(), "someone", *ALL, Purpose.LEARNING, learned=learned)
        assert impression.model is None
    plain = Catalogue()
    plain.apply({o.id: o for o in SWIM})
    _, impression = await ask(plain, "someone", *ALL, Purpose.LEARNING)
    assert impression.model is None


async def test_a_model_that_knows_nothing_of_what_was_chosen_is_named_all_the_same():
    class Ignorant(Believer):
        def facing(self, *_):
            return None

    catalogue = city()
    catalogue.learn(Ignorant(OLD, "old"), Contender(Ignorant(NEW, "new"), trial(share=0.5)))
    named = {(await ask(catalogue, one, *ALL, Purpose.LEARNING))[1].model for one in PEOPLE[:20]}
    assert named == {"old", "new"}


def test_what_two_models_know_lies_side_by_side_and_each_direction_is_nothing_in_the_others_half():
    catalogue = Catalogue()
    catalogue.apply({o.id: o for o in (*SWIM, *CHESS)})
    old = directions({"swim:0": np.array([1, 2, 3], np.float32), "swim:1": np.array([4, 5, 6], np.float32)})
    new = directions({"swim:1": np.array([7, 8], np.float32), "chess:0": np.array([9, 1], np.float32)})
    catalogue.learn(old, Contender(new, trial()))
    later = offer("chess:0", keywords="chess", days=9)
    catalogue.apply({"chess:0": later})
    columns, row = catalogue.live(NOW).columns, catalogue.row
    assert columns.factors[row(key("swim:0"))].tolist() == [1, 2, 3, 0, 0]
    assert columns.factors[row(key("swim:1"))].tolist() == [4, 5, 6, 7, 8]
    assert columns.factors[row(key("chess:0"))].tolist() == [0, 0, 0, 9, 1]
    assert columns.number[row(key("swim:1"))].tolist() == [1, 0]
    assert set(catalogue.unknown()) == {o.id for o in (*SWIM, *CHESS)} - {"swim:0", "swim:1"}
    assert set(catalogue.unknown(ON_TRIAL)) == {o.id for o in (*SWIM, *CHESS)} - {"swim:1", "chess:0"}
    catalogue.learn(old)
    assert catalogue.live(NOW).columns.factors.shape[1] == 3
    assert catalogue.unknown(ON_TRIAL) == []


def test_a_panel_of_two_faces_a_resident_with_the_factors_of_one():
    class Pointing(Believer):
        def __init__(self, name, *direction):
            super().__init__(OLD, name)
            self.direction = np.array(direction, np.float32)
            self.factors = np.zeros((len(OLD), len(direction)), np.float32)

    both = Panel.of(Pointing("old", 1, 2), Contender(Pointing("new", 3, 4, 5), trial()))
    assert both._facing(0, None, 0.0, frozenset()).direction.tolist() == [1, 2, 0, 0, 0]
    assert both._facing(1, None, 0.0, frozenset()).direction.tolist() == [0, 0, 3, 4, 5]
    alone = Panel.of(Pointing("old", 1, 2))
    assert alone._facing(0, None, 0.0, frozenset()).direction.tolist() == [1, 2]


def test_an_impression_of_a_version_before_is_read_as_one_without_a_model():
    before = {"suggestion": "s", "resident": "r", "time": NOW, "basis": "popular", "offers": ["a"]}
    read = msgspec.json.decode(msgspec.json.encode(before), type=Impression)
    assert (read.model, read.chance) == (None, None)
    told = msgspec.json.encode(msgspec.structs.replace(read, model="new"))
    assert msgspec.json.decode(told, type=Impression).model == "new"
