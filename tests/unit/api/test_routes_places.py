"""What is told of places: never of a few people, never exactly, and never of a day under way."""

from datetime import timedelta

import pytest

from engine.counts import LEAST, Counts

PATH = "/v1/places/tprek:7254/visitors"


async def told(door, visitors: int):
    day = door.now.date() - timedelta(days=1)
    door.memory.visits["tprek:7254", day] = visitors
    return (await door.client.get(PATH)).json()["residents"]


@pytest.mark.parametrize("visitors", [0, 1, 9, 10])
async def test_a_small_group_is_not_told(door, visitors):
    assert await told(door, visitors) is None


async def test_a_count_is_told_in_tens_and_the_same_each_time(door):
    first = await told(door, 1_234)
    assert first in (1_230, 1_240)
    assert {await told(door, 1_234) for _ in range(5)} == {first}


async def test_who_knows_another_houses_secret_cannot_work_out_how_a_count_was_raised(door):
    others = [Counts(b"%d" % n) for n in range(40)]
    assert {house.disclose(1_234, "visitors tprek:7254", "2026-11-21") for house in others} == {1_230, 1_240}
    assert (await door.client.get(PATH)).json()["at_least"] == LEAST


@pytest.mark.parametrize("day", ["2026-11-22", "2026-11-23", "2026-11-19", "then"])
async def test_a_day_under_way_or_long_past_is_not_told(door, day):
    got = await door.client.get(f"{PATH}?day={day}")
    assert (got.status_code, got.json()["errors"][0]["field"]) == (422, "day")
