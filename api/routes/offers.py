"""Offers: open data, found by words and filters, by id, by likeness, and by what is popular."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import parameters
from api.gate import Gate
from api.operations import Answer, Operation, open_json
from api.parameters import LanguageCode, Text
from engine.errors import InvalidInput, NotFound
from engine.language import Language
from engine.offers import Access, Kind, Offer, card
from engine.records.offers import OfferRecords, OfferSearch

TAG = "Offers"
CACHED_SECONDS = 30


class OfferFilters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to look for; what is left out asks nothing."""

    text: Annotated[str, msgspec.Meta(max_length=200, description="Words to look for in names and texts")] | None = None
    kind: Annotated[tuple[Kind, ...], msgspec.Meta(description="Kinds, any of them")] = ()
    keyword: Annotated[Text, msgspec.Meta(description="A keyword's id, such as `yso:p965`")] | None = None
    place: Annotated[Text, msgspec.Meta(description="A place's id, such as `tprek:7254`")] | None = None
    district: Annotated[Text, msgspec.Meta(description="OCD id of a neighbourhood or district")] | None = None
    from_: Annotated[str, msgspec.Meta(description="Not over before this time or date")] | None = msgspec.field(
        default=None, name="from"
    )
    to: Annotated[str, msgspec.Meta(description="Begins by this time, or on this date")] | None = None
    free: Annotated[bool, msgspec.Meta(description="Free of charge, or not")] | None = None
    languages: Annotated[tuple[LanguageCode, ...], msgspec.Meta(description="Spoken there, any of them")] = ()
    access: Annotated[tuple[Access, ...], msgspec.Meta(description="Known to be there, all of them")] = ()
    lang: Annotated[Language, msgspec.Meta(description="The reader's; texts come in every language all the same")] = (
        Language.FI
    )
    age: Annotated[int, msgspec.Meta(ge=0, le=120, description="Fits somebody of so many years")] | None = None
    near: Annotated[str, msgspec.Meta(description="`latitude,longitude` in the city")] | None = None
    radius_metres: Annotated[int, msgspec.Meta(ge=50, le=50_000, description="How far from `near`")] = 2_000
    include_past: Annotated[bool, msgspec.Meta(description="Those that are over too")] = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="How many at most")] = 20
    after: Annotated[str, msgspec.Meta(max_length=500, description="The `next` of the page before")] | None = None

    def search(self) -> OfferSearch:
        """Return what is asked for.

        Raises
        ------
        InvalidInput
            A position outside the city, or a time that is none.
        """
        starts_from, until = parameters.span(self.from_, self.to)
        return OfferSearch(
            text=self.text,
            kinds=self.kind,
            keyword=self.keyword,
            place=self.place,
            district=self.district,
            starts_from=starts_from,
            until=until,
            free=self.free,
            languages=self.languages,
            access=self.access,
            age=self.age,
            near=parameters.position(self.near),
            radius_metres=float(self.radius_metres),
            include_past=self.include_past,
        )


class OfferPage(msgspec.Struct, frozen=True):
    """Offers, the soonest first; `next` is what to send as `after` for those that follow, null at the end."""

    items: Sequence[Offer]
    next: str | None = None


EXAMPLE_OFFER = {
    "id": "kulke:52959",
    "source": "linked_events",
    "kind": "course",
    "name": {"fi": "Aikuisten uintikurssi", "sv": "Simkurs för vuxna", "en": "Swimming course for adults"},
    "keywords": [{"id": "yso:p965", "label": {"fi": "uinti", "sv": "simning", "en": "swimming"}}],
    "place": {"id": "tprek:7254", "name": {"fi": "Yrjönkadun uimahalli"}, "lat": 60.168, "lon": 24.9392},
    "starts": "2026-12-01T16:00:00Z",
    "ends": "2026-12-01T17:00:00Z",
    "free": True,
}
EXAMPLE_PAGE = {"items": [EXAMPLE_OFFER], "next": None}


@dataclass(frozen=True, slots=True)
class OfferRoutes:
    """Finds offers."""

    gate: Gate
    offers: OfferRecords
    clock: Callable[[], datetime]

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path="/v1/offers",
                name="search_offers",
                summary="Search offers",
                tag=TAG,
                handler=self.search,
                form=OfferFilters,
                answers={200: Answer("A page of offers, without long descriptions", OfferPage, EXAMPLE_PAGE)},
                problems=(InvalidInput,),
            ),
            Operation(
                method="GET",
                path="/v1/offers/{offer}",
                name="read_offer",
                summary="One offer, whole",
                tag=TAG,
                handler=self.read,
                answers={200: Answer("The offer, past ones too", Offer, EXAMPLE_OFFER)},
                problems=(NotFound,),
            ),
        )

    async def search(self, request: Request) -> Response:
        """Answer `GET /v1/offers`."""
        await self.gate.visitor(request)
        asked = parameters.read(request.scope["query_string"], OfferFilters)
        page, after = await self.offers.search(asked.search(), self.clock(), asked.limit, asked.after)
        return open_json(OfferPage([card(offer) for offer in page], after), CACHED_SECONDS)

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/offers/{offer}`."""
        await self.gate.visitor(request)
        return open_json(await found(self.offers, request), CACHED_SECONDS)


async def found(offers: OfferRecords, request: Request) -> Offer:
    """Return the offer that the address names, past ones too.

    Raises
    ------
    NotFound
        There is none.
    """
    id_ = request.path_params["offer"]
    offer = None if "\0" in id_ else await offers.get(id_)
    if offer is None:
        raise NotFound("There is no offer with this id; /v1/offers tells those that there are.", field="offer")
    return offer
