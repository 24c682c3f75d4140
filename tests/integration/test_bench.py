"""Each figure of consent is measured on a tiny ground: what it measures works, whatever it comes to here."""

import asyncio

import pytest

from bench.ground import Ground, Size
from bench.processes import ServerFailed, running
from bench.suites import suite

pytestmark = pytest.mark.integration
TINY = Size(offers=300, residents=24, rounds=1, requests=20, events=100, probes=2, scanned=40)


async def test_every_figure_of_consent_is_measured_and_the_search_for_leaks_finds_nothing_in_a_sound_house():
    told, its = list[str](), suite("consent")
    async with Ground(told.append, TINY) as ground:
        found = [figure for one in its.measurements for figure in await one.measure(ground)]
    assert [figure.name for figure in found] == its.names
    assert all(figure.value > 0 and figure.runs == 1 for figure in found)
    assert told


async def test_every_figure_of_suggestions_is_measured_and_a_model_answers():
    told, its = list[str](), suite("suggestions")
    size = Size(offers=400, residents=24, rounds=1, requests=20, probes=3, taught=300, choices=4_000)
    async with Ground(told.append, size) as ground:
        found = [figure for one in its.measurements for figure in await one.measure(ground)]
    assert [figure.name for figure in found] == its.names
    assert all(figure.value > 0 for figure in found)


async def test_work_of_less_than_a_tick_of_the_system_is_measured(tmp_path):
    found = set[float]()
    async with running(("timeit", "-n", "1000000000", "pass"), {}, tmp_path / "log") as server:
        for _ in range(20):
            with server.cpu() as used:
                await asyncio.sleep(0.002)
            found.add(used.seconds)
    assert any(0.1 < seconds * 100 % 1 < 0.9 for seconds in found)


async def test_a_process_that_has_ended_is_not_measured(tmp_path):
    async with running(("timeit", "-n", "1", "pass"), {}, tmp_path / "log") as server:
        await server.stop()
        with pytest.raises(ServerFailed, match="has ended"), server.cpu():
            pass
