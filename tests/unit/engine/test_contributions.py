import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.contributions import CODES, NUMBERS, Entries, by_features, largest
from engine.reasons import Code

TOPIC, AREA = NUMBERS[Code.INTERESTED_TOPIC], NUMBERS[Code.INTERESTED_AREA]


def entries(*given_: tuple[int, int, float]) -> Entries:
    slots, codes, adds = zip(*given_, strict=True) if given_ else ((), (), ())
    return Entries(np.array(slots, np.int32), np.array(codes, np.int32), np.array(adds, np.float64))


def test_each_offer_gets_what_its_own_features_add_over_its_length():
    weighed = entries((5, TOPIC, 0.6), (6, TOPIC, 0.2), (7, AREA, -0.4), (8, AREA, 0.9))
    slots = np.array([[5, 6, 7, 0], [9, 6, 0, 0], [0, 0, 0, 0]], np.uint16)
    adds, most = by_features(weighed, slots, np.array([1.0, 0.5, 1.0], np.float32))
    assert adds[:, TOPIC].tolist() == [0.8, 0.1, 0.0]
    assert adds[:, AREA].tolist() == [-0.4, 0.0, 0.0]
    assert most[:, TOPIC].tolist() == [5, 6, 0]


def test_of_equal_features_the_offers_first_is_named():
    _, most = by_features(entries((5, TOPIC, 0.3), (6, TOPIC, 0.3)), np.array([[6, 5], [5, 6]]), np.ones(2, np.float32))
    assert most[:, TOPIC].tolist() == [6, 5]


def test_without_features_or_without_offers_there_is_nothing():
    adds, most = by_features(entries(), np.array([[5, 6]], np.uint16), np.ones(1, np.float32))
    assert not adds.any()
    assert not most.any()
    adds, _ = by_features(entries((5, TOPIC, 0.6)), np.zeros((0, 4), np.uint16), np.ones(0, np.float32))
    assert adds.shape == (0, len(CODES))
    assert largest(adds) == []


@given(st.lists(st.lists(st.floats(-1, 1, width=16), min_size=4, max_size=4), max_size=6))
def test_the_largest_come_first_and_what_moved_little_or_away_is_left_out(rows):
    adds = np.array(rows, np.float64).reshape(-1, 4)
    for found, row in zip(largest(adds), rows, strict=True):
        said = [row[column] for column in found]
        assert said == sorted(said, reverse=True)
        assert all(value > 0 and value >= 0.2 * max(row) for value in said)
        left_out = [value for column, value in enumerate(row) if column not in found]
        assert all(value <= 0 or value < 0.2 * max(row) for value in left_out)
