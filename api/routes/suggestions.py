"""Suggestions for a resident, and what is popular or alike for anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import parameters, scenarios
from api.access import UUID_PATTERN, Scope
from api.faults import END
from api.gate import Gate
from api.operations import JSON, PRIVATE, Answer, Operation
from api.parameters import LanguageCode
from api.routes.interests import KeywordId
from api.routes.offers import CACHED_SECONDS, EXAMPLE_OFFER, found
from engine.answer import Suggestions
from engine.errors import InvalidInput, NotFound, StoreUnavailable
from engine.events import Pseudonym
from engine.language import Language
from engine.offers import Access, Kind, Offer
from engine.query import Fit, Query
from engine.reasons import Reason
from engine.records.offers import OfferRecords
from engine.residents import Interests, Residents
from engine.scenario import Scenario
from engine.suggestion import Suggester
from engine.telemetry import WITHOUT_PERMIT
from stream.publisher import Publisher

TAG = "Suggestions"
DESCRIPTION = """\
`basis` says what the order was made of: `personal` (what the resident did), `stated` (what the resident told) or
`popular` (neither: no consent, or nothing known yet). Only what one can still take part in. What is unknown of an offer
is shown as unknown, not as a fit. With `for`, the same as at that dependant's own address: whoever asks has no part in
it. For a dependant under 18, what is known to be for other ages is left out."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What suggestions are asked for; what is left out asks nothing."""

    kind: Annotated[tuple[Kind, ...], msgspec.Meta(description="Kinds, any of them")] = ()
    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="How many at most")] = 20
    lang: Annotated[Language, msgspec.Meta(description="The language of the reasons")] = Language.FI
    near: Annotated[str, msgspec.Meta(description="`latitude,longitude` in the city")] | None = None
    radius_metres: Annotated[int, msgspec.Meta(ge=50, le=50_000, description="How far from `near`")] | None = None
    from_: Annotated[str, msgspec.Meta(description="Not over before this time or date")] | None = msgspec.field(
        default=None, name="from"
    )
    to: Annotated[str, msgspec.Meta(description="Begins by this time, or on this date")] | None = None
    free: Annotated[bool, msgspec.Meta(description="Free of charge only")] = False
    languages: Annotated[tuple[LanguageCode, ...], msgspec.Meta(description="Languages spoken, any of them")] = ()
    age: Annotated[int, msgspec.Meta(ge=0, le=120, description="Fits somebody of so many years")] | None = None
    access: Annotated[tuple[Access, ...], msgspec.Meta(description="Features needed, all of them")] = ()
    scenario: Annotated[Scenario, msgspec.Meta(description=scenarios.DESCRIPTION)] = Scenario.APP_HOME

    def query(self, now: datetime) -> Query:
        """Return what is asked at `now`.

        Raises
        ------
        InvalidInput
            A position outside the city, a radius or a scenario that needs one without, a time that is none, or an
            unknown language.
        """
        if self.radius_metres is not None and self.near is None:
            raise InvalidInput("A radius needs a position: give `near` too.", field="radius_metres")
        starts_from, until = parameters.span(self.from_, self.to)
        asked = Query(
            language=self.lang,
            limit=self.limit,
            kinds=self.kind,
            near=parameters.position(self.near),
            radius_metres=None if self.radius_metres is None else float(self.radius_metres),
            starts_from=starts_from,
            until=until,
            free=self.free,
            languages=parameters.languages(self.languages),
            age=self.age,
            access=self.access,
            scenario=self.scenario,
        )
        return scenarios.completed(asked, now)


class Chosen(Asked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What suggestions for nobody in particular are asked for."""

    topics: Annotated[tuple[KeywordId, ...], msgspec.Meta(max_length=50, description="Topics (YSO), any of them")] = ()

    def interests(self) -> Interests:
        """Return what is chosen now, as if it had been told."""
        return Interests(keywords=self.topics, kinds=self.kind)


class AskedFor(Asked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same, and for whom."""

    for_: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=f"^{UUID_PATTERN}{END}",
                description="A dependant's UUID: made of the dependant's age, interests and consents alone",
            ),
        ]
        | None
    ) = msgspec.field(default=None, name="for")


class Suggested(msgspec.Struct, frozen=True):
    """One suggestion; `fit` says of what was asked for whether the offer is known to fit."""

    rank: int
    offer: Offer
    reasons: Sequence[Reason]
    fit: Fit | None = None


class SuggestionList(msgspec.Struct, frozen=True):
    """An answer, best first. Send `suggestion_id` along with what the resident then does."""

    suggestion_id: str
    basis: Literal["personal", "stated", "popular", "similar"]
    generated_at: datetime
    valid_until: datetime
    items: Sequence[Suggested]


EXAMPLE = {
    "suggestion_id": "5f0e1c7ab4f54a0f8f6b3a6a0e2c9d11",
    "basis": "popular",
    "generated_at": "2026-11-22T16:00:00Z",
    "valid_until": "2026-11-22T16:05:00Z",
    "items": [{"rank": 1, "offer": EXAMPLE_OFFER, "reasons": [{"code": "popular", "text": "Suosittu juuri nyt"}]}],
}


@dataclass(frozen=True, slots=True)
class SuggestionRoutes:
    """Suggests."""

    gate: Gate
    residents: Residents
    suggester: Suggester
    offers: OfferRecords
    publisher: Publisher

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        answers = {200: Answer("Suggestions, best first", SuggestionList, EXAMPLE)}
        return (
            Operation(
                method="GET",
                path="/v1/residents/{id}/suggestions",
                name="suggest",
                summary="Suggestions for a resident",
                description=DESCRIPTION,
                tag=TAG,
                handler=self.suggest,
                form=AskedFor,
                answers=answers,
                scope=Scope.SUGGESTIONS_READ,
            ),
            Operation(
                method="GET",
                path="/v1/suggestions",
                name="suggest_to_anybody",
                summary="Suggestions without a profile",
                description=(
                    "From the place, the day and what is chosen now alone: nobody is known, and nothing is kept. "
                    "`basis` is `stated` where something chosen leads, else `popular`."
                ),
                tag=TAG,
                handler=self.choose,
                form=Chosen,
                answers=answers,
            ),
            Operation(
                method="GET",
                path="/v1/offers/popular",
                name="popular_offers",
                summary="What is popular here and now",
                description="The same for everybody: nobody's doings or wishes in particular are used.",
                tag=TAG,
                handler=self.popular,
                form=Asked,
                answers=answers,
            ),
            Operation(
                method="GET",
                path="/v1/offers/{offer}/similar",
                name="similar_offers",
                summary="Offers like one",
                description="On the same topics, at other places and of other series; the offer itself may be over.",
                tag=TAG,
                handler=self.similar,
                form=Asked,
                answers=answers,
                problems=(NotFound,),
            ),
        )

    async def suggest(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/suggestions`."""
        person = await self.gate.resident(request, Scope.SUGGESTIONS_READ)
        asked = parameters.read(request.scope["query_string"], AskedFor)
        query = asked.query(self.gate.clock())
        if asked.for_ is not None:
            caller = await self.gate.caller(request)
            person = await self.gate.named(caller, asked.for_, Scope.SUGGESTIONS_READ)
            await self.gate.note(request, caller, person, Scope.SUGGESTIONS_READ)
        told, impression = await self.suggester.shown(await self._pseudonym(person), query, self.gate.clock())
        if impression is not None:
            self.publisher.impression(impression)
        return Response(told.json(), headers=PRIVATE, media_type=JSON)

    async def _pseudonym(self, person: UUID) -> Pseudonym | None:
        """Return who it is inside; while nobody can say, the answer is the one for anybody."""
        try:
            return await self.residents.pseudonym(person)
        except StoreUnavailable:
            WITHOUT_PERMIT.labels("activity", "unreadable").inc()
            return None

    async def choose(self, request: Request) -> Response:
        """Answer `GET /v1/suggestions`. What is chosen may tell of who chose it: no cache on the way keeps it."""
        await self.gate.visitor(request)
        asked = parameters.read(request.scope["query_string"], Chosen)
        told = self.suggester.chosen(asked.query(self.gate.clock()), asked.interests(), self.gate.clock())
        return Response(told.json(), headers=PRIVATE, media_type=JSON)

    async def popular(self, request: Request) -> Response:
        """Answer `GET /v1/offers/popular`."""
        await self.gate.visitor(request)
        query = parameters.read(request.scope["query_string"], Asked).query(self.gate.clock())
        return _open(self.suggester.popular(query, self.gate.clock()))

    async def similar(self, request: Request) -> Response:
        """Answer `GET /v1/offers/{offer}/similar`."""
        await self.gate.visitor(request)
        query = parameters.read(request.scope["query_string"], Asked).query(self.gate.clock())
        offer = await found(self.offers, request)
        return _open(self.suggester.similar(offer, query, self.gate.clock()))


def _open(told: Suggestions) -> Response:
    return Response(told.json(), headers={"Cache-Control": f"public, max-age={CACHED_SECONDS}"}, media_type=JSON)
