"""The figures of audiences are measured on a small index: both ways count the same."""

import pytest

from bench.ground import Ground, Size
from bench.suites import suite

pytestmark = pytest.mark.integration


async def test_audiences_are_measured_against_packed_bits():
    told, its = list[str](), suite("campaigns")
    async with Ground(told.append, Size(rounds=2, indexed=5_000)) as ground:
        found = [figure for one in its.only(["audience_count"]) for figure in await one.measure(ground)]
    assert [figure.name for figure in found] == ["audience_count_ratio", "audience_count", "audience_memory"]
    assert all(figure.value > 0 for figure in found)
    assert told
