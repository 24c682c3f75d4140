"""In a town where low places are looked at less, lists that were shown teach what moments of the past cannot."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from engine.events import InteractionType
from models.closed_loop import CHOICES, Learner, Town, placed
from models.impressions import LEAST_LISTS, of_lists
from models.matrix import DAY
from models.simulation import SHOWN
from models.synthetic import Shelf, residents
from stream.sources.sample_catalogue import sample_offers

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
OFFERS = sample_offers(NOW.date())
PEOPLE = [replace(one, visits_a_day=1.5) for one in residents(400, 8, OFFERS)]
TRUTH = np.stack([Shelf(OFFERS).relevance(one) for one in PEOPLE])
DISCOUNT = 1 / np.log2(np.arange(10) + 2)


class Lived:
    """A town whose suggestions put at the top what they like for reasons of their own, some of it to everybody's taste.

    Parameters
    ----------
    whim
        How much these reasons count.
    """

    def __init__(self, whim, seed):
        self.town = Town(PEOPLE, OFFERS, NOW, seed, counts=CHOICES | {InteractionType.OPEN})
        self.learner, self.lists = Learner.of(self.town, 2 * DAY), []
        self.town.live(4)
        rng = np.random.default_rng(seed)
        whims = whim * rng.normal(size=len(OFFERS))
        for _ in range(8):
            had = self.town.choices().matrix(len(PEOPLE), len(OFFERS)).toarray() > 0

            def shows(person, time, had=had):
                told = whims + 4.5 * TRUTH[person] + rng.normal(size=len(OFFERS))
                best = np.argsort(-np.where(had[person], -np.inf, told))[:SHOWN]
                self.lists.append((person, time.timestamp(), best))
                return placed(person, best)

            self.town.live(1, shows)

    def shown(self):
        """What was shown in it, and what followed."""
        people, times, offers = zip(*self.lists, strict=True)
        numbers = np.repeat(np.arange(len(people), dtype=np.int32), SHOWN)
        return of_lists(
            np.array(people, np.int32)[numbers],
            np.concatenate(offers).astype(np.int32),
            numbers,
            np.tile(np.arange(1, SHOWN + 1, dtype=np.int16), len(people)),
            np.array(times)[numbers],
            self.town.choices(),
        )

    def judged(self, shown):
        """NDCG@10 by true relevance of who learned from what was shown too, by resident; and from how many lists."""
        recommender, choices = self.learner.recommender(self.town, shown), self.town.choices()
        had = choices.matrix(len(PEOPLE), len(OFFERS)).toarray() > 0
        found = []
        for person, best in recommender.rank(np.arange(len(PEOPLE)), self.town.there, most=10):
            ideal = np.sort(TRUTH[person][~had[person]])[::-1][:10]
            found.append((TRUTH[person][best] * DISCOUNT[: len(best)]).sum() / (ideal * DISCOUNT).sum())
        return np.array(found), recommender.lists


@pytest.fixture(scope="module")
def whimsical():
    lived = Lived(2.0, 1)
    shown = lived.shown()
    return shown, lived.judged(None), lived.judged(shown)


def test_how_much_less_low_places_are_looked_at_comes_near_the_truth(whimsical):
    # Residents look at a place with a chance of place ** -0.35, and tire: by the tenth place that is about -0.6.
    assert 0.4 < whimsical[0].power < 1.0


def test_lists_teach_more_than_moments_alone(whimsical):
    _, (alone, none), (taught, lists) = whimsical
    assert none == 0
    assert lists >= LEAST_LISTS
    assert taught.mean() > 1.2 * alone.mean()
