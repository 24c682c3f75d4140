"""Which partners a resident grants: shown with what each is for, decided by a word that holds before the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.bodies import Reader
from api.gate import Gate
from api.operations import Answer, Operation, private_json
from api.routes.partners import EXAMPLE_PARTNER, NO_PARTNER, TAG, named
from engine.consent import PARTNER
from engine.errors import NotFound, NotYours
from engine.events import AwareTime, Pseudonym
from engine.family import Family
from engine.language import Localized
from engine.ledger import ConsentLedger
from engine.partners import Field, Partner
from engine.records.ledger import LedgerRecords
from engine.records.partners import PartnerRecords
from engine.residents import Residents


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A resident's word on one partner."""

    granted: bool


class Granting(msgspec.Struct, frozen=True):
    """A partner, and whether the resident grants it."""

    id: str
    name: str
    purpose: Localized
    fields: tuple[Field, ...]
    expires: AwareTime
    granted: bool


class PastWord(msgspec.Struct, frozen=True):
    """One decision of the past."""

    partner: str
    name: str
    granted: bool
    time: datetime


class Grantings(msgspec.Struct, frozen=True):
    """Every partner of now, and each decision on any partner, oldest first."""

    items: Sequence[Granting]
    history: Sequence[PastWord]


EXAMPLE_GRANTING = {**EXAMPLE_PARTNER, "granted": True}
EXAMPLE = {
    "items": [EXAMPLE_GRANTING],
    "history": [
        {
            "partner": "6f1c0e0a3d5b4b0e",
            "name": "Uimaseura Vesipedot ry",
            "granted": True,
            "time": "2026-11-22T16:00:00Z",
        }
    ],
}
DESCRIPTION = """\
The partner sees what it was registered for, and of that only what the resident's other consents allow at the moment.
When this answers, the word is durable and in force: after a withdrawal the partner sees nothing any more. The word is
in the ledger, and there is a receipt of it. A guardian says it for a child under 13: one guardian's no is
enough, and the answer tells what holds."""


@dataclass(frozen=True, slots=True)
class GrantRoutes:
    """Tells and changes which partners residents grant."""

    gate: Gate
    residents: Residents
    ledger: ConsentLedger
    words: LedgerRecords
    partners: PartnerRecords
    family: Family

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        path = "/v1/residents/{id}/partners"
        return (
            Operation(
                method="GET",
                path=path,
                name="read_grants",
                summary="The partners that a resident may grant, and does",
                tag=TAG,
                handler=self.read,
                answers={200: Answer("Each partner, and every decision", Grantings, EXAMPLE)},
                scope=Scope.CONSENTS_READ,
            ),
            Operation(
                method="PUT",
                path=f"{path}/{{partner}}",
                name="decide_grant",
                summary="Grant a partner, or withdraw",
                description=DESCRIPTION,
                tag=TAG,
                handler=self.change,
                body=Word,
                example={"granted": True},
                answers={200: Answer("The word is in force", Granting, EXAMPLE_GRANTING)},
                problems=(NotFound, NotYours),
                scope=Scope.CONSENTS_WRITE,
            ),
        )

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/partners`. Who is not known has decided nothing."""
        person = await self.gate.resident(request, Scope.CONSENTS_READ)
        now = self.gate.clock()
        resident = await self.residents.pseudonym(person)
        granted, history = await self._of(resident, now) if resident else (frozenset[str](), [])
        items = [_granting(one, granted=one.id in granted) for one in await self.partners.open(now)]
        return private_json(Grantings(items, history))

    async def change(self, request: Request) -> Response:
        """Answer `PUT /v1/residents/{id}/partners/{partner}`. One that is over can be withdrawn from, not granted."""
        person = await self.gate.resident(request, Scope.CONSENTS_WRITE)
        word, id_, now = await _read_word(request), named(request), self.gate.clock()
        found: Mapping[str, Partner] = {one.id: one for one in await self.partners.open(now)}
        if not word.granted:
            found = await self.partners.named([id_])
        if id_ not in found:
            raise NO_PARTNER
        guardian = await self.gate.guardian(request, person)
        if word.granted and (await self.gate.caller(request)).person != person:
            await self.family.check_grant(person, now, guardian=guardian is not None)
        record = partial(self.ledger.record_partner, partner=id_, granted=word.granted, now=now, guardian=guardian)
        consents = await self.residents.decide(person, record)
        held = consents.partners.get(id_)
        return private_json(_granting(found[id_], granted=held is not None and held.granted))

    async def _of(self, resident: Pseudonym, now: datetime) -> tuple[frozenset[str], Sequence[PastWord]]:
        """Return which partners the resident grants, and every word on any."""
        consents, entries = await self.words.consents(resident), await self.words.partner_history(resident)
        ids = [entry.purpose.removeprefix(PARTNER) for entry in entries]
        known = await self.partners.named(ids)
        past = [
            PastWord(id_, known[id_].name, entry.granted, entry.time)
            for id_, entry in zip(ids, entries, strict=True)
            if id_ in known
        ]
        return frozenset(id_ for id_ in consents.partners if consents.grants_partner(id_, now)), past


_read_word = Reader(Word)


def _granting(partner: Partner, *, granted: bool) -> Granting:
    return Granting(**msgspec.structs.asdict(partner), granted=granted)
