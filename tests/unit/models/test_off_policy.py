"""Off-policy estimates: the closed forms, a world whose truth is known, and the words for too little."""

import math

import numpy as np
import pytest

from engine.errors import InvalidInput
from models.off_policy import Direct, Log, doubly_robust, effective_rows, ips, snips
from models.reward_model import fitted

RNG = np.random.default_rng(3)
ACTIONS = 3
SLOPES = np.array([[0.9, 0.0], [0.0, 0.9], [-0.5, -0.5]])


def log(**changes) -> Log:
    """Four rows of two actions, of which the second is judged."""
    facts = {
        "contexts": np.zeros((4, 1)), "actions": np.array([0, 1, 1, 0], np.int32),
        "rewards": np.array([1.0, 1.0, 0.0, 0.0]), "propensities": np.full(4, 0.5),
        "targets": np.array([0.0, 1.0, 1.0, 0.0]), "people": np.arange(4),
    }  # fmt: skip
    return Log(**{**facts, **changes})


def softmax(scores: np.ndarray) -> np.ndarray:
    odds = np.exp(scores)
    return odds / odds.sum(axis=1, keepdims=True)


def world(n: int, rng: np.random.Generator) -> tuple[Log, np.ndarray, float]:
    """Return a log, the judged policy's probabilities, and what that policy truly earns a row."""
    contexts = rng.normal(size=(n, 2))
    chances = 1 / (1 + np.exp(1.0 - contexts @ SLOPES.T))
    logging, policy = softmax(0.7 * contexts @ SLOPES.T[:, ::-1]), softmax(2.0 * contexts @ SLOPES.T)
    actions = (rng.random((n, 1)) > np.cumsum(logging, axis=1)).sum(axis=1).astype(np.int32)
    rows = np.arange(n)
    rewards = (rng.random(n) < chances[rows, actions]).astype(np.float64)
    found = Log(
        contexts=contexts,
        actions=actions,
        rewards=rewards,
        propensities=logging[rows, actions],
        targets=policy[rows, actions],
        people=rows // 4,
    )
    return found, policy, float((policy * chances).sum(axis=1).mean())


def test_the_closed_forms_hold():
    four = log()
    assert ips(four).estimate.value == pytest.approx(2 * 1 / 4)
    assert snips(four).estimate.value == pytest.approx(0.5)
    assert ips(four).effective == pytest.approx(2)
    uneven = log(propensities=np.array([0.5, 0.2, 0.8, 0.5]))
    assert ips(uneven).estimate.value == pytest.approx(5 / 4)
    assert snips(uneven).estimate.value == pytest.approx(5 / (5 + 1.25))
    nothing = Direct(np.zeros(4), np.zeros(4))
    assert doubly_robust(uneven, nothing).estimate.value == pytest.approx(5 / 4)
    certain = Direct(uneven.rewards, np.array([0.1, 0.2, 0.3, 0.4]))
    assert doubly_robust(uneven, certain).estimate.value == pytest.approx(0.25)


def test_a_policy_that_does_what_was_logged_earns_what_was_earned():
    found, _, _ = world(2_000, RNG)
    same = Log(**{name: getattr(found, name) for name in Log.__slots__} | {"targets": found.propensities})
    for value in (ips(same), snips(same)):
        assert value.estimate.value == pytest.approx(found.rewards.mean())
        assert value.gain == pytest.approx((0, 0, 0))
        assert value.effective == pytest.approx(2_000)
        assert value.words.startswith("No difference")


def test_a_known_truth_is_found_and_the_gain_told():
    found, policy, truth = world(20_000, np.random.default_rng(5))
    values = (ips(found), snips(found), doubly_robust(found, fitted(found, policy)))
    assert [value.method for value in values] == ["IPS", "SNIPS", "DR"]
    for value in values:
        assert value.enough
        assert value.estimate.value == pytest.approx(truth, abs=0.03)
        assert value.estimate.low < truth < value.estimate.high
        assert value.gain.low > 0
        assert "earns more a row" in value.words
        assert value.weight.low < 1 < value.weight.high
    widths = [value.estimate.high - value.estimate.low for value in values]
    assert widths[2] < widths[0]


def test_intervals_cover_a_known_truth_about_as_often_as_they_say():
    rng, covered = np.random.default_rng(6), np.zeros(3)
    worth = world(200_000, rng)[2]
    for _ in range(40):
        found, policy, _ = world(1_200, rng)
        values = (ips(found), snips(found), doubly_robust(found, fitted(found, policy)))
        covered += [value.estimate.low <= worth <= value.estimate.high for value in values]
    assert (covered / 40 >= 0.85).all()


def test_a_model_that_is_wrong_is_put_right_by_the_propensities():
    found, _, truth = world(20_000, np.random.default_rng(8))
    wrong = Direct(np.full(len(found), 0.9), np.full(len(found), 0.9))
    assert doubly_robust(found, wrong).estimate.value == pytest.approx(truth, abs=0.03)


def test_clipping_is_told():
    rare = log(propensities=np.array([0.5, 0.001, 0.5, 0.5]))
    value = ips(rare, clip=10)
    assert value.estimate.value == pytest.approx(10 / 4)
    assert (value.clip, value.clipped) == (10, 0.25)
    assert "Weights were cut down to 10 in 25.00% of the rows." in value.words
    assert ips(rare, clip=math.inf).estimate.value == pytest.approx(1000 / 4)


def test_too_little_is_called_that():
    assert ips(log()).words.startswith("Too few to say: 4 rows tell as much of this policy as 2 would")
    n = 10_000
    seldom = log(
        contexts=np.zeros((n, 1)), actions=np.zeros(n, np.int32), rewards=(np.arange(n) % 400 == 0).astype(np.float64),
        propensities=np.full(n, 0.5), targets=np.full(n, 0.5), people=np.arange(n),
    )  # fmt: skip
    value = snips(seldom)
    assert not value.enough
    assert value.words.startswith("Too few to say: 25 of the 10,000 rows have a reward")


def test_an_empty_log_says_nothing():
    empty = Log(
        contexts=np.zeros((0, 2)), actions=np.zeros(0, np.int32), rewards=np.zeros(0), propensities=np.zeros(0),
        targets=np.zeros(0), people=np.zeros(0, np.int64),
    )  # fmt: skip
    for value in (ips(empty), snips(empty), doubly_robust(empty, fitted(empty, np.zeros((0, 2))))):
        assert math.isnan(value.estimate.value)
        assert value.words.startswith("Too few to say")
        assert (value.rows, value.effective, value.clipped) == (0, 0, 0)


def test_wrong_propensities_are_suspected():
    found, _, _ = world(5_000, np.random.default_rng(9))
    halved = Log(**{name: getattr(found, name) for name in Log.__slots__} | {"propensities": found.propensities / 2})
    assert "the propensities are wrong" in ips(halved).words


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"propensities": np.array([0.5, 0.0, 0.5, 0.5])}, "propensities is not above 0 and at most 1, in row 1"),
        ({"propensities": np.array([0.5, 0.5, 1.5, 0.5])}, "propensities is not above 0 and at most 1, in row 2"),
        ({"targets": np.array([-0.1, 0.5, 0.5, 0.5])}, "targets is not between 0 and 1, in row 0"),
        ({"rewards": np.array([0.0, 0.0, 0.0, math.nan])}, "rewards is not a number, in row 3"),
        ({"contexts": np.array([[0.0], [math.inf], [0.0], [0.0]])}, "contexts is not a number, in row 1"),
        ({"people": np.arange(3)}, "equally long"),
    ],
)
def test_a_log_that_cannot_be_is_refused(changes, told):
    with pytest.raises(InvalidInput, match=told):
        log(**changes)


def test_a_policy_that_does_not_fit_its_log_is_refused():
    with pytest.raises(InvalidInput, match="a row for each row"):
        fitted(log(), np.ones((4, 1)))
    with pytest.raises(InvalidInput, match="not those of the log"):
        fitted(log(), np.full((4, 2), 0.5))


def test_an_action_that_was_hardly_shown_is_expected_to_be_like_all():
    never = log(actions=np.zeros(4, np.int32), targets=np.zeros(4))
    policy = np.array([[0.0, 1.0]] * 4)
    assert (np.abs(fitted(never, policy).would - 0.5) < 0.2).all()


def test_effective_rows_are_all_of_them_where_weights_are_equal():
    assert effective_rows(np.full(7, 0.3)) == pytest.approx(7)
    assert effective_rows(np.array([1.0, 0, 0])) == 1
    assert effective_rows(np.zeros(3)) == 0
