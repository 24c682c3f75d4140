"""The form of consents in Redis, read for every use of anybody's data: 8 bytes of ledger order, then 14 a word.

A purpose or a choice stands as a number made of its name, so that new ones and another order change nothing of what is
held. Of dependants, one entry more holds the birth date in the place of a moment, as days since the year 1.
"""

import struct
import zlib
from datetime import UTC, date, datetime, timedelta

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
BORN = zlib.crc32(b"born")
BORN_MARK = BORN.to_bytes(4, "big")
"""What the entry of a birth date, always the last one, begins with."""

# Older words never replace newer ones, in whatever order two processes arrive. With a word goes what was made under
# another grant; only a taste without places does not care for that of `location`. A birth date that is known stays:
# who read the ledger before it was told must not undo it.
ENFORCE = """
local held, word = redis.call('GET', KEYS[1]) or '', ARGV[1]
if string.sub(held, 1, 8) > string.sub(word, 1, 8) then return 0 end
if string.sub(held, -14, -11) == ARGV[4] and string.sub(word, -14, -11) ~= ARGV[4] then
    word = word .. string.sub(held, -14)
end
redis.call('SET', KEYS[1], word)
local none = string.rep('\\0', 8)
local activity, location = redis.call('GETRANGE', KEYS[2], 8, 15), redis.call('GETRANGE', KEYS[2], 16, 23)
if activity ~= string.sub(ARGV[2], 1, 8) or (location ~= none and location ~= string.sub(ARGV[2], 9)) then
    redis.call('DEL', KEYS[2])
end
if redis.call('GETRANGE', KEYS[3], 0, 7) ~= ARGV[3] then redis.call('DEL', KEYS[3]) end
return 1
"""
"""A script: its keys are those of the flags, the taste and the interests; its arguments say what each is made under."""


def pack(consents: Consents) -> bytes:
    """Return the binary form."""
    grants = (_pack(CODES[purpose], word) for purpose, word in consents.grants.items())
    choices = (_pack(CODES[choice], word) for choice, word in consents.choices.items())
    born = b"" if consents.born is None else _GRANT.pack(BORN, 0, consents.born.toordinal())
    return b"".join((consents.seq.to_bytes(_ORDER_BYTES, "big"), *grants, *choices, born))


def _pack(code: int, word: Grant) -> bytes:
    return _GRANT.pack(code, word.notice << 1 | word.granted, (word.since - _EPOCH) // _MICROSECOND)


def unpack(resident: Pseudonym, packed: bytes | None) -> Consents | None:
    """Return the consents that `pack` wrote, or None where there are none or they are in a form of another version."""
    if packed is None or len(packed) % _GRANT.size != _ORDER_BYTES:
        return None
    grants, choices, born = dict[Purpose, Grant](), dict[Choice, Grant](), None
    for code, notice, since in _GRANT.iter_unpack(packed[_ORDER_BYTES:]):
        if code == BORN:
            born = date.fromordinal(since)
            continue
        word = Grant(bool(notice & 1), notice >> 1, _EPOCH + timedelta(microseconds=since))
        if code in _PURPOSES:
            grants[_PURPOSES[code]] = word
        elif code in _CHOICES:
            choices[_CHOICES[code]] = word
        else:
            return None
    seq = int.from_bytes(packed[:_ORDER_BYTES], "big")
    return Consents(resident, seq, grants, choices=choices, born=born)
