"""Audiences at the door: kept by their departments in versions, counted without naming few, and refused by the path."""

import asyncio

import msgspec
import pytest

from api.audience_answers import EXAMPLE
from campaigns.audience import PREDICATES
from campaigns.caps import week
from campaigns.facts import Facts, capped

COUNT, ALL = "/v1/audiences/count", "/v1/audiences"
SWEDES = {"is": "language", "language": "sv"}
SCOPES = ("audiences:read", "audiences:write")


def fill(door, count, *marks, start=0):
    for n in range(start, start + count):
        door.city.held.put(Facts(resident=f"resident-{n}", marks=frozenset(marks)))


def staff(door, *groups, scopes=SCOPES):
    return door.issuer.staff("maija@example.fi", door.memory.now, groups or ("sport",), scopes)


def question(tree=SWEDES, **more):
    return {"tree": tree, "topic": "library", "channels": ["email", "inbox"]} | more


async def test_a_count_is_told_by_channel_language_and_reason_and_names_no_small_group(door):
    mail = "marketing_library_email"
    fill(door, 300, "language:sv", "first:sv", mail, "addressed:email")
    fill(door, 8, "language:sv", "first:fi", "marketing_library_inbox", start=300)
    fill(door, 90, "language:sv", start=400)
    fill(door, 40, "language:sv", "minor", start=500)
    fill(door, 70, "language:sv", mail, start=600)
    fill(door, 50, "language:sv", mail, "addressed:email", capped("email", week(door.memory.now)), start=700)
    fill(door, 30, "language:sv", "paused", "minor", start=800)
    fill(door, 500, "language:fi", mail, "addressed:email", start=900)
    got = await door.post(COUNT, question(), staff(door))
    told = got.json()
    assert got.status_code == 200
    assert abs(told["total"] - 308) < 10
    assert told["total"] % 10 == 0
    assert abs(told["channels"]["email"] - 300) < 10
    assert told["channels"]["inbox"] is None
    assert told["languages"]["fi"] is None
    assert abs(told["left_out"]["no_consent"] - 90) < 10
    assert abs(told["left_out"]["under_age"] - 40) < 10
    assert abs(told["left_out"]["no_address"] - 70) < 10
    assert abs(told["left_out"]["capped"] - 50) < 10
    assert abs(told["left_out"]["paused"] - 30) < 10
    assert told["targetable"]
    assert told["sentence"]["en"] == "Residents who speak Swedish."
    assert "resident-" not in got.text


@pytest.mark.parametrize("count", [0, 1, 10])
async def test_of_ten_or_fewer_nothing_is_told_and_nothing_sent(door, count):
    fill(door, count, "language:sv", "marketing_library_email", "addressed:email")
    told = (await door.post(COUNT, question(), staff(door))).json()
    assert (told["total"], told["targetable"], told["at_least"]) == (None, False, 10)
    counts = (told["channels"], told["languages"], told["left_out"])
    assert {count for split in counts for count in split.values()} == {None}


async def test_an_answer_stays_as_it_was_for_ten_minutes_however_it_is_put(door):
    fill(door, 100, "language:sv", "access:quiet", "marketing_library_email")
    both = [SWEDES, {"is": "access", "need": "quiet"}]
    first = (await door.post(COUNT, question({"is": "all", "of": both}), staff(door))).json()
    fill(door, 100, "language:sv", "access:quiet", "marketing_library_email", start=100)
    again = (await door.post(COUNT, question({"is": "all", "of": [*reversed(both), SWEDES]}), staff(door))).json()
    assert again == first


async def test_while_nobody_can_say_who_there_is_nothing_is_counted(door):
    door.city.away = True
    got = await door.post(COUNT, question(), staff(door))
    assert (got.status_code, got.json()["code"]) == (503, "unavailable")
    assert "retry-after" in got.headers


def deep(levels):
    tree = SWEDES
    for _ in range(levels):
        tree = {"is": "all", "of": [tree]}
    return tree


WIDE = {"is": "any", "of": [{"is": "all", "of": [SWEDES] * 50}] * 3}


@pytest.mark.parametrize(
    ("tree", "field", "says"),
    [
        ({"is": "rich"}, "tree.is", "interest"),
        ({"is": "all", "of": [SWEDES, {"is": "did", "acts": ["fly"]}]}, "tree.of.1.acts.0", "register"),
        ({"is": "all", "of": []}, "tree.of", "length"),
        ({"is": "any", "of": [{"is": "language", "language": "Swedish"}]}, "tree.of.0.language", "form"),
        ({"is": "language", "language": "sv", "email": "x"}, "tree.email", "no such field"),
        ({"is": "age", "youngest": 30, "oldest": 20}, "tree.youngest", "above"),
        ({"is": "did", "offer": "a", "place": "b"}, "tree", "group"),
        ({"of": [SWEDES]}, "tree.is", "needed"),
        (deep(8), "tree" + ".of.0" * 8, "deep"),
        (WIDE, "tree.of.1.of.47", "100"),
    ],
)
async def test_what_is_wrong_with_a_tree_is_said_by_its_path(door, tree, field, says):
    for path, body in ((COUNT, question(tree)), (ALL, EXAMPLE | {"tree": tree})):
        got = await door.post(path, body, staff(door))
        assert got.status_code == 422
        assert got.headers["content-type"] == "application/problem+json"
        (error,) = got.json()["errors"]
        assert error["field"] == field
        assert says in error["detail"]


async def test_a_body_that_is_far_too_large_or_too_deep_is_refused(door):
    large = question({"is": "all", "of": [SWEDES] * 30_000})
    assert (await door.post(COUNT, large, staff(door))).status_code == 413
    nested = b'{"topic":"library","tree":' + b'{"is":"all","of":[' * 3_000
    headers = door.headers(staff(door)) | {"Content-Type": "application/json"}
    assert (await door.client.post(COUNT, content=nested, headers=headers)).status_code in (400, 422)


async def test_an_audience_is_kept_read_changed_and_ended_in_versions(door):
    made = await door.post(ALL, EXAMPLE, staff(door))
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    path = made.headers["location"]
    assert made.json()["sentence"]["sv"].startswith("Invånare som")
    assert msgspec.json.decode((await door.get(path, staff(door))).content)["author"] == "maija@example.fi"
    headers = door.headers(staff(door))
    assert (await door.client.put(path, json=EXAMPLE, headers=headers)).status_code == 428
    changed = await door.client.put(path, json=EXAMPLE | {"name": "B"}, headers={**headers, "If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert [its["name"] for its in (await door.get(ALL, staff(door))).json()["items"]] == ["B"]
    ended = await door.client.delete(path, headers={**headers, "If-Match": '"2"'})
    assert ended.status_code == 204
    assert (await door.get(path, staff(door))).status_code == 404
    assert (await door.get(ALL, staff(door))).json() == {"items": [], "next": None}


async def test_of_two_writers_at_once_the_second_is_told_and_loses_nothing(door):
    path = (await door.post(ALL, EXAMPLE, staff(door))).headers["location"]
    headers = door.headers(staff(door)) | {"If-Match": '"1"'}
    names = ("first", "second")
    answers = await asyncio.gather(
        *(door.client.put(path, json=EXAMPLE | {"name": name}, headers=headers) for name in names)
    )
    assert sorted(got.status_code for got in answers) == [200, 412]
    assert len(door.kept) == 2


async def test_a_list_is_for_the_audiences_of_its_own_department_alone(door):
    tree = {"is": "all", "of": [SWEDES, {"is": "member", "of": "club"}]}
    assert (await door.post(ALL, EXAMPLE | {"tree": tree}, staff(door))).status_code == 201
    assert (await door.post(COUNT, question(tree), staff(door))).status_code == 200
    for list_ in ("readers", "no-such"):
        other = {"is": "any", "of": [SWEDES, {"is": "member", "of": list_}]}
        for path, body in ((COUNT, question(other)), (ALL, EXAMPLE | {"tree": other})):
            got = await door.post(path, body, staff(door))
            assert (got.status_code, got.json()["errors"][0]["field"]) == (422, "tree.of.1.of")


async def test_a_department_sees_and_changes_its_own_audiences_alone(door):
    path = (await door.post(ALL, EXAMPLE, staff(door))).headers["location"]
    other = staff(door, "library")
    assert (await door.get(path, other)).status_code == 403
    assert (await door.get(ALL, other)).json()["items"] == []
    assert (await door.post(ALL, EXAMPLE, other)).status_code == 403
    changed = await door.client.put(path, json=EXAMPLE, headers=door.headers(other) | {"If-Match": "*"})
    assert changed.status_code == 403
    service = door.issuer.service("desk", SCOPES, door.memory.now)
    assert (await door.get(path, service)).status_code == 200


async def test_without_the_scope_nothing_is_read_or_written(door):
    reader = staff(door, scopes=("audiences:read",))
    assert (await door.post(ALL, EXAMPLE, reader)).status_code == 403
    for token in (None, staff(door, scopes=())):
        assert (await door.post(COUNT, question(), token)).status_code == 403
        assert (await door.get(ALL, token)).status_code == 403
    assert (await door.client.post(COUNT, json=question())).status_code == 401


async def test_the_schema_of_trees_is_served_with_every_predicate(door):
    told = (await door.get("/v1/audiences/schema", staff(door))).json()
    shapes = told["$defs"].values()
    assert {shape["properties"]["is"]["enum"][0] for shape in shapes if "is" in shape.get("properties", {})} == set(
        PREDICATES
    )
    assert all(shape.get("description") for shape in shapes if "is" in shape.get("properties", {}))


async def test_the_examples_of_the_document_run(door):
    document = (await door.client.get("/openapi.json")).json()
    for path in (COUNT, ALL):
        example = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert (await door.post(path, example, staff(door))).status_code in (200, 201)
