"""How many would want an offer: begun by the first who asks, told when it is counted, and never of few."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from api.reach_runs import AUDIENCE, MOST_WAITING
from api.seal import Seal, opened
from engine.errors import StoreUnavailable
from engine.marketing import CHANNELS
from engine.reach import Found, Out, Wish
from engine.settings import Settings
from tests.unit.api.conftest import NOW

PATH = "/v1/offers/live:1/residents"
MANY = Found(900, 250, 120, {"fi": 88, "sv": 7, "unknown": 25}, {Out.NO_CONSENT: 500, Out.AGE: 3, Out.BETTER: 147})


@pytest.fixture
def ask(door):
    door.memory.offers |= {"live:1", "over:1"}
    token = door.issuer.service("desk", ["audiences:read"], door.memory.now)

    async def ask(path=PATH):
        return await door.get(path, token)

    return ask


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_it_is_begun_once_and_told_when_it_is_counted(door, ask):
    first = await ask()
    assert (first.status_code, first.headers["retry-after"]) == (202, "2")
    await settled()
    second = await ask()
    assert (second.status_code, second.json()) == (202, {"offer": "live:1", "progress": 0.5})
    door.crowd.found = MANY
    door.crowd.let.set()
    await settled()
    told = await ask()
    assert told.status_code == 200
    assert "no-store" in told.headers["cache-control"]
    body = told.json()
    assert (body["topic"], body["channel"], body["top"]) == ("new_courses", None, 10)
    assert abs(body["wanting"] - 250) < 10
    assert abs(body["reached"] - 120) < 10
    assert set(body["languages"]) == {"fi", "sv", "en", "other", "unknown"}
    assert set(body["left_out"]) == {str(out) for out in Out}
    assert all(count is None or count % 10 == 0 for count in body["left_out"].values())
    assert len(door.crowd.counted) == 1


@pytest.mark.parametrize("count", [0, 1, 9, 10])
async def test_of_ten_or_fewer_nothing_is_told_but_that_they_are_few(door, ask, count):
    door.crowd.found = Found(count, count, count, {"fi": count}, dict.fromkeys(Out, count))
    door.crowd.let.set()
    await ask()
    await settled()
    body = (await ask()).json()
    assert (body["everybody"], body["wanting"], body["reached"], body["at_least"]) == (None, None, None, 10)
    assert set(body["languages"].values()) == set(body["left_out"].values()) == {None}


async def test_the_handle_is_the_definition_signed_and_names_nobody(door, ask):
    door.crowd.let.set()
    path = f"{PATH}?topic=volunteering&channel=email&top=5"
    await ask(path)
    await settled()
    handle = (await ask(path)).json()["handle"]
    seal = Seal.of(Settings(home=door.issuer.home))
    wish = msgspec.json.decode(opened(handle, seal.public, AUDIENCE), type=Wish)
    assert wish == Wish("live:1", "volunteering", "email", 5, door.memory.now)
    assert wish.purposes == {"marketing_volunteering_email"}


async def test_a_counting_that_failed_is_begun_anew(door, ask):
    door.crowd.fails = StoreUnavailable()
    door.crowd.let.set()
    await ask()
    await settled()
    door.crowd.fails = None
    assert (await ask()).status_code == 202
    await settled()
    assert (await ask()).status_code == 200


async def test_no_more_is_taken_on_than_can_wait(door, ask):
    for top in range(1, MOST_WAITING + 1):
        assert (await ask(f"{PATH}?top={top}")).status_code == 202
    full = await ask(f"{PATH}?top=40")
    assert (full.status_code, full.json()["code"]) == (503, "unavailable")
    assert "retry-after" in full.headers
    await settled()
    assert len(door.crowd.counted) == 1


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/offers/nothing:1/residents", 404, "not_found"),
        ("/v1/offers/over:1/residents", 409, "over"),
        (f"{PATH}?top=0", 422, "invalid_input"),
        (f"{PATH}?top=51", 422, "invalid_input"),
        (f"{PATH}?topic=football", 422, "invalid_input"),
        (f"{PATH}?channel=fax", 422, "invalid_input"),
        (f"{PATH}?names=all", 422, "invalid_input"),
    ],
)
async def test_what_cannot_be_counted_is_said(door, ask, path, status, code):
    got = await ask(path)
    assert (got.status_code, got.json()["code"], got.headers["content-type"]) == (
        status,
        code,
        "application/problem+json",
    )
    assert door.crowd.counted == []


async def test_without_the_scope_nothing_is_counted(door):
    door.memory.offers.add("live:1")
    others = {
        "resident": door.issuer.resident(door.me, door.memory.now),
        "staff": door.issuer.staff("aino@example.org", door.memory.now),
        "service": door.issuer.service("app", ["interactions:write"], door.memory.now),
    }
    for token in others.values():
        got = await door.get(PATH, token)
        assert (got.status_code, got.json()["code"]) == (403, "forbidden")
    assert (await door.client.get(PATH)).status_code == 401
    assert door.crowd.counted == []


def test_the_same_question_later_has_the_same_name():
    now = Wish("o:1", "library", None, 10, NOW)
    assert now.name == Wish("o:1", "library", None, 10, NOW + timedelta(hours=1)).name
    assert now.purposes == {f"marketing_library_{channel}" for channel in CHANNELS}
