"""How many residents would want an offer: for those who plan what the city tells whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import parameters
from api.access import Scope
from api.gate import Gate
from api.operations import JSON, PRIVATE, Answer, Operation, private_json
from api.reach_runs import Counted, Counting, ReachRuns
from api.routes.offers import found
from engine.errors import InvalidInput, NotFound, Over
from engine.marketing import CHANNELS, TOPICS
from engine.reach import MOST_TOP, Wish
from engine.records.offers import OfferRecords

TAG = "Audiences"
RETRY_SECONDS = 2
DESCRIPTION = """\
Counted are residents who allow messages on the topic, and `activity` or `interests`, and who would find the offer among
their first suggestions; `reached` are as many of them as there are seats for. The first request begins the counting
and answers 202 with its progress: ask again after `Retry-After`. The answer is kept for ten minutes.

Counts are rounded to tens, and null for small groups: ten, or fewer, are never told. Nobody is ever named. `handle` is
the definition, signed. `tree` is the same for `POST /v1/audiences`: a campaign with that audience expands it later,
to as many as there are seats for then, and asks everybody's leave anew."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is meant."""

    topic: (
        Annotated[Literal[TOPICS], msgspec.Meta(description="The topic of messages; else by the offer's kind")] | None  # type: ignore[valid-type]
    ) = None
    channel: Annotated[Literal[CHANNELS], msgspec.Meta(description="How they come; else any way")] | None = None  # type: ignore[valid-type]
    top: Annotated[
        int, msgspec.Meta(ge=1, le=MOST_TOP, description="Among how many of their suggestions it must be")
    ] = 10


EXAMPLE = {
    "offer": "kulke:52959",
    "topic": "volunteering",
    "channel": None,
    "top": 10,
    "counted_at": "2026-11-22T16:00:00Z",
    "valid_until": "2026-11-22T16:10:00Z",
    "everybody": 12340,
    "wanting": 260,
    "reached": 120,
    "languages": {"fi": 80, "sv": 20, "en": None, "other": None, "unknown": 20},
    "left_out": {
        "no_consent": 9870,
        "nothing_known": 410,
        "age": 150,
        "unfit": 60,
        "avoided": 30,
        "settled": None,
        "better": 1570,
    },
    "handle": "eyJhbGciOiJFZDI1NTE5In0.eyJvZmZlciI6Imt1bGtlOjUyOTU5In0.c2lnbmF0dXJl",
    "tree": {"is": "wants", "offer": "kulke:52959", "top": 10},
    "at_least": 10,
}


@dataclass(frozen=True, slots=True)
class ReachRoutes:
    """Tells how many, never who."""

    gate: Gate
    offers: OfferRecords
    runs: ReachRuns

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path="/v1/offers/{offer}/residents",
                name="count_wanting",
                summary="How many residents would want an offer",
                description=DESCRIPTION,
                tag=TAG,
                handler=self.count,
                form=Asked,
                answers={
                    200: Answer("The counts", Counted, EXAMPLE),
                    202: Answer(
                        "It is being counted; `progress` is the share that is done",
                        Counting,
                        {"offer": "kulke:52959", "progress": 0.4},
                    ),
                },
                problems=(InvalidInput, NotFound, Over),
                scope=Scope.AUDIENCES_READ,
            ),
        )

    async def count(self, request: Request) -> Response:
        """Answer `GET /v1/offers/{offer}/residents`."""
        (await self.gate.caller(request)).require(Scope.AUDIENCES_READ)
        asked = parameters.read(request.scope["query_string"], Asked)
        await found(self.offers, request)
        offer = request.path_params["offer"]
        topic = self.runs.topic(offer)
        wish = Wish(offer, asked.topic or topic, asked.channel, asked.top, self.gate.clock())
        answer = await self.runs.ask(wish)
        if isinstance(answer, Counted):
            return private_json(answer)
        headers = {**PRIVATE, "Retry-After": str(RETRY_SECONDS)}
        return Response(msgspec.json.encode(answer), 202, headers, JSON)
