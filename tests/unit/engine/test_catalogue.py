from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.catalogue import K_ANONYMITY, Catalogue, Live, Postings
from engine.columns import LANGUAGE_UNKNOWN, NEVER, metres, minute
from engine.language import Localized
from engine.offers import Kind, Offer, Status, card, decode, live
from engine.taste import key
from tests.factories import NOW, keyword, offer, place, series
from tests.unit.engine.rankers import directions
from tests.unit.engine.strategies import catalogues


def loaded(*offers: Offer) -> Catalogue:
    catalogue = Catalogue()
    catalogue.apply({o.id: o for o in offers})
    return catalogue


def ids(held: Live) -> list[str]:
    return [held.ids[row] for row in held.rows.tolist()]


def facts(catalogue: Catalogue, now: datetime) -> dict[str, tuple]:
    """Everything that a catalogue says of each live offer, by names instead of numbers."""
    held, names = catalogue.live(now), catalogue.vocabulary.names
    columns = held.columns
    return {
        held.ids[row]: (
            *(int(part[row]) for part in (columns.traits, held.next, columns.last)),
            *(round(float(part[row]), 3) for part in (columns.x, columns.y)),
            *(
                int(getattr(columns, name)[row])
                for name in ("until", "opens", "closes", "seats", "keywords", "counts", "title")
            ),
            tuple(names[slot] for slot in columns.slots[row].tolist()),
            names[int(columns.place[row])],
            names[int(columns.area[row])],
            held.dates[columns.dates_from[row] : columns.dates_to[row]].tolist(),
            round(float(columns.popularity[row]), 5),
            columns.factors[row].tolist(),
            held.cards[row],
        )
        for row in held.rows.tolist()
    }


@given(catalogues(most=60), st.integers(0, 30 * 1440))
@settings(deadline=None, max_examples=80)
def test_live_are_those_that_the_vocabulary_calls_live(offers, later):
    now = NOW + timedelta(minutes=later)
    assert sorted(ids(loaded(*offers.values()).live(now))) == sorted(id_ for id_, o in offers.items() if live(o, now))


@given(catalogues(most=60), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_any_changes_lead_to_what_a_fresh_catalogue_holds(offers, seed):
    random, catalogue, now = Random(seed), Catalogue(), {}
    for _ in range(8):
        changed = random.sample(list(offers), random.randint(0, len(offers)))
        changes = {id_: random.choice([None, offers[id_], offers[id_]]) for id_ in changed}
        catalogue.apply(changes)
        now |= changes
        if random.random() < 0.5:
            catalogue.live(NOW)
    fresh = loaded(*(o for o in now.values() if o is not None))
    assert facts(catalogue, NOW) == facts(fresh, NOW)


def test_two_thousand_rows_put_in_order_say_the_same():
    offers = {
        o.id: o
        for n in range(2_000)
        for o in [series(f"t:{n}", [(n * 7) % 40, 41, 43], keywords=f"k{n % 9}", kind=list(Kind)[n % 3], place=place())]
    }
    catalogue = Catalogue()
    for n, o in enumerate(offers.values()):
        catalogue.apply({o.id: o})
        if n in (5, 1_500):
            catalogue.live(NOW)
    catalogue.popularity({id_: (n, 50) for n, id_ in enumerate(offers)})
    catalogue.learn(directions({id_: np.full(3, n, np.float32) for n, id_ in enumerate(offers)}))
    before = facts(catalogue, NOW)
    catalogue.apply(dict.fromkeys(list(offers)[:1_200]))
    after = facts(catalogue, NOW)
    assert after == {id_: before[id_] for id_ in list(offers)[1_200:]}
    assert catalogue.live(NOW).rows.tolist() == list(range(800))
    kinds = (catalogue.live(NOW).columns.traits[:800] & 15).tolist()
    assert kinds == sorted(kinds)


def test_a_change_is_seen_at_once_and_keeps_what_is_known_beside_the_content():
    catalogue = loaded(offer("t:1"), offer("t:2"))
    catalogue.popularity({"t:1": (3.0, 12)})
    catalogue.learn(directions({"t:1": np.array([1, 2], np.float32)}))
    before = catalogue.live(NOW)
    catalogue.apply({"t:1": offer("t:1", seats_left=4), "t:2": None, "t:3": offer("t:3")})
    after = catalogue.live(NOW)
    assert sorted(ids(after)) == ["t:1", "t:3"]
    row = catalogue.row(key("t:1"))
    assert after.columns.seats[row] == 4
    assert after.columns.popularity[row] == 1.0
    assert after.columns.factors[row].tolist() == [1, 2]
    assert sorted(ids(before)) == ["t:1", "t:2"]
    assert len(catalogue) == 2


def test_what_nobody_can_get_into_takes_no_room():
    gone = [offer("t:1", status=Status.CANCELLED), offer("t:2", seats_left=0), offer("t:3", status=Status.POSTPONED)]
    assert len(loaded(*gone)) == 0


def test_an_offer_that_fills_up_goes_and_comes_back_when_a_seat_is_freed():
    catalogue = loaded(offer("t:1", seats_left=1))
    catalogue.apply({"t:1": offer("t:1", seats_left=0)})
    assert ids(catalogue.live(NOW)) == []
    catalogue.apply({"t:1": offer("t:1", seats_left=1)})
    assert ids(catalogue.live(NOW)) == ["t:1"]


def test_time_alone_ends_offers_and_moves_a_series_to_its_next_date():
    weekly = series("t:weekly", [1, 8])
    catalogue = loaded(weekly, offer("t:once", days=3))
    starts = []
    for days in (0, 2, 4, 9):
        held = catalogue.live(NOW + timedelta(days=days))
        starts.append(
            {held.ids[row]: start for row, start in zip(held.rows.tolist(), held.next[held.rows].tolist(), strict=True)}
        )
    first, second = (minute(d.starts) for d in weekly.dates)
    once = minute(NOW + timedelta(days=3))
    assert starts == [
        {"t:weekly": first, "t:once": once},
        {"t:weekly": second, "t:once": once},
        {"t:weekly": second},
        {},
    ]


def test_the_same_minute_is_worked_out_once():
    catalogue = loaded(offer())
    assert catalogue.live(NOW) is catalogue.live(NOW + timedelta(seconds=59))
    assert catalogue.live(NOW) is not catalogue.live(NOW + timedelta(seconds=60))


def test_cards_are_the_offers_as_lists_show_them():
    of = offer("t:1", description=Localized(fi="Pitkä"), keywords="a b", place=place())
    held = loaded(of).live(NOW)
    assert decode(held.cards[held.rows[0]]) == card(of)


def test_popularity_of_few_is_nobodys_business():
    catalogue = loaded(offer("t:few"), offer("t:many"), offer("t:most"))
    catalogue.popularity({"t:few": (900.0, K_ANONYMITY - 1), "t:many": (3.0, K_ANONYMITY), "t:most": (15.0, 40)})
    columns = catalogue.live(NOW).columns
    shares = {name: float(columns.popularity[catalogue.row(key(f"t:{name}"))]) for name in ("few", "many", "most")}
    assert shares == pytest.approx({"few": 0.0, "many": 0.5, "most": 1.0})
    assert columns.visitors[catalogue.row(key("t:few"))] == 0


def test_popularity_is_replaced_as_a_whole_and_of_strangers_ignored():
    catalogue = loaded(offer("t:1"), offer("t:2"))
    catalogue.popularity({"t:1": (5.0, 40)})
    catalogue.popularity({"t:2": (0.0, 40), "t:gone": (9.0, 40)})
    assert catalogue.live(NOW).columns.popularity[:2].tolist() == [0.0, 0.0]


def test_an_empty_catalogue_lives():
    held = Catalogue().live(NOW)
    assert len(held) == len(held.blocks) == 0


def test_slots_grow_wider_when_there_are_too_many_names():
    many = [offer(f"t:{n}", keywords=" ".join(f"k{n}-{m}" for m in range(10))) for n in range(6_600)]
    catalogue = loaded(*many[:6_000])
    assert catalogue.live(NOW).columns.slots.dtype == np.uint16
    catalogue.apply({o.id: o for o in many[6_000:]})
    columns = catalogue.live(NOW).columns
    assert columns.slots.dtype == np.uint32
    for n in (0, 6_599):
        slots = columns.slots[catalogue.row(key(f"t:{n}"))].tolist()
        assert {catalogue.vocabulary.names[slot] for slot in slots[:10]} == {f"keyword:yso:k{n}-{m}" for m in range(10)}


def test_rows_of_factors_begin_where_cache_lines_do():
    catalogue = loaded(offer())
    catalogue.learn(directions({"test:1": np.zeros(64, np.float32)}))
    columns = catalogue.live(NOW).columns
    assert columns.factors.ctypes.data % 64 == 0


@given(st.integers(0, 300), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25)
def test_the_postings_of_a_slot_are_the_rows_that_have_it(rows, seed):
    slots = np.random.default_rng(seed).integers(0, 12, (rows, 20)).astype(np.uint16)
    postings = Postings.build(slots, 12)
    assert postings.until == rows
    for slot in range(12):
        found = postings.rows[postings.starts[slot] : postings.starts[slot + 1]]
        assert found.tolist() == np.argwhere(slots == slot)[:, 0].tolist()


def test_the_33rd_language_counts_as_unknown():
    codes = [f"{a}{b}" for a in "abcdef" for b in "abcdef"][:33]
    catalogue = loaded(*(offer(f"t:{n}", languages=(code,)) for n, code in enumerate(codes)))
    languages = catalogue.live(NOW).columns.languages
    assert languages[catalogue.row(key("t:30"))] == 1 << 30
    assert languages[catalogue.row(key("t:32"))] == LANGUAGE_UNKNOWN


def test_features_that_are_rare_weigh_more_and_the_newest_label_holds():
    catalogue = loaded(*(offer(f"t:{n}", keywords="common" if n else "common rare") for n in range(10)))
    held, vocabulary = catalogue.live(NOW), catalogue.vocabulary
    common, rare = (vocabulary.slot(key(f"keyword:yso:{word}")) for word in ("common", "rare"))
    assert held.idf[rare] > held.idf[common] > 0
    catalogue.apply({"t:1": offer("t:1", audience=(keyword("common"),), keywords="common")})
    assert vocabulary.labels[common].sv == "common-sv"


def test_metres_are_right_to_one_percent_within_the_city():
    for (lat, lon), (lat2, lon2) in [((60.17, 24.94), (60.17, 25.2)), ((60.15, 24.9), (60.29, 24.9))]:
        (x, y), (x2, y2) = metres(lat, lon), metres(lat2, lon2)
        mean = np.radians((lat + lat2) / 2)
        exact = 6_371_008.8 * np.hypot(np.radians(lat2 - lat), np.radians(lon2 - lon) * np.cos(mean))
        assert np.hypot(x2 - x, y2 - y) == pytest.approx(exact, rel=0.01)


def test_minutes_are_rounded_down_and_have_an_end():
    assert minute(datetime(1970, 1, 1, 0, 1, 59, tzinfo=UTC)) == 1
    assert minute(datetime(9999, 1, 1, tzinfo=UTC)) == NEVER
    assert minute(datetime(26, 9, 23, tzinfo=UTC)) == 0


def test_offers_of_before_and_after_a_model_are_known_by_its_numbers():
    catalogue = loaded(offer("t:1"), offer("t:2"))
    assert catalogue.unknown() == []
    before = catalogue.live(NOW)
    catalogue.learn(directions({"t:2": np.array([1, 2], np.float32), "t:3": np.array([3, 4], np.float32)}))
    catalogue.apply({"t:3": offer("t:3"), "t:4": offer("t:4")})
    held = catalogue.live(NOW)
    numbers = {id_: int(held.columns.number[catalogue.row(key(id_)), 0]) for id_ in ("t:1", "t:2", "t:3", "t:4")}
    assert numbers == {"t:1": -1, "t:2": 0, "t:3": 1, "t:4": -1}
    assert sorted(catalogue.unknown()) == ["t:1", "t:4"]
    assert held.columns.factors[catalogue.row(key("t:3"))].tolist() == [3, 4]
    assert not held.columns.factors[catalogue.row(key("t:4"))].any()
    assert before.ranker is None
    assert before.columns.factors.shape[1] == 0
    catalogue.learn(None)
    assert catalogue.live(NOW).columns.number.shape[1] == 0
