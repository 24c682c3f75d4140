"""Trusted third parties: registered by the city, known to everybody, ended by the city."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.bodies import Reader
from api.errors import Faults, FieldError
from api.faults import END
from api.gate import Gate
from api.operations import PRIVATE, Answer, Operation, open_json, private_json
from engine.errors import NotFound
from engine.events import AwareTime
from engine.language import Localized
from engine.partners import Field, Partner, new_id, new_key
from engine.records.partners import PartnerRecords

TAG = "Partners"
LONGEST = timedelta(days=5 * 366)
"""For how long a partner may be registered; who goes on is registered anew, and asks again."""
_VISIBLE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*" + END
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=_VISIBLE)]
_Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=1000, pattern=_VISIBLE)]


class PurposeTexts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a partner uses the data for, as residents read it before they decide."""

    fi: _Sentence
    sv: _Sentence
    en: _Sentence


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who the partner is, what it may be shown, what for and until when. It never changes after that."""

    name: _Name
    purpose: PurposeTexts
    fields: Annotated[tuple[Field, ...], msgspec.Meta(min_length=1, max_length=len(Field))]
    expires: AwareTime


class Registered(msgspec.Struct, frozen=True):
    """The partner, and its key: this answer alone tells it."""

    id: str
    name: str
    purpose: Localized
    fields: tuple[Field, ...]
    expires: AwareTime
    key: str


class Partners(msgspec.Struct, frozen=True):
    """The partners of now."""

    items: Sequence[Partner]


EXAMPLE_PURPOSE = {
    "fi": "Kerromme sinulle kerhoista, joista voisit pitää.",
    "sv": "Vi berättar för dig om klubbar som du kan tycka om.",
    "en": "We tell you of clubs that you may like.",
}
EXAMPLE = {
    "name": "Uimaseura Vesipedot ry",
    "purpose": EXAMPLE_PURPOSE,
    "fields": ["interests", "languages"],
    "expires": "2027-12-31T22:00:00Z",
}
EXAMPLE_PARTNER = {"id": "6f1c0e0a3d5b4b0e", **EXAMPLE}
DESCRIPTION = """\
The answer tells the partner's key, once: only its hash is kept. Whoever has the key reads what residents who grant this
partner allow, and nothing else. A partner that needs other fields or another purpose is registered anew, so that a
grant always means what the resident has read."""


@dataclass(frozen=True, slots=True)
class PartnerRoutes:
    """Registers, tells and ends partners."""

    gate: Gate
    partners: PartnerRecords

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path="/v1/partners",
                name="list_partners",
                summary="Third parties that a resident may grant access",
                tag=TAG,
                handler=self.read,
                answers={200: Answer("The partners of now", Partners, {"items": [EXAMPLE_PARTNER]})},
            ),
            Operation(
                method="POST",
                path="/v1/partners",
                name="register_partner",
                summary="Register a partner",
                description=DESCRIPTION,
                tag=TAG,
                handler=self.register,
                body=Registration,
                example=EXAMPLE,
                answers={
                    201: Answer("It is registered", Registered, {**EXAMPLE_PARTNER, "key": "vinkki_partner_Z2U…"})
                },
                scope=Scope.PARTNERS_WRITE,
            ),
            Operation(
                method="DELETE",
                path="/v1/partners/{partner}",
                name="end_partner",
                summary="End a partner",
                description="Its key opens nothing any more when this answers.",
                tag=TAG,
                handler=self.end,
                answers={204: Answer("It is over")},
                problems=(NotFound,),
                scope=Scope.PARTNERS_WRITE,
            ),
        )

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/partners`."""
        await self.gate.visitor(request)
        return open_json(Partners(await self.partners.open(self.gate.clock())))

    async def register(self, request: Request) -> Response:
        """Answer `POST /v1/partners`."""
        (await self.gate.caller(request)).require(Scope.PARTNERS_WRITE)
        given, now = await _read_registration(request), self.gate.clock()
        if not now < given.expires <= now + LONGEST:
            raise Faults([FieldError("expires", "Give a time to come, at most five years ahead.")])
        if len(set(given.fields)) < len(given.fields):
            raise Faults([FieldError("fields", "Name each field once.")])
        purpose = Localized(given.purpose.fi, given.purpose.sv, given.purpose.en)
        partner = Partner(new_id(), given.name, purpose, given.fields, given.expires.astimezone(UTC))
        key = new_key()
        await self.partners.register(partner, key, now)
        return private_json(Registered(**msgspec.structs.asdict(partner), key=key), 201)

    async def end(self, request: Request) -> Response:
        """Answer `DELETE /v1/partners/{partner}`."""
        (await self.gate.caller(request)).require(Scope.PARTNERS_WRITE)
        if not await self.partners.end(named(request), self.gate.clock()):
            raise NO_PARTNER
        return Response(status_code=204, headers=PRIVATE)


_read_registration = Reader(Registration)
NO_PARTNER = NotFound("There is no such partner now; /v1/partners lists those there are.", field="partner")


def named(request: Request) -> str:
    """Return the partner's id that an address names.

    Raises
    ------
    NotFound
        It cannot be one.
    """
    id_: str = request.path_params["partner"]
    if not (id_.isascii() and id_.isalnum()):
        raise NO_PARTNER
    return id_
