"""Places: about how many different residents were interested in what is on there, on a day that is over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import parameters
from api.gate import Gate
from api.operations import Answer, Operation, open_json
from engine.counts import LEAST, Counts
from engine.errors import InvalidInput
from engine.online import Online

TAG = "Offers"
KEPT_DAYS = 2


class DayForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which day; without it, yesterday."""

    day: Annotated[date, msgspec.Meta(description="A day in UTC that is over: yesterday or the day before")] | None = (
        None
    )


class Visitors(msgspec.Struct, frozen=True):
    """How many different residents, in tens; null where they were few, or none were counted.

    Never told of a group of `at_least` or fewer; `engine.counts` says what else keeps anybody from being found in it.
    """

    place: str
    day: date
    residents: int | None
    at_least: int = LEAST


@dataclass(frozen=True, slots=True)
class PlaceRoutes:
    """Tells of places, never of people: a day is told only when it is over, so that nobody is seen to be added."""

    gate: Gate
    online: Online
    counts: Counts
    clock: Callable[[], datetime]

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path="/v1/places/{place}/visitors",
                name="count_visitors",
                summary="How many residents were interested in a place",
                tag=TAG,
                handler=self.visitors,
                form=DayForm,
                answers={
                    200: Answer(
                        "The count in tens, or null for a small group",
                        Visitors,
                        {"place": "tprek:7254", "day": "2026-11-21", "residents": 30, "at_least": LEAST},
                    )
                },
                problems=(InvalidInput,),
            ),
        )

    async def visitors(self, request: Request) -> Response:
        """Answer `GET /v1/places/{place}/visitors`."""
        await self.gate.visitor(request)
        today = self.clock().date()
        day = parameters.read(request.scope["query_string"], DayForm).day or today - timedelta(days=1)
        if not today - timedelta(days=KEPT_DAYS) <= day < today:
            raise InvalidInput("Only yesterday and the day before are told; a day under way never is.", field="day")
        place = request.path_params["place"]
        counted = await self.online.visitors(place, day)
        return open_json(Visitors(place, day, self.counts.disclose(counted, f"visitors {place}", f"{day}")), 3600)
