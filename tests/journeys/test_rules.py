"""The city's rules, through HTTP alone: set, seen in answers within moments, changed by version, ended, never lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from api.rule_versions import EXAMPLE
from tests.journeys.test_bad_input import NASTY, is_problem

SCREEN = {"scenario": "screen", "limit": 10}


class Desk:
    """A member of staff who sets rules."""

    def __init__(self, city) -> None:
        self.city = city
        self.headers = self.token("rules:read", "rules:write")
        self.set: list[str] = []

    def token(self, *scopes: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.city.issuer.service('desk', scopes, datetime.now(UTC))}"}

    async def call(self, method: str, path: str = "", match: str | None = None, **how) -> httpx.Response:
        headers = self.headers | ({} if match is None else {"If-Match": match})
        return await self.city.http.request(method, f"/v1/rules{path}", headers=headers, **how)

    async def write(self, effect: str = "pin", **changed) -> dict:
        got = await self.call("POST", json=rule(effect, **changed))
        assert got.status_code == 201, got.text
        assert got.headers["location"] == f"/v1/rules/{got.json()['id']}"
        assert got.headers["etag"] == '"1"'
        self.set.append(got.json()["id"])
        return dict(got.json())

    async def shown(self, **query) -> list[str]:
        got = await self.city.http.get("/v1/suggestions", params=SCREEN | query)
        return [item["offer"]["id"] for item in got.json()["items"]]


def rule(effect: str = "pin", **changed) -> dict:
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    usual = {"target": {"offers": ["journey:chess-7"]}, "scenarios": ["screen"], "reason": "A journey"}
    return {"effect": effect, "valid_until": until, **usual} | changed


@pytest.fixture
async def desk(city) -> AsyncIterator[Desk]:
    its = Desk(city)
    yield its
    for id_ in its.set:
        await its.call("DELETE", f"/{id_}", match="*")


async def test_a_pin_leads_within_moments_says_why_and_ends(desk):
    assert (await desk.shown())[0] != "journey:chess-7"
    pin = await desk.write()
    assert (pin["state"], pin["offers_now"], pin["warnings"], pin["author"]) == ("in_force", 1, [], "desk")
    await desk.city.until(desk.shown, lambda ids: ids[0] == "journey:chess-7", seconds=10)
    got = await desk.city.http.get("/v1/suggestions", params=SCREEN | {"lang": "en"})
    first = got.json()["items"][0]
    assert first["reasons"][0] == {"code": "highlighted", "text": "The city highlights this"}
    assert (await desk.shown(scenario="app_home"))[0] != "journey:chess-7"
    assert (await desk.call("DELETE", f"/{pin['id']}", match='"1"')).status_code == 204
    await desk.city.until(desk.shown, lambda ids: ids[0] != "journey:chess-7", seconds=10)
    ended = (await desk.call("GET", f"/{pin['id']}")).json()
    assert (ended["state"], ended["version"]) == ("ended", 2)


async def test_no_rule_shows_what_is_full_or_over(desk):
    full = desk.city.offer("jazz", 90, seats=5, seats_left=0)
    over = desk.city.offer(
        "jazz", 91, starts=datetime(2026, 1, 1, tzinfo=UTC), ends=datetime(2026, 1, 1, 2, tzinfo=UTC)
    )
    await desk.city.write(full, over)
    pin = await desk.write(target={"offers": [full.id, over.id, "journey:chess-7"]})
    assert (pin["offers_now"], pin["warnings"]) == (1, [])
    shown = await desk.city.until(desk.shown, lambda ids: ids[0] == "journey:chess-7", seconds=10)
    assert {full.id, over.id}.isdisjoint(shown)


async def test_leaving_out_a_keyword_leaves_out_its_offers(desk):
    await desk.write("exclude", target={"keywords": ["yso:p11556"]})

    async def every() -> list[str]:
        return await desk.shown(limit=100)

    shown = await desk.city.until(every, lambda ids: not any("chess" in id_ for id_ in ids), seconds=10)
    assert any("swim" in id_ for id_ in shown)


async def test_each_change_is_a_version_and_names_the_one_it_is_made_on(desk):
    id_ = (await desk.write("boost", strength=0.1))["id"]
    changed = rule("boost", strength=0.4, reason="More of it")
    is_problem(await desk.call("PUT", f"/{id_}", json=changed), 428, "If-Match")
    is_problem(await desk.call("PUT", f"/{id_}", json=changed, match="1"), 422, "If-Match")
    both = await asyncio.gather(*(desk.call("PUT", f"/{id_}", json=changed, match='"1"') for _ in range(4)))
    assert sorted(got.status_code for got in both) == [200, 412, 412, 412]
    assert next(got.headers["etag"] for got in both if got.status_code == 200) == '"2"'
    is_problem(await desk.call("PUT", f"/{id_}", json=changed, match='"1"'), 412)
    assert (await desk.call("PUT", f"/{id_}", json=rule("bury"), match="*")).json()["version"] == 3
    assert (await desk.call("DELETE", f"/{id_}", match='"3"')).status_code == 204
    for method in ("PUT", "DELETE"):
        body = {"json": changed} if method == "PUT" else {}
        is_problem(await desk.call(method, f"/{id_}", match="*", **body), 404, "rule")
    versions = (await desk.call("GET", f"/{id_}/history")).json()["items"]
    told = [(one["version"], one["effect"], one["reason"], one["state"]) for one in versions]
    assert told == [
        (1, "boost", "A journey", "replaced"),
        (2, "boost", "More of it", "replaced"),
        (3, "bury", "A journey", "replaced"),
        (4, "bury", "A journey", "ended"),
    ]
    assert {one["author"] for one in versions} == {"desk"}


async def test_the_list_tells_what_holds_page_by_page_and_what_is_past_when_asked(desk):
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    written = [await desk.write("boost", valid_from=later) for _ in range(3)]
    ended = written.pop(1)["id"]
    await desk.call("DELETE", f"/{ended}", match="*")

    async def ids(**query) -> list[str]:
        seen, after = [], {}
        while after is not None:
            page = (await desk.call("GET", params={"limit": 1, **query, **after})).json()
            seen += [item["id"] for item in page["items"]]
            after = page["next"] and {"after": page["next"]}
        return seen

    assert [id_ for id_ in await ids() if id_ in desk.set] == [one["id"] for one in reversed(written)]
    assert ended in await ids(include_past=True)
    assert not set(await ids(scenario="email")) & set(desk.set)
    listed = (await desk.call("GET")).json()["items"]
    assert {one["state"] for one in listed if one["id"] in desk.set} == {"coming"}


async def test_the_documents_example_runs_and_an_unknown_offer_is_flagged(desk):
    assert (await desk.write(**EXAMPLE | {"valid_until": rule()["valid_until"], "valid_from": None}))[
        "state"
    ] == "in_force"
    nobody = f"journey:{uuid4()}"
    flagged = await desk.write(target={"offers": ["journey:swim-1", nobody]})
    assert [(one["field"], flagged["offers_now"]) for one in flagged["warnings"]] == [("target.offers.1", 1)]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"scenarios": ["kiosk"]}, "scenarios.0"),
        ({"scenarios": []}, "scenarios"),
        ({"scenarios": ["screen", "screen"]}, "scenarios"),
        ({"effect": "promote"}, "effect"),
        ({"effect": "boost", "strength": 1.5}, "strength"),
        ({"effect": "boost", "strength": 0}, "strength"),
        ({"effect": "boost", "strength": "NaN"}, "strength"),
        ({"strength": 0.5}, "strength"),
        ({"reason": ""}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"valid_until": "2026-01-01T00:00:00Z"}, "valid_until"),
        ({"valid_until": "2026-12-31T00:00:00"}, "valid_until"),
        ({"valid_until": "9999-12-31T23:59:59-14:00"}, "valid_until"),
        ({"valid_from": "0001-01-01T00:00:00+14:00"}, "valid_from"),
        ({"valid_from": "2029-01-01T00:00:00Z"}, "valid_until"),
        ({"target": {}}, "target"),
        ({"target": {"offers": []}}, "target"),
        ({"target": {"offers": ["a\0b"]}}, "target.offers.0"),
        ({"target": {"offers": ["x"] * 101}}, "target.offers"),
        ({"target": {"kinds": ["party"]}}, "target.kinds.0"),
        ({"target": {"colour": "blue"}}, "target.colour"),
        ({"author": "somebody"}, "author"),
    ],
)
async def test_what_makes_no_rule_is_named(desk, changed, field):
    is_problem(await desk.call("POST", json=rule(**changed)), 422, field)


@pytest.mark.parametrize("text", NASTY)
async def test_nasty_texts_are_kept_as_text_or_refused(desk, text):
    got = await desk.call("POST", json=rule(reason=text, target={"keywords": [text[:200]], "sources": [text[:200]]}))
    assert got.status_code in (201, 422)
    if got.status_code == 201:
        desk.set.append(got.json()["id"])
        assert (await desk.call("GET", f"/{desk.set[-1]}")).json()["reason"] == text


async def test_a_colleague_is_named_as_the_author(desk):
    scopes = ("rules:read", "rules:write")
    maija = desk.city.issuer.staff("maija@example.fi", datetime.now(UTC), scopes=scopes)
    headers = {"Authorization": f"Bearer {maija}"}
    got = await desk.city.http.post("/v1/rules", json=rule(), headers=headers)
    assert (got.status_code, got.json()["author"]) == (201, "maija@example.fi")
    desk.set.append(got.json()["id"])
    without = {"Authorization": f"Bearer {desk.city.issuer.staff('maija@example.fi', datetime.now(UTC))}"}
    is_problem(await desk.city.http.get("/v1/rules", headers=without), 403)


async def test_only_staff_with_the_scope_read_and_write(desk, resident):
    for method, path, body in (
        ("GET", "", None),
        ("POST", "", rule()),
        ("GET", "/abc", None),
        ("DELETE", "/abc", None),
    ):
        is_problem(await resident.call(method, f"/v1/rules{path}", json=body), 403)
        is_problem(await desk.city.http.request(method, f"/v1/rules{path}", json=body), 401)
    reader = desk.token("rules:read")
    assert (await desk.city.http.get("/v1/rules", headers=reader)).status_code == 200
    is_problem(await desk.city.http.post("/v1/rules", headers=reader, json=rule()), 403)
    is_problem(await desk.call("GET", "/none"), 404, "rule")
    is_problem(await desk.call("GET", "/%00/history"), 404, "rule")


async def test_a_scenario_is_asked_for_by_its_name(city):
    is_problem(await city.http.get("/v1/suggestions?scenario=kiosk"), 422, "scenario")
    is_problem(await city.http.get("/v1/suggestions?scenario=near_me"), 422, "near")
    courses = (await city.http.get("/v1/suggestions?scenario=course_search&limit=50")).json()["items"]
    assert {item["offer"]["kind"] for item in courses} == {"course"}
