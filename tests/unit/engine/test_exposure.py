import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exposure import MOST_LIFT, PLACES, WORTH, Tally, gini, lift, share_of
from engine.rules import Floor, Target
from engine.scenario import Scenario
from engine.steering import CitySteering, Mark
from tests.factories import NOW, offer, place
from tests.unit.engine.test_steering import city

values = st.lists(st.floats(0, 1e6), max_size=40).map(np.array)


def test_a_show_counts_by_its_place_and_only_in_the_first_ones():
    tally, ids = Tally(), [f"t:{n}" for n in range(100)]
    tally.note(ids, [7, 3])
    tally.note(ids, [3, *range(50, 90)])
    counts = tally.take()
    assert counts["t:7"] == 1
    assert counts["t:3"] == pytest.approx(1 + WORTH[1])
    assert counts["t:50"] == WORTH[1]
    assert len(counts) == 2 + PLACES - 1
    assert list(WORTH) == sorted(WORTH, reverse=True)
    tally.give_back(counts)
    tally.note(ids, [7])
    tally.note([*reversed(ids)], [92])
    assert tally.counts()["t:7"] == 3
    assert tally.take()["t:7"] == 3
    assert tally.take() == {}


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 0.5))
def test_a_lift_is_bounded_and_the_stronger_the_less_is_shown(one, other, floor):
    less, more = sorted((one, other))
    assert 0 <= lift(more, floor) <= lift(less, floor) <= MOST_LIFT
    assert lift(1.1 * floor, floor) == pytest.approx(0)


@given(values)
def test_the_gini_coefficient_lies_between_even_and_all_for_one(its):
    found = gini(its)
    assert -1e-9 <= found < 1
    assert gini(its * 3) == pytest.approx(found)


def test_while_nothing_is_shown_nothing_is_lifted():
    assert share_of(np.ones(3, np.bool_), np.zeros(3), 0.1) == (3, 0, 0, 0)


BIG = [offer(f"big:{n}", place=place("hall"), languages=("fi",)) for n in range(30)]
SMALL = [offer(f"small:{n}", place=place(f"corner{n}"), languages=("sv",)) for n in range(5)]
FLOOR = Floor(name="Small venues", target=Target(small_venues=2), share=0.2, reason="A test")


def steered(catalogue, totals, floors, now=NOW):
    steering = CitySteering(catalogue)
    steering.floors(floors)
    steering.exposed(totals, now)
    live = catalogue.live(now)
    return steering.steered(Scenario.EMAIL, live), live


def test_a_group_below_its_floor_is_lifted_everywhere_and_says_so_and_one_above_is_not():
    catalogue = city(*BIG, *SMALL)
    found, live = steered(catalogue, {"big:0": 90.0, "small:1": 10.0}, {"f": FLOOR})
    lifted = {live.ids[row] for row in np.flatnonzero(found.adds)}
    assert lifted == {of.id for of in SMALL}
    assert found.adds.max() == pytest.approx(MOST_LIFT)
    assert {live.ids[row] for row in np.flatnonzero(found.marks == Mark.GIVEN_ROOM)} == lifted
    enough, _ = steered(catalogue, {"big:0": 70.0, "small:1": 30.0}, {"f": FLOOR})
    assert not enough.adds.any()
    assert len(enough.marks) == 0


def test_of_two_groups_an_offer_gets_the_stronger_lift_and_not_both():
    other = Floor(name="Swedish", target=Target(languages=("sv",)), share=0.105, reason="A test")
    found, _ = steered(city(*BIG, *SMALL), {"big:0": 90.0, "small:1": 10.0}, {"g": other, "f": FLOOR})
    assert sorted({round(float(add), 2) for add in found.adds}) == [0, MOST_LIFT]


def test_the_report_tells_each_groups_share_against_its_floor():
    totals = {"big:0": 80.0, "big:1": 10.0, "small:1": 10.0, "gone:1": 500.0}
    told = CitySteering(city(*BIG, *SMALL)).exposure(totals, {"f": FLOOR}, NOW)
    assert (told.offers, told.shown, told.shows) == (35, 3, 100)
    assert told.groups["f"][:3] == (5, 10, 0.1)
    assert 0.9 < told.gini < 1


def test_in_a_crowd_a_group_comes_to_rest_near_its_floor():
    """Residents whose own liking varies see the ten best of a list; the week is told anew after each hundred."""
    catalogue, rng = city(*BIG, *SMALL), np.random.default_rng(5)
    steering, live = CitySteering(catalogue), catalogue.live(NOW)
    steering.floors({"f": FLOOR})
    small = np.array([id_.startswith("small") for id_ in live.ids])
    base = np.where(small, 0.25, 0.4)

    def share() -> float:
        totals: dict[str, float] = {}
        for _ in range(60):
            steering.exposed(totals, NOW)
            adds = steering.steered(Scenario.APP_HOME, live).adds
            for _ in range(100):
                scores = base + adds + rng.normal(0, 0.15, len(base))
                steering.showed(live, np.argsort(-scores)[:10].tolist())
            fresh, _ = steering.take_shows(NOW)
            totals = {id_: 0.9 * totals.get(id_, 0.0) + fresh.get(id_, 0.0) for id_ in live.ids}
        return steering.exposure(totals, {"f": FLOOR}, NOW).groups["f"].share

    assert 0.9 * FLOOR.share < share() < 1.2 * FLOOR.share
