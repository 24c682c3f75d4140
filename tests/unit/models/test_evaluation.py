"""Judging runs: figures by hand, the same as the outside judge's on real runs, and honest about odd input."""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from models import metrics, slices
from models.bootstrap import bootstrap, means
from models.evaluation import difference, judge
from models.item import Item
from models.matrix import Interactions
from models.runs import read_run, write_run
from models.splits import Fold, Split, read_split

SHARED = Path(__file__).parents[3] / ".." / "shared"
SETS = ("meetup_events", "citeulike_t", "douban_event")
X, Y, Z, W = range(4)
A, B = range(2)


def array(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def small(truth: dict[int, np.ndarray], **changes) -> Split:
    """Two people who know x and y, where z and w are new."""
    fold = Fold(
        number=0,
        starts=math.inf,
        ends=math.inf,
        candidates=array(X, Y, Z, W),
        people=array(*truth),
        queries=tuple(f"0|{'ab'[person]}" for person in truth),
        truth=truth,
        cold=np.array([False, False, True, True]),
    )
    facts = {
        "name": "small", "folds": (fold,), "people": ("a", "b"), "items": tuple(Item(id=name) for name in "xyzw"),
        "train": Interactions.of([A, A, B], [X, Y, X]),
    }  # fmt: skip
    return Split(**{**facts, **changes})


BOTH = {A: array(Z), B: array(Y, Z)}


def figures(judgement, query: int) -> dict[str, float]:
    return {name: float(found[query]) for name, found in judgement.figures.items()}


def test_figures_are_those_worked_out_by_hand():
    found = judge(small(BOTH), {(0, A): array(W, Z), (0, B): array(Y, W, Z)})
    first, second = figures(found, 0), figures(found, 1)
    assert (first["recall@5"], first["map@10"], first["hit@10"], first["cold_share@10"]) == (1, 0.5, 1, 1)
    assert first["ndcg@5"] == pytest.approx(1 / math.log2(3))
    assert second["ndcg@5"] == pytest.approx(1.5 / (1 + 1 / math.log2(3)))
    assert second["map@10"] == pytest.approx((1 + 2 / 3) / 2)
    assert second["novelty@10"] == pytest.approx((math.log2(3) + 2 * math.log2(3) - math.log2(2)) / 3)
    assert found.coverage == 0.75
    assert found.gini == pytest.approx(0.35)


def test_a_query_that_is_missing_or_empty_scores_0_and_stays_in_the_mean():
    for lists in ({(0, B): array(Y, Z)}, {(0, A): array(), (0, B): array(Y, Z)}):
        found = judge(small(BOTH), lists)
        assert figures(found, 0)["ndcg@10"] == figures(found, 0)["hit@10"] == 0
        assert found.estimates(["ndcg@10"])["ndcg@10"].value == pytest.approx(0.5)


def test_an_empty_run_scores_0_and_has_no_novelty():
    found = judge(small(BOTH), {})
    estimates = found.estimates()
    assert estimates["recall@20"] == (0, 0, 0)
    assert math.isnan(estimates["novelty@10"].value)
    assert (found.coverage, found.gini, found.exposures()) == (0, 1, [])


def test_no_query_at_all_gives_no_figure():
    for split in (
        small({}),
        small({}, folds=()),
        small({}, folds=(), people=(), items=(), train=Interactions.of([], [])),
    ):
        found = judge(split, {})
        assert len(found) == 0
        assert all(math.isnan(end) for estimate in found.estimates().values() for end in estimate)
        assert slices.judged(split, {}) == {}


def test_one_query_has_an_interval_without_width():
    found = judge(small({A: array(Z)}), {(0, A): array(Z)}).estimates()
    assert found["ndcg@10"] == (1, 1, 1)


def test_where_all_offers_are_new_there_is_nothing_to_judge_of_known_ones():
    split = small(BOTH, train=Interactions.of([], []))
    (fold,) = split.folds
    new = small(BOTH, train=split.train, folds=(_all_new(fold),))
    lists = {(0, A): array(Z), (0, B): array(Z)}
    assert len(judge(new, lists, "warm")) == 0
    assert figures(judge(new, lists, "cold"), 0) == figures(judge(new, lists), 0)
    assert figures(judge(new, lists), 0)["cold_share@10"] == 1
    assert set(slices.judged(new, lists)) == {"new offers", "new residents"}


def _all_new(fold: Fold) -> Fold:
    facts = {
        name: getattr(fold, name) for name in ("number", "starts", "ends", "candidates", "people", "queries", "truth")
    }
    return Fold(**facts, cold=np.ones(4, np.bool_))


def test_a_subset_is_taken_out_of_lists_and_truth():
    found = judge(small(BOTH), {(0, A): array(W, Z), (0, B): array(Y, W, Z)}, "warm")
    assert (len(found), found.people.tolist()) == (1, [B])
    assert figures(found, 0)["ndcg@10"] == 1
    assert found.catalogue[0].tolist() == [X, Y]


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (array(Z, W, Z), "lists z for 0.a, but it is there twice"),
        (array(X), "lists x for 0.a, but they already had to do with it"),
        (array(Z, 4), r"lists v for 0.a, but it is not in the fold's catalogue"),
    ],
)
def test_a_list_that_could_not_be_shown_is_refused(listed, told):
    split = small(BOTH, items=tuple(Item(id=name) for name in "xyzwv"))
    (fold,) = split.folds
    wider = Fold(**{name: getattr(fold, name) for name in fold.__slots__} | {"cold": np.append(fold.cold, True)})
    with pytest.raises(InvalidInput, match=told):
        judge(small(BOTH, items=split.items, folds=(wider,)), {(0, A): listed})


def test_a_list_that_is_filled_up_with_minus_one_is_refused(tmp_path):
    filled = {(0, A): array(Z, -1)}
    with pytest.raises(ValueError, match="numbers of offers alone"):
        judge(small(BOTH), filled)
    with pytest.raises(ValueError, match="numbers of offers alone"):
        write_run(tmp_path / "run.tsv", small(BOTH), filled)


def test_runs_are_compared_by_query_and_only_on_the_same_ones():
    split = small(BOTH)
    ours = judge(split, {(0, A): array(Z), (0, B): array(Y, Z)})
    theirs = judge(split, {(0, A): array(W, Z), (0, B): array(Y, Z)})
    found = difference(ours, theirs, ["ndcg@10", "recall@10"])
    assert found["ndcg@10"].value == pytest.approx((1 - 1 / math.log2(3)) / 2)
    assert found["recall@10"] == (0, 0, 0)
    assert found["recall@10"].sign == 0
    with pytest.raises(ValueError, match="same queries"):
        difference(ours, judge(split, {}, "warm"))


def test_slices_tell_residents_offers_and_any_labels_apart():
    items = (
        Item(id="x", kind="course", area="Kallio", title={"fi": "Uinti"}),
        Item(id="y", kind="course", title={"fi": "Uinti", "sv": "Simning"}),
        Item(id="z", kind="event", area="Kallio", text={"sv": "Simning"}),
        Item(id="w", title={"": "Swim"}),
    )
    split = small(BOTH, items=items)
    found = slices.judged(split, {(0, A): array(W, Z), (0, B): array(Y, W, Z)})
    assert set(found) == {
        "known offers", "new offers", "new residents", "kind: course", "kind: event",
        "language: fi", "language: sv", "district: Kallio",
    }  # fmt: skip
    assert found["kind: event"].estimates(["ndcg@10"])["ndcg@10"].value == 1
    assert len(found["kind: course"]) == 1
    own = slices.labelled(items, "letter", lambda item: item.id)
    assert {name: mask.tolist().index(True) for name, mask in own.items()} == {
        "letter: w": 3, "letter: x": 0, "letter: y": 1, "letter: z": 2,
    }  # fmt: skip


def test_a_resident_with_five_interactions_is_experienced():
    known = small(BOTH, train=Interactions.of([A] * 4 + [B] * 5, [X] * 9))
    masks = slices.of_residents(known, judge(known, {}))
    assert masks["new residents"].tolist() == [True, False]


def test_the_interval_of_many_alike_covers_its_mean_and_moves_people_whole():
    rng = np.random.default_rng(0)
    (alone,) = means(np.arange(200), [rng.random(200)])
    assert alone.low < alone.value < alone.high < alone.low + 0.12
    values = np.repeat(rng.random(20), 10)
    (together,) = means(np.repeat(np.arange(20), 10), [values])
    (apart,) = means(np.arange(200), [values])
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        (found,) = means(np.arange(60), [rng.exponential(1.0, 60)], draws=300)
        covered += found.low <= 1.0 <= found.high
    assert 0.88 <= covered / 200 <= 0.98


def test_what_is_never_known_has_no_estimate():
    known, unknown = bootstrap(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0]]))
    assert known == (0.5, 0.5, 0.5)
    assert math.isnan(unknown.value)
    (half,) = means(array(0, 1), [np.array([1.0, np.nan])])
    assert half.value == 1


@given(st.lists(st.integers(0, 50), max_size=30))
def test_gini_is_twice_the_area_above_the_lorenz_curve(exposure):
    counts = np.array(exposure, np.int64)
    found, curve = metrics.gini(counts), metrics.lorenz(counts)
    assert (curve[0], len(curve)) == (0, len(counts) + 1)
    if counts.sum():
        area = np.trapezoid(curve, np.linspace(0, 1, len(curve)))
        assert found == pytest.approx(1 - 2 * area)
        assert curve[-1] == pytest.approx(1)
    else:
        assert found == 1


@pytest.fixture(scope="module")
def outside():
    """The outside judge."""
    if not (SHARED / "eval" / "recmetrics.py").is_file():
        pytest.skip("the outside judge is not beside this clone")
    spec = importlib.util.spec_from_file_location("recmetrics", SHARED / "eval" / "recmetrics.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["recmetrics"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("subset", ["all", "warm", "cold"])
@pytest.mark.parametrize("name", SETS)
def test_all_figures_are_those_of_the_outside_judge(outside, name, subset):
    folder, draws = SHARED / "data" / "eval" / name, 100
    theirs, split = outside.Split(str(folder)), read_split(folder)
    paths = [folder / "peers" / f"{peer}.{subset}.tsv.gz" for peer in ("reranker", "best_single")]
    (table, summary), (other, _) = [outside.evaluate(theirs, outside.read_run(str(path)), subset) for path in paths]
    found, peer = [judge(split, read_run(path, split), subset) for path in paths]
    columns = list(found.figures)
    assert set(columns) == set(table.columns) - {"qid", "user_id", "fold"}
    assert len(found) == summary["n_queries"]
    assert found.coverage == pytest.approx(summary["coverage10"])
    assert found.gini == pytest.approx(summary["gini10"])
    same = outside.boot(table, columns, draws), outside.boot_diff(table, other, columns, draws)
    for ours, judged in zip((found.estimates(draws=draws), difference(found, peer, draws=draws)), same, strict=True):
        assert {name: tuple(ours[name]) for name in columns} == {
            name: pytest.approx(judged[name], abs=1e-9) for name in columns
        }
