"""Synthetic residents: reproducible, plausible, led by their known tastes, and never ahead of the clock."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import mean, median
from uuid import uuid5
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import InteractionType
from engine.language import Localized
from engine.offers import Access, Keyword, Kind, Offer, Place
from models.simulation import day, relevance, residents
from models.synthetic import NAMESPACE, Shelf, SimulatedResident
from stream.sources.sample_catalogue import sample_offers

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
OFFERS = sample_offers(date(2026, 11, 22))
BY_ID = {offer.id: offer for offer in OFFERS}
HERE = Place(id="sample:here", name=Localized(fi="Täällä"), lat=60.19, lon=24.95, district="d", neighborhood="n")


@pytest.fixture(scope="module")
def people():
    return residents(400, seed=11, offers=OFFERS)


@pytest.fixture(scope="module")
def visits(people):
    return list(day(people, OFFERS, now=NOW, seed=11))


def swimmer(**changes) -> SimulatedResident:
    facts = {
        "id": uuid5(NAMESPACE, "swimmer"), "tastes": {"yso:p4330": 1.0}, "kinds": dict.fromkeys(Kind, 1.0),
        "home": (60.19, 24.95), "district": "d", "neighborhood": "n", "languages": ("fi",), "age": 40, "children": (),
        "access": frozenset(), "reach_metres": 3_000.0, "visits_a_day": 3.0, "consents": frozenset({"activity"}),
    }  # fmt: skip
    return SimulatedResident(**{**facts, **changes})


def swimming(**changes) -> Offer:
    facts = {"id": "sample:swim", "source": "sample", "kind": Kind.COURSE, "name": Localized(fi="Uintia")}
    return Offer(**{**facts, "keywords": (Keyword("yso:p4330"),), "place": HERE, **changes})


def taken(visits, *types: InteractionType) -> list[float]:
    return [relevance(who, BY_ID[i.offer]) for who, done in visits for i in done if i.type in types]


def test_the_same_seed_gives_the_same_residents_and_the_same_day(people, visits):
    assert residents(400, seed=11, offers=OFFERS) == people
    assert list(day(people, OFFERS, now=NOW, seed=11)) == visits


def test_another_seed_or_day_gives_another_one(people, visits):
    assert residents(400, seed=12, offers=OFFERS) != people
    assert list(day(people, OFFERS, now=NOW, seed=12)) != visits
    assert list(day(people, OFFERS, now=NOW + timedelta(days=1), seed=11)) != visits


def test_residents_call_themselves_synthetic(people, visits):
    assert people[3].id == uuid5(NAMESPACE, "11/3")
    assert all(i.context == {"synthetic": True} for _, done in visits for i in done)


def test_nothing_happens_after_now_or_more_than_a_day_before(visits):
    times = [i.time for _, done in visits for i in done]
    assert NOW - timedelta(days=1) <= min(times)
    assert max(times) <= NOW


def test_a_visit_is_one_short_sitting_in_order_and_visits_come_in_order(visits):
    for _, done in visits:
        times = [i.time for i in done]
        assert times == sorted(times)
        assert times[-1] - times[0] <= timedelta(minutes=15)
    begins = [done[0].time for _, done in visits]
    assert all(later - earlier > timedelta(minutes=-2) for earlier, later in pairwise(begins))


def test_a_session_has_about_eight_interactions(visits):
    assert 6 <= median(len(done) for _, done in visits) <= 10


def test_interactions_come_in_plausible_proportions(visits):
    types = Counter(i.type for _, done in visits for i in done)
    assert types[InteractionType.VIEW] > 3 * types[InteractionType.OPEN] > 6 * types[InteractionType.SAVE]
    assert types[InteractionType.SAVE] > types[InteractionType.REGISTER] > 0
    assert types[InteractionType.ATTEND] > types[InteractionType.RATE] > 0
    assert types[InteractionType.DISMISS] > 0
    assert types[InteractionType.SHARE] > 0


def test_interactions_are_what_the_wire_accepts(visits):
    done = [i for _, batch in visits for i in batch]
    assert len({i.id for i in done}) == len(done)
    assert msgspec.json.decode(msgspec.json.encode(done), type=list[type(done[0])]) == done
    assert all((i.value in range(1, 6)) if i.type is InteractionType.RATE else i.value is None for i in done)
    assert {i.offer for i in done} <= set(BY_ID)


def test_taste_leads_what_they_do(people, visits):
    rng = np.random.default_rng(1)
    by_chance = mean(relevance(p, OFFERS[int(n)]) for p in people[:100] for n in rng.integers(len(OFFERS), size=20))
    assert mean(taken(visits, InteractionType.SAVE)) > 5 * by_chance
    assert mean(taken(visits, InteractionType.OPEN)) > mean(taken(visits, InteractionType.VIEW)) > by_chance
    assert mean(taken(visits, InteractionType.DISMISS)) < mean(taken(visits, InteractionType.VIEW))


def test_nobody_registers_where_enrolment_is_closed_or_seats_are_gone(visits):
    for _, done in visits:
        for i in done:
            if i.type is InteractionType.REGISTER:
                offer = BY_ID[i.offer]
                assert offer.seats_left is None or offer.seats_left > 0
                assert offer.enrolment_opens is None or offer.enrolment_opens <= i.time < offer.enrolment_closes


def test_few_are_awake_at_night(visits):
    hours = Counter(done[0].time.astimezone(ZoneInfo("Europe/Helsinki")).hour for _, done in visits)
    assert sum(hours[h] for h in range(1, 5)) < 0.1 * sum(hours[h] for h in range(17, 22))


def test_most_consent_to_activity_and_fewer_to_the_rest():
    many = residents(2_000, seed=1, offers=OFFERS[::5])
    share = {p: mean(p in r.consents for r in many) for p in ("activity", "interests", "location", "learning")}
    assert 0.65 < share["activity"] < 0.75
    assert all(share[purpose] < 0.5 for purpose in ("interests", "location", "learning"))
    assert all("activity" in r.consents for r in many if r.consents)


def test_residents_differ_in_age_language_family_and_home(people):
    assert {p.languages[0] for p in people} >= {"fi", "sv", "ru"}
    assert any(p.children for p in people)
    assert min(p.age for p in people) >= 13
    assert len({p.district for p in people}) > 15
    assert any(p.access for p in people)


def test_interests_are_the_strongest_tastes(people):
    who = people[0]
    weakest = min(who.tastes[concept] for concept in who.interests)
    assert sum(weight > weakest for weight in who.tastes.values()) < 5


def test_relevance_is_full_for_the_very_thing_next_door():
    assert relevance(swimmer(), swimming()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("who", "offer", "share"),
    [
        ({}, {"age_min": 65}, 0.1),
        ({"children": (7,)}, {"age_min": 6, "age_max": 9}, 1.0),
        ({}, {"languages": ("ar",)}, 0.1),
        ({}, {"languages": ("ar", "fi")}, 1.0),
        ({"access": frozenset({Access.STEP_FREE})}, {"access": ()}, 0.1),
        ({"access": frozenset({Access.STEP_FREE})}, {"access": None}, 0.6),
        ({"kinds": dict.fromkeys(Kind, 0.5)}, {}, 0.5),
        ({"tastes": {"yso:p1808": 1.0}}, {}, 0.0),
        ({"tastes": {"yso:p4330": 0.3}}, {}, 0.3),
        ({"home": (60.29, 24.95)}, {}, 0.366),
        ({"home": (60.29, 24.95)}, {"place": None}, 1.0),
    ],
)
def test_what_does_not_fit_is_less_relevant(who, offer, share):
    assert relevance(swimmer(**who), swimming(**offer)) == pytest.approx(share, abs=0.01)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_relevance_is_between_nought_and_one_and_one_answer_agrees_with_all(seed):
    (who,) = residents(1, seed=seed, offers=OFFERS)
    all_at_once = Shelf(OFFERS).relevance(who)
    assert all_at_once.min() >= 0
    assert 0.1 < all_at_once.max() <= 1
    assert relevance(who, OFFERS[seed % len(OFFERS)]) == pytest.approx(all_at_once[seed % len(OFFERS)])


def test_behaviour_reacts_to_what_is_offered(people):
    shelf = Shelf(OFFERS)

    def best(who: SimulatedResident, _: datetime) -> list[Offer]:
        return [OFFERS[n] for n in np.argsort(-shelf.relevance(who))[:20]]

    def worst(who: SimulatedResident, _: datetime) -> list[Offer]:
        return [OFFERS[n] for n in np.argsort(shelf.relevance(who))[:20]]

    def saves(offered) -> int:
        done = day(people, OFFERS, now=NOW, seed=3, offered=offered)
        return sum(i.type is InteractionType.SAVE for _, batch in done for i in batch)

    assert saves(best) > 5 * saves(worst)


def test_what_stands_first_is_looked_at_more(people):
    fixed = OFFERS[:20]
    seen = Counter(
        i.offer for _, done in day(people, OFFERS, now=NOW, seed=5, offered=lambda *_: fixed)
        for i in done if i.type is InteractionType.VIEW
    )  # fmt: skip
    looks = [seen[offer.id] for offer in fixed]
    assert sum(looks[:5]) > 1.8 * sum(looks[10:15])


def test_what_is_settled_is_hardly_touched_again_on_the_same_day():
    who, offer = swimmer(visits_a_day=12.0), swimming()
    done = day([who], [offer], now=NOW, seed=8, offered=lambda *_: [offer])
    types = Counter(i.type for _, batch in done for i in batch)
    assert types[InteractionType.VIEW] > 5
    assert types[InteractionType.SAVE] == 1


def test_no_offers_or_nothing_shown_is_a_quiet_day(people):
    assert list(day(people, [], now=NOW, seed=1)) == []
    assert list(day(people, OFFERS, now=NOW, seed=1, offered=lambda *_: [])) == []


def test_residents_cannot_be_made_from_nothing():
    with pytest.raises(ValueError, match="offers that have keywords and a point"):
        residents(3, seed=1, offers=[swimming(place=None)])
