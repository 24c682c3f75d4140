"""The house's signature and its checkpoints: what was not signed, or for something else, does not hold."""

import json
import stat
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.jwk import OctKey

from api.checkpoints import Checkpoints
from api.seal import CHECKPOINT, RECEIPT, Forged, Seal, opened, read_keys
from engine.chain import Head
from engine.errors import Misconfigured
from engine.settings import Settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PRODUCTION = {"kafka": "k:1", "database": "postgresql://d", "redis": "redis://r", "issuer": "https://i.example"}


@pytest.fixture
def seal(tmp_path) -> Seal:
    return Seal.of(Settings(home=tmp_path))


def test_what_is_signed_holds_and_stays_the_same(seal, tmp_path):
    signed = seal.sign(b"word", RECEIPT)
    assert opened(signed, seal.public, RECEIPT) == b"word"
    again = Seal.of(Settings(home=tmp_path))
    assert again.sign(b"word", RECEIPT) == signed
    assert stat.S_IMODE((tmp_path / "receipts.json").stat().st_mode) == 0o600
    assert "d" not in again.jwks["keys"][0]


def test_nothing_else_holds(seal, tmp_path):
    signed = seal.sign(b"word", RECEIPT)
    head, _, tail = signed.split(".")
    stranger = Seal.of(Settings(home=tmp_path / "other"))
    by_secret = jws.serialize_compact({"alg": "HS256"}, b"word", OctKey.import_key("x" * 32), algorithms=["HS256"])
    for forged in (f"{head}.d29yZHM.{tail}", stranger.sign(b"word", RECEIPT), by_secret, "", "a.b.c", signed[:-4], "é"):
        with pytest.raises(Forged):
            opened(forged, seal.public, RECEIPT)
    with pytest.raises(Forged, match="something else"):
        opened(signed, seal.public, CHECKPOINT)


def test_production_keeps_its_key_and_reads_it_as_pem_or_jwks(tmp_path, seal):
    with pytest.raises(Misconfigured, match="VINKKI_RECEIPT_KEY"):
        Seal.of(Settings(home=tmp_path, environment="production", **PRODUCTION))
    pem = tmp_path / "key.pem"
    pem.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    new = Seal.of(Settings(home=tmp_path, environment="production", receipt_key=pem, **PRODUCTION))
    older = json.loads((tmp_path / "receipts.json").read_bytes())
    newer = read_keys(pem)[0].as_dict(private=True)
    both = tmp_path / "both.json"
    both.write_text(json.dumps({"keys": [newer, older]}))
    rotated = Seal.of(Settings(home=tmp_path, receipt_key=both))
    assert rotated.sign(b"word", RECEIPT) == new.sign(b"word", RECEIPT)
    assert opened(seal.sign(b"old", RECEIPT), rotated.public, RECEIPT) == b"old"


@pytest.mark.parametrize("content", [None, "", "{}", '{"keys": []}', '{"kty":"oct","k":"eA"}', "-----BEGIN x", "[1]"])
def test_a_file_without_a_key_is_named(tmp_path, content):
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Misconfigured, match=r"key\.json"):
        Seal.of(Settings(home=tmp_path, receipt_key=path))


def test_a_public_key_cannot_sign(tmp_path, seal):
    path = tmp_path / "public.json"
    path.write_text(json.dumps(seal.jwks))
    with pytest.raises(Misconfigured, match="public"):
        Seal.of(Settings(home=tmp_path, receipt_key=path))


def test_checkpoints_are_added_when_the_chain_has_grown(tmp_path, seal):
    kept = Checkpoints(tmp_path, seal)
    assert not kept.append(Head(0, bytes(32)), NOW)
    assert kept.append(Head(3, b"\1" * 32), NOW)
    assert not kept.append(Head(3, b"\1" * 32), NOW)
    assert kept.append(Head(5, b"\2" * 32), NOW)
    assert [(point.seq, point.hash) for point in kept.read()] == [(3, "01" * 32), (5, "02" * 32)]


def test_a_checkpoint_that_was_tampered_with_is_named(tmp_path, seal):
    kept = Checkpoints(tmp_path, seal)
    kept.append(Head(3, b"\1" * 32), NOW)
    kept.append(Head(5, b"\2" * 32), NOW)
    one, other = kept.path.read_text().splitlines()
    kept.path.write_text(f"{one}\n{seal.sign(b'{}', RECEIPT)}\n")
    with pytest.raises(Forged, match="Line 2"):
        kept.read()
    kept.path.write_text(f"{one[:-3]}\n{other}\n")
    with pytest.raises(Forged, match="Line 1"):
        kept.read()
