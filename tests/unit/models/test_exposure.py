"""Exposure shared out: as much as is wanted, at little cost, and nothing is lost from a list."""

import numpy as np
import pytest

from models.exposure import SEEN, TARGET, lowered, share
from models.recommender import Ranked

OFFERS = 200


def lists(people=300, popular=1.0, seed=0):
    """Lists of 60 of 200 offers; what all like more is the more alike, the higher `popular` is."""
    rng = np.random.default_rng(seed)
    common = popular * rng.normal(size=OFFERS)
    found = []
    for person in range(people):
        odds = common + rng.normal(size=OFFERS) - 4
        best = np.argsort(-odds)[:60]
        found.append(Ranked(person, best.astype(np.int32), odds[best]))
    return found


def chances(ranked):
    """How many of the first ten are chosen, if the chances are right."""
    return np.mean([(1 / (1 + np.exp(-one.odds[:SEEN]))).sum() for one in ranked])


def test_exposure_becomes_as_even_as_is_wanted_at_little_cost():
    before = lists()
    after = share(before, OFFERS)
    assert after.gini <= TARGET * (1 - SEEN / OFFERS)
    assert after.gini > 0.9 * TARGET * (1 - SEEN / OFFERS)
    assert 0 < after.strength < 0.5
    assert chances(after.ranked) > 0.95 * chances(before)


def test_a_list_keeps_its_first_offer_and_all_the_others():
    before = lists()
    for one, was in zip(share(before, OFFERS).ranked, before, strict=True):
        assert (one.person, one.offers[0], one.odds[0]) == (was.person, was.offers[0], was.odds[0])
        assert sorted(one.offers) == sorted(was.offers)
        assert dict(zip(one.offers, one.odds, strict=True)) == dict(zip(was.offers, was.odds, strict=True))


def test_what_is_even_already_stays_as_it_is():
    before = lists(popular=0.0)
    after = share(before, OFFERS)
    assert after.strength == 0
    assert all(np.array_equal(one.offers, was.offers) for one, was in zip(after.ranked, before, strict=True))


def test_lists_without_chances_take_part():
    before = [Ranked(n, np.arange(60, dtype=np.int32), np.full(60, np.nan)) for n in range(100)]
    after = share(before, OFFERS)
    assert after.gini < 0.95
    assert len({int(offer) for one in after.ranked for offer in one.offers[:SEEN]}) > SEEN


@pytest.mark.parametrize("length", [0, 1, 2])
def test_short_lists_and_small_catalogues_are_no_trouble(length):
    before = [Ranked(n, np.arange(length, dtype=np.int32), -np.arange(length, dtype=np.float64)) for n in range(4)]
    assert [len(one.offers) for one in share(before, 500).ranked] == [length] * 4
    assert share(before, length).strength == 0
    assert share([], 0).ranked == []


def test_only_what_is_about_as_good_changes_places():
    clear = np.array([3.0, 2.0, -4.0, -4.1, -4.2])
    assert lowered(clear, np.array([9, 30, 30, 0, 0]), 10.0, 0.1).tolist() == [0, 1, 3, 4, 2]
    assert lowered(clear, np.array([9, 30, 30, 0, 0]), 10.0, 0.0).tolist() == [0, 1, 2, 3, 4]
