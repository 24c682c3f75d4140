"""Whatever comes in: a problem that names the field and the remedy, never a 5xx, and nothing half-written."""

import http.client
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

NASTY = [
    "'; DROP TABLE offers; --",
    "<script>alert(1)</script>",
    "🎷🏊‍♀️",
    "x" * 10_000,
    "\0",
    "%s%n{0}",
    "\ud7ff\u202e",
]


def is_problem(got, status, field=None):
    assert got.status_code == status, got.text
    assert got.headers["content-type"] == "application/problem+json"
    told = got.json()
    assert {"type", "title", "status", "detail", "code", "instance"} <= set(told)
    assert told["detail"].endswith(".")
    if field is not None:
        assert field in [error["field"] for error in told["errors"]], told
    return told


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("lang=de", "lang"),
        ("kind=party", "kind.0"),
        ("near=24.94,60.17", "near"),
        ("near=60.17", "near"),
        ("near=65.01,25.47", "near"),
        ("near=nan,nan", "near"),
        ("radius_metres=-1&near=60.17,24.94", "radius_metres"),
        ("from=2026-11-22T10:00:00", "from"),
        ("to=tomorrow", "to"),
        ("free=perhaps", "free"),
        ("languages=xx", "languages"),
        ("age=-1", "age"),
        ("age=121", "age"),
        ("access=lift", "access.0"),
        ("colour=blue", "colour"),
        ("kind=%00", "kind"),
        ("lang=fi&lang=sv", "lang"),
        ("from=2027-01-02&to=2027-01-01", "to"),
    ],
)
async def test_suggestions_name_what_cannot_be_asked(resident, query, field):
    is_problem(await resident.call("GET", f"{resident.path}/suggestions?{query}"), 422, field)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=nonsense", "after"),
        ("after=WyJpbmZpbml0eSIsIlx1MDAwMCJd", "after"),  # ["infinity", NUL]
        ("after=%C3%A4", "after"),
        ("text=%00", "text"),
        ("limit=1e9", "limit"),
        ("age=9999999999999999999", "age"),
        ("from=0001-01-01T00:00:00%2B14:00", "from"),
        ("colour=blue&size=2", "size"),
    ],
)
async def test_searches_name_what_cannot_be_asked(city, query, field):
    is_problem(await city.http.get(f"/v1/offers?{query}"), 422, field)


@pytest.mark.parametrize("text", NASTY)
async def test_any_text_may_be_looked_for(city, text):
    got = await city.http.get("/v1/offers", params={"text": text})
    assert got.status_code == (200 if len(text) <= 200 and "\0" not in text else 422)
    got = await city.http.get("/v1/offers", params={"keyword": text[:200], "place": text[:200], "district": text[:200]})
    assert got.status_code == (200 if "\0" not in text else 422)


@pytest.mark.parametrize("text", NASTY)
async def test_nasty_texts_in_events_are_refused_or_kept_as_text(resident, text):
    await resident.decide("activity")
    events = [
        resident.event("journey:swim-1", id=text),
        resident.event(text),
        resident.event("journey:swim-1", resident=text),
        resident.event("journey:swim-1", type=text),
        resident.event("journey:swim-1", time=text),
        resident.event("journey:swim-1", suggestion=text[:64]),
        resident.event("journey:swim-1", context={"said": text[:200]}),
        resident.event("journey:swim-1"),
    ]
    got = await resident.send(*events)
    assert got.status_code == 202
    refused = {one["index"] for one in got.json()["refused"]}
    assert {0, 1, 2, 3, 4} <= refused
    assert (5 in refused) is (6 in refused) is ("\0" in text)
    assert 7 not in refused
    await resident.basis_becomes("personal")


async def test_a_batch_of_bad_events_is_one_problem(resident):
    now = datetime.now(UTC)
    events = [
        resident.event("journey:swim-1", time=now.replace(tzinfo=None).isoformat()),
        resident.event("journey:swim-1", time=(now + timedelta(days=1)).isoformat()),
        resident.event("journey:swim-1", time=(now - timedelta(days=8)).isoformat()),
        resident.event("journey:none"),
        resident.event("journey:swim-1", "rate"),
        resident.event("journey:swim-1", "rate", value=9),
        resident.event("journey:swim-1", colour="blue"),
    ]
    told = is_problem(await resident.send(*events), 422, "events.0")
    codes = ["naive_time", "in_future", "too_late", "unknown_offer", "bad_value", "bad_value", "unknown_field"]
    assert [one["code"] for one in told["refused"]] == codes


async def test_501_events_and_none_are_refused_and_500_are_taken(resident):
    event = resident.event("journey:swim-1")
    is_problem(await resident.send(*[event] * 501), 422, "events")
    is_problem(await resident.send(), 422, "events")
    many = [resident.event("journey:swim-1", "view") for _ in range(500)]
    assert (await resident.send(*many)).json() == {"accepted": 500, "refused": []}


async def test_half_json_is_refused_wherever_json_is_taken(resident):
    headers = {"Content-Type": "application/json"}
    for method, path in (
        ("POST", "/v1/interactions"),
        ("PUT", f"{resident.path}/consents/activity"),
        ("PUT", f"{resident.path}/interests"),
    ):
        for raw in (b"{", b"\xff\xfe", b"", b"[" * 100_000):
            got = await resident.call(method, path, content=raw, headers=headers)
            assert got.status_code in (400, 413, 422)
            is_problem(got, got.status_code)
        is_problem(await resident.call(method, path, content=b"{}", headers={"Content-Type": "text/xml"}), 415)


@pytest.mark.parametrize("megabytes", [2, 5, 20])
async def test_a_body_that_is_far_too_large_is_answered_not_cut_off(city, resident, megabytes):
    where = urlsplit(str(city.http.base_url))
    for headers in ({}, {"Transfer-Encoding": "chunked"}):
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
        body = b'{"events": ["' + b"a" * megabytes * 1_000_000 + b'"]}'
        sent = {"Authorization": f"Bearer {resident.token}", "Content-Type": "application/json", **headers}
        pieces = (body[n : n + 65_536] for n in range(0, len(body), 65_536))
        connection.request("POST", "/v1/interactions", pieces if headers else body, sent, encode_chunked=bool(headers))
        got = connection.getresponse()
        assert (got.status, got.headers["Content-Type"]) == (413, "application/problem+json")
        assert b"1,000,000 bytes" in got.read()
        connection.close()
    assert (await city.http.get("/readiness")).status_code == 200


async def test_decisions_that_cannot_be_recorded_leave_no_trace(city, resident):
    path = f"{resident.path}/consents"
    is_problem(await resident.call("PUT", f"{path}/activity", json={"granted": True, "notice": 7}), 409, "notice")
    is_problem(await resident.call("PUT", f"{path}/shopping", json={"granted": True, "notice": 1}), 404, "purpose")
    is_problem(await resident.call("PUT", f"{path}/activity", json={"granted": "yes"}), 422, "granted")
    assert await city.stores.residents.pseudonym(resident.id) is None


async def test_tokens_that_do_not_hold_are_refused_everywhere(city, resident):
    now = datetime.now(UTC)
    issuer, stranger = city.issuer, str(uuid4())
    wrong = {
        "expired": issuer.resident(resident.id, now - timedelta(hours=2)),
        "audience": type(issuer)(issuer.home, issuer.issuer, "another-api").resident(resident.id, now),
        "issuer": type(issuer)(issuer.home, issuer.issuer + "/", issuer.audience).resident(resident.id, now),
        "nonsense": "a.b.c",
        "cut": resident.token[:-3],
    }
    paths = ("/suggestions", "/consents", "/interests")
    for token in wrong.values():
        for path in paths:
            got = await city.http.get(resident.path + path, headers={"Authorization": f"Bearer {token}"})
            is_problem(got, 401)
            assert got.headers["www-authenticate"].startswith("Bearer")
    for path in paths:
        is_problem(await city.http.get(resident.path + path), 401)
        is_problem(await resident.call("GET", f"/v1/residents/{stranger}{path}"), 403)
        is_problem(await resident.call("GET", f"/v1/residents/nobody{path}"), 422, "id")


async def test_addresses_and_methods_that_are_not_there_are_problems_too(city):
    is_problem(await city.http.get("/v1/nothing"), 404)
    is_problem(await city.http.get("/v1/offers/"), 404)
    got = await city.http.delete("/v1/offers")
    is_problem(got, 405)
    assert "GET" in got.headers["allow"]
