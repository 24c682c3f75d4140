"""Columns in steps: few numbers stand for many, and trees grown over them answer for the values themselves."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from models.forest import Forest
from models.steps import MOST, Steps


def table(rows=4_000, seed=0):
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(rows, 5)).astype(np.float32)
    found[:, 1] = np.round(found[:, 1])
    found[:, 2] = 3.0
    found[1:, 3] = np.nan
    found[rng.random(rows) < 0.3, 4] = np.nan
    return found


def test_values_keep_their_order_and_missing_ones_stay_missing():
    values = table()
    numbers = Steps.of(values).numbered(values)
    assert np.array_equal(np.isnan(numbers), np.isnan(values))
    order = np.argsort(values[:, 0])
    assert (np.diff(numbers[order, 0]) >= 0).all()
    assert len(np.unique(numbers[:, 0])) == MOST
    assert len(np.unique(numbers[:, 1])) == len(np.unique(values[:, 1]))
    assert set(numbers[:, 2]) == {0.0}


@pytest.mark.parametrize("seed", range(3))
def test_trees_over_steps_answer_for_the_values(seed):
    values = table(seed=seed)
    chosen = np.nan_to_num(values[:, 0] + values[:, 1] + 2 * values[:, 4]) > 0.5
    steps = Steps.of(values)
    grown = HistGradientBoostingClassifier(max_iter=30, early_stopping=False, random_state=0)
    grown.fit(steps.numbered(values), chosen)
    later = table(seed=seed + 100)
    trees = steps.undone(Forest.of(grown))
    for rows in (values, later):
        assert trees.scores(rows) == pytest.approx(grown.decision_function(steps.numbered(rows)), abs=1e-9)


def test_of_an_empty_table_nothing_is_told():
    assert [len(edges) for edges in Steps.of(np.zeros((0, 2), np.float32)).edges] == [0, 0]
