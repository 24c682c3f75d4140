"""The figures of a training are measured on a tiny past: both fits run, each in a process of its own."""

import pytest

from bench.ground import Ground, Size
from bench.training import MEMORY, RATIO, made_up, measure

pytestmark = pytest.mark.integration


async def test_a_training_is_measured_against_implicit_alone():
    told = list[str]()
    async with Ground(told.append, Size(offers=300, rounds=1, choices=20_000)) as ground:
        ratio, memory = await measure(ground)
    assert (ratio.name, memory.name) == (RATIO.name, MEMORY.name)
    assert ratio.value > 0.5
    assert 0.05 < memory.value < 3
    assert len(told) == 3


def test_made_up_choices_are_the_same_each_time_and_unevenly_spread():
    first, again = made_up(700, 50, 24_000), made_up(700, 50, 24_000)
    assert (first.people == again.people).all()
    assert first.offers.max() < 50
    assert (first.offers == 0).sum() > 5 * (first.offers == 49).sum()
