"""The figures of mail are measured on a few residents: each of them gets one mail a campaign."""

import pytest

from bench.ground import Ground, Size
from bench.suites import suite

pytestmark = pytest.mark.integration


async def test_a_worker_sends_campaigns_to_a_mail_server_of_their_own_and_its_cpu_is_told():
    told, its = list[str](), suite("campaigns")
    async with Ground(told.append, Size(rounds=1, mailed=60)) as ground:
        found = [figure for one in its.only(["mail_cpu"]) for figure in await one.measure(ground)]
    assert [figure.name for figure in found] == ["mail_cpu", "mails_per_core"]
    assert all(figure.value > 0 for figure in found)
    assert told


async def test_how_soon_a_triggered_mail_goes_is_told():
    told, its = list[str](), suite("campaigns")
    async with Ground(told.append, Size(rounds=1, probes=3)) as ground:
        found = [figure for one in its.only(["trigger_p95"]) for figure in await one.measure(ground)]
    assert [figure.name for figure in found] == ["trigger_p95"]


async def test_mails_with_picks_are_compared_with_templates_that_write_the_same():
    told, its = list[str](), suite("campaigns")
    async with Ground(told.append, Size(offers=300, residents=24, rounds=1)) as ground:
        (found,) = [figure for one in its.only(["picks_mail_ratio"]) for figure in await one.measure(ground)]
    assert found.value > 0
