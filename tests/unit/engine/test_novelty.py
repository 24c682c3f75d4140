from collections import Counter
from datetime import timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.exploration import Thompson
from engine.avoidance import Avoided
from engine.consent import Purpose
from engine.events import Chance, Impression
from engine.novelty import MOST_CANDIDATES, PLACE, Novelty
from engine.query import Query
from engine.residents import Interests
from engine.rules import Effect, Rule, Target
from engine.scenario import Scenario
from engine.steering import NEW_SHOWS, CitySteering
from engine.suggestion import Suggester
from tests.factories import NOW, consents, observation, offer, place, taste
from tests.unit.engine.test_suggestion import ALL, Away, Opened, Store, loaded

OLD = [offer(f"old:{n}", place=place(f"p{n % 7}"), days=1 + n / 9) for n in range(30)]
NEW = [offer(f"new:{n}", place=place(f"q{n}"), keywords="jazz", days=9) for n in range(6)]


class Last:
    """Chooses the last there is, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[np.ndarray, ...]] = []

    def choose(self, shown, chosen, expected):
        self.asked.append((shown, chosen, expected))
        return len(expected) - 1, 0.5


def titled(of, n):
    fields = {name: getattr(of, name) for name in of.__struct_fields__}
    word = "abcdefghijklmnopqrstuvwxyz"[n % 26] * (1 + n // 26) + of.id[:3]
    return type(of)(**fields | {"name": type(of.name)(fi=word)})


CITY = [titled(of, n) for n, of in enumerate([*OLD, *NEW])]


def trying(explorer, *offers, share=1.0, draw=lambda: 0.0, rules=(), purposes=ALL, learned=None, told=None):
    catalogue = loaded(*(offers or CITY))
    steering = CitySteering(catalogue)
    steering.rules(rules)
    steering.exposed({of.id: NEW_SHOWS for of in OLD}, NOW)
    store = Store(Opened(consents(*purposes), learned, told))
    return Suggester(catalogue, store, Away(), steering=steering, novelty=Novelty(explorer, share, draw))


async def shown(its, **query):
    return await its.shown("someone", Query(**query), NOW)


def new_in(answer):
    return [n for n, id_ in enumerate(answer.offers, 1) if id_.startswith("new")]


async def test_a_new_offer_takes_the_fourth_place_and_says_so():
    explorer = Last()
    answer, impression = await shown(trying(explorer), limit=10)
    assert impression is None
    assert new_in(answer) == [PLACE]
    assert len(answer.offers) == len(set(answer.offers)) == 10
    assert [item.reasons[0].code == "new" for item in answer.items].index(True) == PLACE - 1
    ((shows, chosen, expected),) = explorer.asked
    assert len(expected) == len(NEW) <= MOST_CANDIDATES
    assert ((expected > 0) & (expected < 1)).all()
    assert not shows.any()
    assert not chosen.any()


async def test_the_others_stay_in_their_order():
    with_new = (await shown(trying(Last()), limit=10))[0].offers
    without = (await shown(trying(Last(), share=0.0), limit=10))[0].offers
    assert [id_ for id_ in with_new if not id_.startswith("new")] == list(without[:9])


async def test_the_chance_is_kept_of_what_was_tried_and_of_what_was_not():
    leave = (Purpose.MEASUREMENT,)
    _, tried = await shown(trying(Last(), share=0.2, purposes=leave), limit=10)
    assert (tried.chance.place, tried.chance.propensity) == (PLACE, pytest.approx(0.2 * 0.5))
    answer, kept = await shown(trying(Last(), share=0.2, draw=lambda: 0.9, purposes=leave), limit=10)
    assert new_in(answer) == []
    assert (kept.chance.place, kept.chance.propensity) == (PLACE, pytest.approx(0.8))
    _, none = await shown(trying(Last(), share=0.0, purposes=leave), limit=10)
    assert none.chance is None


async def test_one_new_offer_that_fits_among_many_that_do_not_is_enough_for_a_chance_and_none_is_not():
    unfit = [titled(offer(f"new:{n}", place=place(f"q{n}"), age_min=60), n) for n in range(40)]
    fits = titled(offer("new:fit", place=place("q"), days=9), 41)
    for offers, chance in (([*unfit, fits], pytest.approx(0.8)), (unfit, None)):
        for _ in range(6):
            # The few that are looked at first are drawn anew.
            its = trying(
                Last(), *CITY[: len(OLD)], *offers, share=0.2, draw=lambda: 0.9, purposes=(Purpose.MEASUREMENT,)
            )
            _, kept = await shown(its, limit=10, age=30)
            assert (kept.chance and kept.chance.propensity) == chance


@pytest.mark.parametrize("query", [{"limit": 3}, {"free": True}, {"age": 3, "limit": 2}])
async def test_where_there_is_no_room_or_nothing_fits_nothing_is_tried(query):
    answer, _ = await shown(trying(Last()), **query)
    assert "new" not in {reason.code for item in answer.items for reason in item.reasons}


async def test_what_is_full_unfit_settled_or_left_out_is_never_tried():
    unfit = [
        offer("new:full", seats_left=0), offer("new:old", age_min=60), offer("new:far", languages=("sv",)),
        offer("new:settled"), offer("new:out"),
    ]  # fmt: skip
    offers = [*CITY[: len(OLD)], *(titled(of, n) for n, of in enumerate(unfit))]
    out = Rule(
        effect=Effect.EXCLUDE, target=Target(offers=("new:out",)), scenarios=(Scenario.APP_HOME,),
        valid_from=NOW, valid_until=NOW + timedelta(days=1), reason="A test",
    )  # fmt: skip
    explorer = Last()
    its = trying(explorer, *offers, rules=[out], learned=taste(observation(unfit[3], "dismiss")))
    answer, _ = await shown(its, limit=10, age=20, languages=("fi",))
    assert new_in(answer) == []
    assert explorer.asked == []


async def test_what_somebody_does_not_want_is_neither_tried_nor_pinned():
    pin = Rule(
        effect=Effect.PIN, target=Target(offers=("new:0",)), scenarios=(Scenario.APP_HOME,),
        valid_from=NOW, valid_until=NOW + timedelta(days=1), reason="A test",
    )  # fmt: skip
    avoided = Interests(avoided=Avoided(keywords=("yso:jazz",)))
    answer, _ = await shown(trying(Last(), rules=[pin], told=avoided), limit=10)
    assert new_in(answer) == []


def test_offers_like_one_are_no_place_to_try():
    assert new_in(trying(Last()).similar(CITY[0], Query(limit=10), NOW)) == []


async def test_behind_pins_there_is_room_too():
    pins = tuple(f"old:{n}" for n in range(20, 25))
    rule = Rule(
        effect=Effect.PIN, target=Target(offers=pins), scenarios=(Scenario.APP_HOME,),
        valid_from=NOW, valid_until=NOW + timedelta(days=1), reason="A test",
    )  # fmt: skip
    answer, _ = await shown(trying(Last(), rules=[rule]), limit=10)
    assert answer.offers[:5] == pins
    assert new_in(answer) == [6]


async def test_in_the_long_run_each_new_offer_is_shown_as_often_as_its_chance_says():
    rng = np.random.default_rng(3)
    its = trying(Thompson(seed=4), share=0.5, draw=rng.random, purposes=(Purpose.MEASUREMENT,))
    seen, weighed, times = Counter(), Counter(), 600
    for _ in range(times):
        answer, impression = await shown(its, limit=10)
        if impression.chance is not None:
            id_ = answer.offers[impression.chance.place - 1]
            seen[id_] += 1
            weighed[id_] += 1 / impression.chance.propensity
    tried = {id_: count for id_, count in seen.items() if id_.startswith("new")}
    assert sum(tried.values()) / times == pytest.approx(0.5, abs=0.07)
    # What was shown, over the chance it had, comes to the number of answers: once for each offer that might be shown.
    assert {id_ for id_ in weighed if id_.startswith("new")} == {of.id for of in NEW}
    assert sum(weighed.values()) / times == pytest.approx(len(NEW) + 1, rel=0.2)


@given(st.lists(st.floats(0.01, 0.5), min_size=1, max_size=8), st.integers(0, 1000))
@settings(deadline=None)
def test_thompson_chooses_among_what_there_is_with_a_chance_that_can_be_divided_by(expected, seed):
    none = np.zeros(len(expected))
    which, propensity = Thompson(seed).choose(none, none, np.array(expected))
    assert 0 <= which < len(expected)
    assert 0.05 / len(expected) <= propensity <= 1


def test_an_impression_of_before_chances_were_told_is_read_as_ever():
    old = b'{"suggestion":"s","resident":"r","time":"2026-11-22T10:00:00Z","basis":"popular","offers":["t:1"]}'
    assert msgspec.json.decode(old, type=Impression).chance is None
    new = Impression("s", "r", NOW, "popular", ("t:1",), chance=Chance(4, 0.05))
    assert msgspec.json.decode(msgspec.json.encode(new), type=Impression) == new


def test_what_many_have_seen_is_new_no_more_though_not_of_late():
    steering = CitySteering(catalogue := loaded(*CITY))
    steering.known([of.id for of in NEW[:4]])
    steering.exposed({of.id: NEW_SHOWS for of in OLD}, NOW)
    live = catalogue.live(NOW)
    fresh = steering.steered(Scenario.EMAIL, live).fresh
    assert {live.ids[row] for row in fresh.rows} == {"new:4", "new:5"}
