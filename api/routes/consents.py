"""Purposes, and what each resident allows: in force before the answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.bodies import Reader
from api.gate import Gate
from api.operations import Answer, Operation, open_json, private_json
from engine.consent import Consents, Declaration, Purpose
from engine.errors import NotFound, UnknownNotice, VinkkiError
from engine.events import ConsentChange
from engine.ledger import ConsentLedger
from engine.residents import Residents
from engine.telemetry import logger
from stream.publisher import Publisher

log = logger("api")
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

    `suspended` is there, and true, where a grant does not hold until the resident has agreed to the wider notice.
    """

    purpose: Purpose
    granted: bool
    notice: int | None = None
    since: datetime | None = None
    suspended: bool | msgspec.UnsetType = msgspec.UNSET


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
more, and what was learned by it is deleted within seconds."""


@dataclass(frozen=True, slots=True)
class ConsentRoutes:
    """Tells and changes what residents allow."""

    gate: Gate
    residents: Residents
    ledger: ConsentLedger
    publisher: Publisher
    _nudges: set[asyncio.Task[None]] = field(default_factory=set)

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
                problems=(NotFound, UnknownNotice),
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
        return private_json(States([_state(now_held, purpose) for purpose in Purpose], past))

    async def change(self, request: Request) -> Response:
        """Answer `PUT /v1/residents/{id}/consents/{purpose}`."""
        person = await self.gate.resident(request, Scope.CONSENTS_WRITE)
        decision = await _read_decision(request)
        purpose = request.path_params["purpose"]
        # Before anybody is enrolled: a decision that cannot be recorded leaves nothing behind.
        self.ledger.register.check(purpose, granted=decision.granted, notice=decision.notice)
        now = self.gate.clock()
        record = partial(self.ledger.record, purpose=purpose, granted=decision.granted, notice=decision.notice, now=now)
        consents = await self.residents.decide(person, record)
        self._nudge(ConsentChange(consents.resident, purpose, decision.granted, now))
        return private_json(_state(consents, Purpose(purpose)))

    def _nudge(self, change: ConsentChange) -> None:
        """Tell the workers, without waiting: the ledger is the truth, and a timer sweeps what a lost nudge left."""
        task = asyncio.create_task(self._publish(change))
        self._nudges.add(task)
        task.add_done_callback(self._nudges.discard)

    async def _publish(self, change: ConsentChange) -> None:
        try:
            await self.publisher.consent_change(change)
        except VinkkiError as error:
            log.warning("consent_nudge_lost", code=error.code)


_read_decision = Reader(Decision)


def _state(consents: Consents, purpose: Purpose) -> State:
    grant = consents.grants.get(purpose)
    if grant is None:
        return State(purpose, granted=False)
    if grant.granted and grant.notice < consents.least.get(purpose, 0):
        return State(purpose, granted=False, notice=grant.notice, since=grant.since, suspended=True)
    return State(purpose, grant.granted, grant.notice, grant.since)
