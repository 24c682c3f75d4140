"""Departments that speak, with the AD groups that have a role in each; and programmes that several carry together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Caller, Scope
from api.bodies import Reader
from api.gate import Gate
from api.operations import Answer, Operation, private_json
from api.routes.campaigns import named, official
from api.versions import seen, versioned
from campaigns.departments import (
    Department,
    DepartmentDraft,
    Id,
    Programme,
    ProgrammeDraft,
    Rights,
    Role,
    check_names,
)
from campaigns.errors import RoleNeeded
from campaigns.keeper import Keeper
from campaigns.records.documents import DocumentRecords
from engine.errors import InvalidInput, NotFound

TAG = "Departments"


class NewDepartment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A department and the id that it is to have."""

    id: Id
    draft: DepartmentDraft


class DepartmentList(msgspec.Struct, frozen=True):
    """The departments that one has a role in."""

    items: Sequence[Department]


class ProgrammeList(msgspec.Struct, frozen=True):
    """All programmes."""

    items: Sequence[Programme]


DRAFT = {
    "names": {"fi": "Liikuntapalvelut", "sv": "Idrottstjänster", "en": "Sports services"},
    "roles": {"editor": ["hki-kuva-sport-editors"], "approver": ["hki-kuva-sport-leads"]},
}
DEPARTMENT = {"id": "sport", "version": 1, "draft": DRAFT, "changed": "2026-11-26T10:00:00Z"}
PROGRAMME_DRAFT = {
    "names": {"fi": "Helsinki Biennaali", "sv": "Helsingforsbiennalen", "en": "Helsinki Biennial"},
    "departments": ["sport"],
    "languages": ["fi", "sv", "en", "et"],
}
PROGRAMME = {"id": "71c0aa12f09b4d35", "version": 1, "draft": PROGRAMME_DRAFT, "changed": "2026-11-26T10:00:00Z"}


@dataclass(frozen=True, slots=True)
class DepartmentRoutes:
    """Tells and writes departments and programmes."""

    gate: Gate
    rights: Rights
    departments: DocumentRecords[Department]
    programmes: DocumentRecords[Programme]

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            *_four("department", Department, DepartmentList, NewDepartment, DepartmentDraft, _DEPARTMENT_EXAMPLES, {
                "list": self.list_departments, "write": self.found_department, "read": self.read_department,
                "change": self.change_department,
            }),
            *_four("programme", Programme, ProgrammeList, ProgrammeDraft, ProgrammeDraft, _PROGRAMME_EXAMPLES, {
                "list": self.list_programmes, "write": self.found_programme, "read": self.read_programme,
                "change": self.change_programme,
            }),
        )  # fmt: skip

    async def list_departments(self, request: Request) -> Response:
        """Answer `GET /v1/departments`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_READ)
        return private_json(DepartmentList(self.rights.seen(await self.departments.all(), caller.groups)))

    async def read_department(self, request: Request) -> Response:
        """Answer `GET /v1/departments/{department}`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_READ)
        its = await self._department(named(request, "department"))
        self.rights.require(its, caller.groups)
        return versioned(its, its.version)

    async def found_department(self, request: Request) -> Response:
        """Answer `POST /v1/departments`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_WRITE)
        if not self.rights.first(caller.groups):
            raise RoleNeeded("Only the administrators of the whole desk found departments; ask one.")
        new = await _read_department(request)
        check_names(new.draft.names)
        keeper = Keeper(self.departments, "department")
        its = await keeper.create(Department, new.draft, official(caller), self.gate.clock(), new.id)
        return versioned(its, its.version, 201, f"/v1/departments/{its.id}")

    async def change_department(self, request: Request) -> Response:
        """Answer `PUT /v1/departments/{department}`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_WRITE)
        version, last = seen(request), await self._department(named(request, "department"))
        self.rights.require(last, caller.groups, Role.ADMINISTRATOR)
        draft = await _read_department_draft(request)
        check_names(draft.names)
        keeper = Keeper(self.departments, "department")
        its = await keeper.replace(last, version, draft, official(caller), self.gate.clock())
        return versioned(its, its.version)

    async def list_programmes(self, request: Request) -> Response:
        """Answer `GET /v1/programmes`."""
        await self._somebody(await self._caller(request, Scope.CAMPAIGNS_READ))
        return private_json(ProgrammeList(await self.programmes.all()))

    async def read_programme(self, request: Request) -> Response:
        """Answer `GET /v1/programmes/{programme}`."""
        await self._somebody(await self._caller(request, Scope.CAMPAIGNS_READ))
        its: Programme = await Keeper(self.programmes, "programme").found(named(request, "programme"))
        return versioned(its, its.version)

    async def found_programme(self, request: Request) -> Response:
        """Answer `POST /v1/programmes`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_WRITE)
        draft = await _read_programme(request)
        await self._may_carry(draft, caller)
        keeper = Keeper(self.programmes, "programme")
        its = await keeper.create(Programme, draft, official(caller), self.gate.clock())
        return versioned(its, its.version, 201, f"/v1/programmes/{its.id}")

    async def change_programme(self, request: Request) -> Response:
        """Answer `PUT /v1/programmes/{programme}`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_WRITE)
        version, keeper = seen(request), Keeper(self.programmes, "programme")
        last: Programme = await keeper.found(named(request, "programme"))
        await self._administers(last.draft, caller)
        draft = await _read_programme(request)
        await self._may_carry(draft, caller)
        its = await keeper.replace(last, version, draft, official(caller), self.gate.clock())
        return versioned(its, its.version)

    async def _may_carry(self, draft: ProgrammeDraft, caller: Caller) -> None:
        check_names(draft.names)
        known = {each.id for each in await self.departments.all()}
        for n, id_ in enumerate(draft.departments):
            if id_ not in known:
                raise InvalidInput("There is no department of this id.", field=f"departments.{n}")
        await self._administers(draft, caller)

    async def _administers(self, draft: ProgrammeDraft, caller: Caller) -> None:
        """Refuse who administers none of a programme's departments."""
        carrying = [each for each in await self.departments.all() if each.id in draft.departments]
        if not any(Role.ADMINISTRATOR in self.rights.roles(each, caller.groups) for each in carrying):
            raise RoleNeeded("A programme is kept by the administrators of its departments; ask one.")

    async def _somebody(self, caller: Caller) -> None:
        if not self.rights.first(caller.groups) and not self.rights.seen(await self.departments.all(), caller.groups):
            raise RoleNeeded("Your groups give you no role in any department; ask an administrator.")

    async def _department(self, id_: str) -> Department:
        its: Department = await Keeper(self.departments, "department").found(id_)
        return its

    async def _caller(self, request: Request, scope: Scope) -> Caller:
        caller = await self.gate.caller(request)
        caller.require(scope)
        return caller


_read_department = Reader(NewDepartment)
_read_department_draft = Reader(DepartmentDraft)
_read_programme = Reader(ProgrammeDraft)
_DEPARTMENT_EXAMPLES = ({"id": "sport", "draft": DRAFT}, DRAFT, DEPARTMENT)
_PROGRAMME_EXAMPLES = (PROGRAMME_DRAFT, PROGRAMME_DRAFT, PROGRAMME)


def _four(what: str, shape: Any, page: Any, new: Any, draft: Any, examples: Any, handlers: Any) -> Sequence[Operation]:  # noqa: ANN401, PLR0913 - of either kind
    """Return how one kind is listed, founded, read and changed."""
    path, (new_example, draft_example, its_example) = f"/v1/{what}s", examples
    return (
        Operation(
            method="GET", path=path, name=f"list_{what}s", summary=f"The {what}s", tag=TAG, handler=handlers["list"],
            answers={200: Answer("By id", page, {"items": [its_example]})}, scope=Scope.CAMPAIGNS_READ,
        ),
        Operation(
            method="POST", path=path, name=f"write_{what}", summary=f"Found a {what}", tag=TAG,
            handler=handlers["write"], body=new, example=new_example,
            answers={201: Answer(f"The {what}", shape, its_example)}, problems=(InvalidInput, RoleNeeded),
            scope=Scope.CAMPAIGNS_WRITE,
        ),
        Operation(
            method="GET", path=f"{path}/{{{what}}}", name=f"read_{what}", summary=f"One {what}", tag=TAG,
            description="Its `ETag` names the version.", handler=handlers["read"],
            answers={200: Answer("The last version", shape, its_example)}, problems=(NotFound,),
            scope=Scope.CAMPAIGNS_READ,
        ),
        Operation(
            method="PUT", path=f"{path}/{{{what}}}", name=f"change_{what}", summary=f"Write a {what} anew", tag=TAG,
            description="By an administrator.", handler=handlers["change"], body=draft, example=draft_example,
            answers={200: Answer(f"The {what}", shape, its_example | {"version": 2})}, problems=(NotFound, RoleNeeded),
            scope=Scope.CAMPAIGNS_WRITE, on_version=True,
        ),
    )  # fmt: skip
