"""The form of consents in Redis, read for every use of anybody's data: 8 bytes of ledger order, then 14 a word.

A purpose or a choice stands as a number made of its name, so that new ones and another order change nothing of what is
held.
"""

import struct
import zlib
from datetime import UTC, datetime, timedelta

from engine.choices import Choice
from engine.consent import Consents, Grant, Purpose
from engine.events import Pseudonym

_ORDER_BYTES = 8
# What it is on, twice the notice's version with the grant as lowest bit, and since when, in microseconds since 1970.
_GRANT = struct.Struct(">IHQ")
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
CODES: dict[Purpose | Choice, int] = {word: zlib.crc32(word.encode()) for word in (*Purpose, *Choice)}
_PURPOSES = {CODES[purpose]: purpose for purpose in Purpose}
_CHOICES = {CODES[choice]: choice for choice in Choice}


def pack(consents: Consents) -> bytes:
    """Return the binary form."""
    grants = (_pack(CODES[purpose], word) for purpose, word in consents.grants.items())
    choices = (_pack(CODES[choice], word) for choice, word in consents.choices.items())
    return b"".join((consents.seq.to_bytes(_ORDER_BYTES, "big"), *grants, *choices))


def _pack(code: int, word: Grant) -> bytes:
    return _GRANT.pack(code, word.notice << 1 | word.granted, (word.since - _EPOCH) // _MICROSECOND)


def unpack(resident: Pseudonym, packed: bytes | None) -> Consents | None:
    """Return the consents that `pack` wrote, or None where there are none or they are in a form of another version."""
    if packed is None or len(packed) % _GRANT.size != _ORDER_BYTES:
        return None
    grants, choices = dict[Purpose, Grant](), dict[Choice, Grant]()
    for code, notice, since in _GRANT.iter_unpack(packed[_ORDER_BYTES:]):
        word = Grant(bool(notice & 1), notice >> 1, _EPOCH + timedelta(microseconds=since))
        if code in _PURPOSES:
            grants[_PURPOSES[code]] = word
        elif code in _CHOICES:
            choices[_CHOICES[code]] = word
        else:
            return None
    return Consents(resident, int.from_bytes(packed[:_ORDER_BYTES], "big"), grants, choices=choices)
