"""Thompson sampling: it finds what is best, and says truly with which probability it chose."""

import numpy as np
import pytest

from models.exploration import EVEN, Counted, Facing, Linear, explore, propensities


def shown(chances, times, rng, choose):
    """Show actions of known chances; return how often each was shown."""
    counts, chosen = np.zeros(len(chances), np.int64), np.zeros(len(chances), np.int64)
    for _ in range(times):
        action = choose(counts, chosen)
        counts[action] += 1
        chosen[action] += rng.random() < chances[action]
    return counts


def test_propensities_add_up_and_none_is_too_small_to_divide_by():
    belief = Counted(np.array([1_000, 1_000, 0]), np.array([500, 10, 0]), np.array([0.1, 0.1, 0.1]))
    chances = propensities(belief, np.random.default_rng(1))
    assert chances.sum() == pytest.approx(1)
    assert chances.min() >= EVEN / 3
    assert chances[0] > 0.9


def test_the_logged_propensity_is_how_often_an_action_is_chosen():
    belief = Counted(np.array([40, 40, 5]), np.array([8, 5, 1]), np.full(3, 0.15))
    rng = np.random.default_rng(2)
    found = [explore(belief, rng) for _ in range(4_000)]
    for action in range(3):
        share = np.mean([one.action == action for one in found])
        said = np.mean([one.propensity for one in found if one.action == action])
        assert share == pytest.approx(said, abs=0.03)
    # What is weighed with the logged probability is right in the mean, whatever was chosen.
    weights = [(one.action == 2) / one.propensity for one in found]
    assert np.mean(weights) == pytest.approx(1, abs=3 * np.std(weights) / len(weights) ** 0.5)


def test_the_best_of_new_offers_is_shown_most_and_far_more_than_by_chance():
    rng = np.random.default_rng(3)
    chances = np.array([0.02, 0.05, 0.2, 0.03])
    counts = shown(chances, 1_500, rng, lambda n, c: explore(Counted(n, c, np.full(4, 0.05)), rng, draws=50).action)
    assert counts.argmax() == 2
    assert counts[2] > 900
    assert counts.min() > 10


def test_what_is_expected_of_a_new_offer_counts_until_it_was_seen():
    rng = np.random.default_rng(4)
    expected = np.array([0.02, 0.3])
    assert propensities(Counted.nothing(expected), rng)[1] > 0.8
    seen = Counted(np.array([500, 500]), np.array([100, 5]), expected)
    assert propensities(seen, rng)[0] > 0.9


def test_a_linear_belief_finds_for_whom_each_is_best_where_counts_cannot():
    rng = np.random.default_rng(5)
    taste = {0: np.array([0.6, 0.0]), 1: np.array([0.0, 0.6])}
    belief, earned = Linear(2, 2), []
    for _ in range(1_500):
        context = np.eye(2)[rng.integers(2)]
        action = explore(belief.facing(context), rng, draws=50).action
        reward = float(rng.random() < taste[action] @ context)
        belief.learn(context, action, reward)
        earned.append(reward)
    assert np.mean(earned[500:]) > 0.5  # the best there is: 0.6; whoever does not look at the context: 0.3


def test_a_belief_says_how_unsure_it_is():
    belief, context = Linear(2, 1), np.ones(1)
    for _ in range(100):
        belief.learn(context, 0, 1.0)
    facing = belief.facing(context)
    assert facing.means[0] == pytest.approx(100 / 101)
    assert facing.spreads[0] < 0.2 < facing.spreads[1]


def test_of_nothing_nothing_is_chosen():
    with pytest.raises(ValueError, match="nothing to choose"):
        explore(Facing(np.zeros(0), np.zeros(0)), np.random.default_rng(0))
