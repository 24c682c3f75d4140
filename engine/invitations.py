"""Kulttuurin kummilapset: what the city invites a birth year to, told to the guardians of its children alone.

An invitation is read by those whom it is for and pushed to nobody: who writes one learns of no person and no number.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from engine.events import AwareTime, Pseudonym
from engine.language import Localized


class Invitation(msgspec.Struct, frozen=True):
    """What a birth year is invited to, in all languages, until when; with an offer where it is one of the catalogue."""

    id: UUID
    birth_year: int
    title: Localized
    text: Localized
    until: AwareTime
    offer: str | None = None


class Invited(msgspec.Struct, frozen=True):
    """An invitation, and which of a guardian's dependants it is for."""

    invitation: Invitation
    dependants: Sequence[UUID]


class InvitationRecords(Protocol):
    """The durable home of invitations (`engine.records.invitations`)."""

    async def put(self, invitation: Invitation, now: datetime) -> None:
        """Keep an invitation."""

    async def of(self, guardian: Pseudonym, now: datetime) -> Sequence[Invited]:
        """Return the invitations for a guardian's own dependants who are under 18, those that end first in front."""

    async def tidy(self, now: datetime) -> None:
        """Drop what is over."""
