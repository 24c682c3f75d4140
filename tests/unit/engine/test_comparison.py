"""Two groups compared: with no effect few false alarms however often one looks, and a true effect is found."""

import numpy as np
import pytest

from engine.comparison import ALPHA, ANY, KINDS, Difference, Sums, difference

DAYS = 28


def crowd(dice, size, effect):
    """Return answers shown and taken up by day of residents who differ: in how often they ask, and in what they like.

    Some begin later; what one likes stays the same, so that answers to one resident resemble each other. Shape
    (residents, days), both.
    """
    asks = dice.gamma(0.7, 0.5, (size, 1)) * (np.arange(DAYS) >= dice.integers(0, DAYS // 2, (size, 1)))
    shown = dice.poisson(asks)
    likes = np.clip(dice.beta(1, 7, (size, 1)) + effect, 0, 1)
    return shown, dice.binomial(shown, likes)


def looks(current, on_trial):
    """Return the difference as it would be told each day, and its standard error."""
    for day in range(1, DAYS + 1):
        groups = [summed(shown[:, :day].sum(axis=1), led[:, :day].sum(axis=1)) for shown, led in (current, on_trial)]
        if min(its.residents for its in groups) >= 100:
            yield difference(*groups), sum(its.variance() for its in groups) ** 0.5


def summed(shown, led):
    asked = shown > 0
    kinds = np.zeros((asked.sum(), KINDS))
    kinds[:, ANY] = led[asked]
    return Sums().plus(shown[asked].astype(float), kinds)


def test_without_a_difference_looking_every_day_raises_a_false_alarm_in_at_most_one_of_twenty_trials():
    dice, trials, alarms, usual = np.random.default_rng(1), 600, 0, 0
    for _ in range(trials):
        told = list(looks(crowd(dice, 1_800, 0), crowd(dice, 200, 0)))
        assert len(told) > 10
        alarms += any(its.low > 0 or its.high < 0 for its, _ in told)
        usual += any(abs(its.value) > 1.96 * error for its, error in told)
    assert alarms / trials <= ALPHA
    assert usual / trials > 2 * ALPHA


@pytest.mark.parametrize("effect", [0.06, -0.06])
def test_a_difference_is_found_and_the_interval_holds_it(effect):
    dice, trials, found, held = np.random.default_rng(7), 100, 0, 0
    for _ in range(trials):
        told = [its for its, _ in looks(crowd(dice, 4_500, 0), crowd(dice, 500, effect))]
        # Likes below nothing are nothing: what a drop does is somewhat less than it is.
        true = effect if effect > 0 else np.clip(dice.beta(1, 7, 200_000) + effect, 0, 1).mean() - 1 / 8
        found += told[-1].low > 0 if effect > 0 else told[-1].high < 0
        held += all(its.low <= true <= its.high for its in told)
    assert found / trials > 0.9
    assert held / trials >= 1 - ALPHA


def test_the_standard_error_is_that_of_residents_and_not_of_answers():
    dice = np.random.default_rng(3)
    shares, errors = [], []
    for _ in range(400):
        shown = dice.poisson(10, 300)
        its = summed(shown, dice.binomial(shown, dice.beta(0.5, 3.5, 300)))
        shares.append(its.shares()[ANY])
        errors.append(its.variance() ** 0.5)
    assert np.mean(errors) == pytest.approx(np.std(shares), rel=0.1)
    assert np.mean(errors) > 1.3 * (np.mean(shares) * (1 - np.mean(shares)) / 3_000) ** 0.5


def test_sums_do_not_depend_on_chunks():
    dice = np.random.default_rng(4)
    shown, kinds = dice.integers(1, 9, 50).astype(float), dice.integers(0, 2, (50, KINDS)).astype(float)
    parts = Sums().plus(shown[:20], kinds[:20]).plus(shown[20:20], kinds[20:20]).plus(shown[20:], kinds[20:])
    assert parts == Sums().plus(shown, kinds)


def test_where_nobody_took_anything_up_nothing_is_known():
    nothing = summed(np.ones(200, int), np.zeros(200, int))
    assert difference(nothing, nothing) == Difference(0, -1, 1)
