"""What a stranger tries at every address that the document names: HEAD, and odd texts in the place of every text."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.journeys.test_bad_input import NASTY, is_problem

TEXTS = [*NASTY, "", " ", "../../etc/passwd", "a/b", "%", "\x1b[31m", "\U0010ffff", "-1", "1e999", "null", "🏊" * 2_500]
PAGES = (
    "/app", "/oma-data", "/docs", "/openapi.json", "/healthz", "/metrics", "/favicon.ico", "/app/static/icon.svg",
    "/v1/offers/journey:swim-1", "/v1/nothing",
)  # fmt: skip


@pytest.fixture(scope="module")
async def document(city) -> dict[str, Any]:
    got = await city.http.get("/openapi.json")
    assert got.status_code == 200
    return dict(got.json())


def asked(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (method, path, operation) of all there is."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in {"get", "put", "post", "delete"}:
                yield method.upper(), path, operation


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    for step in node["$ref"].split("/")[1:] if "$ref" in node else ():
        document = document[step]
    return document if "$ref" in node else node


def address(path: str, resident: Any, names: dict[str, str]) -> str:
    """Return a path with everything in it filled in."""
    known = {"id": str(resident.id), "purpose": "activity", "section": "activity", "code": "topic"} | names
    for name in {part[1:-1] for part in path.split("/") if part.startswith("{")}:
        path = path.replace(f"{{{name}}}", quote(known.get(name, "something"), safe=""))
    return path


def changed(value: Any, text: str) -> Iterator[Any]:
    """Yield the value as often as it holds texts, each time with another of them, or a name, replaced."""
    if isinstance(value, str):
        yield text
    elif isinstance(value, dict):
        for name, part in value.items():
            for other in changed(part, text):
                yield {**value, name: other}
        yield {**value, text: 1}
    elif isinstance(value, list):
        for n, part in enumerate(value):
            for other in changed(part, text):
                yield [*value[:n], other, *value[n + 1 :]]


async def allowing(city: Any) -> Any:
    """Return somebody who allows what a good body needs."""
    resident = city.resident()
    for purpose in ("activity", "interests"):
        await resident.decide(purpose)
    return resident


def as_ones_own(example: Any, resident: Any) -> Any:
    """Return the document's example about this resident, an offer that there is, and now."""
    text = json.dumps(example)
    for name, value in resident.event("journey:swim-1").items():
        if name in {"resident", "offer", "time"}:
            text = re.sub(f'"{name}": "[^"]*"', f'"{name}": "{value}"', text)
    return json.loads(text)


def good(got: Any) -> None:
    assert got.status_code < 500, (got.request.method, str(got.request.url)[:200], got.text)
    if got.status_code >= 400:
        is_problem(got, got.status_code)


async def test_head_answers_as_get_does_without_its_body(resident, document):
    paths = [address(path, resident, {}) for method, path, _ in asked(document) if method == "GET"]
    for path in [*paths, *PAGES]:
        whole, head = await resident.call("GET", path), await resident.call("HEAD", path)
        assert head.status_code == whole.status_code, path
        assert head.headers.get("content-type") == whole.headers.get("content-type"), path
        assert head.content == b"", path


@pytest.mark.parametrize("text", TEXTS)
async def test_any_text_in_an_address_is_answered(city, document, text):
    for method, path, operation in asked(document):
        resident = city.resident()
        for parameter in operation.get("parameters", []):
            told = resolved(document, parameter)
            if told["in"] == "path":
                good(await resident.call(method, address(path, resident, {told["name"]: text})))
            elif told["in"] == "query":
                query = {told["name"]: text}
                good(await resident.call(method, address(path, resident, {}), params=query))
            elif text.strip() and text.isascii() and text.isprintable():  # a header of nothing is never sent
                good(await resident.call(method, address(path, resident, {}), headers={told["name"]: text}))


@pytest.mark.parametrize("text", TEXTS)
async def test_any_text_in_a_body_is_answered(city, document, text):
    bodies = 0
    for method, path, operation in asked(document):
        if "requestBody" not in operation:
            continue
        ((media_type, content),) = operation["requestBody"]["content"].items()
        body_as = "json" if media_type == "application/json" else "data"
        examples = [content["example"]] if "example" in content else [e["value"] for e in content["examples"].values()]
        for example in examples:
            resident = await allowing(city)
            for body in changed(as_ones_own(example, resident), text):
                bodies += 1
                good(await resident.call(method, address(path, resident, {}), **{body_as: body}))
    assert bodies > 10


async def test_odd_json_is_answered(resident):
    odd = [
        '{"events": NaN}',
        '{"events": [1e999]}',
        '{"events": [' + "9" * 5_000 + "]}",
        '{"events": [], "events": []}',
        '{"events": ' + "[" * 5_000 + "]" * 5_000 + "}",
        '"\\ud800"',
        '{"events": [{"id": "\\ud800"}]}',
        '\ufeff{"events": []}',
        "null",
        "0",
        '{"granted": true, "notice": 1e30}',
        '{"granted": true, "notice": -1}',
        '{"granted": true, "notice": 99999999999999999999}',
        '{"keywords": ["\\u0000"]}',
        '{"birth_year": 99999999999999999999}',
        '{"birth_year": -1}',
    ]
    for body in odd:
        for method, path in (
            ("POST", "/v1/interactions"),
            ("PUT", f"{resident.path}/consents/activity"),
            ("PUT", f"{resident.path}/interests"),
        ):
            got = await resident.call(method, path, content=body.encode(), headers={"Content-Type": "application/json"})
            assert got.status_code in {400, 403, 409, 422}, (body[:80], path, got.text)
            good(got)


@pytest.mark.parametrize(
    "path",
    [
        "//",
        "/%00",
        "/v1/offers/%2e%2e",
        "/v1/offers?%00=1",
        "/app/static/%2e%2e/%2e%2e/app.py",
        "/v1/offers?" + "a=b&" * 10_000,
        "/v1/offers/" + "x" * 60_000,
        "/v1/offers?text=%ff",
    ],
    ids=lambda path: path[:20],
)
async def test_odd_addresses_are_the_askers_matter(city, path):
    got = await city.http.get(path)
    assert 400 <= got.status_code < 500


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer"),
        ("Authorization", "Basic eDp5"),
        ("Authorization", "Bearer " + "x" * 30_000),
        ("Accept-Language", "x" * 5_000),
        ("Accept", "image/png"),
        ("X-Request-ID", "<script>" * 100),
        ("Range", "bytes=0-1"),
        ("Host", "evil.example"),
    ],
)
async def test_odd_headers_are_answered(city, resident, name, value):
    for path in (f"{resident.path}/suggestions", "/v1/offers", "/app"):
        got = await city.http.get(path, headers={name: value})
        assert got.status_code < 500
        assert "evil" not in got.text
        assert "<script>" not in got.headers.get("X-Request-ID", "")
