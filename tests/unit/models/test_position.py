"""Position bias is found again where it is known, though what stands lower suits less."""

import numpy as np
import pytest

from models.position import LEAST_CHANCE, MOST_POWER, looked_at, power_of
from tests.unit.models.showings import OFFERS, showings


def found(power, **town):
    (people, offers, _, places, times), chosen = showings(power, **town)
    when = dict(zip(zip(chosen.people.tolist(), chosen.offers.tolist(), strict=True), chosen.times, strict=True))
    then = [when.get(pair, -1) - 60.0 for pair in zip(people.tolist(), offers.tolist(), strict=True)]
    return power_of(people * OFFERS + offers, places, np.array(then) == times)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("drift", [0.0, 0.2])
def test_the_power_is_found_whether_places_drift_or_not(power, drift):
    assert found(power, drift=drift) == pytest.approx(power, abs=0.2)


def test_of_few_choices_nothing_is_said():
    assert found(1.0, people=20) is None
    assert power_of(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool)) is None


def test_offers_that_never_move_tell_nothing():
    pairs, places = np.repeat(np.arange(1_000), 3), np.repeat(1 + np.arange(1_000) % 9, 3)
    assert power_of(pairs, places, np.tile([False, False, True], 1_000)) is None


def test_chances_are_bounded():
    assert looked_at(np.arange(1, 30), MOST_POWER).min() == LEAST_CHANCE
    assert looked_at(np.array([1, 5]), 0.0).tolist() == [1, 1]
