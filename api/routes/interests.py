"""What residents tell of themselves: read by themselves, kept only with their consent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.bodies import Reader
from api.errors import Faults, FieldError
from api.faults import END
from api.gate import Gate
from api.operations import PRIVATE, Answer, Operation, private_json
from api.parameters import HELSINKI, LanguageCode, languages
from engine.avoidance import MOST, Avoided
from engine.consent import Permit, Purpose, Refusal
from engine.districts import normalise
from engine.errors import ConsentRequired, InvalidInput, NotFound, StoreUnavailable
from engine.ledger import ConsentLedger
from engine.offers import Access, Kind
from engine.removal import Remover
from engine.residents import Interests, Residents

TAG = "Interests"
KeywordId = Annotated[str, msgspec.Meta(pattern="^yso:p[0-9]{1,9}" + END, description="A concept of YSO")]
DivisionId = Annotated[str, msgspec.Meta(max_length=120, description="The OCD id of a part of Helsinki")]
PlaceId = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+" + END, description="A place's id")
]
_T = TypeVar("_T")


class AvoidedThings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is not to be suggested: topics, kinds, and places by their ids."""

    keywords: Annotated[tuple[KeywordId, ...], msgspec.Meta(max_length=MOST)] = ()
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(max_length=10)] = ()
    places: Annotated[tuple[PlaceId, ...], msgspec.Meta(max_length=MOST)] = ()


class StatedInterests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a resident tells; whatever is left out is taken back."""

    keywords: Annotated[tuple[KeywordId, ...], msgspec.Meta(max_length=200)] = ()
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(max_length=10)] = ()
    districts: Annotated[tuple[DivisionId, ...], msgspec.Meta(max_length=100)] = ()
    languages: Annotated[tuple[LanguageCode, ...], msgspec.Meta(max_length=20)] = ()
    birth_year: Annotated[int, msgspec.Meta(ge=1900, le=2200)] | None = None
    access: Annotated[tuple[Access, ...], msgspec.Meta(max_length=10)] = ()
    avoided: AvoidedThings = AvoidedThings()

    def meant(self, now: datetime) -> Interests:
        """Return what is meant, each thing once.

        Raises
        ------
        InvalidInput
            A district or language that there is not, a birth year to come, or something both wanted and avoided.
        """
        if self.birth_year is not None and self.birth_year > now.astimezone(HELSINKI).year:
            raise Faults([FieldError("birth_year", "The birth year is in the future; give the year of birth.")])
        if both := [*_both(self)]:
            raise Faults(both)
        return Interests(
            keywords=_once(self.keywords),
            kinds=_once(self.kinds),
            districts=_once(_divisions(self.districts)),
            languages=_once(languages(self.languages)),
            birth_year=self.birth_year,
            access=_once(self.access),
            avoided=Avoided(_once(self.avoided.keywords), _once(self.avoided.kinds), _once(self.avoided.places)),
        )


EXAMPLE = {
    "keywords": ["yso:p965", "yso:p1808"],
    "kinds": ["course", "event"],
    "districts": ["ocd-division/country:fi/kunta:helsinki/neighborhood:kallio"],
    "languages": ["fi", "sv"],
    "birth_year": 1984,
    "access": ["step_free"],
    "avoided": {"keywords": ["yso:p1278"], "kinds": ["space"], "places": ["tprek:7254"]},
}
DESCRIPTION = """\
Needs the resident's consent for the purpose `interests`. `avoided` is what is not to be suggested; a topic or kind that
is both wanted and avoided is refused. Avoided kinds do not count where a question asks for kinds itself."""


@dataclass(frozen=True, slots=True)
class InterestRoutes:
    """Tells residents what they told, and takes it in."""

    gate: Gate
    residents: Residents
    ledger: ConsentLedger
    remover: Remover

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        path = "/v1/residents/{id}/interests"
        return (
            Operation(
                method="GET",
                path=path,
                name="read_interests",
                summary="What a resident has told",
                tag=TAG,
                handler=self.read,
                answers={200: Answer("What was told; empty where nothing was", StatedInterests, EXAMPLE)},
                scope=Scope.INTERESTS_READ,
            ),
            Operation(
                method="PUT",
                path=path,
                name="tell_interests",
                summary="Replace what a resident has told",
                description=DESCRIPTION,
                tag=TAG,
                handler=self.tell,
                body=StatedInterests,
                example=EXAMPLE,
                answers={200: Answer("It is kept", StatedInterests, EXAMPLE)},
                problems=(ConsentRequired,),
                scope=Scope.INTERESTS_WRITE,
            ),
            Operation(
                method="PUT",
                path=f"{path}/avoided/{{family}}/{{value:path}}",
                name="avoid",
                summary="Not interested in this topic, kind or place",
                description=(
                    "Offers with it are not suggested from the next answer on. Who wanted it wants it no more. Needs "
                    "the resident's consent for the purpose `interests`."
                ),
                tag=TAG,
                handler=self.avoid,
                answers={200: Answer("It is kept; all that was told", StatedInterests, EXAMPLE)},
                problems=(ConsentRequired, InvalidInput, NotFound),
                scope=Scope.INTERESTS_WRITE,
            ),
            Operation(
                method="DELETE",
                path=f"{path}/avoided/{{family}}/{{value:path}}",
                name="avoid_no_more",
                summary="Take that back",
                tag=TAG,
                handler=self.avoid_no_more,
                answers={204: Answer("It may be suggested again")},
                problems=(InvalidInput, NotFound),
                scope=Scope.INTERESTS_WRITE,
            ),
        )

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/interests`."""
        person = await self.gate.resident(request, Scope.INTERESTS_READ)
        resident = await self.residents.pseudonym(person)
        return _answer(Interests() if resident is None else await self.residents.interests(resident))

    async def tell(self, request: Request) -> Response:
        """Answer `PUT /v1/residents/{id}/interests`."""
        person = await self.gate.resident(request, Scope.INTERESTS_WRITE)
        now = self.gate.clock()
        interests = (await _read_interests(request)).meant(now)
        await self.residents.tell(await self._permit(person, now), interests, now)
        return _answer(interests)

    async def avoid(self, request: Request) -> Response:
        """Answer `PUT /v1/residents/{id}/interests/avoided/{family}/{value}`."""
        person = await self.gate.resident(request, Scope.INTERESTS_WRITE)
        now, name = self.gate.clock(), _avoided(request)
        return _answer(await self.residents.avoid(await self._permit(person, now), name, now))

    async def avoid_no_more(self, request: Request) -> Response:
        """Answer `DELETE /v1/residents/{id}/interests/avoided/{family}/{value}`."""
        person = await self.gate.resident(request, Scope.INTERESTS_WRITE)
        name, resident = _avoided(request), await self.residents.pseudonym(person)
        if resident is None:
            raise NotFound(_NOT_AVOIDED, field="value")
        await self.remover.remove(resident, "interests", f"avoided:{name}", self.gate.clock())
        return Response(status_code=204, headers=PRIVATE)

    async def _permit(self, person: UUID, now: datetime) -> Permit:
        resident = await self.residents.pseudonym(person)
        if resident is None:
            raise ConsentRequired(_ASK_FIRST)
        permit = await self.ledger.permit(resident, Purpose.INTERESTS, now)
        if isinstance(permit, Refusal):
            raise StoreUnavailable if permit.reason == "unreadable" else ConsentRequired(_ASK_FIRST)
        return permit


_ASK_FIRST = (
    "Keeping interests needs the resident's consent: show the notice of `interests` from /v1/purposes, "
    "then PUT /v1/residents/{id}/consents/interests, then send this again."
)
_read_interests = Reader(StatedInterests)


def _answer(interests: Interests) -> Response:
    return private_json(msgspec.convert(interests, StatedInterests, from_attributes=True))


def _once(values: Sequence[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(values))


_FAMILIES: Mapping[str, tuple[str, Any, str]] = {
    "topic": ("keyword", KeywordId, "A topic is a concept of YSO, such as yso:p965."),
    "kind": ("kind", Kind, f"A kind is one of {', '.join(Kind)}."),
    "place": ("place", PlaceId, "A place is named by its id, such as tprek:7254."),
}
"""Each family, as reasons have it too: what offers call its features, what a value must be, and that in words."""
_NOT_AVOIDED = "This is not avoided, or not any more."
_BOTH = "This is among `avoided` too; leave it out of one of them."


def _avoided(request: Request) -> str:
    """Return the name of the feature that the address says.

    Raises
    ------
    NotFound
        There is no such family.
    InvalidInput
        It is nothing that a family has.
    """
    family, value = request.path_params["family"], request.path_params["value"]
    if family not in _FAMILIES:
        raise NotFound(f"One avoids {', '.join(_FAMILIES)}.", field="family")
    name, form, remedy = _FAMILIES[family]
    try:
        msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        raise InvalidInput(remedy, field="value") from error
    return f"{name}:{value}"


def _both(told: StatedInterests) -> Iterable[FieldError]:
    """Yield what is both wanted and avoided: a slip of the client, since nobody means both."""
    for name in ("keywords", "kinds"):
        avoided = set(getattr(told.avoided, name))
        yield from (FieldError(f"{name}.{n}", _BOTH) for n, one in enumerate(getattr(told, name)) if one in avoided)


def _divisions(ids: Sequence[str]) -> list[str]:
    """Return the ids in the one spelling used here."""
    found = [normalise(id_) for id_ in ids]
    wrong = [FieldError(f"districts.{n}", _NO_DIVISION) for n, id_ in enumerate(found) if id_ is None]
    if wrong:
        raise Faults(wrong)
    return [id_ for id_ in found if id_ is not None]


_NO_DIVISION = "Use an id such as ocd-division/country:fi/kunta:helsinki/neighborhood:kallio."
