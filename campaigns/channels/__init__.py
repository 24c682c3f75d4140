"""Channels: ways to a resident, behind one protocol. What each of them promises is in `Channel.deliver`."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Rendered(Protocol):
    """What is said to one resident (`campaigns.message.Rendered`)."""

    @property
    def subject(self) -> str:
        """One line."""

    @property
    def text(self) -> str:
        """Plain text."""

    @property
    def html(self) -> str | None:
        """HTML, where the channel takes some."""


class Note(msgspec.Struct, frozen=True):
    """One message to one resident.

    Attributes
    ----------
    id
        The same however often it is tried; nobody can tell from it whose it is.
    to
        The address; of the inbox, the resident.
    stop
        Where one tap ends these messages; empty of what is due whatever one allows.
    purpose
        The leave under which it is sent.
    """

    id: str
    to: str
    rendered: Rendered
    stop: str
    topic: str
    language: str
    purpose: str = ""


class Accepted(msgspec.Struct, frozen=True):
    """Whoever delivers it has taken it over, and calls it by that reference, if by any."""

    reference: str | None = None


class Refused(msgspec.Struct, frozen=True):
    """It is not delivered, and is not to be tried again. `for_good`: nor is anything else to that address.

    The reason ``unknown`` means that the answer was lost: it may have been delivered.
    """

    reason: str
    for_good: bool = False


class Busy(msgspec.Struct, frozen=True):
    """It was certainly not delivered; to be tried again in so many seconds."""

    reason: str
    retry_after: float = 60.0


Outcome = Accepted | Refused | Busy


class Channel(Protocol):
    """A way to residents."""

    async def deliver(self, notes: Sequence[Note]) -> Sequence[Outcome]:
        """Deliver, and say of each what became of it, in the order given.

        It never raises for what a server, a network or an address does, and always returns within its time: what is
        not certainly undelivered is never called `Busy`. The same note again, after `Busy`, is the same message.
        """

    async def close(self) -> None:
        """Disconnect."""
