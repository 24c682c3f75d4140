"""Exposure through HTTP: counted, reported, a floor that lifts, and few seats that are not shown to everybody."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import text

from api.issuer import DemoIssuer, address
from api.routes.exposure import EXAMPLE
from engine.capacity import Uptake
from engine.language import Localized
from engine.records.uptakes import UptakeRecords
from tests.journeys.conftest import Resident, command, free_port, is_ready
from tests.journeys.test_bad_input import is_problem

FLOORS = "/v1/exposure/floors"
RARE = {"languages": ["se"]}


class Desk:
    """A member of staff who looks after exposure."""

    def __init__(self, city) -> None:
        self.city = city
        self.headers = self.token("exposure:read", "exposure:write")
        self.set: list[str] = []

    def token(self, *scopes: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.city.issuer.service('desk', scopes, datetime.now(UTC))}"}

    async def call(self, method: str, path: str, match: str | None = None, **how) -> httpx.Response:
        headers = self.headers | ({} if match is None else {"If-Match": match})
        return await self.city.http.request(method, path, headers=headers, **how)

    async def report(self) -> dict:
        return dict((await self.call("GET", "/v1/exposure")).json())

    async def floor(self, **changed) -> dict:
        got = await self.call("POST", FLOORS, json=EXAMPLE | changed)
        assert got.status_code == 201, got.text
        self.set.append(got.json()["id"])
        return dict(got.json())

    async def shown(self, **query) -> list[dict]:
        return list((await self.city.http.get("/v1/suggestions", params=query)).json()["items"])


@pytest.fixture
async def desk(city) -> AsyncIterator[Desk]:
    its = Desk(city)
    yield its
    for id_ in its.set:
        await its.call("DELETE", f"{FLOORS}/{id_}", match="*")


async def test_what_is_shown_is_counted_by_its_place_within_seconds(desk):
    before = await desk.report()
    for _ in range(10):
        await desk.shown(limit=3, kind="space,event")
    worth = 10 * (1 + 0.6309 + 0.5)
    after = await desk.city.until(desk.report, lambda told: told["shows"] >= before["shows"] + worth - 0.1, seconds=10)
    assert after["offers"] >= 48
    assert 0 < after["gini"] < 1
    assert (await desk.call("GET", "/v1/exposure?days=1")).json()["shows"] > 0


async def test_a_group_below_its_floor_is_lifted_and_says_so(desk):
    rare = desk.city.offer("garden", 60, languages=("se",))
    await desk.city.write(rare)
    floor = await desk.floor(name="Sámi", target=RARE, share=0.3)
    assert floor["offers_now"] in (0, 1)
    for _ in range(20):
        await desk.shown(limit=5)

    async def said() -> list[str]:
        items = await desk.shown(limit=100, lang="sv")
        return [reason["text"] for item in items if item["offer"]["id"] == rare.id for reason in item["reasons"]]

    reasons = await desk.city.until(said, lambda texts: any("Staden" in text for text in texts), seconds=45)
    assert reasons[0] == "Staden vill att också detta hittas"
    (group,) = [its for its in (await desk.report())["groups"] if its["id"] == floor["id"]]
    assert (group["name"], group["floor"], group["offers"]) == ("Sámi", 0.3, 1)
    assert group["share"] < 0.3
    assert group["lift"] == 0.25


async def test_a_floor_has_versions_and_ends(desk):
    id_ = (await desk.floor())["id"]
    changed = EXAMPLE | {"share": 0.2}
    is_problem(await desk.call("PUT", f"{FLOORS}/{id_}", json=changed), 428, "If-Match")
    assert (await desk.call("PUT", f"{FLOORS}/{id_}", json=changed, match='"1"')).json()["share"] == 0.2
    is_problem(await desk.call("PUT", f"{FLOORS}/{id_}", json=changed, match='"1"'), 412)
    assert id_ in [its["id"] for its in (await desk.call("GET", FLOORS)).json()["items"]]
    assert (await desk.call("DELETE", f"{FLOORS}/{id_}", match="*")).status_code == 204
    assert id_ not in [its["id"] for its in (await desk.call("GET", FLOORS)).json()["items"]]
    versions = (await desk.call("GET", f"{FLOORS}/{id_}/history")).json()["items"]
    assert [(its["version"], its["share"], its["ended"]) for its in versions] == [
        (1, 0.15, False),
        (2, 0.2, False),
        (3, 0.2, True),
    ]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"share": 0}, "share"),
        ({"share": 0.51}, "share"),
        ({"target": {}}, "target"),
        ({"name": " "}, "name"),
        ({"reason": ""}, "reason"),
        ({"target": {"small_venues": 0}}, "target.small_venues"),
    ],
)
async def test_what_makes_no_floor_is_named(desk, changed, field):
    is_problem(await desk.call("POST", FLOORS, json=EXAMPLE | changed), 422, field)


async def test_only_staff_with_the_scope_see_and_set(desk, resident):
    for method, path in (("GET", "/v1/exposure"), ("GET", FLOORS), ("POST", FLOORS), ("DELETE", f"{FLOORS}/abc")):
        is_problem(await resident.call(method, path), 403)
        is_problem(await desk.city.http.request(method, path), 401)
    reader = desk.token("exposure:read")
    assert (await desk.city.http.get("/v1/exposure", headers=reader)).status_code == 200
    is_problem(await desk.city.http.post(FLOORS, headers=reader, json=EXAMPLE), 403)


async def test_an_offer_with_few_seats_sinks_and_rises_when_they_are_told_anew(desk):
    few = desk.city.offer("chess", 0, seats=40, seats_left=40, starts=datetime.now(UTC), id="journey:few")
    records = UptakeRecords(desk.city.stores.database)
    await desk.city.write(few)

    async def place() -> int:
        ids = [item["offer"]["id"] for item in await desk.shown(limit=100)]
        return ids.index(few.id) if few.id in ids else -1

    first = await desk.city.until(place, lambda at: at >= 0, seconds=10)
    # As if 5,000 people had seen it first since its seats were told.
    assert (await records.add({few.id: 5_000.0}, datetime.now(UTC)))[few.id].seats == 40
    sunk = await desk.city.until(place, lambda at: at > first + 5, seconds=45)
    await desk.city.write(desk.city.offer("chess", 0, seats=40, seats_left=30, starts=few.starts, id=few.id))
    await desk.city.until(place, lambda at: 0 <= at < sunk, seconds=10)
    its = (await records.add({few.id: 0.0}, datetime.now(UTC)))[few.id]
    assert (its.seats, its.taken) == (30, 10)
    assert its.settled > 5_000 > its.pending
    assert isinstance(its, Uptake)


async def test_a_new_offer_is_tried_in_the_fourth_place_and_its_chance_is_kept(city, tmp_path):
    """Another API process of the same city, which tries one in every answer."""
    base, its = f"http://127.0.0.1:{(port := free_port())}", city.settings
    parts = {f"VINKKI_{name.upper()}": getattr(its, name) for name in ("kafka", "database", "redis")}
    names = [Localized("Uutuus " + letter) for letter in "abcdefghijklmno"]
    await city.write(*(city.offer("garden", 70 + n, name=name) for n, name in enumerate(names)))
    env, home = {**os.environ, **parts, "VINKKI_EXPLORATION_SHARE": "1"}, str(its.home)
    with command("serve", "--home", home, "--port", str(port), log=tmp_path / "api.log", env=env):
        async with httpx.AsyncClient(base_url=base, timeout=20) as http:
            await city.until(lambda: is_ready(http), bool, seconds=60)
            person = city.resident().id
            resident = Resident(
                http, person, DemoIssuer(its.home, address(base), its.audience).resident(person, datetime.now(UTC))
            )
            await resident.decide("measurement")
            told = await resident.suggestions(limit=10, lang="en")
    (new,) = [item for item in told["items"] if item["reasons"][0]["code"] == "new"]
    assert new["reasons"][0]["text"] == "New: few have seen this yet"
    assert new["rank"] == 4
    assert len({item["offer"]["id"] for item in told["items"]}) == 10
    query = text("SELECT tried_place, tried_propensity FROM impressions WHERE suggestion = :suggestion")

    async def kept() -> list[tuple[int, float]]:
        async with city.stores.database.begin() as connection:
            found = await connection.execute(query, {"suggestion": told["suggestion_id"]})
            return [(row.tried_place, row.tried_propensity) for row in found]

    ((place, propensity),) = await city.until(kept, bool, seconds=15)
    assert place == 4
    assert 0 < propensity <= 1
