import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from models.forest import Forest
from models.scorer import MOST_LEAVES, score, scorer_of


def grown(leaves, seed=0, missing=0.2):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(3_000, 6)).astype(np.float32)
    table[rng.random(table.shape) < missing] = np.nan
    chosen = rng.random(3_000) < 1 / (1 + np.exp(-np.nan_to_num(table[:, 0]) * np.nan_to_num(table[:, 1]) - 1))
    model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=leaves, early_stopping=False, random_state=seed)
    return model.fit(table, chosen), table


def scored(forest, table, part, parts):
    shares = np.zeros((len(table), parts), np.float32)
    score(scorer_of(forest.nodes, part, parts), np.ascontiguousarray(table.T), shares)
    return shares


@pytest.mark.parametrize("leaves", [2, 7, 15, MOST_LEAVES])
def test_tests_and_leaves_say_what_the_trees_say(leaves):
    model, table = grown(leaves)
    forest = Forest.of(model)
    shares = scored(forest, table, np.zeros(6, np.int64), 1)
    assert shares[:, 0] + forest.baseline == pytest.approx(model.decision_function(table), abs=1e-4)


def test_the_parts_add_up_and_a_column_that_no_tree_looks_at_has_none():
    model, table = grown(15)
    forest = Forest.of(model)
    part = np.array([0, 1, 2, 2, 2, 2])
    shares = scored(forest, table, part, 4)
    assert shares.sum(axis=1) + forest.baseline == pytest.approx(model.decision_function(table), abs=1e-4)
    assert not shares[:, 3].any()
    assert np.abs(shares[:, :2]).mean() > np.abs(shares[:, 2]).mean()


def test_a_value_that_is_just_a_threshold_stays_on_its_side():
    model, table = grown(15, missing=0.0)
    forest = Forest.of(model)
    inner = forest.nodes.column >= 0
    edge = np.tile(table[:1], (inner.sum(), 1))
    edge[np.arange(inner.sum()), forest.nodes.column[inner]] = forest.nodes.threshold[inner].astype(np.float32)
    shares = scored(forest, edge, np.zeros(6, np.int64), 1)
    assert shares[:, 0] + forest.baseline == pytest.approx(forest.scores(edge), abs=1e-4)


def test_a_tree_with_too_many_leaves_is_refused():
    model, _ = grown(MOST_LEAVES + 8)
    with pytest.raises(ValueError, match="more than 32 leaves"):
        scorer_of(Forest.of(model).nodes, np.zeros(6, np.int64), 1)
