"""Counts of residents tell of no small group, and of nobody in a large one."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.counts import DRAWS, LEAST, STEP, Counts

HOUSES = [Counts(Random(n).randbytes(32)) for n in range(1_500)]
ANY_HOUSE = st.binary(min_size=1, max_size=40).map(Counts)


def answers(count: int) -> list[int | None]:
    """What each of many houses says of one group: what somebody expects who knows no secret."""
    return [house.disclose(count, "a place", "a day") for house in HOUSES]


@given(house=ANY_HOUSE, count=st.integers(0, 10_000), words=st.tuples(st.text(), st.text()))
def test_ten_or_fewer_are_never_told_and_more_only_in_whole_tens(house, count, words):
    told = house.disclose(count, *words)
    assert told is None if count <= LEAST else told is None or told % STEP == 0
    if told is not None:
        assert told > LEAST
        assert abs(told - count) < STEP
    assert told is not None or count < LEAST + STEP


@given(house=ANY_HOUSE, count=st.integers(0, 10_000), words=st.tuples(st.text(), st.text()))
def test_asking_again_teaches_nothing(house, count, words):
    assert len({house.disclose(count, *words) for _ in range(5)}) == 1


@given(house=ANY_HOUSE, first=st.integers(0, 1_000))
def test_one_person_more_changes_one_answer_in_ten_steps_and_never_the_others(house, first):
    told = [house.disclose(first + n, "a place", "a day") for n in range(3 * STEP + 1)]
    changes = [n for n in range(3 * STEP) if told[n] != told[n + 1]]
    assert len(changes) <= 3
    assert all(later - earlier == STEP for earlier, later in pairwise(changes))


@pytest.mark.parametrize("count", [10, 11, 14, 19, 20, 99, 1_000])
def test_one_person_more_moves_what_may_be_answered_by_a_tenth(count):
    fewer, more = Counter(answers(count)), Counter(answers(count + 1))
    moved = (fewer - more).total() / len(HOUSES)
    assert 0.06 < moved < 0.14


@pytest.mark.parametrize("count", [10, 15, 24, 1_003])
def test_of_two_overlapping_groups_the_difference_tells_little_of_the_one_who_is_in_one_only(count):
    """Whoever knows both definitions sees about the same differences whether or not that one person is there."""

    def differences(one_more: int) -> Counter:
        pairs = [
            (house.disclose(count, "x", "all"), house.disclose(count - 1 + one_more, "x", f"all but {n}"))
            for n, house in enumerate(HOUSES)
        ]
        return Counter((a is None, b is None, (a or 0) - (b or 0)) for a, b in pairs)

    assert (differences(0) - differences(1)).total() / len(HOUSES) < 0.15


def test_however_many_definitions_are_asked_one_person_more_mostly_changes_none_of_the_answers():
    def everything(house: Counts, count: int) -> list[int | None]:
        return [house.disclose(count, "an audience", f"definition {n}") for n in range(60)]

    some, rounds = HOUSES[:300], [14, 57]
    same = sum(everything(house, count) == everything(house, count + 1) for house in some for count in rounds)
    assert same / (len(some) * len(rounds)) > 1 - DRAWS / STEP
    assert {len(set(everything(house, 57))) for house in some} <= {1, 2}


def test_on_average_a_large_count_is_told_as_it_is():
    told = answers(1_237)
    assert abs(sum(filter(None, told)) / len(told) - 1_237) < 0.5
