"""Exposure shared out in answers: over many of them it becomes more even, and the first place stays as it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exposure import Shows, crowding, gini, lowered
from engine.language import Localized
from engine.query import Query
from engine.ranker import Opinions, Part
from engine.steering import CitySteering
from engine.suggestion import Suggester
from engine.taste import key
from tests.factories import NOW, consents, observation, offer, place, taste
from tests.unit.engine.rankers import Believer
from tests.unit.engine.test_suggestion import ALL, Away, Opened, Store, loaded

OFFERS = [offer(f"t:{n}", keywords=f"word{n}", name=Localized(fi=f"n{n}"), place=place(f"p{n}")) for n in range(60)]
"""All of them unlike each other, so that a list is no more even for the sake of variety."""
ROUNDS, LISTED = 12, 10
scores = st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=60)


class Moody(Believer):
    """A model whose opinion is half the same for everybody and half another in each answer."""

    def opinions(self, numbers, seats):
        found = super().opinions(numbers, seats)
        mood = 2 * np.random.default_rng(len(self.asked)).normal(size=len(numbers)).astype(np.float32)
        return Opinions(found.scores + mood, found.parts)


class Town:
    """Residents of several tastes, whom such a model ranks for."""

    def __init__(self, sharing):
        rng = np.random.default_rng(4)
        self.catalogue = loaded(*OFFERS)
        beliefs = {o.id: {Part.POPULAR: 2 * float(rng.normal())} for o in OFFERS}
        self.catalogue.learn(Moody(beliefs, sharing=sharing))
        self.steering, self.totals = CitySteering(self.catalogue), {}
        self.residents = [
            taste(observation(OFFERS[n], "save", ago=1), observation(OFFERS[n + 10], "open", ago=2)) for n in range(8)
        ]

    async def answer(self, learned, *purposes):
        state = Store(Opened(consents(*purposes), learned, None))
        its = Suggester(self.catalogue, state, Away(), steering=self.steering)
        return (await its.suggestions("someone", Query(limit=LISTED), NOW)).offers

    async def lived(self):
        """Return what was shown first, and the Gini coefficient of all shows, after some rounds of answers."""
        first = []
        for _ in range(ROUNDS):
            first += [(await self.answer(learned, *ALL))[0] for learned in self.residents]
            for id_, shows in self.steering.take_shows(NOW)[0].items():
                self.totals[id_] = self.totals.get(id_, 0.0) + shows
            self.steering.exposed(self.totals, NOW)
        return first, gini(np.array([self.totals.get(o.id, 0.0) for o in OFFERS]))


async def test_over_many_answers_exposure_becomes_more_even_and_first_places_stay():
    usual, shared = await Town(0.0).lived(), await Town(0.3).lived()
    assert shared[0] == usual[0]
    assert shared[1] < 0.8 * usual[1]


async def test_whom_no_model_ranks_for_exposure_changes_nothing():
    answers = []
    for sharing in (0.0, 0.5):
        town = Town(sharing)
        town.steering.exposed({o.id: 10.0 * (n % 7) for n, o in enumerate(OFFERS)}, NOW)
        answers.append([await town.answer(town.residents[0]), await town.answer(None, *ALL)])
    assert answers[0] == answers[1]


@given(scores, st.floats(0, 0.5), st.data())
def test_the_best_stays_and_nothing_rises(values, strength, data):
    crowded = np.array(
        data.draw(st.lists(st.floats(0, 5, width=32), min_size=len(values), max_size=len(values))), np.float32
    )
    before = np.array(values, np.float32)
    after = lowered(before, crowded, strength)
    assert after.argmax() == before.argmax() or after.max() == after[before.argmax()]
    assert after[before.argmax()] == before.max()
    assert (after <= before).all()


def test_where_nothing_was_shown_or_asked_for_nothing_moves():
    before = np.array([3, 1, 2], np.float32)
    assert lowered(before, crowding(np.zeros(3), 0.0), 0.5).tolist() == [3, 1, 2]
    assert lowered(before, crowding(np.arange(3.0), 1.0), 0.0).tolist() == [3, 1, 2]


def test_shows_are_found_by_the_hashes_of_ids():
    shows, asked = Shows({"a": 1.5, "b": 7.0}), np.array([key(id_) for id_ in "bca"], np.uint64)
    assert shows.of(asked).tolist() == [7.0, 0.0, 1.5]
    assert Shows({}).of(asked).tolist() == [0, 0, 0]


@pytest.mark.parametrize("mean", [0.0, 0.5, 1.0])
def test_a_few_shows_crowd_nothing_out(mean):
    assert crowding(np.array([1.0]), mean)[0] == pytest.approx(np.log(2), abs=1e-6)
