"""Stop links: who holds a message can end such messages without signing in, for a year.

A link is encrypted by the house: it names nobody readably, cannot be forged, and tells nothing once its resident is
erased, since it then leads to nobody.
"""

import base64
import binascii
import zlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from engine.consent import Consents, Purpose
from engine.errors import Erased, NotFound, Over
from engine.events import Pseudonym
from engine.language import Language

LASTS = timedelta(days=365)
PATH = "/stop/"
LONGEST = 600
_ABOUT = "stop"
_DAY = timedelta(days=1)
_EPOCH_DAY = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Vault(Protocol):
    """What encrypts with a key of the house (`api.vault`)."""

    def seal(self, content: bytes, about: str) -> bytes:
        """Return the content encrypted and bound to what it is about."""

    def open(self, sealed: bytes, about: str) -> bytes | None:
        """Return the content, or None where it was not sealed by the house about this."""


class Ledger(Protocol):
    """Where decisions go (`engine.ledger.ConsentLedger`): durable and in force when `record` returns."""

    async def consents(self, resident: Pseudonym) -> Consents:
        """Return what is allowed now."""

    async def record(
        self, resident: Pseudonym, purpose: str, *, granted: bool, notice: int | None, now: datetime
    ) -> Consents:
        """Write a grant or a withdrawal."""


class LinkUnknown(NotFound):
    """The stop link is none of ours; it may be incomplete. Copy it whole from the message, or sign in."""

    code = "link_unknown"


class LinkOver(Over):
    """The stop link is older than a year and works no more; sign in to choose what messages you get."""

    code = "link_over"


class Stop(msgspec.Struct, frozen=True):
    """What a link ends: messages on one topic by one channel; `campaign` is the one whose message it stood in."""

    resident: Pseudonym
    purpose: Purpose
    campaign: str
    language: Language


class _Content(msgspec.Struct, frozen=True, array_like=True):
    purpose: int
    until: int
    language: Language
    resident: tuple[bool, bytes]
    campaign: str


def _mark(purpose: str) -> int:
    """Return four bytes for a purpose: a short message has no room for its name."""
    return zlib.crc32(purpose.encode())


MARKS = {_mark(purpose): purpose for purpose in Purpose if purpose.marketing}


class StopLinks:
    """Makes links and reads them.

    Parameters
    ----------
    vault, base
        What encrypts, and the address that residents reach the house at.
    """

    def __init__(self, vault: Vault, base: str) -> None:
        self._vault = vault
        self._base = base.rstrip("/") + PATH

    def link(  # noqa: PLR0913 - a link tells so many things
        self,
        resident: Pseudonym,
        topic: str,
        channel: str,
        campaign: str,
        now: datetime,
        language: Language = Language.FI,
    ) -> str:
        """Return a link for one message; its page speaks the language of the message."""
        until = (now + LASTS - _EPOCH_DAY) // _DAY + 1
        mark = _mark(Purpose(f"marketing_{topic}_{channel}"))
        content = _Content(mark, until, language, _packed(resident), campaign)
        return self._base + _base64(self._vault.seal(_encode(content), _ABOUT))

    def read(self, token: str, now: datetime) -> Stop:
        """Return what a link ends.

        Raises
        ------
        LinkUnknown
            It is none of ours.
        LinkOver
            It is older than a year.
        """
        content = self._opened(token)
        if content is None or content.purpose not in MARKS:
            raise LinkUnknown
        if (now - _EPOCH_DAY) // _DAY >= content.until:
            raise LinkOver
        return Stop(_unpacked(content.resident), MARKS[content.purpose], content.campaign, content.language)

    def _opened(self, token: str) -> _Content | None:
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        found = self._vault.open(raw, _ABOUT) if len(token) <= LONGEST else None
        return None if found is None else _decode(found)


class Stopper:
    """Ends messages, by the same path as a withdrawal in the app.

    Parameters
    ----------
    ledger
        Where decisions go.
    tell
        Called with each withdrawal that is in force, so that what it ends is forgotten soon.
    """

    def __init__(self, ledger: Ledger, tell: Callable[[Pseudonym, Purpose, datetime], Awaitable[None]]) -> None:
        self._ledger = ledger
        self._tell = tell

    async def stop(self, stop: Stop, now: datetime, *, everything: bool = False) -> None:
        """End messages on the link's topic by its channel, or all of them. To say it again changes nothing.

        Of somebody erased there is nothing to end, and nothing tells so.

        Raises
        ------
        StoreUnavailable
            A store is away; say it again.
        """
        try:
            for purpose in await self._open(stop) if everything else (stop.purpose,):
                await self._ledger.record(stop.resident, purpose, granted=False, notice=None, now=now)
                await self._tell(stop.resident, purpose, now)
        except Erased:
            return

    async def _open(self, stop: Stop) -> list[Purpose]:
        """Return every purpose to withdraw; that of the link in any case, first."""
        held = await self._ledger.consents(stop.resident)
        others = [its for its in Purpose if its.marketing and its in held.grants and held.grants[its].granted]
        return [stop.purpose, *(its for its in others if its != stop.purpose)]


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _packed(resident: Pseudonym) -> tuple[bool, bytes]:
    """Return whether a pseudonym is 16 bytes in base64, and those; one of another form as it is."""
    try:
        raw = base64.b64decode(resident + "==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    short = _base64(raw) == resident
    return short, raw if short else resident.encode()


def _unpacked(packed: tuple[bool, bytes]) -> Pseudonym:
    short, raw = packed
    return _base64(raw) if short else raw.decode()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Content).decode
