"""Trusted third parties and the access log, through HTTP alone."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from api.wiring import tidy
from engine.accesses import KEPT
from engine.partners import KEY_PREFIX

ROOT = Path(__file__).parents[2]
PURPOSE = {"fi": "Kerromme kerhoista.", "sv": "Vi berättar om klubbar.", "en": "We tell you of clubs."}
FIELDS = ["interests", "districts", "languages", "access", "age_band", "taste"]
KALLIO = "ocd-division/country:fi/kunta:helsinki/neighborhood:kallio"
TOLD = {
    "keywords": ["yso:p965"],
    "kinds": ["course"],
    "districts": [KALLIO],
    "languages": ["fi"],
    "birth_year": 1984,
    "access": ["step_free"],
}


def registration(**changed):
    expires = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    return {"name": "Vesipedot ry", "purpose": PURPOSE, "fields": FIELDS, "expires": expires} | changed


def service(city, *scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {city.issuer.service('helsinki-app', scopes, datetime.now(UTC))}"}


class Partner:
    """A partner with its key."""

    def __init__(self, city, told: dict) -> None:
        self.http, self.id, self.key = city.http, told["id"], told["key"]

    async def get(self, path: str = "", key: str | None = None, **query) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return await self.http.get(f"/v1/partner/residents{path}", headers=headers, params=query)

    async def handles(self) -> list[str]:
        return [item["handle"] for item in (await self.get(limit=1000)).json()["items"]]


async def register(city, **changed) -> Partner:
    got = await city.http.post("/v1/partners", json=registration(**changed), headers=service(city, "partners:write"))
    assert got.status_code == 201, got.text
    return Partner(city, got.json())


async def decide(resident, partner: Partner, *, granted: bool) -> httpx.Response:
    path = f"{resident.path}/partners/{partner.id}"
    return await resident.call("PUT", path, json={"granted": granted})


async def accesses(resident) -> list[dict]:
    return (await resident.call("GET", f"{resident.path}/accesses")).json()["items"]


async def granting(resident, partner: Partner) -> str:
    """Let a resident tell everything and grant a partner; return the handle."""
    for purpose in ("interests", "location"):
        await resident.decide(purpose)
    assert (await resident.call("PUT", f"{resident.path}/interests", json=TOLD)).status_code == 200
    assert (await decide(resident, partner, granted=True)).status_code == 200
    (handle,) = await partner.handles()
    return handle


async def test_a_partner_reads_what_is_granted_and_each_reading_is_shown(city, resident):
    partner = await register(city)
    assert partner.key.startswith(KEY_PREFIX)
    assert partner.key not in (await city.http.get("/v1/partners")).text
    listed = (await resident.call("GET", f"{resident.path}/partners")).json()["items"]
    assert [(one["granted"], one["purpose"]) for one in listed if one["id"] == partner.id] == [(False, PURPOSE)]
    handle = await granting(resident, partner)
    for _ in range(2):
        got = await partner.get(f"/{handle}")
        assert got.headers["cache-control"] == "private, no-store"
        assert got.json() == {
            "handle": handle,
            "fields": {
                "interests": {"keywords": ["yso:p965"], "kinds": ["course"]},
                "districts": [KALLIO],
                "languages": ["fi"],
                "access": ["step_free"],
                "age_band": "30-49",
                "taste": None,
            },
        }
    seen = await accesses(resident)
    assert [(one["who"], one["capacity"], one["purpose"], one["what"]) for one in seen] == [
        ("Vesipedot ry", "partner", f"partner:{partner.id}", "read_granting_resident")
    ] * 2
    assert seen[0]["fields"] == ["interests", "districts", "languages", "access", "age_band"]


async def test_a_withdrawal_closes_the_very_next_reading(city, resident):
    partner = await register(city)
    handle = await granting(resident, partner)
    assert (await partner.get(f"/{handle}")).status_code == 200
    assert (await decide(resident, partner, granted=False)).json()["granted"] is False
    refused = await partner.get(f"/{handle}")
    assert (refused.status_code, await partner.handles()) == (404, [])
    nobody = (await partner.get(f"/{uuid4().hex}")).json()
    assert {**refused.json(), "instance": ""} == {**nobody, "instance": ""}
    assert len(await accesses(resident)) == 1
    await decide(resident, partner, granted=True)
    assert handle not in await partner.handles()
    history = (await resident.call("GET", f"{resident.path}/partners")).json()["history"]
    assert [one["granted"] for one in history if one["partner"] == partner.id] == [True, False, True]


async def test_while_a_partner_reads_all_the_time_nothing_is_shown_after_a_withdrawal(city, resident):
    partner = await register(city)
    handle = await granting(resident, partner)
    answered = asyncio.Event()

    async def read() -> list[tuple[bool, int]]:
        seen = []
        while not (late := answered.is_set()) or len(seen) < 5:
            seen.append((late, (await partner.get(f"/{handle}")).status_code))
        return [*seen, (True, (await partner.get(f"/{handle}")).status_code)]

    async def withdraw() -> None:
        await asyncio.sleep(0.3)
        await decide(resident, partner, granted=False)
        answered.set()

    *readings, _ = await asyncio.gather(*(read() for _ in range(4)), withdraw())
    statuses = [one for reading in readings for one in reading]
    assert {status for late, status in statuses if late} == {404}
    shown = sum(status == 200 for _, status in statuses)
    assert shown > 0
    assert shown <= len(await accesses(resident)) <= 200


async def test_what_other_consents_do_not_allow_is_not_shown(city, resident):
    partner = await register(city)
    handle = await granting(resident, partner)

    async def shown() -> dict:
        return (await partner.get(f"/{handle}")).json()["fields"]

    await resident.decide("location", granted=False)
    told = await shown()
    assert (told["districts"], told["languages"]) == (None, ["fi"])
    await resident.decide("interests", granted=False)
    assert set((await shown()).values()) == {None}
    await resident.decide("interests")
    assert set((await shown()).values()) == {None}


async def test_taste_is_topics_and_needs_activity(city, resident):
    partner = await register(city, fields=["taste"])
    await resident.decide("activity")
    await resident.send(*(resident.event(f"journey:swim-{n}") for n in range(3)))
    await resident.send(resident.event("journey:jazz-1", "dismiss"))
    await resident.basis_becomes("personal", seconds=20)
    await decide(resident, partner, granted=True)
    (handle,) = await partner.handles()
    told = await city.until(
        lambda: partner.get(f"/{handle}"), lambda got: got.json()["fields"]["taste"] is not None, seconds=10
    )
    assert [topic["id"] for topic in told.json()["fields"]["taste"]] == ["yso:p965"]
    await resident.decide("activity", granted=False)
    assert (await partner.get(f"/{handle}")).json()["fields"] == {"taste": None}


async def test_handles_of_two_partners_join_nobody(city, resident):
    one, other = await register(city), await register(city)
    first = await granting(resident, one)
    await decide(resident, other, granted=True)
    (second,) = await other.handles()
    assert first != second
    assert str(resident.id).replace("-", "") not in (first, second)
    assert (await one.get(f"/{second}")).status_code == 404
    assert (await other.get(f"/{first}")).status_code == 404


async def test_a_partner_that_ended_or_expired_opens_nothing(city, resident):
    partner = await register(city)
    handle = await granting(resident, partner)
    headers = service(city, "partners:write")
    assert (await city.http.delete(f"/v1/partners/{partner.id}", headers=headers)).status_code == 204
    assert (await city.http.delete(f"/v1/partners/{partner.id}", headers=headers)).status_code == 404
    got = await partner.get(f"/{handle}")
    assert (got.status_code, got.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert (await decide(resident, partner, granted=True)).status_code == 404
    assert (await decide(resident, partner, granted=False)).status_code == 200
    soon = await register(city, expires=(datetime.now(UTC) + timedelta(seconds=1)).isoformat())
    await city.until(soon.get, lambda got: got.status_code == 401)
    assert soon.id not in (await city.http.get("/v1/partners")).text


@pytest.mark.parametrize("key", ["x", KEY_PREFIX, KEY_PREFIX + "x" * 43, "x" * 20_000, "ä"])
async def test_a_wrong_key_opens_nothing(city, key):
    partner = await register(city)
    got = await city.http.get("/v1/partner/residents", headers={"Authorization": f"Bearer {key}".encode()})
    assert got.status_code == 401
    assert (await partner.get(f"/{'%00'}")).status_code == 404


async def test_a_token_is_no_key_and_a_key_no_token(city, resident):
    partner = await register(city)
    assert (await partner.get(key=resident.token)).status_code == 401
    headers = {"Authorization": f"Bearer {partner.key}"}
    assert (await city.http.get(f"{resident.path}/consents", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"purpose": {"fi": "x", "sv": "x"}}, "purpose.en"),
        ({"fields": []}, "fields"),
        ({"fields": ["birth_year"]}, "fields.0"),
        ({"fields": ["taste", "taste"]}, "fields"),
        ({"expires": "2020-01-01T00:00:00Z"}, "expires"),
        ({"expires": "2099-01-01T00:00:00Z"}, "expires"),
        ({"expires": "2026-11-22T10:00:00"}, "expires"),
        ({"key": "mine"}, "key"),
    ],
)
async def test_a_registration_names_what_cannot_be_registered(city, changed, field):
    headers = service(city, "partners:write")
    got = await city.http.post("/v1/partners", json=registration(**changed), headers=headers)
    assert got.status_code == 422, got.text
    assert field in [error["field"] for error in got.json()["errors"]]


async def test_only_a_service_with_the_scope_registers_and_ends(city, resident):
    partner = await register(city)
    for headers in (service(city, "consents:write"), {"Authorization": f"Bearer {resident.token}"}):
        assert (await city.http.post("/v1/partners", json=registration(), headers=headers)).status_code == 403
        assert (await city.http.delete(f"/v1/partners/{partner.id}", headers=headers)).status_code == 403


async def test_who_but_the_resident_reads_is_in_the_log(city, resident):
    await resident.decide("interests")
    await resident.suggestions()
    assert await accesses(resident) == []
    headers = service(city, "suggestions:read", "interests:read")
    await asyncio.gather(
        *(city.http.get(f"{resident.path}/{what}", headers=headers) for what in ("suggestions", "interests"))
    )
    token = city.issuer.service("profile", ["gdprquery"], datetime.now(UTC), resident.id)
    path = f"/gdpr-api/v1/profiles/{resident.id}"
    held = await city.http.get(path, headers={"Authorization": f"Bearer {token}"})
    seen = {(one["who"], one["capacity"], one["purpose"], one["what"]) for one in await accesses(resident)}
    assert seen == {
        ("helsinki-app", "service", "suggestions:read", "suggest"),
        ("helsinki-app", "service", "interests:read", "read_interests"),
        ("profile", "service", "gdprquery", "gdpr_query"),
    }
    assert "ACCESSES" in {section["key"] for section in held.json()["children"]}


async def test_the_log_is_the_residents_own_and_comes_in_parts(city, resident):
    await resident.decide("interests")
    headers = service(city, "interests:read")
    for _ in range(3):
        await city.http.get(f"{resident.path}/interests", headers=headers)
    whole = await accesses(resident)
    part = await resident.call("GET", f"{resident.path}/accesses", params={"before": whole[0]["time"], "limit": 1})
    assert part.json()["items"] == whole[1:2]
    assert (await city.resident().call("GET", f"{resident.path}/accesses")).status_code == 403
    for query in ("limit=0", "before=yesterday", "colour=blue"):
        assert (await resident.call("GET", f"{resident.path}/accesses?{query}")).status_code == 422


async def audit(city, *words: str) -> subprocess.CompletedProcess:
    its = city.settings
    given = {"KAFKA": its.kafka, "DATABASE": its.database, "REDIS": its.redis, "HOME": str(its.home), "PORT": its.port}
    env = os.environ | {f"VINKKI_{name}": str(value) for name, value in given.items()}
    command = [sys.executable, "-m", "api", "audit", *words]
    return await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )


async def test_a_grant_has_its_receipt_and_the_ledger_holds_it(city, resident, tmp_path):
    partner = await register(city)
    await decide(resident, partner, granted=True)
    await decide(resident, partner, granted=False)

    async def receipts() -> list[dict]:
        return (await resident.call("GET", f"{resident.path}/receipts")).json()["items"]

    items = await city.until(receipts, lambda its: its[1]["receipt"]["deletion"]["completed"] is not None, seconds=15)
    assert [(one["purpose"], one["granted"]) for one in items] == [
        (f"partner:{partner.id}", True),
        (f"partner:{partner.id}", False),
    ]
    told = items[0]["receipt"]["pii_processing"]
    assert told["purposes"][0]["recipient_third_parties"]["sv"] == "Vesipedot ry"
    assert (await resident.call("GET", f"{resident.path}/consents")).json()["history"] == []
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(items[1]))
    for words in (("receipt", str(file)), ("verify",)):
        done = await audit(city, *words)
        assert done.returncode == 0, done.stderr


async def test_an_erasure_ends_grants_and_takes_the_log_along(city, resident):
    partner = await register(city)
    handle = await granting(resident, partner)
    assert (await partner.get(f"/{handle}")).status_code == 200
    token = city.issuer.service("profile", ["gdprdelete"], datetime.now(UTC), resident.id)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await city.http.delete(f"/gdpr-api/v1/profiles/{resident.id}", headers=headers)).status_code == 204
    assert (await partner.get(f"/{handle}")).status_code == 404
    assert await partner.handles() == []
    assert await accesses(resident) == []
    done = await audit(city, "leaks", "--person", str(resident.id))
    assert done.returncode == 0, done.stderr


async def test_an_access_is_dropped_after_two_years_and_not_before(city, resident):
    await resident.decide("interests")
    await city.http.get(f"{resident.path}/interests", headers=service(city, "interests:read"))
    await tidy(city.stores, datetime.now(UTC) + KEPT - timedelta(minutes=5))
    assert len(await accesses(resident)) == 1
    await tidy(city.stores, datetime.now(UTC) + KEPT)
    assert await accesses(resident) == []
