"""Purposes, and what each resident allows: in force before the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.bodies import Reader
from api.gate import Gate
from api.nudges import Nudges
from api.operations import Answer, Operation, open_json, private_json
from engine.ages import Stage, stage
from engine.consent import Consents, Declaration, Purpose, Refusal
from engine.errors import NotForMinors, NotFound, NotYours, UnknownNotice
from engine.events import ConsentChange
from engine.family import Family
from engine.ledger import ConsentLedger
from engine.residents import Residents
from engine.ties import Word

Words = Mapping[str, Sequence[Word]]
TAG = "Consents"


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A resident's word on one purpose."""

    granted: bool
    notice: (
        Annotated[
            int, msgspec.Meta(ge=1, le=1_000_000, description="The version of the notice that the resident has read")
        ]
        | None
    ) = None


class Declarations(msgspec.Struct, frozen=True):
    """Every purpose with its legal basis and the notice in force."""

    items: Sequence[Declaration]


class State(msgspec.Struct, frozen=True):
    """What holds for one purpose; `since` and `notice` are null where the resident has never decided.

    `suspended` is there, and true, where a grant does not hold until the resident is asked again: the notice has become
    wider, or a 13th or 18th birthday has passed; so are grants of marketing under 18. `guardians` is there for a child
    under 13: each guardian's own word, of which the more protective one holds.
    """

    purpose: Purpose
    granted: bool
    notice: int | None = None
    since: datetime | None = None
    suspended: bool | msgspec.UnsetType = msgspec.UNSET
    guardians: Sequence[Word] | msgspec.UnsetType = msgspec.UNSET


class Past(msgspec.Struct, frozen=True):
    """One decision of the past."""

    purpose: Purpose
    granted: bool
    notice: int
    time: datetime


class States(msgspec.Struct, frozen=True):
    """What holds now for each purpose, and every decision that led to it, oldest first."""

    items: Sequence[State]
    history: Sequence[Past]


EXAMPLE_STATE = {"purpose": "activity", "granted": True, "notice": 1, "since": "2026-11-22T16:00:00Z"}
EXAMPLE_STATES = {
    "items": [EXAMPLE_STATE],
    "history": [{"purpose": "activity", "granted": True, "notice": 1, "time": "2026-11-22T16:00:00Z"}],
}
EXAMPLE_DECLARATIONS = {
    "items": [
        {
            "id": "activity",
            "basis": "consent",
            "notice": {
                "version": 1,
                "title": {"fi": "Opi siitä, mitä teen", "sv": "Lär av det jag gör", "en": "Learn from what I do"},
                "text": {"fi": "…", "sv": "…", "en": "…"},
            },
        }
    ]
}
CHANGE = """\
A grant names the `notice` version that the resident has read, the one that `/v1/purposes` tells; a withdrawal needs
none. When this answers, the decision is durable and in force: after a withdrawal nothing of that purpose is used any
more, and what was learned by it is deleted within seconds. A guardian says it for a child under 13: of two guardians'
words the more protective one holds, and the answer tells both. Nobody under 18 gets marketing."""


@dataclass(frozen=True, slots=True)
class ConsentRoutes:
    """Tells and changes what residents allow."""

    gate: Gate
    residents: Residents
    ledger: ConsentLedger
    nudges: Nudges
    family: Family

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path="/v1/purposes",
                name="list_purposes",
                summary="What personal data may be used for",
                tag=TAG,
                handler=self.purposes,
                answers={200: Answer("Every purpose with its notice", Declarations, EXAMPLE_DECLARATIONS)},
            ),
            Operation(
                method="GET",
                path="/v1/residents/{id}/consents",
                name="read_consents",
                summary="What a resident allows, and the history",
                tag=TAG,
                handler=self.read,
                answers={200: Answer("Each purpose's state, and every decision", States, EXAMPLE_STATES)},
                scope=Scope.CONSENTS_READ,
            ),
            Operation(
                method="PUT",
                path="/v1/residents/{id}/consents/{purpose}",
                name="decide_consent",
                summary="Allow a purpose, or withdraw",
                description=CHANGE,
                tag=TAG,
                handler=self.change,
                body=Decision,
                example={"granted": True, "notice": 1},
                answers={200: Answer("The decision is in force", State, EXAMPLE_STATE)},
                problems=(NotFound, UnknownNotice, NotForMinors, NotYours),
                scope=Scope.CONSENTS_WRITE,
            ),
        )

    async def purposes(self, request: Request) -> Response:
        """Answer `GET /v1/purposes`."""
        await self.gate.visitor(request)
        return open_json(Declarations(self.ledger.register.declarations))

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/consents`. Who is not known has decided nothing."""
        person = await self.gate.resident(request, Scope.CONSENTS_READ)
        resident = await self.residents.pseudonym(person)
        if resident is None:
            return private_json(States([State(purpose, granted=False) for purpose in Purpose], []))
        now_held = await self.ledger.consents(resident)
        history = await self.ledger.history(resident)
        past = [Past(Purpose(entry.purpose), entry.granted, entry.notice, entry.time) for entry in history]
        now, words = self.gate.clock(), await self._words(request, person, now_held)
        return private_json(States([_state(now_held, purpose, now, words) for purpose in Purpose], past))

    async def change(self, request: Request) -> Response:
        """Answer `PUT /v1/residents/{id}/consents/{purpose}`."""
        person = await self.gate.resident(request, Scope.CONSENTS_WRITE)
        decision, now = await _read_decision(request), self.gate.clock()
        # Before anybody is enrolled: a decision that cannot be recorded leaves nothing behind.
        purpose = self.ledger.register.check(
            request.path_params["purpose"], granted=decision.granted, notice=decision.notice
        ).id
        guardian = await self.gate.guardian(request, person)
        if decision.granted and (purpose.marketing or (await self.gate.caller(request)).person != person):
            await self.family.check_grant(person, now, guardian=guardian is not None, marketing=purpose.marketing)
        record = partial(
            self.ledger.record,
            purpose=purpose,
            granted=decision.granted,
            notice=decision.notice,
            now=now,
            guardian=guardian,
        )
        consents = await self.residents.decide(person, record)
        self.nudges.send(ConsentChange(consents.resident, purpose, decision.granted, now))
        return private_json(_state(consents, purpose, now, await self._words(request, person, consents)))

    async def _words(self, request: Request, person: UUID, consents: Consents) -> Words | None:
        """Return each guardian's own word on a child's consents, as the caller sees them; None of who is no child."""
        if consents.born is None or stage(consents.born, self.gate.clock()) is not Stage.CHILD:
            return None
        return await self.family.words(person, (await self.gate.caller(request)).person)


_read_decision = Reader(Decision)
_ASK_AGAIN = frozenset({"notice_outdated", "asked_again", "minor"})


def _state(consents: Consents, purpose: Purpose, now: datetime, words: Words | None = None) -> State:
    said = msgspec.UNSET if words is None else words.get(purpose, ())
    grant = consents.grants.get(purpose)
    if grant is None:
        return State(purpose, granted=False, guardians=said)
    answer = consents.permit(purpose, now)
    if grant.granted and isinstance(answer, Refusal) and answer.reason in _ASK_AGAIN:
        return State(purpose, granted=False, notice=grant.notice, since=grant.since, suspended=True, guardians=said)
    return State(purpose, grant.granted, grant.notice, grant.since, guardians=said)
