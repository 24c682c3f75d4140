"""The trail: who did what with which campaign, department or programme, as a chain of hashes like the consent ledger's.

An entry's hash is SHA-256 over the hash before it and the JSON array ``[seq, microseconds since 1970, who, what,
subject, version, content, detail]``; `content` is the digest of what was written, so that a campaign which is changed
beside the trail is found too.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec

from engine.events import AwareTime

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)


class Detail(msgspec.Struct, frozen=True, omit_defaults=True):
    """What else there is to say of an act: which fields it changed, and the words that came with it."""

    changed: tuple[str, ...] = ()
    reason: str | None = None


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody does something.

    Attributes
    ----------
    who
        The official or service, by the name that the access log takes (`engine.accesses.name`).
    what, subject
        The move, and what it is made with: ``campaign:b41c7a3f0d925e68``.
    version
        The version that came of it.
    """

    time: AwareTime
    who: str
    what: str
    subject: str
    version: int
    detail: Detail = Detail()


class Entry(msgspec.Struct, frozen=True):
    """An act as it is kept; `content` is the SHA-256, in hexadecimal, of what was written."""

    seq: int
    time: datetime
    who: str
    what: str
    subject: str
    version: int
    content: str
    detail: str
    hash: bytes


def digest(previous: bytes, entry: Entry) -> bytes:
    """Return the hash that an entry must carry after `previous`."""
    microseconds = (entry.time - _EPOCH) // _MICROSECOND
    fields = [
        entry.seq, microseconds, entry.who, entry.what, entry.subject, entry.version, entry.content, entry.detail,
    ]  # fmt: skip
    return sha256(previous + json.dumps(fields, ensure_ascii=False).encode()).digest()


def linked(seq: int, previous: bytes, act: Act, content: str) -> Entry:
    """Return the entry of an act as number `seq`, after the hash `previous`; `content` is what was written."""
    written, detail = sha256(content.encode()).hexdigest(), msgspec.json.encode(act.detail).decode()
    bare = Entry(seq, act.time, act.who, act.what, act.subject, act.version, written, detail, b"")
    return msgspec.structs.replace(bare, hash=digest(previous, bare))


def changes(before: Any, after: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield the paths at which two JSON values differ.

    Examples
    --------
    >>> list(changes({"texts": {"fi": "a", "sv": "b"}}, {"texts": {"fi": "c", "sv": "b"}}))
    ['texts.fi']
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from changes(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif before != after:
        yield path
