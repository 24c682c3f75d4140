"""What was shown and what followed, as a re-ranker learns from it."""

import numpy as np
import pytest

from models.impressions import FOLLOWS, MOST_LISTS, Lists, of_lists
from models.matrix import DAY, Interactions
from models.position import LEAST_CHANCE
from tests.unit.models.showings import LISTED, showings

SOMEBODY = 5_000
"""A resident beside those of the town, whose lists tell how places are looked at."""
TOWN = showings(1.0, people=600)


def shown(lists, chosen):
    """What is made of somebody's lists, each a time and offers, and of their choices, each an offer and a time."""
    columns, theirs = TOWN
    offers = [offer for _, its in lists for offer in its]
    numbers = [10**6 + n for n, (_, its) in enumerate(lists) for _ in its]
    added = (
        [SOMEBODY] * len(offers),
        offers,
        numbers,
        [place for _, its in lists for place in range(1, len(its) + 1)],
        [time for time, its in lists for _ in its],
    )
    people, which, of, places, times = (np.append(*both) for both in zip(columns, added, strict=True))
    told = Interactions.of(
        [*theirs.people, *(SOMEBODY for _ in chosen)],
        [*theirs.offers, *(offer for offer, _ in chosen)],
        [*theirs.times, *(time for _, time in chosen)],
    )
    return of_lists(people.astype(np.int32), which.astype(np.int32), of, places.astype(np.int16), times, told)


def own(found):
    """Offers of somebody's lists that are learned from, and when each was chosen."""
    mine = found.taken(found.people == SOMEBODY)
    return list(zip(mine.offers.tolist(), mine.chosen.tolist(), strict=True))


PASSED = np.inf


def test_what_stands_above_the_last_choice_was_passed_over_and_what_stands_next():
    assert own(shown([(0.0, [1, 2, 3, 4, 5])], [(3, DAY)])) == [(1, PASSED), (2, PASSED), (3, DAY), (4, PASSED)]


def test_a_list_of_which_nothing_was_chosen_teaches_nothing():
    assert own(shown([(0.0, [1, 2, 3])], [(4, DAY)])) == []
    assert own(shown([(0.0, [1, 2, 3])], [(1, FOLLOWS + 1)])) == []
    assert own(shown([(DAY, [1, 2, 3])], [(1, DAY / 2)])) == []


def test_of_several_lists_the_last_before_a_choice_is_the_one_that_was_chosen_from():
    lists = [(0.0, [1, 2, 3, 4]), (DAY, [2, 1, 4, 3]), (2 * DAY, [1, 2, 3, 4])]
    found = own(shown(lists, [(4, 1.5 * DAY), (2, 0.5 * DAY)]))
    assert found == [(1, PASSED), (2, DAY / 2), (3, PASSED), (1, PASSED), (4, 1.5 * DAY), (3, PASSED)]


def test_a_clock_that_tells_whole_seconds_chooses_after_all():
    assert own(shown([(7.9, [1, 2])], [(1, 7.0)])) == [(1, 7.0), (2, PASSED)]


def test_low_places_weigh_more_and_none_more_than_ten():
    found = shown([(0.0, [*range(20)])], [(0, 1.0), (19, 1.0)])
    mine = found.taken(found.people == SOMEBODY)
    chosen, passed = mine.weights[np.isfinite(mine.chosen)], mine.weights[np.isinf(mine.chosen)]
    assert chosen[0] == 1
    assert chosen[1] > 5
    assert passed[0] < passed[LISTED - 2]
    assert max(chosen.max(), passed.max()) <= 1 / LEAST_CHANCE
    assert found.power == pytest.approx(1, abs=0.25)


def test_what_was_chosen_later_is_not_known_yet():
    found = shown([(0.0, [1, 2, 3, 4, 5])], [(1, DAY), (4, 3 * DAY)])
    assert own(found.within(0.0, 2 * DAY)) == [(1, DAY), (2, PASSED), (3, PASSED), (5, PASSED)]
    assert own(found.within(DAY, 2 * DAY)) == []


def test_new_numbers_leave_out_whom_and_what_they_do_not_name():
    found = shown([(0.0, [1, 2, 3])], [(2, DAY)])
    new = np.full(60, -1, np.int32)
    new[[2, 3]] = [7, 8]
    only = found.renumbered(np.array([4_000, SOMEBODY], np.int32), new)
    assert set(only.people.tolist()) == {1}
    assert only.offers.tolist() == [7, 8]


def test_lists_are_collected_under_the_numbers_of_choices():
    numbers = {"a": 0}
    collected = Lists(numbers)
    collected.add([0, 0], [1.0, 2.0], [("a", "b"), ("b", "c", "a")])
    assert numbers == {"a": 0, "b": 1, "c": 2}
    assert collected.shown(Interactions.of([0], [1], [3.0])) is None
    assert Lists({}).shown(Interactions.of([], [], [])) is None


def test_of_very_many_lists_those_of_some_residents_are_kept():
    collected = Lists({})
    for chunk in range(5):
        people = np.repeat(np.arange(20_000) + 20_000 * chunk, 3)
        collected.add(people, np.zeros(len(people)), [("a",)] * len(people))
    kept = np.concatenate([part.people for part in collected._parts])
    assert MOST_LISTS / 3 < len(kept) <= MOST_LISTS
    assert (np.bincount(kept)[np.unique(kept)] == 3).all()
