"""A recommender and synthetic residents in a closed loop: it learns from what it showed, and shows what is new."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from engine.events import InteractionType
from models.closed_loop import CHOICES, Learner, Town, exploring, placed, popular
from models.exploration import Counted
from models.matrix import DAY
from models.off_policy import Log, ips
from models.synthetic import Shelf, residents
from stream.sources.sample_catalogue import sample_offers

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
OFFERS = sample_offers(NOW.date())[::2]
PEOPLE = [replace(one, visits_a_day=3.0) for one in residents(100, 7, OFFERS)]
TRUTH = np.stack([Shelf(OFFERS).relevance(one) for one in PEOPLE])
LATER = np.arange(len(OFFERS)) % 5 == 0
"""A fifth of the catalogue is published when the recommender begins: to it these offers are new."""
VENUES = Counter(offer.place.id for offer in OFFERS if offer.place)
SMALL = np.array([offer.place is not None and VENUES[offer.place.id] <= 2 for offer in OFFERS])


def town():
    """Residents who have looked around by themselves for six days, and a catalogue that has just grown."""
    found = Town(PEOPLE, OFFERS, NOW, 7)
    found.there = np.flatnonzero(~LATER).astype(np.int32)
    found.live(6)
    found.there = np.arange(len(OFFERS), dtype=np.int32)
    return found


def rounds(learn):
    """Three rounds of two days; after each is learned from what followed. Return the first ten shown in each."""
    found = town()
    return [[slot for slot in found.live(2, learn(found)) if slot.place <= 10] for _ in range(3)]


@pytest.fixture(scope="module")
def ours():
    learner = Learner.of(Town(PEOPLE, OFFERS, NOW, 7), 2 * DAY)
    return rounds(learner.learned)


@pytest.fixture(scope="module")
def usual():
    return rounds(popular)


def relevance(shown):
    return np.mean([TRUTH[slot.person, slot.offer] for slot in shown])


def share(shown, mask):
    return np.mean([mask[slot.offer] for slot in shown])


def test_who_learns_from_what_followed_shows_what_is_more_relevant_than_what_is_popular(ours, usual):
    assert all(relevance(mine) > 1.8 * relevance(theirs) for mine, theirs in zip(ours, usual, strict=True))
    assert np.mean([slot.chosen for slot in ours[-1]]) > 1.5 * np.mean([slot.chosen for slot in usual[-1]])


def test_after_a_round_of_its_own_it_is_better_and_it_does_not_fall_behind_where_it_began(ours):
    # With five seeds: the second round was above the first in each, the third between 0.97 and 1.15 of the first, since
    # what is liked best has been chosen by then and is not shown again.
    assert relevance(ours[1]) > relevance(ours[0])
    assert relevance(ours[-1]) > 0.9 * relevance(ours[0])


def test_new_offers_are_shown_more_with_each_round_where_popularity_never_shows_one(ours, usual):
    shares = [share(shown, LATER) for shown in ours]
    assert 0 < shares[0] < shares[1] < shares[2]
    assert share(usual[-1], LATER) == 0


def test_small_venues_are_not_left_out(ours):
    # In the last of three rounds 0.55 to 1.39 of their share of the catalogue, with five seeds: no promise of a floor.
    assert share(ours[-1], SMALL) > 0.4 * SMALL.mean()


# Thompson sampling in one place

FEW = [offer for offer in OFFERS if offer.keywords and offer.place][::12]
THEIRS = [replace(one, visits_a_day=0.1) for one in residents(500, 3, FEW)]
"""They hardly come twice a day: who tires of an offer would else be told of by one showing and not by the other."""
NEW = np.arange(0, len(FEW), 4, dtype=np.int32)


def village(seed):
    """A small catalogue of which every fourth offer is new, and the usual lists of the others."""
    found = Town(THEIRS, FEW, NOW, seed, counts=CHOICES | {InteractionType.OPEN})
    found.there = np.setdiff1d(np.arange(len(FEW)), NEW).astype(np.int32)
    found.live(2)
    return found, popular(found)


def tried(seed, rounds=6, days=4):
    """Try the new offers in the first place, learning from round to round; return how those slots went."""
    found, usual = village(seed)
    rng, counts = np.random.default_rng(seed), np.zeros((2, len(NEW)), np.int64)
    slots = []
    for _ in range(rounds):
        known = Counted(counts[0].copy(), counts[1].copy(), np.full(len(NEW), 0.1))
        shown = found.live(days, exploring(usual, NEW, lambda known=known: known, rng, place=1))
        slots += [slot for slot in shown if slot.place == 1]
        for slot in slots[-sum(slot.place == 1 for slot in shown) :]:
            at = int(np.searchsorted(NEW, slot.offer))
            counts[:, at] += 1, slot.chosen
    return slots


def judged(slots, among):
    """What a policy that shows some of the new offers in turn would earn, as the log tells it."""
    log = Log(
        contexts=np.zeros((len(slots), 0)),
        actions=np.array([np.searchsorted(NEW, slot.offer) for slot in slots], np.int32),
        rewards=np.array([float(slot.chosen) for slot in slots]),
        propensities=np.array([slot.propensity for slot in slots]),
        targets=np.isin([slot.offer for slot in slots], among) / len(among),
        people=np.array([slot.person for slot in slots]),
    )
    return ips(log).estimate


def earned(among):
    """What that policy truly earns, by showing just that: the mean and its standard error."""
    found, usual = village(99)
    rng = np.random.default_rng(99)

    def shows(person, time):
        first = int(rng.choice(among))
        return placed(person, [first, *(slot.offer for slot in usual(person, time) if slot.offer != first)])

    told = [slot.chosen for slot in found.live(64, shows) if slot.place == 1]
    return np.mean(told), np.std(told) / len(told) ** 0.5


def test_each_new_offer_is_tried_and_the_better_ones_more():
    counts = Counter(slot.offer for slot in tried(1))
    liked = np.stack([Shelf(FEW).relevance(one) for one in THEIRS]).mean(axis=0)[NEW]
    assert set(counts) == set(NEW.tolist())
    best, worst = NEW[liked.argmax()], NEW[liked.argmin()]
    assert counts[best] > 2 * counts[worst]


def test_what_was_logged_while_exploring_tells_truly_what_another_policy_would_earn():
    logs = [tried(seed) for seed in range(5)]
    for among in (NEW, NEW[:3]):
        truth, error = earned(among)
        found = [judged(slots, among) for slots in logs]
        errors = [np.hypot((one.high - one.low) / 3.92, error) for one in found]
        covered = [abs(one.value - truth) < 1.96 * wide for one, wide in zip(found, errors, strict=True)]
        assert sum(covered) >= 4
        mean_error = np.hypot(np.mean(errors) / len(logs) ** 0.5, error)
        assert abs(np.mean([one.value for one in found]) - truth) < 2 * mean_error
        assert max(one.high - one.low for one in found) < 0.15
