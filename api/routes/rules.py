"""Rules of the city beside the ranking: read, written, changed and ended by staff; no version is ever lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import parameters
from api.access import Scope
from api.bodies import Reader
from api.gate import Gate
from api.operations import PRIVATE, Answer, Operation, private_json
from api.rule_versions import EXAMPLE, EXAMPLE_VERSION, RuleHistory, RulePage, RuleTeller, RuleVersion
from api.versions import seen, versioned
from engine.errors import InvalidInput, NotFound
from engine.records.rules import RuleRecords
from engine.rulebook import Rulebook
from engine.rules import Revision, Rule, dated
from engine.scenario import Scenario

TAG = "Rules"
DESCRIPTION = """\
`pin` puts offers first (five in a scenario at most), `boost` and `bury` move them by `strength` on the scale of scores
(0 to about 1; 0.2 where it is not given), `exclude` leaves them out. A target means the offers that fit everything it
names, by any of the values. A rule moves what suits whoever asks: what is full, over or for other ages stays out, and
no consent is passed by. What stands higher by a rule says so in its reasons. Every process follows within moments."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which rules to tell."""

    scenario: Annotated[Scenario, msgspec.Meta(description="Those of one scenario")] | None = None
    include_past: Annotated[bool, msgspec.Meta(description="Those that are over or ended too")] = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="How many at most")] = 100
    after: Annotated[int, msgspec.Meta(ge=1, le=2**53, description="The `next` of the page before")] | None = None


@dataclass(frozen=True, slots=True)
class RuleRoutes:
    """Tells and writes rules."""

    gate: Gate
    records: RuleRecords[Rule]
    teller: RuleTeller

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (*self._reading(), *self._writing())

    def _reading(self) -> Sequence[Operation]:
        return (
            Operation(
                method="GET",
                path="/v1/rules",
                name="list_rules",
                summary="Rules beside the ranking",
                description="Those in force or to come, unless past ones are asked for too.",
                tag=TAG,
                handler=self.page,
                form=Asked,
                answers={200: Answer("The last version of each", RulePage, {"items": [EXAMPLE_VERSION], "next": None})},
                scope=Scope.RULES_READ,
            ),
            Operation(
                method="GET",
                path="/v1/rules/{rule}",
                name="read_rule",
                summary="One rule",
                description="Its `ETag` names the version.",
                tag=TAG,
                handler=self.read,
                answers={200: Answer("The last version", RuleVersion, EXAMPLE_VERSION)},
                problems=(NotFound,),
                scope=Scope.RULES_READ,
            ),
            Operation(
                method="GET",
                path="/v1/rules/{rule}/history",
                name="read_rule_history",
                summary="Who set what, when and why",
                tag=TAG,
                handler=self.history,
                answers={200: Answer("All versions", RuleHistory, {"items": [EXAMPLE_VERSION]})},
                problems=(NotFound,),
                scope=Scope.RULES_READ,
            ),
        )

    def _writing(self) -> Sequence[Operation]:
        return (
            Operation(
                method="POST",
                path="/v1/rules",
                name="write_rule",
                summary="Set a rule",
                description=DESCRIPTION,
                tag=TAG,
                handler=self.write,
                body=Rule,
                example=EXAMPLE,
                answers={201: Answer("The rule", RuleVersion, EXAMPLE_VERSION)},
                problems=(InvalidInput,),
                scope=Scope.RULES_WRITE,
            ),
            Operation(
                method="PUT",
                path="/v1/rules/{rule}",
                name="change_rule",
                summary="Set a rule otherwise",
                description="The whole rule, as a new version; the earlier ones stay in its history.",
                tag=TAG,
                handler=self.replace,
                body=Rule,
                example=EXAMPLE,
                answers={200: Answer("The rule", RuleVersion, EXAMPLE_VERSION | {"version": 2})},
                problems=(NotFound,),
                scope=Scope.RULES_WRITE,
                on_version=True,
            ),
            Operation(
                method="DELETE",
                path="/v1/rules/{rule}",
                name="end_rule",
                summary="End a rule",
                description="It moves nothing any more; its history stays.",
                tag=TAG,
                handler=self.end,
                answers={204: Answer("It is over")},
                problems=(NotFound,),
                scope=Scope.RULES_WRITE,
                on_version=True,
            ),
        )

    async def page(self, request: Request) -> Response:
        """Answer `GET /v1/rules`."""
        (await self.gate.caller(request)).require(Scope.RULES_READ)
        asked = parameters.read(request.scope["query_string"], Asked)
        found = await self.records.page(
            self.gate.clock(),
            asked.scenario,
            past=asked.include_past,
            before=asked.after or 2**62,
            most=asked.limit + 1,
        )
        shown, more = found[: asked.limit], len(found) > asked.limit
        return private_json(RulePage(await self.teller.told(shown, self.gate.clock()), shown[-1].seq if more else None))

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/rules/{rule}`."""
        (await self.gate.caller(request)).require(Scope.RULES_READ)
        last = (await self._book.history(named(request)))[-1]
        return await self._answer(last)

    async def history(self, request: Request) -> Response:
        """Answer `GET /v1/rules/{rule}/history`."""
        (await self.gate.caller(request)).require(Scope.RULES_READ)
        versions = await self._book.history(named(request))
        return private_json(RuleHistory(await self.teller.told(versions, self.gate.clock())))

    async def write(self, request: Request) -> Response:
        """Answer `POST /v1/rules`."""
        caller = await self.gate.caller(request)
        caller.require(Scope.RULES_WRITE)
        now = self.gate.clock()
        written = await self._book.write(dated(await _read_rule(request), now), caller.name, now)
        return await self._answer(written, 201)

    async def replace(self, request: Request) -> Response:
        """Answer `PUT /v1/rules/{rule}`."""
        caller = await self.gate.caller(request)
        caller.require(Scope.RULES_WRITE)
        version, now = seen(request), self.gate.clock()
        its = dated(await _read_rule(request), now)
        return await self._answer(await self._book.replace(named(request), version, its, caller.name, now))

    async def end(self, request: Request) -> Response:
        """Answer `DELETE /v1/rules/{rule}`."""
        caller = await self.gate.caller(request)
        caller.require(Scope.RULES_WRITE)
        await self._book.end(named(request), seen(request), caller.name, self.gate.clock())
        return Response(status_code=204, headers=PRIVATE)

    @property
    def _book(self) -> Rulebook[Rule]:
        return Rulebook(self.records)

    async def _answer(self, its: Revision[Rule], status: int = 200) -> Response:
        (told,) = await self.teller.told([its], self.gate.clock())
        return versioned(told, its.version, status, f"/v1/rules/{its.id}" if status == 201 else None)  # noqa: PLR2004


_read_rule = Reader(Rule)


def named(request: Request) -> str:
    """Return the id that an address names.

    Raises
    ------
    NotFound
        It cannot be one.
    """
    id_: str = request.path_params["rule"]
    if not (id_.isascii() and id_.isalnum()):
        raise NotFound("There is nothing of this id; the list tells those there are.", field="rule")
    return id_
