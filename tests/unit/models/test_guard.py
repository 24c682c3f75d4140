from types import SimpleNamespace

import pytest

from models.bootstrap import Estimate
from models.guard import worse
from models.report import MAIN


def estimate(value, half=0.02):
    return Estimate(value, value - half, value + half)


def told(overall=0.0, half=0.02, **slices):
    """A report in which the model is so much above the running one: overall, and in some slices."""
    return SimpleNamespace(
        gains={"running": {MAIN: estimate(overall, half)}},
        slices={name: SimpleNamespace(gains={"running": estimate(*gain)}) for name, gain in slices.items()},
    )


def test_what_is_better_or_the_same_is_not_worse():
    assert worse(told(0.1, course=(0.0, 0.0), event=(0.01,))) == []


def test_one_slice_that_is_clearly_worse_is_enough():
    (reason,) = worse(told(0.1, course=(-0.2,), event=(0.3,)))
    assert reason.startswith("course: NDCG@10 is 0.200 below running")
    assert "0.180 to 0.220" in reason


def test_everybody_is_a_slice_too():
    assert worse(told(-0.1))[0].startswith("everybody")


def test_of_many_equal_slices_none_is_worse_by_chance():
    slices = {f"s{n}": (-0.021 if n == 0 else 0.0,) for n in range(40)}
    assert worse(told(0.0, **slices)) == []
    assert worse(told(0.0, s0=(-0.05,), **{k: v for k, v in slices.items() if k != "s0"}))


@pytest.mark.parametrize("gain", [-0.01, 0.0, 0.01])
def test_of_few_residents_too_what_is_below_the_popular_is_of_no_use(gain):
    report = told(0.0)
    report.gains["popular"] = {MAIN: estimate(gain, 0.5)}
    assert [reason.startswith("everybody: NDCG@10 is no better than what is popular") for reason in worse(report)] == (
        [True] if gain < 0 else []
    )


@pytest.mark.parametrize("gain", [0.0, -1e-12])
def test_the_same_model_is_not_worse_than_itself(gain):
    assert len(worse(told(gain, 0.0))) == (gain < 0)
