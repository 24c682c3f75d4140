import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from engine import compilation
from models import forest
from models.blend import Blend, Examples
from models.forest import Forest


def grown(seed, *, missing=0.2, rows=3_000, columns=6, trees=40):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(rows, columns)).astype(np.float32)
    table[rng.random(table.shape) < missing] = np.nan
    table[:, 1] = np.round(table[:, 1])
    odds = np.nan_to_num(table[:, 0]) + np.isnan(table[:, 2]) - np.nan_to_num(table[:, 1]) ** 2
    chosen = rng.random(rows) < 1 / (1 + np.exp(-odds))
    model = HistGradientBoostingClassifier(max_iter=trees, max_leaf_nodes=15, early_stopping=False, random_state=seed)
    return model.fit(table, chosen), table


@pytest.mark.parametrize("missing", [0.0, 0.2, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_a_forest_answers_as_scikit_learn_does(seed, missing):
    model, table = grown(seed, missing=missing)
    rng = np.random.default_rng(99)
    strange = (rng.normal(size=table.shape) * 10.0 ** rng.integers(-30, 30, table.shape)).astype(np.float32)
    strange[rng.random(strange.shape) < 0.3] = np.nan
    for rows in (table, strange, np.full((1, table.shape[1]), np.nan, np.float32), table[:0]):
        expected = model.decision_function(rows) if len(rows) else np.zeros(0)
        assert Forest.of(model).scores(rows) == pytest.approx(expected, abs=1e-9)


def test_a_value_at_a_threshold_goes_the_same_way():
    model, table = grown(7, missing=0.1)
    trees = Forest.of(model)
    inner = trees.nodes.column >= 0
    thresholds = np.unique(trees.nodes.threshold[inner & (trees.nodes.threshold < 1e30)]).astype(np.float32)
    for column in range(table.shape[1]):
        rows = np.tile(table[0], (len(thresholds), 1))
        rows[:, column] = thresholds
        assert trees.scores(rows) == pytest.approx(model.decision_function(rows), abs=1e-9)


def test_a_forest_read_back_answers_the_same():
    model, table = grown(1)
    trees = Forest.of(model)
    again = Forest.from_arrays(trees.arrays())
    assert np.array_equal(trees.scores(table), again.scores(table))
    assert all(np.isfinite(array).all() for array in trees.arrays().values())


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("left", lambda its: its * 0),
        ("right", lambda its: its + len(its)),
        ("value", lambda its: its[:-1]),
        ("roots", lambda its: its + 10**6),
    ],
)
def test_a_forest_in_which_one_could_get_lost_is_refused(name, spoil):
    arrays = Forest.of(grown(2)[0]).arrays()
    arrays[name] = spoil(arrays[name])
    with pytest.raises(ValueError, match="tree"):
        Forest.from_arrays(arrays)


def test_its_machine_code_is_stale_when_its_own_file_changes():
    kept = forest.walk._cache._cache_file._source_stamp
    assert kept == compilation.stamp(forest.__file__)
    assert kept != compilation.stamp()


def blend():
    rng = np.random.default_rng(3)
    told = {
        "likeness_standing": rng.normal(size=2_000).astype(np.float32),
        "new": (rng.random(2_000) < 0.5).astype(np.float32),
        "far": np.where(rng.random(2_000) < 0.3, np.nan, rng.random(2_000)).astype(np.float32),
    }
    chosen = rng.random(2_000) < 1 / (1 + np.exp(2 - told["likeness_standing"]))
    return Blend.fit(Examples(told, chosen, np.ones(2_000, np.float32))), told


def test_a_re_ranker_read_back_answers_the_same():
    fitted, told = blend()
    assert np.array_equal(fitted.scores(told), Blend.from_arrays(fitted.arrays()).scores(told))


def test_a_re_ranker_of_no_pairs_says_nothing():
    fitted, told = blend()
    assert fitted.scores({name: column[:0] for name, column in told.items()}).shape == (0,)


def test_a_re_ranker_that_names_too_few_features_is_refused():
    arrays = blend()[0].arrays()
    arrays["names"] = np.frombuffer(b'["new"]', np.uint8)
    with pytest.raises(ValueError, match="features"):
        Blend.from_arrays(arrays)
