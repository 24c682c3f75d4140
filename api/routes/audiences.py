"""Audiences: counted, written, read, changed and ended by the departments they belong to; nobody is ever listed."""

from collections.abc import Collection, Sequence
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
    EXAMPLE_VERSION,
    TREE,
    AudienceAnswers,
    AudiencePage,
    AudienceVersion,
    Counted,
    Question,
)
from api.bodies import Reader
from api.departments import Departments, require
from api.gate import Gate
from api.operations import PRIVATE, Answer, Operation, private_json
from api.versions import seen, versioned
from campaigns.audience import Draft, check
from campaigns.records.audiences import AudienceRecords
from engine.errors import InvalidInput, NotFound, Over
from engine.rulebook import Rulebook
from engine.rules import Revision

TAG = "Audiences"
COUNTING = """\
A tree of predicates: groups are `all`, `any` and `none` of what stands in `of`, everything else is a predicate. What a
resident told counts while they allow `interests` (districts `location` too), what they did while they allow `activity`,
places of that while they allow `location`; whoever withdraws is out at once. Counted are those who allow messages on
the topic by one of the channels.

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
        (await self.gate.caller(request)).require(Scope.AUDIENCES_READ)
        question = await _read_question(request)
        check(question.tree)
        return private_json(await self.answers.count(question, self.gate.clock()))

    async def page(self, request: Request) -> Response:
        """Answer `GET /v1/audiences`."""
        _, departments = await self._caller(request, Scope.AUDIENCES_READ)
        asked = parameters.read(request.scope["query_string"], Asked)
        found = await self.records.page(departments, asked.after or 2**62, asked.limit + 1)
        shown, more = found[: asked.limit], len(found) > asked.limit
        return private_json(AudiencePage(list(map(self.answers.version, shown)), shown[-1].seq if more else None))

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/audiences/{audience}`."""
        _, departments = await self._caller(request, Scope.AUDIENCES_READ)
        return self._answer(await self._last(request, departments))

    async def write(self, request: Request) -> Response:
        """Answer `POST /v1/audiences`."""
        caller, departments = await self._caller(request, Scope.AUDIENCES_WRITE)
        draft = await _checked(request, departments)
        return self._answer(await self._book.write(draft, caller.name, self.gate.clock()), 201)

    async def replace(self, request: Request) -> Response:
        """Answer `PUT /v1/audiences/{audience}`."""
        caller, departments = await self._caller(request, Scope.AUDIENCES_WRITE)
        version, draft = seen(request), await _checked(request, departments)
        last = await self._last(request, departments)
        return self._answer(await self._book.replace(last.id, version, draft, caller.name, self.gate.clock()))

    async def end(self, request: Request) -> Response:
        """Answer `DELETE /v1/audiences/{audience}`."""
        caller, departments = await self._caller(request, Scope.AUDIENCES_WRITE)
        version, last = seen(request), await self._last(request, departments)
        await self._book.end(last.id, version, caller.name, self.gate.clock())
        return Response(status_code=204, headers=PRIVATE)

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

    def _answer(self, its: Revision[Draft], status: int = 200) -> Response:
        location = f"/v1/audiences/{its.id}" if status == 201 else None  # noqa: PLR2004 - created
        return versioned(self.answers.version(its), its.version, status, location)


_read_question = Reader(Question)
_read_draft = Reader(Draft)


async def _checked(request: Request, departments: Collection[str] | None) -> Draft:
    draft = await _read_draft(request)
    require(draft.department, departments)
    check(draft.tree)
    return draft
