"""Omadata, through HTTP and the commands alone: receipts, audits, the GDPR API, and an erasure that holds."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]


async def audit(city, *words: str) -> subprocess.CompletedProcess:
    """Run `vinkki audit` on the city's own home and addresses."""
    its = city.settings
    given = {"KAFKA": its.kafka, "DATABASE": its.database, "REDIS": its.redis, "HOME": str(its.home), "PORT": its.port}
    env = os.environ | {f"VINKKI_{name}": str(value) for name, value in given.items()}
    command = [sys.executable, "-m", "api", "audit", *words]
    return await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )


async def profile(city, resident, method: str, **how) -> httpx.Response:
    """Call the GDPR API as the city's profile does for a person."""
    token = city.issuer.service("profile", ["gdprquery", "gdprdelete"], datetime.now(UTC), resident.id)
    headers = {"Authorization": f"Bearer {token}"}
    return await city.http.request(method, f"/gdpr-api/v1/profiles/{resident.id}", headers=headers, **how)


async def test_a_withdrawals_receipt_says_when_the_forgetting_was_complete(city, resident, tmp_path):
    await resident.decide("activity")
    await resident.decide("activity", granted=False)

    async def latest() -> dict:
        return (await resident.call("GET", f"{resident.path}/receipts")).json()["items"][-1]

    item = await city.until(latest, lambda told: told["receipt"]["deletion"]["completed"] is not None)
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(item))
    done = await audit(city, "receipt", str(file))
    assert done.returncode == 0, done.stderr
    assert "activity withdrawn" in done.stdout
    item["receipt"]["deletion"]["completed"] = None
    file.write_text(json.dumps(item))
    done = await audit(city, "receipt", str(file))
    assert done.returncode == 1
    assert done.stderr.startswith("vinkki: ")


async def test_an_erased_person_is_unknown_at_once_and_found_nowhere(city, resident):
    await resident.decide("activity")
    assert (await resident.send(*(resident.event(f"journey:swim-{n}") for n in range(3)))).status_code == 202
    await resident.basis_becomes("personal", seconds=20)
    held = (await profile(city, resident, "GET")).json()
    assert {section["key"] for section in held["children"]} >= {"CONSENTS", "INTERACTIONS"}
    assert (await profile(city, resident, "DELETE", params={"dry_run": "true"})).status_code == 204
    assert (await profile(city, resident, "GET")).status_code == 200
    assert (await profile(city, resident, "DELETE")).status_code == 204
    assert (await profile(city, resident, "GET")).status_code == 204
    assert (await resident.suggestions())["basis"] == "popular"
    assert (await resident.call("GET", f"{resident.path}/consents")).json()["history"] == []
    assert (await resident.call("GET", f"{resident.path}/receipts")).json() == {"items": []}
    done = await audit(city, "leaks", "--person", str(resident.id))
    assert done.returncode == 0, done.stderr
    done = await audit(city, "verify")
    assert done.returncode == 0, done.stderr


async def test_who_returns_begins_anew(city, resident):
    await resident.decide("activity")
    await profile(city, resident, "DELETE")
    await resident.decide("interests")
    told = (await resident.call("GET", f"{resident.path}/consents")).json()
    assert [entry["purpose"] for entry in told["history"]] == ["interests"]


async def test_leave_for_messages_is_decided_by_topic_and_channel(city, resident):
    purposes = (await city.http.get("/v1/purposes")).json()["items"]
    assert sum(purpose["channel"] == "email" for purpose in purposes) == 7
    assert (await resident.decide("marketing_library_email")).status_code == 200
    told = (await resident.call("GET", f"{resident.path}/consents")).json()
    assert [state["purpose"] for state in told["items"] if state["granted"]] == ["marketing_library_email"]
