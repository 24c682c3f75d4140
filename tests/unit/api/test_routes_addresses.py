from datetime import timedelta
from uuid import uuid4

import pytest

from api.access import Scope

PATH = "/v1/residents/me/addresses"


async def give(door, address="aino@example.org", **more):
    return await door.put(f"{PATH}/email", {"address": address} | more)


async def test_an_address_is_given_confirmed_seen_and_removed(door, letters):
    given = await give(door, language="en")
    assert (given.status_code, given.json()["confirmed"]) == (202, None)
    assert given.headers["cache-control"] == "private, no-store"
    confirmed = await door.post(f"{PATH}/email/confirm", {"code": letters.code()})
    assert confirmed.status_code == 200
    (held,) = (await door.get(PATH)).json()["items"]
    assert (held["address"], held["until"]) == ("aino@example.org", None)
    assert (await door.delete(f"{PATH}/email")).status_code == 204
    assert (await door.get(PATH)).json() == {"items": [], "sendable": ["email"]}


async def test_whatever_is_wrong_with_a_code_is_said_in_the_same_words(door, letters):
    before = await door.post(f"{PATH}/email/confirm", {"code": "123456"})
    await give(door)
    wrong = await door.post(f"{PATH}/email/confirm", {"code": "x"})
    door.memory.now += timedelta(hours=1)
    late = await door.post(f"{PATH}/email/confirm", {"code": letters.code()})
    assert {(one.status_code, one.json()["code"], one.json()["detail"]) for one in (before, wrong, late)} == {
        (422, "wrong_code", before.json()["detail"])
    }


async def test_an_address_of_somebody_else_is_answered_as_any_other(door, letters):
    await give(door)
    await door.post(f"{PATH}/email/confirm", {"code": letters.code()})
    door.me = uuid4()
    given = await give(door)
    assert (given.status_code, set(given.json())) == (202, {"means", "address", "confirmed", "until"})


async def test_asking_again_at_once_says_when_to_come_back(door):
    await give(door)
    again = await give(door)
    assert (again.status_code, again.json()["code"], again.headers["retry-after"]) == (429, "too_often", "60")


@pytest.mark.parametrize(
    ("means", "body", "status", "code"),
    [
        ("email", {"address": "nobody"}, 422, "invalid_input"),
        ("email", {"address": "a@example.org", "more": 1}, 422, "invalid_input"),
        ("email", {}, 422, "invalid_input"),
        ("sms", {"address": "040 123 4567"}, 409, "not_offered"),
        ("letter", {"address": "a@example.org"}, 404, "not_found"),
    ],
)
async def test_what_cannot_be_taken_leaves_nothing_behind(door, means, body, status, code):
    refused = await door.put(f"{PATH}/{means}", body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert door.me not in door.memory.links


async def test_while_the_mail_server_is_away_nothing_is_kept(door, letters):
    letters.closed = True
    assert (await give(door)).status_code == 503
    assert (await door.get(PATH)).json()["items"] == []


async def test_somebody_else_is_refused_and_a_service_needs_the_scope(door):
    path = f"/v1/residents/{door.me}/addresses"
    now = door.memory.now
    assert (await door.get(path, token=door.issuer.resident(uuid4(), now))).status_code == 403
    wrong, right = (door.issuer.service("app", [scope], now) for scope in (Scope.DATA_READ, Scope.ADDRESSES_READ))
    assert (await door.get(path, token=wrong)).status_code == 403
    assert (await door.get(path, token=right)).status_code == 200
