import asyncio
from uuid import uuid4

import pytest

from engine.consent import Purpose

PATH = "/v1/residents/me/consents"


async def test_purposes_are_open_and_have_a_notice_in_three_languages(door):
    got = await door.client.get("/v1/purposes")
    assert got.status_code == 200
    items = got.json()["items"]
    assert [item["id"] for item in items] == list(Purpose)
    for item in items:
        assert item["basis"] == "consent"
        for part in ("title", "text"):
            assert all(item["notice"][part][language] for language in ("fi", "sv", "en"))


async def test_a_bad_token_is_refused_even_where_none_is_needed(door):
    got = await door.get("/v1/purposes", token="nonsense")
    assert got.status_code == 401
    assert got.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_who_never_decided_allows_nothing_and_is_not_enrolled_by_looking(door):
    got = (await door.get(PATH)).json()
    assert got["items"] == [{"purpose": p, "granted": False, "notice": None, "since": None} for p in Purpose]
    assert got["history"] == []
    assert door.memory.links == {}


async def test_a_grant_and_a_withdrawal_are_in_force_before_the_answer_and_in_the_history_after(door):
    got = await door.put(f"{PATH}/activity", {"granted": True, "notice": 1})
    assert (got.status_code, got.headers["cache-control"]) == (200, "private, no-store")
    assert got.json() == {"purpose": "activity", "granted": True, "notice": 1, "since": "2026-11-22T12:00:00Z"}
    pseudonym = door.memory.links[door.me]
    assert door.memory.flags[pseudonym].grants[Purpose.ACTIVITY].granted
    assert (await door.put(f"{PATH}/activity", {"granted": False})).json()["granted"] is False
    assert not door.memory.flags[pseudonym].grants[Purpose.ACTIVITY].granted
    told = (await door.get(f"/v1/residents/{door.me}/consents")).json()
    assert told["items"][0]["granted"] is False
    assert [entry["granted"] for entry in told["history"]] == [True, False]


async def test_the_workers_get_a_nudge_that_names_the_pseudonym(door):
    pseudonym = await door.grant("activity")
    await asyncio.sleep(0)
    assert [(change.resident, change.purpose, change.granted) for change in door.log.changes] == [
        (pseudonym, "activity", True)
    ]


async def test_a_lost_nudge_does_not_spoil_the_decision(door):
    door.log.away = True
    assert await door.grant("activity")
    await asyncio.sleep(0)
    assert door.log.changes == []


@pytest.mark.parametrize(
    ("purpose", "body", "status", "code", "field"),
    [
        ("activity", {"granted": True, "notice": 99}, 409, "unknown_notice", "notice"),
        ("activity", {"granted": True}, 409, "unknown_notice", "notice"),
        ("shopping", {"granted": True, "notice": 1}, 404, "not_found", "purpose"),
        ("%00", {"granted": True, "notice": 1}, 404, "not_found", "purpose"),
        ("activity", {"granted": "yes", "notice": 1}, 422, "invalid_input", "granted"),
        ("activity", {"notice": 1}, 422, "invalid_input", "granted"),
        ("activity", {"granted": False, "notice": 10**20}, 422, "invalid_input", "notice"),
        ("activity", {"granted": True, "notice": 1, "why": "so"}, 422, "invalid_input", "why"),
        ("activity", [], 422, "invalid_input", "body"),
    ],
)
async def test_what_cannot_be_recorded_is_refused_and_leaves_nothing_behind(door, purpose, body, status, code, field):
    got = await door.put(f"{PATH}/{purpose}", body)
    assert (got.status_code, got.json()["code"]) == (status, code)
    assert got.json()["errors"][0]["field"] == field
    assert (door.memory.links, door.memory.entries) == ({}, [])


async def test_while_the_stores_are_away_it_is_said_so(door):
    door.memory.away = True
    for got in (await door.get(PATH), await door.put(f"{PATH}/activity", {"granted": False})):
        assert (got.status_code, got.json()["code"]) == (503, "store_unavailable")


async def test_nobody_but_the_resident_and_a_service_with_the_scope_gets_in(door):
    path, body = f"/v1/residents/{door.me}/consents", {"granted": True, "notice": 1}
    reader = door.issuer.service("app", ["consents:read"], door.now)
    staff = door.issuer.staff("aino@hel.fi", door.now)
    stranger = door.issuer.resident(uuid4(), door.now)
    about_another = door.issuer.service("app", ["consents:read"], door.now, subject=uuid4())
    assert (await door.get(path, reader)).status_code == 200
    assert (await door.put(f"{path}/activity", body, reader)).status_code == 403
    for token in (staff, stranger, about_another):
        assert (await door.get(path, token)).status_code == 403
    assert (await door.client.get(path)).status_code == 401
    assert (await door.client.get(path, headers={"Authorization": "Basic YTpi"})).status_code == 401
    assert door.memory.entries == []


async def test_refusals_are_logged_without_token_and_person(door, capsys):
    token = door.issuer.resident(uuid4(), door.now)
    await door.get(f"/v1/residents/{door.me}/consents?near=60.17,24.94", token)
    said = "".join(capsys.readouterr())
    assert "access_refused" in said
    for secret in (token, str(door.me), "60.17"):
        assert secret not in said


async def test_who_was_erased_by_another_process_decides_as_somebody_new(door):
    pseudonym = await door.grant("activity")
    door.memory.erased.add(pseudonym)
    del door.memory.links[door.me]
    assert await door.grant("interests") != pseudonym
    told = (await door.get(PATH)).json()
    assert [entry["purpose"] for entry in told["history"]] == ["interests"]
