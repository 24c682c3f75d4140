"""What answers show of each offer, as JSON, in a file: 50,000 cards are 120 MB that no process needs in its own memory.

The file has no name and goes with the process. What was just written or is read often, the system keeps in its page
cache, where reading a card takes 2 us; when memory is short it may drop it, which it could not do with ours.
"""

import os
import tempfile
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import IO

from engine.telemetry import logger

_AT_ONCE = 1_000
_MOST_KEPT = 8_000
"""Cards that stay at hand: what many are shown is read once, and 20 MB are held."""
_SPARE_BYTES = 1_000_000
"""A list whose file is no larger than this over twice its cards keeps it: copying them takes a third of a second."""
log = logger("engine")


def _nameless() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="vinkki-cards-")


class Cards:
    """An append-only list of cards. Where nothing can be written, as on a full disk, cards stay in memory.

    Parameters
    ----------
    new_file
        Opens a file for reading and writing.
    """

    def __init__(self, new_file: Callable[[], IO[bytes]] = _nameless) -> None:
        self._new_file = new_file
        self._file: IO[bytes] | None = None
        self._starts, self._lengths = array("Q"), array("L")
        self._end = 0
        self._unwritten: dict[int, bytes] = {}
        self._kept: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, row: int) -> bytes:
        if self._file is None or row in self._unwritten:
            return self._unwritten[row]
        return os.pread(self._file.fileno(), self._lengths[row], self._starts[row])

    def many(self, rows: Iterable[int]) -> list[bytes]:
        """Return the cards of some rows."""
        kept = self._kept
        return [kept.get(row) or self._keep(row) for row in rows]

    def _keep(self, row: int) -> bytes:
        """Read a card, which takes the place of the one that was kept first."""
        card = self._kept[row] = self[row]
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return card

    def extend(self, cards: Sequence[bytes]) -> None:
        """Add cards at the end."""
        try:
            self._write(b"".join(cards))
        except OSError as error:
            log.warning("cards stay in memory", error=error.strerror, cards=len(cards))
            self._unwritten.update(enumerate(cards, len(self)))
        for card in cards:
            self._starts.append(self._end)
            self._lengths.append(len(card))
            self._end += len(card)

    def taken(self, rows: Sequence[int]) -> "Cards":
        """Return a list of some of the cards, which takes the place of this one: it can still be read, not extended."""
        some = Cards(self._new_file)
        if self._end > 2 * sum(self._lengths[row] for row in rows) + _SPARE_BYTES:
            for first in range(0, len(rows), _AT_ONCE):
                some.extend([self[row] for row in rows[first : first + _AT_ONCE]])
            return some
        some._file, some._end = self._file, self._end
        some._starts = array("Q", [self._starts[row] for row in rows])
        some._lengths = array("L", [self._lengths[row] for row in rows])
        some._unwritten = {n: self._unwritten[row] for n, row in enumerate(rows) if row in self._unwritten}
        return some

    def _write(self, cards: bytes) -> None:
        if self._file is None:
            self._file = self._new_file()
        self._file.seek(self._end)
        self._file.write(cards)
        self._file.flush()
