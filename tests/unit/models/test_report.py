"""What a report tells: runs side by side, no slice of few residents, exposure, and whether chances come true."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import calibrate, of_run, wilson
from models.report import LENGTHS, MAIN, report
from tests.unit.models.judged_town import OFFERS, PEOPLE, best, town


def test_the_first_run_is_told_beside_the_others():
    split = town()
    found = report(split, {"ours": best(split), "nothing": {}})
    assert (found.split, found.subset, found.queries, found.runs) == ("town", "all", PEOPLE, ("ours", "nothing"))
    assert found.figures["ours"][MAIN] == (1, 1, 1)
    assert found.gains["nothing"][MAIN] == (1, 1, 1)
    assert [len(runs["ours"]) for runs in found.by_length.values()] == [len(LENGTHS)] * 2
    assert found.by_length["recall"]["ours"][0].value == 1
    assert (found.exposure["ours"].coverage, found.exposure["nothing"].gini) == (11 / 12, 1)
    assert found.exposure["ours"].curve[[0, -1]] == pytest.approx([0, 1])
    assert np.isnan(found.exposure["nothing"].curve).all()
    assert found.calibration is None


def test_slices_of_few_residents_are_not_told():
    split = town()
    found = report(split, {"ours": best(split), "nothing": {}})
    assert set(found.slices) == {"new offers", "new residents", "district: Kallio"}
    assert found.too_few == ("district: Suomenlinna",)
    assert found.slices["district: Kallio"].queries == PEOPLE - 4
    assert found.slices["new offers"].gains["nothing"].value == 1
    own = {"the first": np.arange(OFFERS) == 1, "the others": np.arange(OFFERS) > 1}
    assert set(report(split, {"ours": best(split)}, by_offer=own).slices) == {
        "new offers", "new residents", "the others",
    }  # fmt: skip


def test_a_report_needs_a_run():
    with pytest.raises(ValueError, match="give one"):
        report(town(), {})


def test_chances_that_come_true_lie_on_the_line():
    rng = np.random.default_rng(2)
    chances = rng.beta(1, 20, 50_000)
    right = calibrate(chances, rng.random(50_000) < chances)
    assert right.error < 0.005
    assert len(right.bins) == 10
    assert sum(one.happened.low <= one.predicted <= one.happened.high for one in right.bins) >= 8
    boasting = calibrate(chances, rng.random(50_000) < chances / 2)
    assert boasting.error == pytest.approx(chances.mean() / 2, abs=0.005)
    assert boasting.bins[-1].happened.high < boasting.bins[-1].predicted


def test_calibration_of_little_or_nothing():
    assert calibrate(np.zeros(0), np.zeros(0, np.bool_)).bins == ()
    (one,) = calibrate(np.full(7, 0.5), np.ones(7, np.bool_)).bins
    assert (one.cases, one.predicted, one.happened.value, one.happened.high) == (7, 0.5, 1, 1)
    for chances in (np.array([1.1]), np.array([math.nan]), np.zeros(2)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            calibrate(chances, np.ones(1, np.bool_))


def test_what_one_person_does_moves_together_in_a_bin():
    rng = np.random.default_rng(4)
    people = np.repeat(np.arange(100), 50)
    happened = (rng.random(100) < 0.5)[people]
    alone, together = (calibrate(np.full(5_000, 0.5), happened, people=who).bins[0].happened for who in (None, people))
    assert together.value == alone.value
    assert together.high - together.low > 5 * (alone.high - alone.low)


def test_a_runs_chances_are_compared_with_what_was_chosen():
    split = town()
    lists = {(0, person): np.array([1 + person % (OFFERS - 1), 0], np.int32) for person in range(PEOPLE)}
    sure = {key: np.array([50.0, -50.0]) for key in lists}
    found = of_run(split, lists, sure)
    assert found.error == pytest.approx(0)
    assert [(one.cases, one.happened.value) for one in found.bins] == [(PEOPLE, 0), (PEOPLE, 1)]
    assert of_run(split, lists, {key: -odds for key, odds in sure.items()}).error == pytest.approx(1)


def test_where_no_chances_are_told_nothing_is_compared():
    split = town()
    lists = best(split)
    assert of_run(split, lists, {}).bins == ()
    unknown = {key: np.full(len(offers), np.nan) for key, offers in lists.items()}
    assert of_run(split, lists, unknown).bins == ()
    known = unknown | {(0, 0): np.zeros(1)}
    assert [one.cases for one in of_run(split, lists, known).bins] == [1]


@given(st.integers(1, 1_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_share_lies_within_its_interval(counts):
    found = wilson(*counts)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_every_prediction_is_in_one_bin(cases):
    predicted, happened = (np.array(column) for column in zip(*cases, strict=True))
    found = calibrate(predicted, happened)
    assert sum(one.cases for one in found.bins) == len(cases)
    assert [one.predicted for one in found.bins] == sorted(one.predicted for one in found.bins)
    assert sum(one.cases * one.happened.value for one in found.bins) == pytest.approx(happened.sum())
