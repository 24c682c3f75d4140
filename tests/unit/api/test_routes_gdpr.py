"""The city's GDPR API at the door: who may ask, what `dry_run` may be, and errors in three languages."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from api.access import TokenVerifier
from api.gate import Gate
from api.gdpr_tree import tree
from api.keys import FixedKeys
from api.routes.gdpr import GdprRoutes
from engine.erasure import Eraser, Erasure
from engine.errors import StoreUnavailable
from engine.records.personal import Decision, Deed, Personal, Shown
from engine.residents import Interests, Residents

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HELD = Personal(
    [Decision("activity", True, 1, NOW)],
    Interests(keywords=("yso:p1",), languages=("fi",), birth_year=1980),
    [Deed("test:1", "Uinti", "rate", NOW, 5, None, {"page": "front"})],
    [Shown(NOW, "popular", ["test:1", "test:2"])],
)


class Vault:
    """Everything of everybody."""

    def __init__(self) -> None:
        self.held: dict[UUID, Personal] = {}
        self.away = False
        self.accesses: list = []

    async def note(self, person, access):
        if self.away:
            raise StoreUnavailable
        self.accesses.append((person, access))

    async def of(self, person):
        if self.away:
            raise StoreUnavailable
        return self.held.get(person)

    async def erase(self, person, *_):
        return [Erasure("p", 1)] if isinstance(person, UUID) and self.held.pop(person, None) else []

    async def gone(self, resident): ...

    async def unfinished(self):
        return []


class Profile:
    """The city's profile, which calls for one person."""

    def __init__(self, client: AsyncClient, issuer, vault: Vault) -> None:
        self.client, self.issuer, self.vault, self.person = client, issuer, vault, uuid4()
        vault.held[self.person] = HELD

    def token(self, *scopes: str, subject: UUID | None = None) -> str:
        return self.issuer.service("profile", scopes or ["gdprquery", "gdprdelete"], NOW, subject or self.person)

    async def ask(self, method="GET", token=None, person=None, query="", **body):
        path = f"/gdpr-api/v1/profiles/{person or self.person}{query}"
        headers = {"Authorization": f"Bearer {token or self.token()}"} if token != "" else {}
        return await self.client.request(method, path, headers=headers, **body)


@pytest.fixture
async def profile(issuer) -> AsyncIterator[Profile]:
    vault = Vault()
    tokens = TokenVerifier(issuer.issuer, issuer.audience, FixedKeys(issuer.public_keys))
    eraser = Eraser(vault, vault, Residents(vault, vault), timedelta(days=9))
    app = FastAPI()
    app.router.routes += GdprRoutes(Gate(tokens, lambda: NOW, vault), vault, eraser, lambda: NOW).routes()
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://here") as client:
        yield Profile(client, issuer, vault)


async def test_everything_held_is_told_and_every_value_is_text(profile):
    got = await profile.ask()
    assert (got.status_code, got.headers["cache-control"]) == (200, "private, no-store")
    told = got.json()
    assert told["key"] == "VINKKI"
    assert [section["key"] for section in told["children"]] == [
        "CONSENTS",
        "INTERESTS",
        "INTERACTIONS",
        "SUGGESTIONS_SHOWN",
    ]

    def check(node):
        assert node["key"] == node["key"].upper()
        assert ("value" in node) != ("children" in node)
        assert isinstance(node.get("value", ""), str)
        for child in node.get("children", []):
            check(child)

    check(told)
    assert {"key": "BIRTH_YEAR", "value": "1980"} in told["children"][1]["children"]


def test_what_is_not_held_has_no_section():
    none = Personal([], Interests(), [], [])
    assert msgspec.to_builtins(tree(none)) == {"key": "VINKKI", "children": []}


async def test_somebody_unknown_is_no_error(profile):
    stranger = uuid4()
    token = profile.token(subject=stranger)
    assert (await profile.ask(person=stranger, token=token)).status_code == 204
    assert (await profile.ask("DELETE", person=stranger, token=token)).status_code == 204


async def test_a_deletion_is_done_and_a_dry_run_is_not(profile):
    assert (await profile.ask("DELETE", query="?dry_run=true")).status_code == 204
    assert (await profile.ask()).status_code == 200
    assert (await profile.ask("DELETE")).status_code == 204
    assert (await profile.ask()).status_code == 204


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?dry_run=True", {}),
        ("?dry_run=1", {}),
        ("", {"json": {"dry_run": True}}),
        ("", {"json": {"dry_run": "yes"}}),
        ("", {"data": {"dry_run": "true"}}),
        ("?dry_run=false", {"json": {"dry_run": True}}),
        ("?dry_run=true", {"json": {"dry_run": False}}),
    ],
)
async def test_either_place_makes_it_a_dry_run(profile, query, body):
    assert (await profile.ask("DELETE", query=query, **body)).status_code == 204
    assert profile.person in profile.vault.held


@pytest.mark.parametrize(
    ("query", "body"), [("?dry_run=false", {}), ("?dry_run=0", {"json": {}}), ("", {"json": {"dry_run": False}})]
)
async def test_a_false_one_is_none(profile, query, body):
    assert (await profile.ask("DELETE", query=query, **body)).status_code == 204
    assert profile.person not in profile.vault.held


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?dry_run=", {}),
        ("?dry_run=perhaps", {}),
        ("", {"content": b"dry_run"}),
        ("", {"content": b"[true]"}),
        ("", {"json": {"dry_run": None}}),
        ("", {"content": b" " * 70_000}),
    ],
)
async def test_what_is_neither_deletes_nothing(profile, query, body):
    got = await profile.ask("DELETE", query=query, **body)
    assert got.status_code == 400
    assert set(got.json()["errors"][0]["message"]) == {"fi", "sv", "en"}
    assert profile.person in profile.vault.held


async def test_whoever_may_not_gets_401_with_a_reason_in_three_languages(profile):
    stranger = profile.token(subject=uuid4())
    about_nobody = profile.issuer.service("profile", ["gdprquery", "gdprdelete"], NOW)
    resident = profile.issuer.resident(profile.person, NOW)
    for token in ("", "nonsense", stranger, about_nobody, resident, profile.token("consents:read")):
        for method in ("GET", "DELETE"):
            got = await profile.ask(method, token=token)
            assert got.status_code == 401
            assert "www-authenticate" in got.headers or token in (stranger, about_nobody)
            error = got.json()["errors"][0]
            assert error["code"] == "UNAUTHORIZED"
            assert set(error["message"]) == {"fi", "sv", "en"}
    assert (await profile.ask("DELETE", token=profile.token("gdprquery"))).status_code == 401
    assert (await profile.ask("GET", token=profile.token("gdprdelete"))).status_code == 401
    assert profile.person in profile.vault.held


async def test_a_malformed_id_is_a_bad_request(profile):
    got = await profile.ask(person="not-a-uuid")
    assert (got.status_code, got.json()["errors"][0]["code"]) == (400, "INVALID_REQUEST")


async def test_while_a_store_is_away_it_says_so_and_when_to_come_back(profile):
    profile.vault.away = True
    got = await profile.ask()
    assert (got.status_code, got.headers["retry-after"]) == (500, "5")
    assert got.json()["errors"][0]["code"] == "UNAVAILABLE"
