"""The ledger's chain: each entry carries the hash of the one before, so that what was written cannot be changed unseen.

An entry's hash is SHA-256 over the hash before it and the entry's canonical form: the JSON array ``[seq, resident,
purpose, granted, notice, microseconds since 1970]``. PostgreSQL writes it (migration 0003); this module checks it from
the fields alone.

What each part protects against: the hashes, against a changed, removed or reordered entry anywhere but at the end; the
head row, against the newest entries being taken away by somebody who does not know of it; signed checkpoints outside
the database, against somebody who rewrites entries, hashes and head alike.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Any, Generic, Protocol, TypeVar

import msgspec

GENESIS = bytes(32)
"""What stands for the hash before the first entry."""
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)


class Linked(Protocol):
    """An entry of any chain."""

    @property
    def seq(self) -> int:
        """Its number, from 1 on without gaps."""

    @property
    def hash(self) -> bytes:
        """What `digest`, or its like, makes of the entry before and of this one."""


L = TypeVar("L", bound=Linked)
L_co = TypeVar("L_co", bound=Linked, covariant=True)


class Link(msgspec.Struct, frozen=True):
    """One entry as it is kept."""

    seq: int
    resident: str
    purpose: str
    granted: bool
    notice: int
    time: datetime
    hash: bytes


class Head(msgspec.Struct, frozen=True):
    """The newest entry's number and hash; number 0 and `GENESIS` of a ledger without entries."""

    seq: int
    hash: bytes


class Checkpoint(msgspec.Struct, frozen=True):
    """What the chain's end was at some time, as it was signed and kept outside the database; `hash` in hexadecimal."""

    seq: int
    hash: str
    time: datetime


class Break(msgspec.Struct, frozen=True):
    """Where the chain does not hold: the first bad entry's number, and what is wrong with it."""

    seq: int
    detail: str


class Verdict(msgspec.Struct, frozen=True):
    """How many entries were looked at, up to which one, and the first break, if there is one."""

    entries: int
    head: Head
    fault: Break | None = None


class Snapshot(Protocol[L_co]):
    """A chain as it is at one moment, such as the ledger (`engine.records.chain`)."""

    async def head(self) -> Head | None:
        """Return the head row, or None where it is missing."""

    async def size(self) -> int:
        """Return how many entries there are."""

    def links(self) -> AsyncIterator[Sequence[L_co]]:
        """Yield the entries in batches, by number."""

    async def strays(self) -> Sequence[tuple[int, str]]:
        """Return (number, what is wrong) of latest words that say something else than their entries, a few at most."""


def digest(previous: bytes, link: Link) -> bytes:
    """Return the hash that an entry must carry after `previous`.

    Examples
    --------
    >>> entry = Link(1, "ab", "activity", True, 1, _EPOCH, b"")
    >>> digest(GENESIS, entry).hex()[:16]
    'e29a7fc483f4fd06'
    """
    microseconds = (link.time - _EPOCH) // _MICROSECOND
    fields = [link.seq, link.resident, link.purpose, link.granted, link.notice, microseconds]
    return sha256(previous + json.dumps(fields, ensure_ascii=False).encode()).digest()


class Walk(Generic[L]):
    """Goes along a chain, entry by entry.

    Parameters
    ----------
    checkpoints
        The hash, in hexadecimal, that the entry of each number must have.
    follows
        Returns the hash that an entry must carry after that of the one before.
    """

    def __init__(self, checkpoints: Mapping[int, str], follows: Callable[[bytes, L], bytes]) -> None:
        self.newest = Head(0, GENESIS)
        self.entries = 0
        self._checkpoints = checkpoints
        self._follows = follows

    def step(self, link: L) -> Break | None:
        """Look at the next entry, and say what is wrong with it."""
        expected = self.newest.seq + 1
        if link.hash != self._follows(self.newest.hash, link):
            if link.seq > expected:
                return Break(expected, f"entry {expected} is missing")
            return Break(link.seq, f"entry {link.seq} is not what was written: its hash does not follow from the last")
        if self._checkpoints.get(link.seq, link.hash.hex()) != link.hash.hex():
            return Break(
                link.seq, f"entry {link.seq} or one before it was rewritten: a signed checkpoint says otherwise"
            )
        self.newest = Head(link.seq, link.hash)
        self.entries += 1
        return None

    def end(self, head: Head | None) -> Break | None:
        """Compare where the chain ended with the head row and the newest checkpoint."""
        after = self.newest.seq + 1
        if head is None:
            return Break(after, "the head row is missing")
        if head.seq > self.newest.seq or max(self._checkpoints, default=0) > self.newest.seq:
            return Break(after, f"entry {after} is missing at the end")
        if head != self.newest:
            return Break(self.newest.seq, f"entry {self.newest.seq} is not the one that the head row names")
        return None


async def verify(
    snapshot: Snapshot[L],
    checkpoints: Sequence[Checkpoint],
    said: Callable[[int, int], None],
    follows: Callable[[bytes, Any], bytes] = digest,
) -> Verdict:
    """Check every entry, the end, the checkpoints and the latest words of a chain.

    Parameters
    ----------
    snapshot
        The ledger at one moment.
    checkpoints
        Those whose signature holds.
    said
        Hears how many entries of how many are checked.
    follows
        What makes the hash of an entry; otherwise the ledger's.
    """
    walk, size = Walk[L]({point.seq: point.hash for point in checkpoints}, follows), await snapshot.size()
    if (fault := _contradiction(checkpoints)) is not None:
        return Verdict(0, walk.newest, fault)
    async for batch in snapshot.links():
        for link in batch:
            if (fault := walk.step(link)) is not None:
                return Verdict(walk.entries, walk.newest, fault)
        said(walk.entries, size)
    fault = walk.end(await snapshot.head())
    if fault is None:
        fault = next((Break(seq, detail) for seq, detail in await snapshot.strays()), None)
    return Verdict(walk.entries, walk.newest, fault)


def _contradiction(checkpoints: Sequence[Checkpoint]) -> Break | None:
    """Find two signed checkpoints of one number that differ: the chain went two ways."""
    for one, other in pairwise(sorted(checkpoints, key=lambda point: point.seq)):
        if one.seq == other.seq and one.hash != other.hash:
            return Break(one.seq, f"entry {one.seq} was rewritten: two signed checkpoints say different things of it")
    return None
