"""Finds people's ids where none may be, in any encoding that is known here. What it finds it never repeats.

A blob is looked through as it is and peeled: percent-encoded, JSON-escaped, base64, base32, hexadecimal, UTF-16 and
compressed parts are opened, and what they hold is looked through in turn. An id is known by its 16 bytes, in both byte
orders; in text also as a UUID with or without hyphens, in any case, or as one long number.
"""

import gzip
import hashlib
import math
import re
import zlib
from base64 import b32decode, b64decode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from urllib.parse import unquote_to_bytes
from uuid import UUID

import numpy as np

_HYPHEN = rb"(?:-|%2[dD]|\\u002[dD]|[_: ])?"
_HEX = rb"[0-9A-Fa-f]"
_UUID = re.compile(_HYPHEN.join(_HEX + b"{%d}" % n for n in (8, 4, 4, 4, 12)))
_NUMBER = re.compile(rb"(?<![0-9])[0-9]{30,39}(?![0-9])")
_HEX_RUN = re.compile(_HEX + rb"{33,}")
_RUN = re.compile(rb"[A-Za-z0-9+/_-]{22,}")
_BASE32 = re.compile(rb"[A-Z2-7]{26}|[a-z2-7]{26}")
_PERCENT_RUN = re.compile(rb"(?:%[0-9A-Fa-f]{2}|[A-Za-z0-9._~+/=-]){16,}")
_ESCAPE = re.compile(rb"\\u00([0-9A-Fa-f]{2})")
_ESCAPED_HYPHEN = re.compile(rb"%2[dD]|\\u002[dD]")
_NOT_HEX = re.compile(rb"[^0-9A-Fa-f]+")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_GZIP, _ZLIB = b"\x1f\x8b", (b"\x78\x01", b"\x78\x9c", b"\x78\xda")
_DEPTH, _LARGEST = 3, 64 << 20
_APART = b"\n\n"
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
ID_BYTES = 16
WORD_LETTERS = 22
"""Of a pseudonym."""


class Finder:
    """Knows some people, and says whether a blob names any of them.

    Parameters
    ----------
    people
        Their ids.
    words
        What also stands for them as it is, such as pseudonyms where none may be; each of 22 letters.
    digests
        Whether to know the usual digests of the ids, too: 14 more forms of each person.
    """

    def __init__(self, people: Iterable[UUID], words: Iterable[str] = (), *, digests: bool = False) -> None:
        self._known = {form for person in people for form in (person.bytes, person.bytes_le)}
        if digests:
            self._known |= {form for person in people for form in _digests(person)}
        self._words = {word.encode() for word in words}
        bits = math.ceil(math.log2(len(self._known) + 1)) + 7
        self._shift = np.uint64(64 - bits)
        self._maybe = np.zeros(1 << bits, np.bool_)
        """Whether some id's first 8 bytes have this hash; so that only few windows are looked at one by one."""
        self._maybe[self._hashes(b"".join(form[:8] for form in self._known), step=8)] = True

    def finds(self, blob: bytes, *, binary: bool = False) -> bool:
        """Say whether `blob` names anybody. In a `binary` one any 16 bytes may be an id."""
        view = blob
        for depth in range(_DEPTH + 1):
            if self._in_text(view) or ((binary or depth) and self._in_bytes(view)):
                return True
            if not (view := _APART.join(_peeled(view))):
                return False
        return False

    def _in_text(self, view: bytes) -> bool:
        if any(_by_hex(found[0]) in self._known for found in _UUID.finditer(view)):
            return True
        if any(_by_number(found[0]) in self._known for found in _NUMBER.finditer(view)):
            return True
        return bool(self._words) and any(self._names(found[0]) for found in _RUN.finditer(view))

    def _names(self, run: bytes) -> bool:
        """Say whether one of the words is in a run of letters, whatever it is glued to."""
        return any(run[at : at + WORD_LETTERS] in self._words for at in range(len(run) - WORD_LETTERS + 1))

    def _in_bytes(self, view: bytes) -> bool:
        if len(view) < ID_BYTES:
            return False
        near = np.flatnonzero(self._maybe[self._hashes(view[:-8])])
        return any(view[at : at + ID_BYTES] in self._known for at in near.tolist())

    def _hashes(self, raw: bytes, step: int = 1) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
        """Hash the 8 bytes that begin at each `step` bytes of `raw`."""
        words = np.ndarray((max(len(raw) - 8 + step, 0) // step,), "<u8", raw, strides=(step,))
        return (words * _SPREAD) >> self._shift


def _digests(person: UUID) -> Iterator[bytes]:
    """Yield the beginnings of an id's usual digests."""
    for written in (str(person).encode(), str(person).upper().encode(), person.hex.encode(), person.bytes):
        for digest in (hashlib.sha256, hashlib.sha1, hashlib.md5):
            yield digest(written, usedforsecurity=False).digest()[:ID_BYTES]


def _by_hex(written: bytes) -> bytes:
    """Read a UUID; an escaped hyphen has digits of its own."""
    return bytes.fromhex(_NOT_HEX.sub(b"", _ESCAPED_HYPHEN.sub(b"", written)).decode())


def _by_number(digits: bytes) -> bytes:
    value = int(digits)
    return value.to_bytes(ID_BYTES, "big") if value < 1 << 128 else b""


def _peeled(view: bytes) -> Iterator[bytes]:
    """Yield what is wrapped in the view, one layer down."""
    if b"%" in view:
        yield from (unquote_to_bytes(found[0]) for found in _PERCENT_RUN.finditer(view) if b"%" in found[0])
    if b"\\u00" in view:
        yield _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), view)
    if b"\\/" in view:
        yield view.replace(b"\\/", b"/")
    if b"\0" in view:
        yield view.replace(b"\0", b"")
    for found in _HEX_RUN.finditer(view):
        yield from (bytes.fromhex(half.decode()) for half in _halves(found[0]))
    for found in _RUN.finditer(view):
        for decoded in _by_base64(found[0]):
            yield decoded
            yield from _decompressed(decoded)
        yield from (b32decode(part[0].upper() + b"======") for part in _BASE32.finditer(found[0]))
    yield from _decompressed(view)


def _decompressed(raw: bytes) -> Iterator[bytes]:
    with suppress(OSError, EOFError, zlib.error):
        if raw.startswith(_GZIP):
            yield gzip.decompress(raw)
        elif raw.startswith(_ZLIB):
            yield zlib.decompressobj().decompress(raw, _LARGEST)


def _halves(run: bytes) -> Iterator[bytes]:
    """Yield a run of digits from its first and from its second, each of an even length."""
    for start in (0, 1):
        whole = run[start:]
        yield whole[: len(whole) // 2 * 2]


def _by_base64(run: bytes) -> Iterator[bytes]:
    """Yield what a run of letters may mean; where a token begins within it is not known, so from each of four."""
    standard = run.translate(_URL_SAFE)
    for start in range(min(4, len(run) - 21)):
        part = standard[start:]
        part = part[:-1] if len(part) % 4 == 1 else part
        yield b64decode(part + b"=" * (-len(part) % 4))
