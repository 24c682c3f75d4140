"""Who acts for whom: dependants and their guardians, and helpers with a few actions until a date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope, Standing, parse_resident
from api.bodies import Reader
from api.errors import Forbidden
from api.gate import Gate
from api.operations import Answer, Operation, private_json
from engine.errors import InvalidInput, LastGuardian, NotForMinors, NotFound, NotYours
from engine.events import AwareTime
from engine.family import Family
from engine.ties import Action, Code, Helper, Ties

TAG = "Families and helpers"


class NewDependant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A child that a guardian tells of; a service may name a person who is known already."""

    birth_date: Annotated[date, msgspec.Meta(description="The day of birth, as in 2016-05-04")]
    dependant: Annotated[UUID, msgspec.Meta(description="For services alone: the person's UUID")] | None = None


class Registered(msgspec.Struct, frozen=True):
    """The dependant's UUID, which names the dependant in every address."""

    dependant: UUID


class Guardianship(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code that another guardian gave."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=64, description="As the other guardian got it")]


class Permission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a helper may do, until when."""

    actions: Annotated[tuple[Action, ...], msgspec.Meta(min_length=1, max_length=10)]
    until: Annotated[AwareTime, msgspec.Meta(description="Within a year")]


_CHILD, _HELPER_ID = "b3b0cf5e-6a1d-4a55-8f43-6d6d5a1f0c77", "0f9a4c1e-52c7-4a0e-9d3a-1f2b3c4d5e6f"
_SINCE, _UNTIL = "2026-11-22T16:00:00Z", "2026-12-22T16:00:00Z"
EXAMPLE_HELPER = {
    "id": _HELPER_ID,
    "actions": ["interests:read", "suggestions:read"],
    "since": _SINCE,
    "until": _UNTIL,
}
EXAMPLE = {
    "dependants": [{"id": _CHILD, "birth_date": "2016-05-04", "since": _SINCE, "guardians": 2}],
    "guardians": [],
    "helpers": [EXAMPLE_HELPER],
    "helping": [],
}
EXAMPLE_CODE = {"code": "3q2-7wX0cJk1vZ8sT5yBnA", "until": "2026-11-29T16:00:00Z"}
ACTING = """\
Whoever is a guardian or a helper uses that person's UUID in place of their own: in the address, as `for` of
suggestions, or as `resident` of events. Of a child under 13 the guardians decide in everything. From 13 on the young
person decides; guardians still see consents and receipts. At 18 the guardianship ends by itself. What was allowed
before the 13th or 18th birthday, at midnight in Helsinki, holds no longer: it is asked again."""


@dataclass(frozen=True, slots=True)
class FamilyRoutes:
    """Tells and changes who acts for whom."""

    gate: Gate
    family: Family

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (*self._dependants(), *self._helpers())

    def _dependants(self) -> Sequence[Operation]:
        dependants = "/v1/residents/{id}/dependants"
        return (
            Operation(
                method="GET",
                path="/v1/residents/{id}/family",
                name="read_family",
                summary="Whom a resident acts for, and who acts for them",
                description=ACTING,
                tag=TAG,
                handler=self.read,
                answers={200: Answer("Everybody, as of now", Ties, EXAMPLE)},
                scope=Scope.FAMILY_READ,
            ),
            Operation(
                method="POST",
                path=dependants,
                name="register_dependant",
                summary="Become the guardian of a child",
                description="A guardian tells of a child under 13, who gets a UUID. A service names a known person.",
                tag=TAG,
                handler=self.register,
                body=NewDependant,
                example={"birth_date": "2016-05-04"},
                answers={201: Answer("The dependant's UUID", Registered, {"dependant": _CHILD})},
                problems=(NotForMinors,),
                scope=Scope.FAMILY_WRITE,
            ),
            Operation(
                method="POST",
                path=dependants + "/{dependant}/invitations",
                name="invite_guardian",
                summary="Make a code for one more guardian",
                description="Good once, for a week; it takes the place of the one before. Only a digest is kept.",
                tag=TAG,
                handler=self.invite,
                answers={201: Answer("The code, told this once", Code, EXAMPLE_CODE)},
                problems=(NotYours,),
                scope=Scope.FAMILY_WRITE,
            ),
            Operation(
                method="POST",
                path="/v1/residents/{id}/guardianships",
                name="accept_guardianship",
                summary="Become one more guardian, by a code",
                tag=TAG,
                handler=self.accept,
                body=Guardianship,
                example={"code": EXAMPLE_CODE["code"]},
                answers={201: Answer("The dependant's UUID", Registered, {"dependant": _CHILD})},
                problems=(NotFound, NotForMinors),
                scope=Scope.FAMILY_WRITE,
            ),
            Operation(
                method="DELETE",
                path=dependants + "/{dependant}",
                name="leave_dependant",
                summary="Be no guardian any more",
                tag=TAG,
                handler=self.leave,
                answers={200: Answer("Whom the resident acts for now", Ties, EXAMPLE)},
                problems=(NotYours, LastGuardian),
                scope=Scope.FAMILY_WRITE,
            ),
        )

    def _helpers(self) -> Sequence[Operation]:
        path = "/v1/residents/{id}/helpers/{helper}"
        return (
            Operation(
                method="PUT",
                path=path,
                name="allow_helper",
                summary="Allow a helper some actions until a time",
                description="What the helper was allowed before is replaced. For a child, a helper gives no consents.",
                tag=TAG,
                handler=self.allow,
                body=Permission,
                example={"actions": EXAMPLE_HELPER["actions"], "until": _UNTIL},
                answers={200: Answer("It holds from now on", Helper, EXAMPLE_HELPER)},
                scope=Scope.FAMILY_WRITE,
            ),
            Operation(
                method="DELETE",
                path=path,
                name="end_help",
                summary="Allow a helper nothing any more",
                tag=TAG,
                handler=self.end_help,
                answers={200: Answer("Whom the resident acts for, and who acts for them, now", Ties, EXAMPLE)},
                scope=Scope.FAMILY_WRITE,
            ),
        )

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/family`. Who is not known has nobody."""
        return await self._ties(request, await self.gate.resident(request, Scope.FAMILY_READ))

    async def register(self, request: Request) -> Response:
        """Answer `POST /v1/residents/{id}/dependants`."""
        person = await self.gate.resident(request, Scope.FAMILY_WRITE)
        told = await _read_dependant(request)
        if told.dependant is not None and (await self.gate.caller(request)).standing is Standing.RESIDENT:
            raise Forbidden("Only the city's own service names a known person; leave it out.", field="dependant")
        child = await self.family.register(person, told.birth_date, self.gate.clock(), told.dependant)
        return private_json(Registered(child), 201)

    async def invite(self, request: Request) -> Response:
        """Answer `POST /v1/residents/{id}/dependants/{dependant}/invitations`."""
        person = await self.gate.resident(request, Scope.FAMILY_WRITE)
        return private_json(await self.family.invite(person, _other(request, "dependant"), self.gate.clock()), 201)

    async def accept(self, request: Request) -> Response:
        """Answer `POST /v1/residents/{id}/guardianships`."""
        person = await self.gate.resident(request, Scope.FAMILY_WRITE)
        told = await _read_guardianship(request)
        return private_json(Registered(await self.family.accept(person, told.code, self.gate.clock())), 201)

    async def leave(self, request: Request) -> Response:
        """Answer `DELETE /v1/residents/{id}/dependants/{dependant}`."""
        person = await self.gate.resident(request, Scope.FAMILY_WRITE)
        await self.family.leave(person, _other(request, "dependant"), self.gate.clock())
        return await self._ties(request, person)

    async def allow(self, request: Request) -> Response:
        """Answer `PUT /v1/residents/{id}/helpers/{helper}`."""
        person = await self.gate.resident(request, Scope.FAMILY_WRITE)
        given = await _read_permission(request)
        helper, now = _other(request, "helper"), self.gate.clock()
        return private_json(await self.family.allow(person, helper, given.actions, given.until, now))

    async def end_help(self, request: Request) -> Response:
        """Answer `DELETE /v1/residents/{id}/helpers/{helper}`."""
        person = await self.gate.resident(request, Scope.FAMILY_WRITE)
        await self.family.end_help(person, _other(request, "helper"))
        return await self._ties(request, person)

    async def _ties(self, request: Request, person: UUID) -> Response:
        viewer = (await self.gate.caller(request)).person
        return private_json(await self.family.ties(person, viewer, self.gate.clock()))


_read_dependant, _read_guardianship, _read_permission = Reader(NewDependant), Reader(Guardianship), Reader(Permission)


def _other(request: Request, name: str) -> UUID:
    """Return the other person that the address names.

    Raises
    ------
    InvalidInput
        It is no UUID.
    """
    try:
        return parse_resident(request.path_params[name], name)
    except InvalidInput as error:
        raise InvalidInput("A person is named by a UUID here.", field=name) from error
