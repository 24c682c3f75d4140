"""Audiences through the door of the whole house: counted at once as residents speak, kept by a department."""

from datetime import UTC, datetime

from tests.journeys.conftest import TOPICS
from tests.journeys.test_campaigns import desk

__all__ = ["desk"]

SWEDES = {"is": "language", "language": "sv"}
SWIMMERS = {"is": "all", "of": [SWEDES, {"is": "interest", "keyword": TOPICS["swim"]}]}
SCOPES = ("audiences:read", "audiences:write")


def counter(city):
    return {"Authorization": f"Bearer {city.issuer.staff('maija@example.fi', datetime.now(UTC), ['sport'], SCOPES)}"}


async def count(city, tree, topic):
    body = {"tree": tree, "topic": topic, "channels": ["inbox"]}
    return await city.http.post("/v1/audiences/count", json=body, headers=counter(city))


async def test_enough_residents_are_counted_within_moments_and_few_are_not_told(city):
    told = {"keywords": [TOPICS["swim"]], "languages": ["sv"]}
    for _ in range(22):
        one = city.resident()
        for purpose in ("interests", "marketing_loyalty_benefits_inbox"):
            assert (await one.decide(purpose)).status_code == 200
        assert (await one.call("PUT", f"{one.path}/interests", json=told)).status_code == 200
    tops = iter(range(1, 100))

    async def ask():
        # Each time in other words: an answer is kept for a while.
        never = {"is": "none", "of": [{"is": "did", "offer": f"no:{next(tops)}"}]}
        return await count(city, {"is": "all", "of": [SWIMMERS, never]}, "loyalty_benefits")

    def counted(got):
        if got.status_code != 200:
            return False
        # Each of them is told from another number on, and residents come one by one.
        its = got.json()
        return None not in (its["total"], its["languages"]["sv"]) and its["targetable"]

    got = (await city.until(ask, counted, seconds=30)).json()
    assert got["total"] in (20, 30)
    assert got["languages"]["sv"] in (20, 30)
    assert got["languages"]["fi"] is None
    assert got["targetable"]
    assert "speak Swedish and told of an interest in “swim” or something narrower" in got["sentence"]["en"]
    few = (await count(city, SWIMMERS, "neighbourhood_plans")).json()
    assert (few["total"], few["targetable"]) == (None, False)


async def test_a_department_keeps_an_audience(city, desk):
    draft = {"department": desk.id, "name": "Swimmers", "tree": SWIMMERS}
    made = await city.http.post("/v1/audiences", json=draft, headers=desk.maija)
    assert made.status_code == 201
    path = made.headers["location"]
    changed = await city.http.put(path, json=draft | {"name": "S"}, headers=desk.maija | {"If-Match": '"1"'})
    assert changed.headers["etag"] == '"2"'
    late = await city.http.put(path, json=draft, headers=desk.maija | {"If-Match": '"1"'})
    assert (late.status_code, late.json()["code"]) == (412, "outdated")
    listed = await city.http.get("/v1/audiences", headers=desk.maija)
    assert "S" in {its["name"] for its in listed.json()["items"]}
    ended = await city.http.delete(path, headers=desk.maija | {"If-Match": "*"})
    assert ended.status_code == 204
    assert (await city.http.get(path, headers=desk.maija)).status_code == 404


async def test_a_resident_may_not_ask(resident):
    got = await resident.call("POST", "/v1/audiences/count", json={"tree": SWEDES, "topic": "library"})
    assert (got.status_code, got.json()["code"]) == (403, "forbidden")
