"""What residents do not want, and what they have just looked at, in what they are suggested."""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import pytest

from engine.avoidance import MOST, Avoided
from engine.consent import Purpose
from engine.errors import InvalidInput
from engine.folding import Observation
from engine.offers import Kind
from engine.profile import NOTHING_LEARNED, Leaning, Source, from_taste
from engine.query import Query
from engine.residents import Interests, avoiding, told, without
from engine.scenario import Scenario
from engine.session import MOST as MOST_NEW
from engine.session import SCALE, with_session
from engine.steering import Steered
from engine.suggestion import Suggester
from engine.taste import Taste, key
from tests.factories import keyword, observation, offer, place, taste
from tests.unit.engine.test_suggestion import ALL, CHESS, CITY, NOW, SWIM, SWIMMER, ask, loaded, suggester

SWIMMING, POOL = keyword("swimming").id, place("pool").id


def avoid(**what: object) -> Interests:
    return Interests(avoided=Avoided(**what))


@pytest.mark.parametrize("what", [{"keywords": (SWIMMING,)}, {"places": (POOL,)}, {"kinds": (Kind.COURSE,)}])
async def test_what_is_avoided_is_not_suggested_whatever_behaviour_tells(what):
    answer = await ask(CITY, *ALL, learned=SWIMMER, told=avoid(**what), query=Query(limit=100))
    assert sorted(answer.offers) == sorted(of.id for of in CHESS)
    without_taste = await ask(CITY, *ALL, told=avoid(**what), query=Query(limit=100))
    assert (without_taste.basis, len(without_taste.offers)) == ("stated", len(CHESS))


async def test_an_avoided_kind_counts_where_no_kind_is_asked_for():
    told = avoid(kinds=(Kind.COURSE,), places=(place("club").id,))
    asked = await ask(CITY, *ALL, told=told, query=Query(kinds=(Kind.COURSE, Kind.EVENT), limit=100))
    assert sorted(asked.offers) == sorted(of.id for of in SWIM)


async def test_who_avoids_everything_is_suggested_nothing():
    assert (await ask(CITY, *ALL, told=avoid(kinds=tuple(Kind)), learned=SWIMMER)).offers == ()


async def test_avoiding_what_nobody_offers_changes_nothing():
    plain = await ask(CITY, *ALL, learned=SWIMMER)
    told = avoid(keywords=("yso:p1",), places=("tprek:none",))
    assert (await ask(CITY, *ALL, learned=SWIMMER, told=told)).offers == plain.offers


async def test_without_leave_for_interests_what_is_avoided_is_not_even_opened():
    answer = await ask(CITY, Purpose.ACTIVITY, learned=SWIMMER, told=avoid(kinds=(Kind.COURSE,)))
    assert answer.offers[0].startswith("swim")


async def test_an_offer_that_came_a_moment_ago_is_left_out_too():
    catalogue = loaded(*SWIM, *CHESS)
    catalogue.live(NOW)
    new = offer("swim:new", keywords="swimming brandnew", kind=Kind.EVENT)
    catalogue.apply({new.id: new})
    assert catalogue.live(NOW).postings.until < len(catalogue.live(NOW).next)
    for word in ("swimming", "brandnew"):
        answer = await ask(catalogue, *ALL, told=avoid(keywords=(keyword(word).id,)), query=Query(limit=100))
        assert "swim:new" not in answer.offers


async def test_what_the_city_pins_is_not_shown_to_who_avoids_it():
    pinned = CITY.rows([key(SWIM[5].id), key(CHESS[5].id)])

    class City:
        def showed(self, live: object, rows: object) -> None:
            """Count nothing."""

        def steered(self, _: Scenario, live: object) -> Steered:
            return Steered("pins", np.zeros(len(live.next), np.float32), pinned)  # type: ignore[attr-defined]

    def steering(told: Interests | None) -> Suggester:
        made = suggester(CITY, *ALL, told=told)
        made._steering = City()
        return made

    assert (await steering(None).suggestions("someone", Query(), NOW)).offers[:2] == (SWIM[5].id, CHESS[5].id)
    told = avoid(keywords=(SWIMMING,))
    assert (await steering(told).suggestions("someone", Query(), NOW)).offers[0] == CHESS[5].id


def test_each_thing_that_is_avoided_has_a_name_and_goes_by_it():
    held = Interests(keywords=("yso:p1", "yso:p2"), kinds=(Kind.SPACE,))
    for name in ("keyword:yso:p1", "kind:space", "place:tprek:1", "place:tprek:1"):
        held = avoiding(held, name)
    assert told(held) == ["keyword:yso:p2", "avoided:keyword:yso:p1", "avoided:kind:space", "avoided:place:tprek:1"]
    for name in told(held):
        held = without(held, name)
    assert held == Interests()
    assert without(held, "avoided:weather:rain") == without(held, "avoided:") == held


def test_no_more_is_avoided_than_is_kept():
    full = Interests(avoided=Avoided(places=tuple(map(str, range(MOST)))))
    assert avoiding(full, "place:7") == full
    with pytest.raises(InvalidInput):
        avoiding(full, "place:one more")


async def test_two_dismissals_of_a_topic_make_offers_like_them_fall():
    """A fan of both; a third topic tells how far those that were dismissed fall."""
    garden = [offer(f"garden:{n}", keywords="garden plants", place=place("park"), days=3) for n in range(6)]
    city = loaded(*SWIM, *CHESS, *garden)
    liked = [observation(of, "save", ago=3) for of in (SWIM[0], CHESS[0], garden[0])]
    dismissed = [observation(of, "dismiss") for of in CHESS[1:3]]
    query = Query(limit=100)
    before = (await ask(city, *ALL, learned=taste(*liked, *dismissed[:0]), query=query)).offers
    after = (await ask(city, *ALL, learned=taste(*liked, *dismissed), query=query)).offers
    alike = [of.id for of in CHESS[3:]]
    assert max(map(before.index, alike)) < len(before) - 3
    assert sorted(after[-3:]) == sorted(alike)


JAZZ = [offer(f"jazz:{n}", keywords="jazz music", place=place("hall"), days=1) for n in range(6)]
TOWN = loaded(*SWIM, *CHESS, *JAZZ)
LOVES_JAZZ = [observation(of, act, ago=2 + n) for n, of in enumerate(JAZZ[:3]) for act in ("open", "attend")]


def looked(*, minutes: float, act: str = "open") -> list[Observation]:
    return [observation(of, act, ago=(minutes + n) / 1440) for n, of in enumerate(SWIM[:2])]


async def top(taste_of: Taste, *purposes: Purpose, later: timedelta = timedelta(), **state: object) -> list[str]:
    asked = suggester(TOWN, *(purposes or ALL), learned=taste_of, **state)
    answer = await asked.suggestions("someone", Query(limit=6), NOW + later)
    return [id_.partition(":")[0] for id_ in answer.offers]


async def test_what_was_looked_at_a_moment_ago_counts_now_and_not_in_an_hour():
    assert (await top(taste(*LOVES_JAZZ)))[:3] == ["jazz"] * 3
    its = taste(*LOVES_JAZZ, *looked(minutes=2))
    now, fading, later = [await top(its, later=timedelta(minutes=m)) for m in (0, 20, 60)]
    assert now[0] == "swim"
    assert fading.count("swim") <= now.count("swim")
    assert later[:3] == ["jazz"] * 3


async def test_a_session_is_of_behaviour_and_needs_its_permit():
    its = taste(*LOVES_JAZZ, *looked(minutes=2))
    nobody = await top(taste(), Purpose.INTERESTS, Purpose.LOCATION)
    assert await top(its, Purpose.INTERESTS, Purpose.LOCATION) == nobody


async def test_what_was_looked_at_and_dismissed_does_not_count():
    dismissed = [observation(of, "dismiss", ago=1 / 1440) for of in SWIM[:2]]
    assert (await top(taste(*LOVES_JAZZ, *looked(minutes=2), *dismissed)))[0] == "jazz"


def session(*seen: Observation, located: bool = True, **state: object) -> Mapping[str, float]:
    bare = Leaning(Source.INTERESTED, np.zeros(0, np.int32), np.zeros(0, np.float32))
    found = with_session(bare, taste(*seen).pack(), TOWN, NOW, located=located, **state)
    names = TOWN.vocabulary.names
    return dict(zip([names[slot] for slot in found.slots], found.adds.tolist(), strict=True))


def test_a_session_fades_to_nothing_within_its_half_hour():
    sums = [sum(session(*looked(minutes=m)).values()) for m in (0, 10, 20, 28)]
    assert sums == sorted(sums, reverse=True)
    assert sums[0] > 3 * sums[-1] > 0
    assert session(*looked(minutes=30)) == session() == {}


def test_a_session_leans_as_a_cosine_and_leaves_out_what_may_not_count():
    (look,) = looked(minutes=0)[:1]
    live = TOWN.live(NOW)
    added = session(look)
    score = sum(added.values()) * live.columns.norm[TOWN.row(key(SWIM[0].id))]
    assert score == pytest.approx(SCALE / 2)
    assert {name.partition(":")[0] for name in added} > {"place", "keyword", "kind"}
    assert not {"place", "district", "neighborhood"} & {name.partition(":")[0] for name in session(look, located=False)}
    assert "kind:course" not in session(look, without=frozenset({"kind"}))


def test_looks_at_what_is_gone_or_in_another_form_tell_nothing():
    gone = offer("gone:1", keywords="swimming")
    assert session(observation(gone, "open")) == {}
    with pytest.raises(ValueError, match="version"):
        with_session(NOTHING_LEARNED.leaning, b"\xff" + taste(*LOVES_JAZZ).pack()[1:], TOWN, NOW, located=True)


def test_a_session_adds_to_what_the_taste_knows_and_little_that_it_does_not():
    odd = [offer(f"odd:{n}", keywords=" ".join(f"w{n}x{m}" for m in range(9))) for n in range(6)]
    crowd, looks = loaded(*odd, *JAZZ), [observation(of, "open", ago=0.001) for of in odd]
    packed, live = taste(*LOVES_JAZZ).pack(), crowd.live(NOW)
    known = from_taste(packed, live, NOW, located=True).leaning
    found = with_session(known, taste(*looks).pack(), crowd, NOW, located=True)
    assert len(set(found.slots.tolist())) == len(found.slots) == len(known.slots) + MOST_NEW
    assert (found.adds[: len(known.slots)] >= known.adds).all()
