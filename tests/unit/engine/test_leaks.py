"""The finder finds a person in every encoding it knows, wherever in a text, and nobody else."""

import gzip
import hashlib
import json
import zlib
from base64 import b64encode, standard_b64encode, urlsafe_b64encode
from urllib.parse import quote
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.leaks import Finder

WRITTEN = {
    "plain": str,
    "upper case": lambda p: str(p).upper(),
    "without hyphens": lambda p: p.hex,
    "without hyphens, upper case": lambda p: p.hex.upper(),
    "urn": lambda p: p.urn,
    "braces": lambda p: f"{{{p}}}",
    "underscores": lambda p: str(p).replace("-", "_"),
    "number": lambda p: str(p.int),
    "base64": lambda p: standard_b64encode(p.bytes).decode(),
    "base64 without padding": lambda p: standard_b64encode(p.bytes).decode().rstrip("="),
    "url-safe base64": lambda p: urlsafe_b64encode(p.bytes).decode().rstrip("="),
    "base64 of the text": lambda p: b64encode(str(p).encode()).decode(),
    "base64 in the middle": lambda p: b64encode(b"x" + p.bytes + b"yz").decode(),
    "base64 of JSON": lambda p: b64encode(json.dumps({"sub": str(p)}).encode()).decode(),
    "hex of the text": lambda p: str(p).encode().hex(),
    "hex of bytes within": lambda p: (b"\x01" + p.bytes + b"\x02").hex(),
    "percent-encoded": lambda p: quote(str(p), safe=""),
    "percent-encoded hyphens": lambda p: str(p).replace("-", "%2D"),
    "percent-encoded letters": lambda p: "".join(f"%{byte:02x}" for byte in str(p).encode()),
    "percent-encoded bytes": lambda p: "".join(f"%{byte:02X}" for byte in p.bytes),
    "JSON": lambda p: json.dumps({"person": str(p)}),
    "JSON in JSON": lambda p: json.dumps(json.dumps({"person": str(p)})),
    "JSON, escaped": lambda p: '"' + "".join(f"\\u{ord(c):04x}" for c in str(p)) + '"',
    "JSON, hyphens escaped": lambda p: str(p).replace("-", "\\u002d"),
    "base64 with escaped slashes": lambda p: json.dumps(b64encode(p.bytes).decode()).replace("/", "\\/"),
    "little-endian hex": lambda p: p.bytes_le.hex(),
    "sha256": lambda p: hashlib.sha256(str(p).encode()).hexdigest(),
    "md5": lambda p: hashlib.md5(str(p).encode()).hexdigest(),  # noqa: S324 - somebody else's
    "sha1 of bytes": lambda p: b64encode(hashlib.sha1(p.bytes).digest()).decode(),  # noqa: S324 - somebody else's
    "a database's bytes": lambda p: "\\\\x" + p.hex,
}
RAW = {
    "bytes": lambda p: p.bytes,
    "bytes within": lambda p: b"\x00\xff" + p.bytes + b"\x07",
    "msgpack": lambda p: b"12345678" + msgspec.msgpack.encode({"who": p.bytes}),
    "msgpack of text": lambda p: msgspec.msgpack.encode({"who": str(p)}),
    "UTF-16": lambda p: str(p).encode("utf-16"),
    "gzip": lambda p: gzip.compress(f"it was {p}".encode()),
    "zlib": lambda p: zlib.compress(b"it was " + p.bytes),
    "base64 of gzip": lambda p: b64encode(gzip.compress(str(p).encode() * 3)),
}


def around(written: str, number: int) -> bytes:
    """Put something into a sentence, at some distance from its beginning."""
    return f"2026-11-22 {'x' * number} [info] äö who={written}, done\n".encode()


@pytest.mark.parametrize("encoding", WRITTEN)
@settings(deadline=None)
@given(person=st.uuids(version=4), number=st.integers(0, 5))
def test_a_person_is_found_in_any_writing(encoding, person, number):
    assert Finder([uuid4(), person], digests=True).finds(around(WRITTEN[encoding](person), number))


@pytest.mark.parametrize("encoding", RAW)
@settings(deadline=None)
@given(person=st.uuids(version=4))
def test_a_person_is_found_in_any_bytes(encoding, person):
    assert Finder([person]).finds(RAW[encoding](person), binary=True)


@pytest.mark.parametrize("encoding", WRITTEN)
def test_somebody_else_is_not_taken_for_them(encoding):
    assert not Finder([uuid4() for _ in range(50)], digests=True).finds(
        around(WRITTEN[encoding](uuid4()), 0), binary=True
    )


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_noise_is_nobody(noise):
    assert not Finder([UUID(int=n << 64 | 0xABCDEF) for n in range(1, 50)]).finds(noise, binary=True)


def test_words_that_stand_for_somebody_are_found_as_they_are():
    finder = Finder([], ["T3Jw2f6Yk1qXb0mN4sLr8A"])
    assert finder.finds(b"GET /c:T3Jw2f6Yk1qXb0mN4sLr8A 200")
    assert not finder.finds(b"GET /c:T3Jw2f6Yk1qXb0mN4sLr8B 200")
