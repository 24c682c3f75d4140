from datetime import timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.capacity import HALF_LIFE_SECONDS, MOST_PRICE, PRIOR_SHOWS, USUAL_RATE, Uptake, price, rate, told
from engine.query import Query
from engine.scenario import Scenario
from engine.steering import CitySteering
from engine.suggestion import Suggester
from engine.taste import key
from tests.factories import NOW, offer
from tests.unit.engine.test_steering import city

shows = st.floats(0, 1e5)
seats = st.integers(1, 500)
uptakes = st.builds(Uptake, seats, shows, shows, st.floats(0, 1e4), st.just(0.0))


@given(uptakes, seats, shows, st.floats(0, 1e7))
def test_no_show_is_lost_or_counted_twice(its, left, more, later):
    after = told(its, left, more, later)
    assert after.pending + after.settled == pytest.approx(its.pending + its.settled + more)
    assert after.taken == pytest.approx(its.taken + max(0, its.seats - left))
    if left != its.seats:
        assert after.pending == pytest.approx(more)


@given(uptakes)
def test_a_price_rises_with_shows_falls_with_seats_and_is_bounded(its):
    dearer = price(its._replace(pending=its.pending * 2 + 1))
    assert 0 <= price(its._replace(seats=its.seats * 2)) <= price(its) <= dearer <= MOST_PRICE


def test_an_own_rate_is_learned_from_what_is_told():
    its = told(Uptake(40), 40, 1_000.0, 0.0)
    assert rate(its) == USUAL_RATE
    its = told(its, 35, 0.0, 60.0)
    assert rate(its) == pytest.approx((5 + PRIOR_SHOWS * USUAL_RATE) / (1_000 + PRIOR_SHOWS))
    assert price(its) == 0
    never = told(told(Uptake(40), 40, 100_000.0, 0.0), 40, 0.0, 30 * HALF_LIFE_SECONDS)
    assert rate(never) < USUAL_RATE / 100


def priced(steering, catalogue, now=NOW):
    steering.reprice(now)
    live = catalogue.live(now)
    adds = steering.steered(Scenario.APP_HOME, live).adds
    return {live.ids[row]: float(adds[row]) for row in range(len(adds)) if live.next[row] < 2**31 - 1}


def show(steering, catalogue, id_, times, now=NOW):
    for _ in range(times):
        steering.showed(catalogue.live(now), [catalogue.row(key(id_))])


def test_an_offer_with_few_seats_sinks_as_it_is_shown_and_rises_when_they_are_told_anew():
    few, many = offer("t:few", seats=20, seats_left=12), offer("t:many")
    catalogue = city(few, many)
    steering = CitySteering(catalogue)
    for id_ in ("t:few", "t:many"):
        show(steering, catalogue, id_, 500)
    assert priced(steering, catalogue) == {"t:few": pytest.approx(-0.7), "t:many": 0.0}
    counts, limited = steering.take_shows(NOW)
    assert counts == {"t:few": 500, "t:many": 500}
    assert limited == {"t:few": 500}
    steering.uptakes({"t:few": told(Uptake(12), 12, 500.0, NOW.timestamp())}, whole=True)
    assert priced(steering, catalogue)["t:few"] == pytest.approx(-0.7)
    assert priced(steering, catalogue, NOW + timedelta(days=1))["t:few"] == 0
    catalogue.apply({"t:few": msgspec.structs.replace(few, seats_left=11)})
    assert priced(steering, catalogue)["t:few"] == 0


def test_what_is_shown_where_nobody_may_look_counts_as_no_show():
    catalogue = city(offer("t:few", seats_left=12))
    steering = CitySteering(catalogue)
    suggester = Suggester(catalogue, None, None, steering=steering)
    for counted, shows_ in ((False, {}), (True, {"t:few": pytest.approx(1)})):
        assert suggester.popular(Query(), NOW, counted=counted).offers == ("t:few",)
        assert steering.take_shows(NOW)[0] == shows_


def test_counts_that_could_not_be_kept_still_cost():
    catalogue = city(offer("t:few", seats_left=12))
    steering = CitySteering(catalogue)
    show(steering, catalogue, "t:few", 500)
    steering.give_back(steering.take_shows(NOW)[0])
    assert priced(steering, catalogue)["t:few"] == pytest.approx(-0.7)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=4), st.integers(0, 2**32 - 1), st.floats(0, 0.6))
@settings(deadline=None, max_examples=10)
def test_in_a_crowd_no_more_seats_are_expected_to_go_than_there_are(left, seed, better):
    """5,000 people see five of thirty offers, those with few seats suiting all of them better; none is told anew."""
    rng, every = np.random.default_rng(seed), 50
    limited = [offer(f"few:{n}", seats_left=its) for n, its in enumerate(left)]
    catalogue = city(*limited, *(offer(f"t:{n}") for n in range(30 - len(left))))
    steering, live = CitySteering(catalogue), catalogue.live(NOW)
    few = np.array([id_.startswith("few") for id_ in live.ids])
    first, known = np.zeros(len(live.ids)), {of.id: Uptake(of.seats_left or 0) for of in limited}
    for start in range(0, 5_000, every):
        steering.reprice(NOW)
        adds = steering.steered(Scenario.APP_HOME, live).adds
        fits = rng.uniform(0, 0.6, (every, len(few))) + better * few
        for scores in fits + adds:
            shown = np.argsort(-scores)[:5]
            first[shown[0]] += 1
            steering.showed(live, shown.tolist())
        if start % 500 == 0:
            _, counts = steering.take_shows(NOW)
            known |= {id_: told(known[id_], known[id_].seats, its, NOW.timestamp()) for id_, its in counts.items()}
            steering.uptakes(known, whole=True)
    counts = steering.take_shows(NOW)[0]
    for id_, its in known.items():
        expected = (its.pending + counts.get(id_, 0.0)) * USUAL_RATE
        # What comes on top is what was shown between two looks at the prices.
        assert expected <= 1.1 * its.seats + every * USUAL_RATE
    # Those with few seats are not hidden: they have been first for somebody.
    assert first[few].min() > 0 or better < 0.1
