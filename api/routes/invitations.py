"""Invitations of a birth year (Kulttuurin kummilapset): written by the city, read by that year's guardians alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Protocol
from uuid import UUID, uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.bodies import Reader
from api.errors import Faults, FieldError
from api.gate import Gate
from api.operations import Answer, Operation, private_json
from api.parameters import HELSINKI
from engine.ages import Stage
from engine.events import AwareTime
from engine.invitations import Invitation, InvitationRecords, Invited
from engine.language import Localized
from engine.residents import Residents

TAG = "Families and helpers"
LONGEST = timedelta(days=366)
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]


class Titles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The title in all languages."""

    fi: Title
    sv: Title
    en: Title


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text in all languages."""

    fi: Words
    sv: Words
    en: Words


class NewInvitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a birth year is invited to."""

    birth_year: Annotated[int, msgspec.Meta(ge=1900, le=2200)]
    title: Titles
    text: Texts
    until: AwareTime
    offer: Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="An offer's id")] | None = None

    def meant(self, now: datetime) -> Invitation:
        """Return the invitation.

        Raises
        ------
        InvalidInput
            A birth year of nobody under 18, or a time that is past or more than a year away.
        """
        year, faults = now.astimezone(HELSINKI).year, []
        if not year - Stage.ADULT <= self.birth_year <= year:
            faults.append(FieldError("birth_year", f"Give a year from {year - Stage.ADULT} to {year}: of children."))
        if not now < self.until <= now + LONGEST:
            faults.append(FieldError("until", "Give a time that is to come, within a year."))
        if faults:
            raise Faults(faults)
        title, text = (Localized(said.fi, said.sv, said.en) for said in (self.title, self.text))
        return Invitation(uuid4(), self.birth_year, title, text, self.until, self.offer)


class Received(msgspec.Struct, frozen=True):
    """An invitation, and which of one's dependants it is for."""

    id: UUID
    birth_year: int
    title: Localized
    text: Localized
    until: datetime
    offer: str | None
    dependants: Sequence[UUID]


class ReceivedList(msgspec.Struct, frozen=True):
    """Invitations, those that end first in front."""

    items: Sequence[Received]


class KnownOffers(Protocol):
    """Tells which offers there are."""

    async def unknown(self, ids: set[str]) -> set[str]:
        """Return those of `ids` that name no offer."""


EXAMPLE_NEW = {
    "birth_year": 2020,
    "title": {"fi": "Kummilasten satukonsertti", "sv": "Fadderbarnens sagokonsert", "en": "A concert for godchildren"},
    "text": {
        "fi": "Orkesteri kutsuu vuonna 2020 syntyneet lapset aikuisineen.",
        "sv": "Orkestern bjuder in barn födda 2020 tillsammans med en vuxen.",
        "en": "The orchestra invites children born in 2020, with an adult.",
    },
    "until": "2026-12-20T16:00:00Z",
}
_ID = {"id": "7a0d9a52-3c1f-4f0e-8d1b-2b7c9e5f4a10"}
EXAMPLE = EXAMPLE_NEW | _ID | {"offer": None}


@dataclass(frozen=True, slots=True)
class InvitationRoutes:
    """Takes invitations, and tells them to those whom they are for."""

    gate: Gate
    residents: Residents
    records: InvitationRecords
    offers: KnownOffers

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        received = {"items": [EXAMPLE | {"dependants": ["b3b0cf5e-6a1d-4a55-8f43-6d6d5a1f0c77"]}]}
        return (
            Operation(
                method="POST",
                path="/v1/invitations",
                name="create_invitation",
                summary="Invite a birth year",
                description="Told to the guardians of children of that year. Nobody learns who or how many they are.",
                tag=TAG,
                handler=self.create,
                body=NewInvitation,
                example=EXAMPLE_NEW,
                answers={201: Answer("It is told from now on", Invitation, EXAMPLE)},
                scope=Scope.INVITATIONS_WRITE,
            ),
            Operation(
                method="GET",
                path="/v1/residents/{id}/invitations",
                name="read_invitations",
                summary="Invitations of one's dependants' birth years",
                description="For guardians of people under 18; empty for everybody else.",
                tag=TAG,
                handler=self.read,
                answers={200: Answer("What one's dependants are invited to", ReceivedList, received)},
                scope=Scope.FAMILY_READ,
            ),
        )

    async def create(self, request: Request) -> Response:
        """Answer `POST /v1/invitations`."""
        (await self.gate.caller(request)).require(Scope.INVITATIONS_WRITE)
        now = self.gate.clock()
        invitation = (await _read(request)).meant(now)
        if invitation.offer is not None and await self.offers.unknown({invitation.offer}):
            raise Faults([FieldError("offer", "There is no offer with this id; use one that /v1/offers told.")])
        await self.records.put(invitation, now)
        return private_json(invitation, 201)

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/invitations`."""
        resident = await self.residents.pseudonym(await self.gate.resident(request, Scope.FAMILY_READ))
        found = [] if resident is None else await self.records.of(resident, self.gate.clock())
        return private_json(ReceivedList([_received(one) for one in found]))


_read = Reader(NewInvitation)


def _received(told: Invited) -> Received:
    its = told.invitation
    return Received(its.id, its.birth_year, its.title, its.text, its.until, its.offer, told.dependants)
