"""Where a resident gets messages: given, confirmed by a code, changed and removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.bodies import Reader
from api.gate import Gate
from api.operations import PRIVATE, Answer, Operation, private_json
from engine.addresses import Address, Addresses, Means
from engine.errors import NoSender, NotFound, NotOffered, TooOften, WrongCode
from engine.language import Language
from engine.residents import Residents

TAG = "Addresses"
PATH = "/v1/residents/{id}/addresses"


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An address to be confirmed; `language` is that of the message with the code."""

    address: Annotated[str, msgspec.Meta(min_length=3, max_length=254)]
    language: Language = Language.FI


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code that came to the address."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]


class Held(msgspec.Struct, frozen=True):
    """Confirmed addresses, and those that wait for their code; `sendable` is how codes can be sent here at all."""

    items: Sequence[Address]
    sendable: Sequence[Means]


EXAMPLE = {"means": "email", "address": "aino@example.org", "confirmed": None, "until": "2026-11-22T16:30:00Z"}
EXAMPLE_HELD = {
    "items": [{**EXAMPLE, "confirmed": "2026-11-22T16:05:00Z", "until": None}],
    "sendable": ["email"],
}
GIVE = """\
A code of six digits goes to the address and holds for 30 minutes; nothing else is sent there before it has come back.
An earlier address stays in use until then. Asking again sends a new code: after a minute at the soonest, five a day at
most. Where the house has no mail server, or no service for text messages, this is refused and nothing is kept."""


@dataclass(frozen=True, slots=True)
class AddressRoutes:
    """Keeps residents' addresses."""

    gate: Gate
    residents: Residents
    addresses: Addresses

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path=PATH,
                name="read_addresses",
                summary="Where a resident gets messages",
                tag=TAG,
                handler=self.read,
                answers={200: Answer("The addresses", Held, EXAMPLE_HELD)},
                scope=Scope.ADDRESSES_READ,
            ),
            Operation(
                method="PUT",
                path=f"{PATH}/{{means}}",
                name="give_address",
                summary="Give an address, or ask for a new code",
                description=GIVE,
                tag=TAG,
                handler=self.give,
                body=Given,
                example={"address": "aino@example.org", "language": "en"},
                answers={202: Answer("A code is on its way", Address, EXAMPLE)},
                problems=(NotFound, NotOffered, TooOften, NoSender),
                scope=Scope.ADDRESSES_WRITE,
            ),
            Operation(
                method="POST",
                path=f"{PATH}/{{means}}/confirm",
                name="confirm_address",
                summary="Confirm an address by its code",
                description="Each code may be tried five times; whatever is wrong with it is said in the same words.",
                tag=TAG,
                handler=self.confirm,
                body=Code,
                example={"code": "123456"},
                answers={200: Answer("The address is in use", Held, EXAMPLE_HELD)},
                problems=(NotFound, WrongCode),
                scope=Scope.ADDRESSES_WRITE,
            ),
            Operation(
                method="DELETE",
                path=f"{PATH}/{{means}}",
                name="remove_address",
                summary="Remove an address",
                description="It is gone when this answers, and nothing more is sent to it.",
                tag=TAG,
                handler=self.remove,
                answers={204: Answer("It is gone")},
                problems=(NotFound,),
                scope=Scope.ADDRESSES_WRITE,
            ),
        )

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/addresses`."""
        person = await self.gate.resident(request, Scope.ADDRESSES_READ)
        resident = await self.residents.pseudonym(person)
        held = [] if resident is None else await self.addresses.held(resident, self.gate.clock())
        return private_json(self._told(held))

    async def give(self, request: Request) -> Response:
        """Answer `PUT /v1/residents/{id}/addresses/{means}`."""
        person, means = await self.gate.resident(request, Scope.ADDRESSES_WRITE), _means(request)
        given = await _read_given(request)
        # Before anybody is enrolled: an address that cannot be taken leaves nothing behind.
        address = self.addresses.check(means, given.address)
        claim = partial(
            self.addresses.claim, means=means, address=address, language=given.language, now=self.gate.clock()
        )
        return private_json(await self.residents.decide(person, claim), 202)

    async def confirm(self, request: Request) -> Response:
        """Answer `POST /v1/residents/{id}/addresses/{means}/confirm`."""
        person, means = await self.gate.resident(request, Scope.ADDRESSES_WRITE), _means(request)
        code, now = await _read_code(request), self.gate.clock()
        resident = await self.residents.pseudonym(person)
        if resident is None:
            raise WrongCode(field="code")
        await self.addresses.confirm(resident, means, code.code, now)
        return private_json(self._told(await self.addresses.held(resident, now)))

    async def remove(self, request: Request) -> Response:
        """Answer `DELETE /v1/residents/{id}/addresses/{means}`."""
        person, means = await self.gate.resident(request, Scope.ADDRESSES_WRITE), _means(request)
        resident = await self.residents.pseudonym(person)
        if resident is not None:
            await self.addresses.remove(resident, means)
        return Response(status_code=204, headers=PRIVATE)

    def _told(self, held: Sequence[Address]) -> Held:
        return Held(held, sorted(self.addresses.sendable))


def _means(request: Request) -> Means:
    try:
        return Means(request.path_params["means"])
    except ValueError as error:
        raise NotFound("Addresses are of `email` or `sms`.", field="means") from error


_read_given = Reader(Given)
_read_code = Reader(Code)
