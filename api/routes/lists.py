"""Lists of residents that departments hold: written, renewed, filled and ended; nobody is ever read from one."""

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import list_forms as forms
from api.access import Caller, Scope
from api.bodies import Reader, read
from api.departments import Departments, require
from api.errors import Faults, FieldError
from api.gate import Gate
from api.operations import PRIVATE, Answer, Operation, private_json
from api.routes.campaigns import named
from api.versions import seen, versioned
from campaigns.audit import Act, Detail, changes
from campaigns.departments import Role
from campaigns.lists import FEWEST, MOST, Imported, ListDraft, ResidentList, new
from campaigns.records.lists import ListRecords
from engine.counts import Counts
from engine.errors import InvalidInput, NotFound, Outdated, TooOften

TAG = "Audiences"
BODY_BYTES = 512_000
CSV = "text/csv"
FILLING = f"""\
{FEWEST} to {MOST:,} different ids at once, as JSON, or as `text/csv` with the ids in the first column; more come in
parts. An id of nobody whom the service knows is not kept. The answer tells in tens how many are known, how many are
not, and how many of the known allow no message at all; of ten or fewer nothing is told, and nothing of single ids.

A list only narrows: who allows no message on the topic by the channel gets none, whoever holds them on a list.
Residents see which lists they are on; an erasure takes them off."""


@dataclass(frozen=True, slots=True)
class ListRoutes:
    """Keeps lists."""

    gate: Gate
    records: ListRecords
    departments: Departments
    counts: Counts

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        path, one = "/v1/audiences/lists", "/v1/audiences/lists/{list}"
        return (
            Operation(
                method="GET", path=path, name="list_lists", summary="Lists of one's departments", tag=TAG,
                handler=self.page, answers={200: Answer("The newest first", forms.ListPage, forms.EXAMPLE_PAGE)},
                scope=Scope.AUDIENCES_READ,
            ),
            Operation(
                method="POST", path=path, name="write_list", summary="Begin a list", tag=TAG, handler=self.write,
                description="By an editor of the department. It is for `member` in audiences of the same department.",
                body=ListDraft, example=forms.EXAMPLE_DRAFT,
                answers={201: Answer("The list, with nobody on it", forms.ListTold, forms.EXAMPLE)},
                problems=(InvalidInput,), scope=Scope.AUDIENCES_WRITE,
            ),
            Operation(
                method="GET", path=one, name="read_list", summary="One list", tag=TAG, handler=self.read,
                description="About how many are on it, and never who. Its `ETag` names the version.",
                answers={200: Answer("The list", forms.ListTold, forms.EXAMPLE)},
                problems=(NotFound,), scope=Scope.AUDIENCES_READ,
            ),
            Operation(
                method="PUT", path=one, name="change_list", summary="Write a list anew, which renews it", tag=TAG,
                description="Who is on it stays. A list that nobody renews ends on the day that `until` tells.",
                handler=self.replace, body=ListDraft, example=forms.EXAMPLE_DRAFT,
                answers={200: Answer("The list", forms.ListTold, forms.EXAMPLE | {"version": 2})},
                problems=(NotFound,), scope=Scope.AUDIENCES_WRITE, on_version=True,
            ),
            Operation(
                method="DELETE", path=one, name="end_list", summary="End a list", tag=TAG, handler=self.end,
                description="Everybody is off it at once. Audiences that name it mean nobody any more.",
                answers={204: Answer("It is over")}, problems=(NotFound,), scope=Scope.AUDIENCES_WRITE,
                on_version=True,
            ),
            *(
                Operation(
                    method=method, path=f"{one}/members", name=name, summary=summary, tag=TAG, description=FILLING,
                    handler=handler, body=forms.Ids, example=forms.EXAMPLE_IDS,
                    answers={200: Answer("About how many", forms.ImportTold, forms.EXAMPLE_IMPORT)},
                    problems=(InvalidInput, NotFound, TooOften), scope=Scope.AUDIENCES_WRITE,
                )
                for method, name, summary, handler in (
                    ("POST", "add_members", "Put residents on a list", self.add),
                    ("PUT", "replace_members", "Put these residents on a list, and take all others off", self.fill),
                )
            ),
        )  # fmt: skip

    async def page(self, request: Request) -> Response:
        """Answer `GET /v1/audiences/lists`."""
        _, departments = await self._caller(request, Scope.AUDIENCES_READ)
        now = self.gate.clock()
        return private_json(
            forms.ListPage([await self._told(its, now) for its in await self.records.of(departments, now)])
        )

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/audiences/lists/{list}`."""
        _, departments = await self._caller(request, Scope.AUDIENCES_READ)
        return await self._answer(await self._found(request, departments))

    async def write(self, request: Request) -> Response:
        """Answer `POST /v1/audiences/lists`."""
        caller, departments = await self._caller(request, Scope.AUDIENCES_WRITE, Role.EDITOR)
        draft = await _read_draft(request)
        require(draft.department, departments)
        its = new(draft, caller.name, self.gate.clock())
        await self.records.write(its, _act(its, caller, "create", self.gate.clock()))
        return await self._answer(its, 201)

    async def replace(self, request: Request) -> Response:
        """Answer `PUT /v1/audiences/lists/{list}`."""
        caller, departments = await self._caller(request, Scope.AUDIENCES_WRITE, Role.EDITOR)
        version, draft, now = seen(request), await _read_draft(request), self.gate.clock()
        last = await self._found(request, departments, version)
        if draft.department != last.draft.department:
            raise InvalidInput("A list stays with its department.", field="department")
        its = last.again(draft, caller.name, now)
        changed = tuple(changes(msgspec.to_builtins(last.draft), msgspec.to_builtins(draft)))
        await self.records.write(its, _act(its, caller, "renew", now, Detail(changed)))
        return await self._answer(its)

    async def end(self, request: Request) -> Response:
        """Answer `DELETE /v1/audiences/lists/{list}`."""
        caller, departments = await self._caller(request, Scope.AUDIENCES_WRITE, Role.EDITOR)
        its = await self._found(request, departments, seen(request))
        await self.records.end(its, _act(its, caller, "end", self.gate.clock()))
        return Response(status_code=204, headers=PRIVATE)

    async def add(self, request: Request) -> Response:
        """Answer `POST /v1/audiences/lists/{list}/members`."""
        return await self._import(request, alone=False)

    async def fill(self, request: Request) -> Response:
        """Answer `PUT /v1/audiences/lists/{list}/members`."""
        return await self._import(request, alone=True)

    async def _import(self, request: Request, *, alone: bool) -> Response:
        caller, departments = await self._caller(request, Scope.AUDIENCES_WRITE, Role.EDITOR)
        its, people, now = await self._found(request, departments), await _people(request), self.gate.clock()
        act = _act(its, caller, "fill" if alone else "add", now, Detail(("members",)))
        found = await self.records.put(its, people, act, now, alone=alone)
        return private_json(self._imported(its, found, now))

    def _imported(self, its: ResidentList, found: Imported, now: datetime) -> forms.ImportTold:
        def told(count: int, what: str) -> int | None:
            return self._disclosed(count, its, f"{what} {now:%Y-%m-%d}")

        return forms.ImportTold(
            list=its.id,
            known=told(found.known, "known"),
            unknown=told(found.unknown, "unknown"),
            without_consent=told(found.silent, "silent"),
        )

    def _disclosed(self, count: int, its: ResidentList, what: str) -> int | None:
        # One subject for all lists: of all that is asked of them there are three raises.
        return self.counts.disclose(count, "lists", f"{what} of {its.id}")

    async def _caller(self, request: Request, scope: Scope, *roles: Role) -> tuple[Caller, Collection[str] | None]:
        caller = await self.gate.caller(request)
        caller.require(scope)
        return caller, await self.departments.of(caller, *roles)

    async def _found(
        self, request: Request, departments: Collection[str] | None, version: int | None = None
    ) -> ResidentList:
        its = await self.records.get(named(request, "list"), self.gate.clock())
        if its is None:
            raise NotFound("There is no list of this id, or it has ended; see those there are.", field="list")
        require(its.draft.department, departments)
        if version not in (None, its.version):
            raise Outdated
        return its

    async def _told(self, its: ResidentList, now: datetime) -> forms.ListTold:
        size = self._disclosed(await self.records.size(its.id), its, f"size {now:%Y-%m-%d}")
        return forms.told(its, size)

    async def _answer(self, its: ResidentList, status: int = 200) -> Response:
        location = f"/v1/audiences/lists/{its.id}" if status == 201 else None  # noqa: PLR2004 - created
        return versioned(await self._told(its, self.gate.clock()), its.version, status, location)


_read_draft = Reader(ListDraft)
_read_ids = Reader(forms.Ids, BODY_BYTES)


async def _people(request: Request) -> Collection[UUID]:
    """Return the different ids of a body: JSON, or CSV whose first column has them, with or without a head."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    people = set(_of_csv(await read(request, BODY_BYTES, CSV)) if declared == CSV else (await _read_ids(request)).ids)
    if not FEWEST <= len(people) <= MOST:
        raise InvalidInput(f"{FEWEST} to {MOST:,} different ids come at once; send more in parts.", field="ids")
    return people


def _of_csv(raw: bytes) -> list[UUID]:
    try:
        first = [row[0].strip() for row in csv.reader(raw.decode("utf-8-sig").splitlines()) if row and row[0].strip()]
    except (UnicodeDecodeError, csv.Error):
        raise InvalidInput("Send UTF-8 text with a line an id.", field="body") from None
    read = [_uuid(cell) for cell in first]
    body = read[1:] if read and read[0] is None else read
    # A line says where it is wrong, and not what stands in it.
    faults = [FieldError(f"body.{n}", "This is no UUID.") for n, id_ in enumerate(body) if id_ is None]
    if faults:
        raise Faults(faults[:20])
    return [id_ for id_ in body if id_ is not None]


def _uuid(cell: str) -> UUID | None:
    try:
        return UUID(cell)
    except ValueError:
        return None


def _act(its: ResidentList, caller: Caller, what: str, now: datetime, detail: Detail | None = None) -> Act:
    return Act(
        time=now, who=caller.name, what=what, subject=f"list:{its.id}", version=its.version, detail=detail or Detail()
    )
