"""What residents have ended, kept outside the database: `audit/endings.jsonl` in the home, one ending a line.

A backup knows nothing of what was ended after it was made. After it is restored, `vinkki audit replay` ends all of that
once more. Nobody is named here: a resident is a digest made with the house's secret, which only the restored database
can be searched by. Copy the file out of the machine as often as the checkpoints.
"""

import hmac
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine.errors import InvalidInput
from engine.events import AwareTime, Pseudonym
from engine.records.endings import Ended


class Ending(msgspec.Struct, frozen=True, omit_defaults=True):
    """One ending: of a purpose's consent, or, without a purpose, of everything (an erasure)."""

    seq: int
    resident: str
    time: AwareTime
    purpose: str | None = None


_LONGEST = 1_000
"""Bytes of a line, at most."""
_decode = msgspec.json.Decoder(Ending).decode


class Endings:
    """The file.

    Parameters
    ----------
    home
        The folder of all state.
    secret
        The house's own (`Seal.secret`).
    """

    def __init__(self, home: Path, secret: bytes) -> None:
        self.path = home / "audit" / "endings.jsonl"
        self._secret = hmac.digest(secret, b"vinkki endings", "sha256")
        self._border: set[Ending] | None = None
        """What is in the file of the newest entry."""

    def digest(self, resident: Pseudonym) -> str:
        """Return what stands for a resident here."""
        return hmac.digest(self._secret, resident.encode(), "sha256").hex()[:32]

    def newest(self) -> int:
        """Return the ledger's entry up to which all endings are here."""
        return max((ending.seq for ending in self._newest()), default=0)

    def append(self, ended: Iterable[Ended]) -> None:
        """Add endings, durably; those of the newest entry that are there already are passed over."""
        told, known = (
            [Ending(one.seq, self.digest(one.resident), one.time, one.purpose) for one in ended],
            self._newest(),
        )
        if not (lines := [line for line in told if line not in known]):
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
            _cut(file)
            file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        self._border = _latest([*known, *lines])

    def _newest(self) -> set[Ending]:
        if self._border is None or not self.path.exists():
            self._border = _latest(self.read())
        return self._border

    def read(self, path: Path | None = None) -> Sequence[Ending]:
        """Return every ending of this file, or of a copy at `path`; a last line that a crash cut off is left out.

        Raises
        ------
        InvalidInput
            A line that is not the last cannot be read.
        """
        path = path or self.path
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        found = []
        for number, line in enumerate(lines, 1):
            try:
                found.append(_decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise InvalidInput(f"Line {number} of {path} is no ending; restore the file from its copy.") from error
        return found


def _latest(endings: Sequence[Ending]) -> set[Ending]:
    newest = max((ending.seq for ending in endings), default=0)
    return {ending for ending in endings if ending.seq == newest}


def _cut(file: BinaryIO) -> None:
    """Take away a last line that a crash cut off: what it was to tell is told again."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LONGEST))
    end = file.read()
    if end and not end.endswith(b"\n"):
        file.truncate(size - len(end) + end.rfind(b"\n") + 1)
