from datetime import timedelta

import pytest

from engine.language import Language
from engine.offers import Kind
from engine.query import Query
from engine.rules import Effect, Rule, Target
from engine.scenario import Scenario
from engine.steering import CitySteering
from engine.suggestion import Suggester
from tests.factories import NOW, consents, observation, offer, taste
from tests.unit.engine.test_suggestion import ALL, CITY, SWIM, SWIMMER, Away, Opened, Store, codes, loaded


def ruled(catalogue, *rules: Rule) -> Suggester:
    steering = CitySteering(catalogue)
    steering.rules(rules)
    return Suggester(catalogue, Store(Opened(consents(*ALL), SWIMMER, None)), Away(), steering=steering)


def rule(effect: Effect, *offers: str, scenario: Scenario = Scenario.APP_HOME, **more) -> Rule:
    usual = {"valid_from": NOW, "valid_until": NOW + timedelta(days=1), "reason": "A test"}
    return Rule(effect=effect, target=Target(offers=offers), scenarios=(scenario,), **usual, **more)


async def test_what_the_city_pins_comes_first_and_says_so_in_its_scenario():
    with_pin = ruled(CITY, rule(Effect.PIN, "chess:4", scenario=Scenario.SCREEN))
    answer = await with_pin.suggestions("someone", Query(limit=3, scenario=Scenario.SCREEN), NOW)
    assert answer.offers[0] == "chess:4"
    assert [[r.code for r in item.reasons].count("highlighted") for item in answer.items] == [1, 0, 0]
    assert answer.items[0].reasons[0].text == "Kaupunki nostaa tämän esiin"
    home = await with_pin.suggestions("someone", Query(limit=3), NOW)
    assert home.offers[0].startswith("swim")
    assert "highlighted" not in codes(home)


async def test_boosted_offers_say_so_and_what_is_left_out_is_not_there():
    moved = ruled(CITY, rule(Effect.BOOST, "chess:1", strength=0.9), rule(Effect.EXCLUDE, "swim:3", "swim:4"))
    answer = await moved.suggestions("someone", Query(language=Language.SV), NOW)
    place_of = answer.offers.index("chess:1")
    assert next(id_ for id_ in answer.offers if id_.startswith("chess")) == "chess:1"
    assert answer.items[place_of].reasons[0].text == "Staden lyfter fram detta"
    assert len(answer.items[place_of].reasons) <= 3
    assert {"swim:3", "swim:4"}.isdisjoint(answer.offers)


async def test_a_message_says_too_what_the_city_lifts():
    steered = ruled(
        CITY,
        rule(Effect.PIN, "chess:4", scenario=Scenario.EMAIL),
        rule(Effect.BOOST, "chess:1", strength=0.9, scenario=Scenario.EMAIL),
    )
    query = Query(limit=3, scenario=Scenario.EMAIL)
    answer = await steered.suggestions("someone", query, NOW)
    ((basis, picks),) = await steered.picks(["someone"], query, NOW)
    assert (basis, picks[0].offer, picks[0].why) == ("personal", "chess:4", "Kaupunki nostaa tämän esiin")
    assert [tuple(pick) for pick in picks] == [
        (id_, item.reasons[0].text) for id_, item in zip(answer.offers, answer.items, strict=True)
    ]


@pytest.mark.parametrize(
    "unfit", [{"seats_left": 0}, {"days": -3}, {"age_min": 18}, {"languages": ("fi",)}, {"kind": Kind.SPACE}]
)
async def test_no_rule_shows_what_does_not_fit(unfit):
    city = loaded(offer("t:unfit", **unfit), offer("t:fit"))
    pinned = ruled(city, rule(Effect.PIN, "t:unfit"), rule(Effect.BOOST, "t:unfit", strength=1.0))
    asked = Query(age=8, languages=("sv",), kinds=(Kind.EVENT,))
    assert (await pinned.suggestions(None, asked, NOW)).offers == ("t:fit",)


async def test_a_pin_shows_nobody_again_what_they_have_settled():
    learned = taste(observation(SWIM[0], "dismiss"))
    steering = CitySteering(CITY)
    steering.rules([rule(Effect.PIN, "swim:0")])
    its = Suggester(CITY, Store(Opened(consents(*ALL), learned, None)), Away(), steering=steering)
    assert "swim:0" not in (await its.suggestions("someone", Query(), NOW)).offers


def test_pins_are_none_of_offers_like_one():
    answer = ruled(CITY, rule(Effect.PIN, "chess:4")).similar(SWIM[0], Query(limit=3), NOW)
    assert [id_[:4] for id_ in answer.offers] == ["swim"] * 3
