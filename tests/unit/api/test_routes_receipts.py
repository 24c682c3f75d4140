"""Receipts through the door: signed, checkable by the published key, and of nobody else."""

import json
from types import SimpleNamespace
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import KeySet, OKPKey

from api import errors
from api.commands.audit import run_receipt
from api.gate import Gate
from api.operations import endpoints
from api.routes.receipts import KEYS_PATH, ReceiptRoutes
from api.seal import RECEIPT, Forged, Seal, opened
from engine.consent import Purpose, Register
from engine.errors import InvalidInput, Misconfigured
from engine.receipts import Decided
from engine.residents import Residents
from engine.settings import Settings


@pytest.fixture
def seal(tmp_path) -> Seal:
    return Seal.of(Settings(home=tmp_path))


@pytest.fixture
async def receipts(door, seal):
    """The door's own resident asks a house whose receipts come from the same memory."""

    async def decisions(resident):
        return [Decided(entry) for of, entry in door.memory.entries if of == resident]

    gate = Gate(SimpleNamespace(verify=door_tokens(door)), lambda: door.now)
    residents = Residents(door.memory, door.memory)
    records = SimpleNamespace(decisions=decisions)
    app = FastAPI()
    errors.install(app)
    app.router.routes += endpoints(
        ReceiptRoutes(gate, residents, records, Register.read(), seal, "Kaupunki").operations()
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://here") as client:

        async def get(path="/v1/residents/me/receipts", token=None):
            return await client.get(path, headers=door.headers(token))

        yield get


def door_tokens(door):
    from api.access import TokenVerifier
    from api.keys import FixedKeys

    return TokenVerifier(door.issuer.issuer, door.issuer.audience, FixedKeys(door.issuer.public_keys)).verify


async def test_each_decision_has_a_receipt_that_the_published_key_confirms(door, receipts):
    pseudonym = await door.grant(Purpose.ACTIVITY)
    await door.grant(Purpose.ACTIVITY, granted=False)
    got = await receipts()
    assert (got.status_code, got.headers["cache-control"]) == (200, "private, no-store")
    items = got.json()["items"]
    assert [(item["purpose"], item["granted"]) for item in items] == [("activity", True), ("activity", False)]
    keys = KeySet([OKPKey.import_key(key) for key in (await receipts(KEYS_PATH)).json()["keys"]])
    for item in items:
        assert json.loads(opened(item["jws"], keys, RECEIPT)) == item["receipt"]
    assert len({item["id"] for item in items}) == 2
    for secret in (pseudonym, str(door.me)):
        assert secret not in got.text


async def test_who_never_decided_has_none_and_nobody_reads_another_ones(door, receipts):
    assert (await receipts()).json() == {"items": []}
    assert (await receipts(token=door.issuer.resident(uuid4(), door.now))).json() == {"items": []}
    assert (await receipts(f"/v1/residents/{uuid4()}/receipts")).status_code == 403


async def test_the_command_confirms_a_receipt_and_the_whole_answer_without_network(door, receipts, tmp_path, capsys):
    await door.grant(Purpose.ACTIVITY)
    answer = (await receipts()).json()
    public = tmp_path / "public.json"
    public.write_bytes((await receipts(KEYS_PATH)).content)
    for content in (json.dumps(answer), json.dumps(answer["items"][0]), answer["items"][0]["jws"]):
        file = tmp_path / "receipt"
        file.write_text(content)
        for key in (None, public):
            run_receipt(Settings(home=tmp_path), file, key)
            assert "activity given on 2026-11-22" in capsys.readouterr().out


async def test_the_command_refuses_what_was_forged_or_changed(door, receipts, tmp_path):
    await door.grant(Purpose.ACTIVITY)
    item = (await receipts()).json()["items"][0]
    other = Seal.of(Settings(home=tmp_path / "other")).sign(json.dumps(item["receipt"]).encode(), RECEIPT)
    item["receipt"]["consent_event"]["event_state"] = "withdrawn"
    for content in (json.dumps(item), other, item["jws"][:-2]):
        file = tmp_path / "receipt"
        file.write_text(content)
        with pytest.raises(Forged):
            run_receipt(Settings(home=tmp_path), file, None)


@pytest.mark.parametrize("content", [None, "{}", '{"items": []}', '{"items": 3}', "[1"])
def test_a_file_without_a_receipt_is_named(tmp_path, seal, content):
    file = tmp_path / "receipt"
    if content is not None:
        file.write_text(content)
    with pytest.raises((InvalidInput, Forged)):
        run_receipt(Settings(home=tmp_path), file, None)


def test_without_a_key_it_says_so_and_makes_none(tmp_path):
    file = tmp_path / "receipt"
    file.write_text("a.b.c")
    with pytest.raises(Misconfigured, match=r"receipts\.json"):
        run_receipt(Settings(home=tmp_path), file, None)
    assert not (tmp_path / "receipts.json").exists()
