"""Who but the resident saw what of a resident, and what for: written before the answer, for the resident to read."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

KEPT = timedelta(days=730)
"""How long an access stays in the log."""
_LONGEST_NAME = 200


class Capacity(StrEnum):
    """In which capacity somebody saw something."""

    STAFF = "staff"
    SERVICE = "service"
    PARTNER = "partner"


class Accessed(msgspec.Struct, frozen=True):
    """One access.

    Attributes
    ----------
    who
        A client's, a partner's or an official's name (see `name`).
    purpose
        The scope that allowed it, or `partner:` with the partner's id.
    what
        The operation.
    fields
        Which fields a partner was given.
    """

    time: datetime
    who: str
    capacity: Capacity
    purpose: str
    what: str
    fields: tuple[str, ...] = ()


class AccessLog(Protocol):
    """Where accesses are noted (`engine.records.accesses`)."""

    async def note(self, person: UUID, access: Accessed) -> None:
        """Note an access to a person's data; it is durable when this returns. Nothing is held of somebody unknown."""


def name(text: str) -> str:
    r"""Return a name as it may stand in the log: of a bounded length, without control characters.

    Examples
    --------
    >>> name("helsinki-app\\n")
    'helsinki-app'
    """
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST_NAME]
