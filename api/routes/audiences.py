"""Audiences: counted, written, read, changed and ended by the departments they belong to; nobody is ever listed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import parameters
from api.access import Caller, Scope
from api.audience_answers import (
    EXAMPLE,
    EXAMPLE_COUNTED,
    EXAMPLE_SCHEMA,
    EXAMPLE_VERSION,
    TREE,
    AudienceAnswers,
    AudiencePage,
    AudienceVersion,
    Counted,
    Question,
    Schema,
    schema,
)
from api.bodies import Reader
from api.departments import Departments, require
from api.gate import Gate
from api.operations import PRIVATE, Answer, Operation, private_json
from api.versions import seen, versioned
from campaigns.audience import Draft, Member, Tree, check, walk
from campaigns.counting import Lists
from campaigns.records.audiences import AudienceRecords
from engine.errors import InvalidInput, NotFound, Over
from engine.rulebook import Rulebook
from engine.rules import Revision

TAG = "Audiences"
COUNTING = """\
A tree of predicates: groups are `all`, `any` and `none` of what stands in `of`, everything else is a predicate. What a
resident told counts while they allow `interests` (districts `location` too), what they did while they allow `activity`,
places of that while they allow `location`; whoever withdraws is out at once. `total` are those whom a message on the
topic would reach by one of the channels now; everybody else whom the tree means is under one reason in `left_out`.

Counts are rounded to tens, and null for small groups: ten, or fewer, are never told, and no campaign is sent to such an
audience. An answer is kept for ten minutes. Nobody is ever named.

`wants` means those who would find an offer among their first suggestions, as many as there are seats for. It takes
time to work out: who asks first is answered 503 with `Retry-After`, and the answer follows in seconds to minutes."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which audiences to tell."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="How many at most")] = 100
    after: Annotated[int, msgspec.Meta(ge=1, le=2**53, description="The `next` of the page before")] | None = None


@dataclass(frozen=True, slots=True)
class AudienceRoutes:
    """Counts and keeps audiences."""

    gate: Gate
    records: AudienceRecords
    answers: AudienceAnswers
    departments: Departments
    lists: Lists

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (*self._reading(), *self._writing())

    def _reading(self) -> Sequence[Operation]:
        return (
            Operation(
                method="POST",
                path="/v1/audiences/count",
                name="count_audience",
                summary="How many residents an audience has",
                description=COUNTING,
                tag=TAG,
                handler=self.count,
                body=Question,
                example={"tree": TREE, "topic": "new_courses", "channels": ["email", "inbox"]},
                answers={200: Answer("The counts", Counted, EXAMPLE_COUNTED)},
                problems=(InvalidInput, Over),
                scope=Scope.AUDIENCES_READ,
            ),
            Operation(
                method="GET",
                path="/v1/audiences",
                name="list_audiences",
                summary="Audiences of one's departments",
                tag=TAG,
                handler=self.page,
                form=Asked,
                answers={200: Answer("The last versions", AudiencePage, {"items": [EXAMPLE_VERSION], "next": None})},
                scope=Scope.AUDIENCES_READ,
            ),
            Operation(
                method="GET",
                path="/v1/audiences/schema",
                name="read_audience_schema",
                summary="What a tree may be, as JSON Schema",
                description="Of every predicate and group, what it means and takes; trees are checked by the same.",
                tag=TAG,
                handler=self.schema,
                answers={200: Answer("The schema (draft 2020-12)", Schema, EXAMPLE_SCHEMA)},
                scope=Scope.AUDIENCES_READ,
            ),
            Operation(
                method="GET",
                path="/v1/audiences/{audience}",
                name="read_audience",
                summary="One audience",
                description="Its `ETag` names the version.",
                tag=TAG,
                handler=self.read,
                answers={200: Answer("The last version", AudienceVersion, EXAMPLE_VERSION)},
                problems=(NotFound,),
                scope=Scope.AUDIENCES_READ,
            ),
        )

    def _writing(self) -> Sequence[Operation]:
        return (
            Operation(
                method="POST",
                path="/v1/audiences",
                name="write_audience",
                summary="Keep an audience",
                description="For a department that one works for; see `POST /v1/audiences/count` for the tree.",
                tag=TAG,
                handler=self.write,
                body=Draft,
                example=EXAMPLE,
                answers={201: Answer("The audience", AudienceVersion, EXAMPLE_VERSION)},
                problems=(InvalidInput,),
                scope=Scope.AUDIENCES_WRITE,
            ),
            Operation(
                method="PUT",
                path="/v1/audiences/{audience}",
                name="change_audience",
                summary="Keep an audience otherwise",
                description="The whole audience, as a new version; the earlier ones stay.",
                tag=TAG,
                handler=self.replace,
                body=Draft,
                example=EXAMPLE,
                answers={200: Answer("The audience", AudienceVersion, EXAMPLE_VERSION | {"version": 2})},
                problems=(NotFound,),
                scope=Scope.AUDIENCES_WRITE,
                on_version=True,
            ),
            Operation(
                method="DELETE",
                path="/v1/audiences/{audience}",
                name="end_audience",
                summary="End an audience",
                tag=TAG,
                handler=self.end,
                answers={204: Answer("It is over")},
                problems=(NotFound,),
                scope=Scope.AUDIENCES_WRITE,
                on_version=True,
            ),
        )

    async def count(self, request: Request) -> Response:
        """Answer `POST /v1/audiences/count`."""
        caller = await self.gate.caller(request)
        caller.require(Scope.AUDIENCES_READ)
        question = await _read_question(request)
        check(question.tree)
        if lists := _lists(question.tree):
            await self._check_lists(lists, await self.departments.of(caller))
        return private_json(await self.answers.count(question, self.gate.clock()))

    async def schema(self, request: Request) -> Response:
        """Answer `GET /v1/audiences/schema`."""
        (await self.gate.caller(request)).require(Scope.AUDIENCES_READ)
        return private_json(schema())

    async def page(self, request: Request) -> Response:
        """Answer `GET /v1/audiences`."""
        _, departments = await self._caller(request, Scope.AUDIENCES_READ)
        asked = parameters.read(request.scope["query_string"], Asked)
        found = await self.records.page(departments, asked.after or 2**62, asked.limit + 1)
        shown, more = found[: asked.limit], len(found) > asked.limit
        told = [await self.answers.version(its) for its in shown]
        return private_json(AudiencePage(told, shown[-1].seq if more else None))

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/audiences/{audience}`."""
        _, departments = await self._caller(request, Scope.AUDIENCES_READ)
        return await self._answer(await self._last(request, departments))

    async def write(self, request: Request) -> Response:
        """Answer `POST /v1/audiences`."""
        caller, departments = await self._caller(request, Scope.AUDIENCES_WRITE)
        draft = await self._checked(request, departments)
        return await self._answer(await self._book.write(draft, caller.name, self.gate.clock()), 201)

    async def replace(self, request: Request) -> Response:
        """Answer `PUT /v1/audiences/{audience}`."""
        caller, departments = await self._caller(request, Scope.AUDIENCES_WRITE)
        version, draft = seen(request), await self._checked(request, departments)
        last = await self._last(request, departments)
        return await self._answer(await self._book.replace(last.id, version, draft, caller.name, self.gate.clock()))

    async def end(self, request: Request) -> Response:
        """Answer `DELETE /v1/audiences/{audience}`."""
        caller, departments = await self._caller(request, Scope.AUDIENCES_WRITE)
        version, last = seen(request), await self._last(request, departments)
        await self._book.end(last.id, version, caller.name, self.gate.clock())
        return Response(status_code=204, headers=PRIVATE)

    async def _checked(self, request: Request, departments: Collection[str] | None) -> Draft:
        draft = await _read_draft(request)
        require(draft.department, departments)
        check(draft.tree)
        await self._check_lists(_lists(draft.tree), [draft.department])
        return draft

    async def _check_lists(self, paths: Mapping[str, str], departments: Collection[str] | None) -> None:
        """Refuse lists that there are not, and those of other departments."""
        kept = await self.lists.kept(paths, self.gate.clock()) if paths else {}
        for id_, path in paths.items():
            if id_ not in kept or (departments is not None and kept[id_] not in departments):
                raise InvalidInput("The department has no list of this id.", field=path)

    @property
    def _book(self) -> Rulebook[Draft]:
        return Rulebook(self.records, "audience")

    async def _caller(self, request: Request, scope: Scope) -> tuple[Caller, Collection[str] | None]:
        caller = await self.gate.caller(request)
        caller.require(scope)
        return caller, await self.departments.of(caller)

    async def _last(self, request: Request, departments: Collection[str] | None) -> Revision[Draft]:
        """Return the last version of the audience that an address names; one that has ended is there no more."""
        id_: str = request.path_params["audience"]
        versions = await self.records.history(id_) if id_.isascii() and id_.isalnum() else ()
        if not versions or versions[-1].ended:
            raise NotFound("There is no audience of this id; the list tells those there are.", field="audience")
        require(versions[-1].content.department, departments)
        return versions[-1]

    async def _answer(self, its: Revision[Draft], status: int = 200) -> Response:
        location = f"/v1/audiences/{its.id}" if status == 201 else None  # noqa: PLR2004 - created
        return versioned(await self.answers.version(its), its.version, status, location)


_read_question = Reader(Question)
_read_draft = Reader(Draft)


def _lists(tree: Tree) -> Mapping[str, str]:
    """Return the lists that a tree names, with the path of each."""
    return {node.of: f"{path}.of" for path, node, _ in walk(tree) if isinstance(node, Member)}
