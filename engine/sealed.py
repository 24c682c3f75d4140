"""One resident's online state as Redis holds it, opened by permits only (`engine.online` fetches it)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from engine import flags
from engine.consent import Consents, Permit, Purpose
from engine.errors import ConsentRequired
from engine.events import Pseudonym
from engine.residents import Interests
from engine.taste import Taste

NONE = bytes(8)
"""Since when a grant holds that does not."""
_decode_interests = msgspec.msgpack.Decoder(Interests).decode


class Sealed:
    """One resident's online state as it came: consents in the open, the rest opened by a permit only.

    Attributes
    ----------
    consents
        None where Redis does not hold them: the ledger knows.
    """

    __slots__ = ("_interests", "_taste", "consents", "resident")

    def __init__(self, resident: Pseudonym, raw: Sequence[Any]) -> None:
        self.resident = resident
        self.consents = flags.unpack(resident, raw[0])
        self._taste, self._interests = raw[1], raw[2]

    @property
    def version(self) -> bytes:
        """The version of the taste, for `Online.swap`; empty where there is none."""
        return self._taste[:8] if self._taste else b""

    def taste(self, permit: Permit) -> Taste | None:
        """Return the taste, or None where Redis holds none."""
        packed = self.packed_taste(permit)
        try:
            return None if packed is None else Taste.unpack(packed)
        except ValueError:
            return None

    def packed_taste(self, permit: Permit) -> bytes | None:
        """Return the taste in the form that `Taste.unpack` and `engine.profile.from_taste` read."""
        self.check(permit, Purpose.ACTIVITY)
        if not self._taste or self.consents is None or not _made_under(self._taste[8:24], permit, self.consents):
            return None
        return bytes(self._taste[24:])

    def interests(self, permit: Permit) -> Interests | None:
        """Return what the resident told, or None where Redis holds nothing."""
        self.check(permit, Purpose.INTERESTS)
        if not self._interests or self._interests[:8] != moment(permit.since):
            return None
        try:
            return _decode_interests(self._interests[8:])
        except msgspec.DecodeError:
            return None

    def check(self, permit: Permit, purpose: Purpose) -> None:
        """Refuse a permit of somebody else or for something else.

        Raises
        ------
        ConsentRequired
            It is one.
        """
        if permit.resident != self.resident or permit.purpose is not purpose:
            raise ConsentRequired(f"This needs a permit of the same resident for {purpose}.")


def moment(time: datetime) -> bytes:
    """Return a moment as values begin with it: microseconds since 1970."""
    return round(time.timestamp() * 1_000_000).to_bytes(8, "big")


def since(consents: Consents, purpose: Purpose) -> bytes:
    """Return since when a grant holds; zeros where none does."""
    grant = consents.grants.get(purpose)
    return moment(grant.since) if grant is not None and grant.granted else NONE


def basis(consents: Consents) -> bytes:
    """Return under which grants a taste is made: since when `activity` and `location` hold; zeros for none."""
    return since(consents, Purpose.ACTIVITY) + since(consents, Purpose.LOCATION)


def _made_under(basis: bytes, permit: Permit, consents: Consents) -> bool:
    return basis[:8] == moment(permit.since) and basis[8:] in (NONE, since(consents, Purpose.LOCATION))
