from datetime import timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.catalogue import Catalogue
from engine.columns import title_number
from engine.kernels import ABREAST
from engine.language import Language, Localized
from engine.offers import Access, Kind, Occurrence, Offer
from engine.query import Query, filters
from engine.ranking import Filters, Ranked, Request, Spread, Weights, rank
from engine.taste import key
from tests.factories import NOW, offer, place, series
from tests.reference import Reference, fits, fitting_start
from tests.unit.engine.rankers import directions
from tests.unit.engine.strategies import catalogues, queries

WEIGHTS = Weights(popularity=0.3, near=0.25, soon=0.2, unknown=0.1)
SPREAD = Spread(topic=0.5, place=0.25, kind=0.25)
ANYTHING = Query()
TOPICS = ("keyword:yso:a", "keyword:yso:b", "keyword:yso:c", "kind:course", "place:tprek:oodi", "when:weekday-evening")


def leaning_of(catalogue: Catalogue, leaning: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    known = {slot: adds for name, adds in leaning.items() if (slot := catalogue.vocabulary.slot(key(name)))}
    return np.array(list(known), np.int32), np.array(list(known.values()), np.float32)


def ask(catalogue: Catalogue, query: Query = ANYTHING, leaning: dict[str, float] | None = None, **given) -> Ranked:
    wanted = filters(query, given.pop("birth_year", None), catalogue.vocabulary, NOW)
    most, spread = given.pop("most", 200), given.pop("spread", None)
    live = catalogue.live(NOW)
    slots, adds = leaning_of(catalogue, leaning or {})
    return rank(live, Request(filters=wanted, weights=WEIGHTS, slots=slots, adds=adds, **given), most, spread)


def ids(catalogue: Catalogue, ranked: Ranked) -> list[str]:
    return [catalogue.live(NOW).ids[row] for row in ranked.rows.tolist()]


def loaded(*offers: Offer) -> Catalogue:
    catalogue = Catalogue()
    catalogue.apply({o.id: o for o in offers})
    return catalogue


@given(
    catalogues(),
    queries(),
    st.dictionaries(st.sampled_from(TOPICS), st.floats(-1, 1, width=32)),
    st.sampled_from([None, None, 1985, 2019, 2026]),
    st.sets(st.integers(0, 39), max_size=5),
)
@settings(deadline=None, max_examples=200)
def test_the_kernel_ranks_as_the_plain_reference(offers, query, leaning, birth_year, closed):
    catalogue = loaded(*offers.values())
    live = catalogue.live(NOW)
    popularity = {id_: n / 40 for n, id_ in enumerate(offers)}
    for id_, share in popularity.items():
        if (row := catalogue.row(key(id_))) is not None:
            live.columns.popularity[row] = share
    birth_year = birth_year if query.age is None else None
    rows = [row for n in closed if (row := catalogue.row(key(f"test:{n}"))) is not None]

    ranked = ask(catalogue, query, leaning, birth_year=birth_year, closed=rows)

    held = [o for o in offers.values() if catalogue.row(key(o.id)) is not None]
    reference = Reference(held, popularity, WEIGHTS)
    expected = {
        o.id: reference.score(o, query, birth_year, leaning, NOW)
        for o in held
        if fits(o, query, birth_year, NOW) and catalogue.row(key(o.id)) not in rows
    }
    found = dict(zip(ids(catalogue, ranked), ranked.scores.tolist(), strict=True))
    assert found.keys() == expected.keys()
    assert all(found[id_] == pytest.approx(expected[id_], abs=2e-5) for id_ in found)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    for id_, start in zip(found, ranked.starts.tolist(), strict=True):
        begins = fitting_start(offers[id_], query, NOW)[1]
        assert start == (int(begins.timestamp() // 60) if begins else 0)


@given(st.integers(1, 30), st.integers(0, 900), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_the_best_are_found_whatever_their_order(most, size, seed):
    random = Random(seed)
    scores = [random.choice([random.random(), 0.5]) for _ in range(size)]
    catalogue = loaded(*(offer(f"test:{n}", days=1) for n in range(size)))
    live = catalogue.live(NOW)
    live.columns.popularity[:size] = scores
    ranked = ask(catalogue, most=most)
    expected = sorted(live.columns.popularity[:size].tolist(), reverse=True)[:most]
    soon = 0.2 / (1 + 1 / 7)
    assert ranked.scores.tolist() == pytest.approx([0.3 * s + soon for s in expected], abs=1e-5)
    assert len(set(ranked.rows.tolist())) == len(ranked.rows)


@given(st.integers(0, 600), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25)
def test_factors_add_their_dot_product(size, seed):
    rng = np.random.default_rng(seed)
    catalogue = loaded(*(offer(f"test:{n}", days=1) for n in range(size)))
    vectors = rng.normal(size=(size, 64)).astype(np.float32)
    catalogue.learn(directions({f"test:{n}": vector for n, vector in enumerate(vectors)}))
    direction = rng.normal(size=64).astype(np.float32)
    ranked = ask(catalogue, direction=direction, most=20)
    dots = np.sort(vectors @ direction)[::-1][:20]
    assert ranked.scores == pytest.approx(dots + 0.2 / (1 + 1 / 7), abs=1e-3)


def test_of_very_many_offers_the_best_by_factors_are_found_wherever_they_lie():
    size, rng = 2 * ABREAST + 300, np.random.default_rng(3)
    catalogue = loaded(*(offer(f"test:{n}", days=1) for n in range(size)))
    vectors = rng.normal(size=(size, 4)).astype(np.float32)
    vectors[:, 2] = 0
    catalogue.learn(directions({f"test:{n}": vector for n, vector in enumerate(vectors)}))
    direction = np.array([0.5, 0, 1, -2], np.float32)
    ranked = ask(catalogue, direction=direction, most=60)
    expected = np.argsort(-(vectors @ direction), kind="stable")[:60]
    assert ids(catalogue, ranked) == [f"test:{n}" for n in expected]
    assert {n // ABREAST for n in expected} == {0, 1, 2}


def test_rows_are_ranked_alike_before_and_after_they_are_put_in_order():
    offers = [offer(f"test:{n}", days=n % 50, kind=list(Kind)[n % 3], keywords=f"a b{n % 7}") for n in range(1_200)]
    at_once, piecewise = loaded(*offers), Catalogue()
    for o in offers:
        piecewise.apply({o.id: o})
        if int(o.id[5:]) % 300 == 0:
            piecewise.live(NOW)
    query = Query(kinds=(Kind.COURSE,), until=NOW + timedelta(days=9))
    one, other = (ask(c, query, {"keyword:yso:b3": 1.0}, most=2_000) for c in (at_once, piecewise))
    assert len(one.rows) == len([o for o in offers if fits(o, query, None, NOW)]) > 0
    scores = [dict(zip(ids(c, r), r.scores.tolist(), strict=True)) for c, r in ((at_once, one), (piecewise, other))]
    assert scores[0].keys() == scores[1].keys()
    assert all(scores[0][id_] == pytest.approx(scores[1][id_], rel=0.02) for id_ in scores[0])


def test_an_empty_catalogue_has_nothing_to_rank():
    catalogue = Catalogue()
    ranked = ask(catalogue)
    assert len(ranked.rows) == 0
    assert len(ask(catalogue, spread=SPREAD).rows) == 0


def test_more_is_never_given_than_is_there():
    catalogue = loaded(offer("test:one"))
    assert ids(catalogue, ask(catalogue, most=100, spread=SPREAD)) == ["test:one"]


@pytest.mark.parametrize(
    ("query", "fitting", "unknown", "misfit"),
    [
        (Query(kinds=(Kind.COURSE,)), {"kind": Kind.COURSE}, None, {"kind": Kind.EVENT}),
        (Query(free=True), {"free": True}, None, {"free": False}),
        (Query(free=True), {"free": True}, None, {"free": None}),
        (Query(languages=("sv",)), {"languages": ("fi", "sv")}, {"languages": ()}, {"languages": ("fi",)}),
        (Query(age=8), {"age_min": 7, "age_max": 12}, {}, {"age_min": 9}),
        (Query(age=8), {"age_min": 8}, {}, {"age_max": 7}),
        (Query(age=8), {"age_max": 8}, {}, {"age_min": 18, "age_max": 99}),
        (
            Query(access=(Access.STEP_FREE, Access.QUIET)),
            {"access": (Access.STEP_FREE, Access.QUIET, Access.HEARING_LOOP)},
            {"access": None},
            {"access": (Access.STEP_FREE,)},
        ),
        (
            Query(near=(60.184, 24.95), radius_metres=500),
            {"place": place()},
            None,
            {"place": place("far", lat=60.2, lon=25.0)},
        ),
        (Query(near=(60.184, 24.95), radius_metres=500), {"place": place()}, None, {"place": None}),
        (Query(near=(60.184, 24.95), radius_metres=500), {"place": place()}, None, {"place": place(), "online": True}),
        (Query(starts_from=NOW + timedelta(days=2)), {}, None, {"starts": NOW, "ends": NOW + timedelta(days=1)}),
        (Query(until=NOW + timedelta(days=2, minutes=1)), {}, None, {"starts": NOW + timedelta(days=3)}),
    ],
)
def test_what_does_not_fit_never_passes_and_what_is_unknown_ranks_lower(query, fitting, unknown, misfit):
    offers = [offer("test:fits", **fitting), offer("test:misfit", **{"ends": NOW + timedelta(days=9)} | misfit)]
    if unknown is not None:
        offers.append(offer("test:unknown", **unknown))
    catalogue = loaded(*offers)
    found = ask(catalogue, query)
    assert ids(catalogue, found) == ["test:fits", "test:unknown"][: 1 if unknown is None else 2]
    if unknown is not None:
        assert found.scores[1] == pytest.approx(found.scores[0] - WEIGHTS.unknown, abs=1e-5)


def test_a_birth_year_leaves_two_ages_open():
    catalogue = loaded(
        offer("test:both", age_min=7, age_max=12),
        offer("test:older", age_min=8, age_max=12),
        offer("test:younger", age_max=7),
        offer("test:neither", age_min=9),
    )
    found = dict(zip(ids(catalogue, r := ask(catalogue, birth_year=NOW.year - 8)), r.scores.tolist(), strict=True))
    assert found.keys() == {"test:both", "test:older", "test:younger"}
    assert found["test:both"] > found["test:older"] == pytest.approx(found["test:younger"])


def test_a_series_passes_only_where_one_of_its_dates_does():
    catalogue = loaded(series("test:weekly", [1, 8, 15]))
    days = lambda start, end: Query(starts_from=NOW + timedelta(days=start), until=NOW + timedelta(days=end))  # noqa: E731
    for start, end, count in [(0, 2, 1), (2, 7, 0), (7, 9, 1), (9, 14, 0), (14, 30, 1), (16, 30, 0)]:
        assert len(ask(catalogue, days(start, end)).rows) == count


def test_the_night_that_has_an_hour_twice_is_told_apart():
    spring = NOW.replace(month=10, day=25, hour=0, minute=30)
    first, second = spring, spring + timedelta(hours=1)  # both are 3.30 in Helsinki
    catalogue = Catalogue()
    catalogue.apply({"t": offer("t", starts=first, ends=second, dates=(Occurrence(first, second),))})
    assert len(catalogue.live(first + timedelta(minutes=59)).rows) == 1
    assert len(catalogue.live(second).rows) == 0


def test_closed_offers_never_come():
    catalogue = loaded(offer("test:a"), offer("test:b"))
    assert ids(catalogue, ask(catalogue, closed=[catalogue.row(key("test:a"))])) == ["test:b"]


def test_what_is_disliked_comes_after_what_is_not_known():
    catalogue = loaded(offer("test:jazz", keywords="jazz"), offer("test:chess", keywords="chess"))
    assert ids(catalogue, ask(catalogue, leaning={"keyword:yso:jazz": -1.0})) == ["test:chess", "test:jazz"]


def checkerboard(catalogue: Catalogue, most: int) -> list[str]:
    return ids(catalogue, ask(catalogue, leaning={"keyword:yso:even": 1.0}, most=most, spread=SPREAD))


def test_those_who_like_even_offers_get_even_offers():
    catalogue = loaded(*(offer(f"test:{n}", keywords="odd" if n % 2 else "even") for n in range(40)))
    assert {int(id_[5:]) % 2 for id_ in checkerboard(catalogue, 20)} == {0}


def test_one_of_a_series_is_enough():
    catalogue = loaded(*(offer(f"test:{n}", series=f"s{n % 3}" if n < 9 else None) for n in range(12)))
    shown = [int(id_[5:]) for id_ in ids(catalogue, ask(catalogue, most=12, spread=SPREAD))]
    assert len(shown) == 6
    assert len({n % 3 for n in shown if n < 9}) == 3


def named(names: str, **changes) -> list[Offer]:
    """Offers of series and venues of their own, the first the most popular: each letter is an activity's name."""
    return [
        offer(f"{n}", name=Localized(fi=f"{name} {n + 1}/2026!"), series=f"s{n}", place=place(f"venue-{n}"), **changes)
        for n, name in enumerate(names)
    ]


def shown_of(offers: list[Offer], most: int) -> str:
    """The names that an answer shows, in order."""
    catalogue, size = loaded(*offers), len(offers)
    catalogue.live(NOW).columns.popularity[:size] = np.linspace(1, 0, size)
    found = ids(catalogue, ask(catalogue, most=most, spread=Spread(topic=0, place=0, kind=0)))
    return "".join((offers[int(id_)].name.pick(Language.FI) or " ")[0] for id_ in found)


@pytest.mark.parametrize(
    ("names", "most", "shown"),
    [
        ("aaaabbbcde", 5, "aabbc"),
        ("aaaabcdefg", 8, "aabcdefg"),
        ("aaaab", 5, "aabaa"),
        ("aAaAb", 3, "aAb"),
        ("abcde", 5, "abcde"),
        ("a" * 40 + "bcdefghijklmnopqrstuvw", 20, "aabcdefghijklmnopqrs"),
        ("a" * 10 + "bcdefghijklmnopqrstuvwxyz" * 2, 40, "aaaabcdefghijklmnopqrstuvwxyzbcdefghijkl"),
        ("aaa", 2, "aa"),
    ],
)
def test_one_activity_at_many_venues_does_not_crowd_an_answer(names, most, shown):
    assert shown_of(named(names), most) == shown


def test_what_has_no_name_is_not_of_one_name():
    assert shown_of([offer(f"{n}", name=Localized()) for n in range(6)] + named("      b")[6:], 6) == "      "


def test_a_name_is_the_same_in_capitals_and_with_other_numbers_and_marks():
    same = [
        Localized(fi="Muskari 1-2-vuotiaille"),
        Localized(fi="MUSKARI: 3-4 -VUOTIAILLE!"),
        Localized(fi="muskari vuotiaille", sv="Musiklek", en="Music play"),
        Localized(en="muskari, vuotiaille"),
    ]
    other = [Localized(fi="Muskari"), Localized(sv="Musiklek"), Localized(fi="Музыка"), Localized(fi="Ää"), Localized()]
    numbers = [title_number(name) for name in same + other]
    assert len(set(numbers[:4])) == 1
    assert len(set(numbers[3:])) == 6
    assert title_number(Localized(fi="2026!")) == title_number(Localized()) == 0
    assert all(0 <= number < 2**31 for number in numbers)


def test_topics_places_and_kinds_spread():
    swims = [offer(f"swim:{n}", keywords="swimming", place=place("pool"), days=2) for n in range(10)]
    others = [
        offer("other:topic", keywords="chess", days=2.5, place=place("pool")),
        offer("other:place", keywords="swimming", days=2.5, place=place("beach")),
        offer("other:kind", keywords="swimming", days=2.5, place=place("pool"), kind=Kind.COURSE),
        offer("last", keywords="swimming", days=30, place=place("pool")),
    ]
    catalogue = loaded(*swims, *others)
    ranked = ask(catalogue)
    assert [id_[:4] for id_ in ids(catalogue, ranked)[:10]] == ["swim"] * 10
    shown = ids(catalogue, ask(catalogue, most=5, spread=SPREAD))
    assert shown[0].startswith("swim")
    assert {"other:topic", "other:place", "other:kind"} <= set(shown)


@given(catalogues(), queries(), st.integers(1, 100))
@settings(deadline=None, max_examples=60)
def test_variety_keeps_the_best_first_and_invents_nothing(offers, query, most):
    catalogue = loaded(*offers.values())
    ranked = ask(catalogue, query, {"keyword:yso:a": 1.0})
    shown = ask(catalogue, query, {"keyword:yso:a": 1.0}, most=most, spread=SPREAD)
    assert len(shown.rows) <= most
    assert len(set(shown.rows.tolist())) == len(shown.rows)
    assert set(shown.rows.tolist()) <= set(ranked.rows.tolist())
    assert np.isfinite(shown.scores).all()
    if len(ranked.rows):
        assert shown.rows[0] == ranked.rows[0]
    series_shown = [offers[id_].series for id_ in ids(catalogue, shown) if offers[id_].series]
    assert len(set(series_shown)) == len(series_shown)


def test_the_defaults_ask_nothing():
    assert not any((Filters().by_age, Filters().by_access, Filters().by_language))
