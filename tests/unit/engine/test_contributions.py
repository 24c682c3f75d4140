import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contributions import Entries, Offers, Opinion, Scales, by_features, contributions, largest

TOPIC, AREA, NEAR, POPULAR, SOON, FREE, LIKE = range(7)
SCALES = Scales(
    codes=7,
    near_code=NEAR,
    popular_code=POPULAR,
    soon_code=SOON,
    free_code=FREE,
    near=0.2,
    near_metres=3_000.0,
    popular=0.3,
    popular_from=0.4,
    visitors_from=10,
    soon=0.1,
    soon_minutes=4_320,
    free=0.0,
)


def entries(*given_: tuple[int, int, float]) -> Entries:
    slots, codes, adds = zip(*given_, strict=True) if given_ else ((), (), ())
    return Entries(np.array(slots, np.int64), np.array(codes, np.int64), np.array(adds, np.float64))


def offers(*, metres=np.inf, wait=10_000, popularity=0.0, visitors=0, slots=(0,)) -> Offers:
    """Two rows of which the second is shown."""
    return Offers(
        np.array([1], np.uint32),
        np.array([wait], np.int32),
        np.array([metres]),
        np.array([[9] * len(slots), slots], np.uint16),
        np.array([1.0, 0.5], np.float32),
        np.array([0.0, popularity], np.float32),
        np.array([0, visitors], np.int32),
    )


NAMED, BARE = np.array([TOPIC, AREA]), np.array([LIKE, -1])


def moved(*parts: float) -> Opinion:
    """A model's opinion of the one offer shown: by topic and by area; none at all without parts."""
    return Opinion(np.array([parts] if parts else np.zeros((0, 2)), np.float32), NAMED, BARE)


def said(weighed: Entries, shown: Offers, scales: Scales = SCALES, opinion: Opinion | None = None) -> list[int]:
    numbers, _ = contributions(shown, weighed, opinion or moved(), scales)
    return [number for number in numbers[0].tolist() if number >= 0]


def test_an_offer_gets_what_its_own_features_add_over_its_length():
    weighed = entries((5, TOPIC, 0.6), (6, TOPIC, 0.2), (7, AREA, -0.4), (8, AREA, 0.9))
    adds, most = by_features(weighed, 2, np.array([5, 6, 7, 0, 8], np.uint16), 0.5)
    assert adds.tolist() == pytest.approx([0.4, -0.2])
    assert most.tolist() == [5, 0]


def test_of_equal_features_the_offers_first_is_named():
    weighed = entries((5, TOPIC, 0.3), (6, TOPIC, 0.3))
    assert by_features(weighed, 2, np.array([6, 5], np.uint16), 1.0)[1][TOPIC] == 6


def test_a_feature_is_named_with_its_slot_and_a_circumstance_without():
    numbers, slots = contributions(offers(metres=100, slots=(5, 0)), entries((5, TOPIC, 1.0)), moved(), SCALES)
    assert numbers[0].tolist() == [TOPIC, NEAR, -1, -1, -1, -1, -1]
    assert slots[0].tolist() == [5, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("shown", "numbers"),
    [
        ({}, []),
        ({"metres": 2_999}, [NEAR]),
        ({"metres": 3_001}, []),
        ({"popularity": 0.4, "visitors": 10}, [POPULAR]),
        ({"popularity": 0.4, "visitors": 9}, []),
        ({"popularity": 0.39, "visitors": 90}, []),
        ({"wait": 0}, [SOON]),
        ({"wait": 4_320}, [SOON]),
        ({"wait": 4_321}, []),
        ({"wait": -1}, []),
        ({"wait": 0, "metres": 0, "popularity": 1.0, "visitors": 10}, [POPULAR, NEAR, SOON]),
    ],
)
def test_circumstances_count_as_far_as_people_would_call_them_a_reason(shown, numbers):
    assert said(entries(), offers(**shown)) == numbers


def test_what_was_asked_for_counts_a_little_for_all():
    assert said(entries(), offers(), SCALES._replace(free=0.01)) == [FREE]


def test_without_offers_there_is_nothing_to_explain():
    nobody = offers()._replace(rows=np.zeros(0, np.uint32), waits=np.zeros(0, np.int32), metres=np.zeros(0))
    assert [part.shape for part in contributions(nobody, entries(), moved(), SCALES)] == [(0, 7), (0, 7)]


@given(st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=8))
def test_the_largest_come_first_and_what_moved_little_or_away_is_left_out(adds):
    found = largest(np.array(adds)).tolist()
    chosen = [adds[number] for number in found]
    assert chosen == sorted(chosen, reverse=True)
    assert all(value > 0 and value >= 0.2 * max(adds) for value in chosen)
    left_out = [value for number, value in enumerate(adds) if number not in found]
    assert all(value <= 0 or value < 0.2 * max(adds) for value in left_out)


def test_an_opinion_adds_to_what_the_taste_names_and_else_claims_no_interest():
    shown = offers(slots=(5, 7, 0))
    both = entries((5, TOPIC, 0.1), (7, AREA, 0.1))
    assert said(both, shown, opinion=moved(0.1, 0.2)) == [AREA, TOPIC]
    assert said(both, shown, opinion=moved(0.2, 0.1)) == [TOPIC, AREA]
    assert said(entries(), shown, opinion=moved(0.2, 0.1)) == [LIKE]
    assert said(entries(), shown, opinion=moved(-0.2, 0.1)) == []
    assert said(entries((5, TOPIC, 0.4)), shown, opinion=moved(-0.4, 0.0)) == []
