"""Signed checkpoints of the ledger, in a file outside the database: `audit/checkpoints.jws` in the home, one a line.

Whoever rewrites the whole ledger in the database, hashes and head included, still contradicts these, and cannot make
them fit without the key. They protect for as long as the file is out of that person's reach: copy it elsewhere.
"""

import os
from datetime import datetime
from pathlib import Path

import msgspec

from api.seal import CHECKPOINT, Forged, Seal, opened
from engine.chain import Checkpoint, Head

_decode = msgspec.json.Decoder(Checkpoint).decode


class Checkpoints:
    """The file.

    Parameters
    ----------
    home
        The folder of all state.
    seal
        What signs them.
    chain
        Of which chain they are: the ledger's, or the desk's `trail`.
    """

    def __init__(self, home: Path, seal: Seal, chain: str = "checkpoints") -> None:
        self.path = home / "audit" / f"{chain}.jws"
        self._seal = seal

    def read(self) -> list[Checkpoint]:
        """Return every checkpoint, oldest first.

        Raises
        ------
        Forged
            A line does not hold; it is named by number.
        """
        return [self._opened(number, line) for number, line in enumerate(self._lines(), start=1)]

    def append(self, head: Head, now: datetime) -> bool:
        """Add the chain's end, if the chain has grown since the last one; say whether it had."""
        lines = self._lines()
        if head.seq == 0 or (lines and self._opened(len(lines), lines[-1]).seq >= head.seq):
            return False
        signed = self._seal.sign(msgspec.json.encode(Checkpoint(head.seq, head.hash.hex(), now)), CHECKPOINT)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{signed}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return True

    def _lines(self) -> list[str]:
        return self.path.read_text("ascii", "replace").splitlines() if self.path.exists() else []

    def _opened(self, number: int, line: str) -> Checkpoint:
        try:
            return _decode(opened(line, self._seal.public, CHECKPOINT))
        except (Forged, msgspec.DecodeError) as error:
            raise Forged(f"Line {number} of {self.path} was not signed with this house's key.") from error
