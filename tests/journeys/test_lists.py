"""Lists of residents through the door of the whole house: filled by departments, told in tens, seen by residents."""

from uuid import uuid4

from tests.journeys.test_audiences import counter
from tests.journeys.test_campaigns import desk

__all__ = ["desk"]
LISTS = "/v1/audiences/lists"
TOPIC = "opening_hours"


def draft(desk, **more):
    usual = {"name": "Swimming school", "purpose": "Its next course", "basis": "6 (1) e", "days": 30}
    return usual | {"department": desk.id} | more


async def begun(desk):
    got = await desk.call(desk.maija, "POST", LISTS, json=draft(desk))
    assert got.status_code == 201, got.text
    return got.headers["location"]


async def test_a_department_fills_a_list_writes_to_it_and_residents_see_that_they_are_on_it(city, desk):
    path = await begun(desk)
    people = [city.resident() for _ in range(30)]
    for n, one in enumerate(people):
        assert (await one.decide("interests")).status_code == 200
        if n < 24:
            assert (await one.decide(f"marketing_{TOPIC}_inbox")).status_code == 200
    ids = [str(one.id) for one in people] + [str(uuid4()) for _ in range(45)]
    got = await desk.call(desk.maija, "POST", f"{path}/members", json={"ids": ids})
    assert got.status_code == 200, got.text
    told = got.json()
    assert (told["known"] in (30, 40, 50), told["unknown"] in (40, 50), told["without_consent"]) == (True, True, None)
    table = "person;x\n".replace(";", ",") + "".join(f"{id_},1\n" for id_ in ids)
    headers = desk.maija | {"Content-Type": "text/csv; charset=utf-8"}
    again = await city.http.put(f"{path}/members", content=table, headers=headers)
    assert again.json() == told
    its = (await desk.call(desk.maija, "GET", path)).json()
    assert its["size"] in (30, 40)
    assert str(people[0].id) not in str(its)

    tree = {"is": "all", "of": [{"is": "everyone"}, {"is": "member", "of": its["id"]}]}
    kept = await city.http.post(
        "/v1/audiences", json={"department": desk.id, "name": "Members", "tree": tree}, headers=desk.maija
    )
    assert kept.status_code == 201, kept.text
    assert "Swimming school" in kept.json()["sentence"]["sv"]
    other = await city.http.post(
        "/v1/audiences/count", json={"tree": tree, "topic": TOPIC, "channels": ["inbox"]}, headers=counter(city)
    )
    assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "tree.of.1.of")

    campaign = await desk.write(audience=kept.json()["id"])
    assert (campaign["missing"], campaign["doubtful"]) == ([], [])

    numbers = iter(range(1, 400))

    async def count():
        never = {"is": "none", "of": [{"is": "was_sent", "campaign": f"no-{next(numbers)}"}]}
        body = {"tree": {"is": "all", "of": [tree, never]}, "topic": TOPIC, "channels": ["inbox"]}
        return await city.http.post("/v1/audiences/count", json=body, headers=desk.maija)

    def counted(got):
        return got.status_code == 200 and got.json()["total"] in (20, 30) and got.json()["targetable"]

    assert (await city.until(count, counted, seconds=30)).json()["targetable"]

    (section,) = [
        one for one in (await people[0].call("GET", f"{people[0].path}/data?lang=en")).json()["sections"]
        if one["id"] == "audiences"
    ]  # fmt: skip
    assert section["items"][0]["text"] == f"Swimming school ({desk.id}): Its next course"
    gone = await city.http.delete(path, headers=desk.maija | {"If-Match": "*"})
    assert gone.status_code == 204
    assert (await desk.call(desk.maija, "GET", path)).status_code == 404
    assert (await people[0].call("GET", f"{people[0].path}/data")).json()["sections"][5]["items"] == []
    campaign = (await desk.call(desk.maija, "GET", f"/v1/campaigns/{campaign['id']}")).json()
    assert (campaign["missing"], [one["where"] for one in campaign["doubtful"]]) == ([], ["audience"])


async def test_what_may_not_be_put_on_a_list_is_refused_and_tells_of_nobody(city, desk):
    path = await begun(desk)
    one = city.resident()
    await one.decide("interests")
    few = [str(uuid4()) for _ in range(48)]
    for ids in (few, [*few, few[0], few[1], few[2]], [*few, str(one.id)]):
        got = await desk.call(desk.maija, "POST", f"{path}/members", json={"ids": ids})
        assert got.status_code == 422
    for ids in ([*few, str(uuid4()), str(one.id)], [*few, str(uuid4()), str(uuid4())]):
        told = (await desk.call(desk.maija, "PUT", f"{path}/members", json={"ids": ids})).json()
        assert (told["known"], told["without_consent"]) == (None, None)
    headers = desk.maija | {"Content-Type": "text/csv"}
    bad = await city.http.post(f"{path}/members", content="id\n" + "\n".join([*few, "x", "y"]), headers=headers)
    assert [error["field"] for error in bad.json()["errors"]] == ["body.48", "body.49"]
    large = await city.http.post(f"{path}/members", content="\n".join([few[0]] * 20_000), headers=headers)
    assert large.status_code == 413
    xml = await city.http.post(f"{path}/members", content="<x/>", headers=desk.maija | {"Content-Type": "text/xml"})
    assert xml.status_code in (415, 422)
    viewer, stranger = desk.official("veera", "viewer"), desk.official("outi")
    for who in (viewer, stranger):
        assert (await desk.call(who, "PUT", f"{path}/members", json={"ids": few})).status_code == 403
    assert (await desk.call(viewer, "GET", path)).status_code == 200
    assert (await desk.call(stranger, "GET", path)).status_code == 403
    assert (await desk.call(desk.maija, "POST", LISTS, json=draft(desk, days=401))).status_code == 422
    changed = await desk.call(desk.maija, "PUT", path, match='"1"', json=draft(desk, days=10))
    assert changed.headers["etag"] == '"2"'
    late = await desk.call(desk.maija, "PUT", path, match='"1"', json=draft(desk))
    assert late.status_code == 412
