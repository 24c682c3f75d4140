"""How what is shown is spread over the offers, and the floors below which the city lets no group fall."""

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
from api.routes.rules import named
from api.versions import seen, versioned
from engine.errors import NotFound
from engine.events import AwareTime
from engine.exposure import DAYS, KEPT_DAYS
from engine.records.exposures import ExposureRecords
from engine.records.rules import RuleRecords
from engine.rulebook import Rulebook
from engine.rules import Floor, Revision, Target, check_target
from engine.steering import CitySteering

TAG = "Exposure"
DESCRIPTION = """\
A show counts by its place in a list, `1 / log2(place + 1)`, in the first 20 places; of no resident anything is kept.
`share` is a group's part of the shows that the offers of now have had, `lift` what each of its offers gains in score
while it is below its `floor` (0.25 at most); what is lifted says so among its reasons. `gini` is 0 where all offers are
shown alike, and towards 1 where one has everything."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of how long to tell."""

    days: Annotated[int, msgspec.Meta(ge=1, le=KEPT_DAYS, description="The last days, today among them")] = DAYS


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of offers against its floor."""

    id: str
    name: str
    floor: float
    share: float
    lift: float
    offers: int
    shows: float


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """How shows are spread over the offers of now."""

    days: int
    offers: int
    shown: int
    shows: float
    gini: float
    groups: Sequence[Group]


class FloorVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A floor in one version."""

    id: str
    version: int
    name: str
    target: Target
    share: float
    reason: str
    author: str
    changed: AwareTime
    ended: bool
    offers_now: int


class Floors(msgspec.Struct, frozen=True):
    """Floors, or the versions of one."""

    items: Sequence[FloorVersion]


EXAMPLE = {
    "name": "Small venues",
    "target": {"small_venues": 3},
    "share": 0.15,
    "reason": "The board's decision on small venues, section 12",
}
EXAMPLE_FLOOR = {
    "id": "b41c7a3f0d925e68",
    "version": 1,
    **EXAMPLE,
    "author": "maija.meikalainen@example.fi",
    "changed": "2026-11-22T10:00:00Z",
    "ended": False,
    "offers_now": 230,
}
EXAMPLE_GROUP = {"id": "b41c7a3f0d925e68", "name": "Small venues", "floor": 0.15, "share": 0.14, "lift": 0.21}
EXAMPLE_EXPOSURE = {
    "days": 7,
    "offers": 4210,
    "shown": 1930,
    "shows": 81244.5,
    "gini": 0.71,
    "groups": [EXAMPLE_GROUP | {"offers": 230, "shows": 11374.2}],
}


@dataclass(frozen=True, slots=True)
class ExposureRoutes:
    """Reports exposure, and sets floors."""

    gate: Gate
    floors: RuleRecords[Floor]
    exposures: ExposureRecords
    steering: CitySteering

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (*self._reading(), *self._writing())

    def _reading(self) -> Sequence[Operation]:
        floors = {"items": [EXAMPLE_FLOOR]}
        return (
            Operation(
                method="GET",
                path="/v1/exposure",
                name="read_exposure",
                summary="How shows are spread over offers and groups",
                description=DESCRIPTION,
                tag=TAG,
                handler=self.report,
                form=Asked,
                answers={200: Answer("The shares, those of every floor", Exposure, EXAMPLE_EXPOSURE)},
                scope=Scope.EXPOSURE_READ,
            ),
            Operation(
                method="GET",
                path="/v1/exposure/floors",
                name="list_floors",
                summary="Floors of exposure",
                tag=TAG,
                handler=self.read,
                answers={200: Answer("Those in force", Floors, floors)},
                scope=Scope.EXPOSURE_READ,
            ),
            Operation(
                method="GET",
                path="/v1/exposure/floors/{rule}/history",
                name="read_floor_history",
                summary="Who set a floor, when and why",
                tag=TAG,
                handler=self.history,
                answers={200: Answer("All versions", Floors, floors)},
                problems=(NotFound,),
                scope=Scope.EXPOSURE_READ,
            ),
        )

    def _writing(self) -> Sequence[Operation]:
        return (
            Operation(
                method="POST",
                path="/v1/exposure/floors",
                name="write_floor",
                summary="Set a floor",
                description="For a group of offers, the part of all shows below which they are lifted.",
                tag=TAG,
                handler=self.write,
                body=Floor,
                example=EXAMPLE,
                answers={201: Answer("The floor", FloorVersion, EXAMPLE_FLOOR)},
                scope=Scope.EXPOSURE_WRITE,
            ),
            Operation(
                method="PUT",
                path="/v1/exposure/floors/{rule}",
                name="change_floor",
                summary="Set a floor otherwise",
                description="The whole floor, as a new version; the earlier ones stay in its history.",
                tag=TAG,
                handler=self.replace,
                body=Floor,
                example=EXAMPLE,
                answers={200: Answer("The floor", FloorVersion, EXAMPLE_FLOOR | {"version": 2})},
                problems=(NotFound,),
                scope=Scope.EXPOSURE_WRITE,
                on_version=True,
            ),
            Operation(
                method="DELETE",
                path="/v1/exposure/floors/{rule}",
                name="end_floor",
                summary="End a floor",
                description="Nothing is lifted by it any more; its history stays.",
                tag=TAG,
                handler=self.end,
                answers={204: Answer("It is over")},
                problems=(NotFound,),
                scope=Scope.EXPOSURE_WRITE,
                on_version=True,
            ),
        )

    async def report(self, request: Request) -> Response:
        """Answer `GET /v1/exposure`."""
        (await self.gate.caller(request)).require(Scope.EXPOSURE_READ)
        days, now = parameters.read(request.scope["query_string"], Asked).days, self.gate.clock()
        floors = {its.id: its.content for its in await self.floors.in_force()}
        told = self.steering.exposure(await self.exposures.totals(days, now), floors, now)
        groups = [
            Group(id=id_, name=floors[id_].name, floor=floors[id_].share, **share._asdict())
            for id_, share in told.groups.items()
        ]
        return private_json(
            Exposure(days=days, offers=told.offers, shown=told.shown, shows=told.shows, gini=told.gini, groups=groups)
        )

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/exposure/floors`."""
        (await self.gate.caller(request)).require(Scope.EXPOSURE_READ)
        return self._list(await self.floors.in_force())

    async def history(self, request: Request) -> Response:
        """Answer `GET /v1/exposure/floors/{rule}/history`."""
        (await self.gate.caller(request)).require(Scope.EXPOSURE_READ)
        return self._list(await self._book.history(named(request)))

    async def write(self, request: Request) -> Response:
        """Answer `POST /v1/exposure/floors`."""
        caller = await self.gate.caller(request)
        caller.require(Scope.EXPOSURE_WRITE)
        floor = await self._floor(request)
        its = await self._book.write(floor, caller.name, self.gate.clock())
        return versioned(self._version(its), its.version, 201)

    async def replace(self, request: Request) -> Response:
        """Answer `PUT /v1/exposure/floors/{rule}`."""
        caller = await self.gate.caller(request)
        caller.require(Scope.EXPOSURE_WRITE)
        version, floor = seen(request), await self._floor(request)
        its = await self._book.replace(named(request), version, floor, caller.name, self.gate.clock())
        return versioned(self._version(its), its.version)

    async def end(self, request: Request) -> Response:
        """Answer `DELETE /v1/exposure/floors/{rule}`."""
        caller = await self.gate.caller(request)
        caller.require(Scope.EXPOSURE_WRITE)
        await self._book.end(named(request), seen(request), caller.name, self.gate.clock())
        return Response(status_code=204, headers=PRIVATE)

    @property
    def _book(self) -> Rulebook[Floor]:
        return Rulebook(self.floors)

    async def _floor(self, request: Request) -> Floor:
        floor = await _read_floor(request)
        check_target(floor.target)
        return floor

    def _list(self, found: Sequence[Revision[Floor]]) -> Response:
        return private_json(Floors([self._version(its) for its in found]))

    def _version(self, its: Revision[Floor]) -> FloorVersion:
        return FloorVersion(
            id=its.id,
            version=its.version,
            name=its.content.name,
            target=its.content.target,
            share=its.content.share,
            reason=its.content.reason,
            author=its.author,
            changed=its.time,
            ended=its.ended,
            offers_now=self.steering.count(its.content.target, self.gate.clock()),
        )


_read_floor = Reader(Floor)
