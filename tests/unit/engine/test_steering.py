from datetime import timedelta

import numpy as np
import pytest

from engine.catalogue import Catalogue
from engine.errors import InvalidInput
from engine.offers import Kind
from engine.rules import LONGEST, Effect, Rule, Target, dated
from engine.scenario import Scenario
from engine.steering import MOST_PINNED, CitySteering, Mark
from engine.taste import key
from tests.factories import NOW, PREFIX, offer, place

HOME, SCREEN = Scenario.APP_HOME, Scenario.SCREEN
KALLIO = f"{PREFIX}neighborhood:kallio"


def rule(effect="boost", scenarios=(HOME,), **target):
    named = {name: value if name == "small_venues" else tuple(value) for name, value in target.items()}
    return Rule(
        effect=Effect(effect),
        target=Target(**named),
        scenarios=tuple(scenarios),
        valid_from=NOW - timedelta(days=1),
        valid_until=NOW + timedelta(days=1),
        reason="A test",
    )


def changed(of, **changes):
    return Rule(**{name: getattr(of, name) for name in of.__struct_fields__} | changes)


def city(*offers):
    catalogue = Catalogue()
    catalogue.apply({one.id: one for one in offers})
    return catalogue


OFFERS = (
    offer("t:swim", keywords="swimming", place=place("pool"), kind=Kind.COURSE, organiser="Club", languages=("sv",)),
    offer("t:chess", keywords="chess", place=place("club", neighborhood=None, district=None), source="other"),
    offer("t:run", keywords="running", place=place("club", neighborhood=None, district=None), languages=("fi",)),
)


def moved(catalogue, *rules, scenario=HOME, now=NOW):
    """What each offer gains or loses, but for those that nothing moves."""
    steering = CitySteering(catalogue)
    steering.rules(rules)
    live = catalogue.live(now)
    adds = steering.steered(scenario, live).adds
    return {live.ids[row]: round(float(adds[row]), 3) for row in range(len(adds)) if adds[row] != 0}


@pytest.mark.parametrize(
    "target",
    [
        {"offers": ["t:swim", "t:none"]},
        {"places": ["tprek:pool"]},
        {"keywords": ["yso:swimming", "yso:nothing"]},
        {"kinds": [Kind.COURSE]},
        {"organisers": ["Club"]},
        {"districts": [KALLIO]},
        {"languages": ["sv"]},
        {"small_venues": 1},
        {"sources": ["test"], "keywords": ["yso:swimming", "yso:chess"]},
    ],
)
def test_a_target_means_what_it_names_and_nothing_else(target):
    assert moved(city(*OFFERS), rule(**target)) == {"t:swim": 0.2}


@pytest.mark.parametrize("target", [{"offers": ["t:none"]}, {"keywords": ["yso:x"]}, {"languages": ["en"]}])
def test_what_names_nothing_there_is_moves_nothing(target):
    assert moved(city(*OFFERS), rule(**target)) == {}
    assert moved(city(), rule(**target)) == {}


def test_offers_that_come_later_are_meant_too():
    catalogue = city(*(offer(f"t:{n}", keywords="chess") for n in range(300)))
    catalogue.live(NOW)
    catalogue.apply({"t:new": offer("t:new", keywords="swimming")})
    assert moved(catalogue, rule(keywords=["yso:swimming"])) == {"t:new": 0.2}


def test_rules_add_up_within_bounds_and_leaving_out_wins():
    catalogue = city(*OFFERS)
    everything = {"sources": ["test", "other"]}
    strong = changed(rule(**everything), strength=0.9)
    out = rule("exclude", offers=["t:chess"])
    assert moved(catalogue, strong, strong, out) == {"t:swim": 1.0, "t:chess": -np.inf, "t:run": 1.0}
    assert moved(catalogue, strong, rule("bury", offers=["t:run"]))["t:run"] == 0.7
    assert moved(catalogue, rule("bury", offers=["t:run"])) == {"t:run": -0.2}


def test_a_rule_holds_in_its_scenarios_and_its_time_alone():
    catalogue, its = city(*OFFERS), rule(offers=["t:run"])
    assert moved(catalogue, its, scenario=SCREEN) == {}
    for when in (NOW - timedelta(days=1, minutes=1), NOW + timedelta(days=1)):
        assert moved(catalogue, its, now=when) == {}
    assert moved(catalogue, its, now=NOW - timedelta(days=1)) == {"t:run": 0.2}


def pinned(catalogue, *rules):
    steering = CitySteering(catalogue)
    steering.rules(rules)
    live = catalogue.live(NOW)
    steered = steering.steered(HOME, live)
    return [live.ids[row] for row in steered.pinned], steered


def test_pins_come_as_they_are_named_without_what_is_full_over_or_left_out():
    full, over = offer("t:full", seats_left=0), offer("t:over", days=-3)
    catalogue = city(*OFFERS, full, over)
    pin = rule("pin", offers=["t:run", "t:full", "t:over", "t:none", "t:swim", "t:chess"])
    assert pinned(catalogue, pin)[0] == ["t:run", "t:swim", "t:chess"]
    found, steered = pinned(catalogue, pin, rule("exclude", offers=["t:swim"]), pin)
    assert found == ["t:run", "t:chess"]
    rows = {id_: catalogue.row(key(id_)) for id_ in ("t:run", "t:chess", "t:swim")}
    assert {id_: int(steered.marks[row]) for id_, row in rows.items()} == {"t:run": 1, "t:chess": 1, "t:swim": 0}
    assert Mark.HIGHLIGHTED == 1


def test_a_pin_of_many_takes_the_soonest_few():
    catalogue = city(*(offer(f"t:{n}", keywords="chess", days=20 - n) for n in range(10)))
    found, _ = pinned(catalogue, rule("pin", keywords=["yso:chess"]))
    assert found == [f"t:{9 - n}" for n in range(MOST_PINNED)]


def test_the_version_stays_while_nothing_differs():
    catalogue = city(*OFFERS)
    steering = CitySteering(catalogue)
    first = steering.steered(HOME, catalogue.live(NOW))
    assert steering.steered(HOME, catalogue.live(NOW)) is first
    assert steering.steered(HOME, catalogue.live(NOW + timedelta(minutes=1))).version == first.version
    steering.rules([rule(offers=["t:run"])])
    second = steering.steered(HOME, catalogue.live(NOW))
    assert second.version != first.version
    assert steering.steered(SCREEN, catalogue.live(NOW)).version not in (first.version, second.version)
    steering.rules([rule(offers=["t:run"]), rule(offers=["t:none"])])
    assert steering.steered(HOME, catalogue.live(NOW)).version == second.version


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"valid_until": NOW - timedelta(days=2)}, "valid_until"),
        ({"valid_until": NOW}, "valid_until"),
        ({"valid_until": NOW + LONGEST + timedelta(days=1)}, "valid_until"),
        ({"valid_from": NOW + LONGEST * 2, "valid_until": NOW + LONGEST * 2.5}, "valid_until"),
        ({"valid_from": NOW.replace(year=1)}, "valid_from"),
        ({"target": Target()}, "target"),
        ({"scenarios": (HOME, HOME)}, "scenarios"),
        ({"effect": Effect.PIN, "strength": 0.5}, "strength"),
    ],
)
def test_what_makes_no_rule_is_refused_by_its_field(changes, field):
    with pytest.raises(InvalidInput) as refused:
        dated(changed(rule(offers=["t:run"]), **changes), NOW)
    assert refused.value.field == field


def test_a_rule_without_a_beginning_begins_now():
    its = dated(changed(rule(offers=["t:run"]), valid_from=None), NOW)
    assert its.valid_from == NOW
    states = [its.state(NOW + timedelta(days=days)) for days in (-1, 0, 1)]
    assert states == ["coming", "in_force", "over"]
