"""Receipts through the door: signed, checkable by the published key, and of nobody else."""

import json
from uuid import uuid4

import pytest
from joserfc.jwk import KeySet, OKPKey

from api.commands.audit import run_receipt
from api.routes.receipts import KEYS_PATH
from api.seal import RECEIPT, Forged, Seal, opened
from engine.consent import Purpose
from engine.errors import InvalidInput, Misconfigured
from engine.settings import Settings

PATH = "/v1/residents/me/receipts"


async def test_each_decision_has_a_receipt_that_the_published_key_confirms(door):
    pseudonym = await door.grant(Purpose.ACTIVITY)
    await door.grant(Purpose.ACTIVITY, granted=False)
    got = await door.get(PATH)
    assert (got.status_code, got.headers["cache-control"]) == (200, "private, no-store")
    items = got.json()["items"]
    assert [(item["purpose"], item["granted"]) for item in items] == [("activity", True), ("activity", False)]
    keys = KeySet([OKPKey.import_key(key) for key in (await door.get(KEYS_PATH)).json()["keys"]])
    for item in items:
        assert json.loads(opened(item["jws"], keys, RECEIPT)) == item["receipt"]
    assert len({item["id"] for item in items}) == 2
    for secret in (pseudonym, str(door.me)):
        assert secret not in got.text


async def test_who_never_decided_has_none_and_nobody_reads_another_ones(door):
    assert (await door.get(PATH)).json() == {"items": []}
    assert (await door.get(PATH, door.issuer.resident(uuid4(), door.now))).json() == {"items": []}
    assert (await door.get(f"/v1/residents/{uuid4()}/receipts")).status_code == 403


async def test_the_command_confirms_a_receipt_and_the_whole_answer_without_network(door, tmp_path, capsys):
    await door.grant(Purpose.ACTIVITY)
    answer = (await door.get(PATH)).json()
    public = tmp_path / "public.json"
    public.write_bytes((await door.get(KEYS_PATH)).content)
    for content in (json.dumps(answer), json.dumps(answer["items"][0]), answer["items"][0]["jws"]):
        file = tmp_path / "receipt"
        file.write_text(content)
        for key in (None, public):
            run_receipt(Settings(home=door.issuer.home), file, key)
            assert "activity given on 2026-11-22" in capsys.readouterr().out


async def test_the_command_refuses_what_was_forged_or_changed(door, tmp_path):
    await door.grant(Purpose.ACTIVITY)
    item = (await door.get(PATH)).json()["items"][0]
    other = Seal.of(Settings(home=tmp_path / "other")).sign(json.dumps(item["receipt"]).encode(), RECEIPT)
    item["receipt"]["consent_event"]["event_state"] = "withdrawn"
    for content in (json.dumps(item), other, item["jws"][:-2]):
        file = tmp_path / "receipt"
        file.write_text(content)
        with pytest.raises(Forged):
            run_receipt(Settings(home=door.issuer.home), file, None)


@pytest.mark.parametrize("content", [None, "{}", '{"items": []}', '{"items": 3}', "[1"])
def test_a_file_without_a_receipt_is_named(tmp_path, content):
    Seal.of(Settings(home=tmp_path))
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
