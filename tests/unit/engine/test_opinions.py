"""A model's opinion in answers: what it is told, how far it moves, and what is said of it."""

import numpy as np
import pytest

from engine.choices import Choice
from engine.consent import Purpose
from engine.learned import MOST_CHOSEN
from engine.offers import Kind
from engine.query import Query
from engine.ranker import LOCATED, Part
from engine.taste import key
from tests.factories import NOW, observation, offer, place, taste
from tests.unit.engine.rankers import Believer
from tests.unit.engine.test_suggestion import ALL, Opened, Store, Suggester, ask, codes, loaded, turning_off

SWIM = [offer(f"swim:{n}", keywords="swimming", place=place("pool"), kind=Kind.COURSE) for n in range(6)]
CHESS = [offer(f"chess:{n}", keywords="chess", place=place("club"), days=1) for n in range(6)]
SWIMMER = taste(observation(SWIM[0], "save", ago=1), observation(SWIM[1], "open", ago=1))


def city(beliefs):
    """Return a city whose model believes so much of each offer, and the model."""
    catalogue, ranker = loaded(*SWIM, *CHESS), Believer({o.id: {} for o in (*SWIM, *CHESS)} | beliefs)
    catalogue.learn(ranker)
    return catalogue, ranker


async def test_an_opinion_moves_an_offer_and_is_the_reason_for_it():
    for part, code in ((Part.ALIKE, "interested_alike"), (Part.TOPIC, "interested_like")):
        catalogue, _ = city({"chess:3": {part: 6.0}})
        answer = await ask(catalogue, *ALL, learned=SWIMMER, query=Query(limit=3))
        assert answer.basis == "personal"
        assert answer.offers[0] == "chess:3"
        assert answer.items[0].reasons[0].code == code
        assert answer.items[0].reasons[0].off == {"interested_alike": "alike", "interested_like": "topic"}[code]


async def test_where_the_taste_names_the_topic_the_opinion_of_it_is_said_by_that_name():
    catalogue, _ = city({"swim:4": {Part.TOPIC: 3.0}})
    answer = await ask(catalogue, *ALL, learned=SWIMMER, query=Query(limit=1))
    assert answer.offers == ("swim:4",)
    assert answer.items[0].reasons[0].text == "Koska olet ollut kiinnostunut aiheesta: swimming"


async def test_a_model_is_told_what_was_chosen_and_nothing_more():
    catalogue, ranker = city({})
    acts = taste(
        observation(SWIM[0], "save", ago=3),
        observation(SWIM[1], "view", ago=2),
        observation(CHESS[0], "register", ago=2),
        observation(CHESS[1], "open", ago=2),
        observation(CHESS[1], "dismiss", ago=1),
    )
    await ask(catalogue, *ALL, learned=acts)
    ((chosen, off),) = ranker.asked
    assert set(chosen.offers.tolist()) == {key("swim:0"), key("chess:0")}
    days = (NOW.timestamp() - chosen.times) / 86_400
    assert days == pytest.approx(np.where(chosen.offers == key("swim:0"), 3, 2), abs=0.01)
    assert off == frozenset()


async def test_without_leave_for_activity_no_model_is_asked():
    catalogue, ranker = city({"chess:3": {Part.ALIKE: 6.0}})
    answer = await ask(catalogue, Purpose.INTERESTS, Purpose.LOCATION, learned=SWIMMER)
    assert ranker.asked == []
    assert "interested_alike" not in codes(answer)


async def test_without_leave_for_location_a_model_may_not_count_places():
    catalogue, ranker = city({})
    await ask(catalogue, Purpose.ACTIVITY, learned=SWIMMER)
    assert ranker.asked[0][1] == LOCATED


@pytest.mark.parametrize(
    ("choice", "part"),
    [(Choice.WITHOUT_TOPIC, Part.TOPIC), (Choice.WITHOUT_ALIKE, Part.ALIKE), (Choice.WITHOUT_TIME, Part.TIME)],
)
async def test_what_is_turned_off_the_model_is_told_not_to_count(choice, part):
    catalogue, ranker = city({})
    store = Store(Opened(turning_off(choice), SWIMMER, None))
    await Suggester(catalogue, store, None).suggestions("someone", Query(), NOW)
    assert part in ranker.asked[0][1]


async def test_only_so_many_of_the_latest_choices_are_told():
    catalogue, ranker = city({})
    kinds = [offer(f"past:{n}", keywords="old") for n in range(MOST_CHOSEN + 20)]
    busy = taste(*(observation(o, "save", ago=n + 1) for n, o in enumerate(kinds)))
    await ask(catalogue, *ALL, learned=busy)
    ((chosen, _),) = ranker.asked
    assert set(chosen.offers.tolist()) == {key(o.id) for o in kinds[:MOST_CHOSEN]}


async def test_somebody_who_chose_nothing_is_asked_no_opinion_about():
    catalogue, ranker = city({"chess:3": {Part.ALIKE: 6.0}})
    answer = await ask(catalogue, *ALL, learned=taste(observation(SWIM[0], "view", ago=1)))
    assert ranker.asked == []
    assert answer.basis == "personal"
