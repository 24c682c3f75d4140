"""What residents tell of themselves: read by themselves, kept only with their consent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.bodies import Reader
from api.errors import Faults, FieldError
from api.faults import END
from api.gate import Gate
from api.operations import Answer, Operation, private_json
from api.parameters import HELSINKI, LanguageCode, languages
from engine.consent import Purpose, Refusal
from engine.districts import normalise
from engine.errors import ConsentRequired, StoreUnavailable
from engine.ledger import ConsentLedger
from engine.offers import Access, Kind
from engine.residents import Interests, Residents

TAG = "Interests"
KeywordId = Annotated[str, msgspec.Meta(pattern="^yso:p[0-9]{1,9}" + END, description="A concept of YSO")]
DivisionId = Annotated[str, msgspec.Meta(max_length=120, description="The OCD id of a part of Helsinki")]
_T = TypeVar("_T")


class StatedInterests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a resident tells; whatever is left out is taken back."""

    keywords: Annotated[tuple[KeywordId, ...], msgspec.Meta(max_length=200)] = ()
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(max_length=10)] = ()
    districts: Annotated[tuple[DivisionId, ...], msgspec.Meta(max_length=100)] = ()
    languages: Annotated[tuple[LanguageCode, ...], msgspec.Meta(max_length=20)] = ()
    birth_year: Annotated[int, msgspec.Meta(ge=1900, le=2200)] | None = None
    access: Annotated[tuple[Access, ...], msgspec.Meta(max_length=10)] = ()

    def meant(self, now: datetime) -> Interests:
        """Return what is meant, each thing once.

        Raises
        ------
        InvalidInput
            A district or language that there is not, or a birth year to come.
        """
        if self.birth_year is not None and self.birth_year > now.astimezone(HELSINKI).year:
            raise Faults([FieldError("birth_year", "The birth year is in the future; give the year of birth.")])
        return Interests(
            keywords=_once(self.keywords),
            kinds=_once(self.kinds),
            districts=_once(_divisions(self.districts)),
            languages=_once(languages(self.languages)),
            birth_year=self.birth_year,
            access=_once(self.access),
        )


EXAMPLE = {
    "keywords": ["yso:p965", "yso:p1808"],
    "kinds": ["course", "event"],
    "districts": ["ocd-division/country:fi/kunta:helsinki/neighborhood:kallio"],
    "languages": ["fi", "sv"],
    "birth_year": 1984,
    "access": ["step_free"],
}


@dataclass(frozen=True, slots=True)
class InterestRoutes:
    """Tells residents what they told, and takes it in."""

    gate: Gate
    residents: Residents
    ledger: ConsentLedger

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
                description="Needs the resident's consent for the purpose `interests`.",
                tag=TAG,
                handler=self.tell,
                body=StatedInterests,
                example=EXAMPLE,
                answers={200: Answer("It is kept", StatedInterests, EXAMPLE)},
                problems=(ConsentRequired,),
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
        resident = await self.residents.pseudonym(person)
        if resident is None:
            raise ConsentRequired(_ASK_FIRST)
        permit = await self.ledger.permit(resident, Purpose.INTERESTS, now)
        if isinstance(permit, Refusal):
            raise StoreUnavailable if permit.reason == "unreadable" else ConsentRequired(_ASK_FIRST)
        await self.residents.tell(permit, interests, now)
        return _answer(interests)


_ASK_FIRST = (
    "Keeping interests needs the resident's consent: show the notice of `interests` from /v1/purposes, "
    "then PUT /v1/residents/{id}/consents/interests, then send this again."
)
_read_interests = Reader(StatedInterests)


def _answer(interests: Interests) -> Response:
    told = {name: getattr(interests, name) for name in StatedInterests.__struct_fields__}
    return private_json(StatedInterests(**told))


def _once(values: Sequence[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(values))


def _divisions(ids: Sequence[str]) -> list[str]:
    """Return the ids in the one spelling used here."""
    found = [normalise(id_) for id_ in ids]
    wrong = [FieldError(f"districts.{n}", _NO_DIVISION) for n, id_ in enumerate(found) if id_ is None]
    if wrong:
        raise Faults(wrong)
    return [id_ for id_ in found if id_ is not None]


_NO_DIVISION = "Use an id such as ocd-division/country:fi/kunta:helsinki/neighborhood:kallio."
