"""`POST /v1/interactions`: what residents did. Taken only when it is durable on the event log."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import bodies, errors
from api.access import Caller, Scope
from api.faults import Fault
from api.gate import Gate
from api.interaction_forms import (
    LIMIT_BYTES,
    MOST_EVENTS,
    IncomingEvent,
    IncomingEvents,
    NothingAccepted,
    Receipt,
    RefusedEvent,
    Window,
    nul_fault,
    read,
)
from api.operations import Answer, Operation, private_json
from engine.errors import BrokerUnavailable, InvalidInput
from engine.events import Interaction, InteractionBatch
from engine.residents import Residents
from engine.settings import Settings
from engine.telemetry import ACCEPTED, REFUSED, WITHOUT_PERMIT
from stream.publisher import Publisher

DESCRIPTION = f"""\
Takes 1 to {MOST_EVENTS} events, at most {LIMIT_BYTES:,} bytes. Answers when every accepted event is durable; an event
that cannot be used is listed in `refused` and does not stop the others. Sent again with the same `id`, an event counts
once. Where no event is left, the answer is a problem with the same `refused`. A resident's token may send only that
resident's own, and those of people they may act for."""
EXAMPLE = {
    "events": [
        {
            "id": "0b8e2f5c-1",
            "resident": "me",
            "offer": "kulke:52959",
            "type": "save",
            "time": "2026-11-22T18:00:00+02:00",
            "context": {"screen": "home"},
        }
    ]
}
EXAMPLE_RECEIPT = {"accepted": 1, "refused": []}


class KnownOffers(Protocol):
    """Tells which offers there are."""

    async def unknown(self, ids: set[str]) -> set[str]:
        """Return those of `ids` that name no offer."""


@dataclass(frozen=True, slots=True)
class Interactions:
    """Takes interactions in.

    Parameters
    ----------
    gate, residents, offers, publisher
        Who calls, who is who, which offers there are, and where events go.
    settings
        How late and how early an event may be.
    """

    gate: Gate
    residents: Residents
    offers: KnownOffers
    publisher: Publisher
    settings: Settings

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="POST",
                path="/v1/interactions",
                name="send_interactions",
                summary="Tell what residents did",
                description=DESCRIPTION,
                tag="Interactions",
                handler=self.take,
                body=IncomingEvents,
                example=EXAMPLE,
                answers={202: Answer("Accepted events are durable", Receipt, EXAMPLE_RECEIPT)},
                problems=(BrokerUnavailable, InvalidInput),
                scope=Scope.INTERACTIONS_WRITE,
            ),
        )

    async def take(self, request: Request) -> Response:
        """Answer `POST /v1/interactions`."""
        caller, now = await self.gate.caller(request), self.gate.clock().astimezone(UTC)
        raw = await bodies.read(request, LIMIT_BYTES)
        good, refused = await self._sort(raw, caller, now)
        for event in refused:
            REFUSED.labels("door", event.code).inc()
        if not good:
            return _nothing(refused)
        await self._publish(good, now)
        return private_json(Receipt(len(good), refused), 202)

    async def _sort(
        self, raw: bytes, caller: Caller, now: datetime
    ) -> tuple[list[tuple[UUID, IncomingEvent]], list[RefusedEvent]]:
        """Return the events that can be used, each with its resident, and those that cannot."""
        window = Window.at(
            now,
            late_limit_days=self.settings.late_limit_days,
            future_limit_seconds=self.settings.future_limit_seconds,
        )
        events = read(raw)
        people = await self._people(events, caller)
        found = [event if isinstance(event, Fault) else _check(event, window, people) for event in events]
        if bodies.ESCAPED_NUL in raw:
            found = [event if isinstance(event, Fault) else nul_fault(event) or event for event in found]
        missing = await self.offers.unknown({event.offer for event in found if not isinstance(event, Fault)})
        good, refused = [], []
        for index, event in enumerate(found):
            if isinstance(event, Fault):
                refused.append(RefusedEvent.by(index, event))
            elif event.offer in missing:
                refused.append(RefusedEvent.by(index, _UNKNOWN_OFFER))
            elif isinstance(person := people[event.resident], UUID):
                good.append((person, event))
        return good, refused

    async def _people(self, events: Sequence[IncomingEvent | Fault], caller: Caller) -> dict[str, UUID | Fault]:
        """Return who is meant by each name of a resident, or what is wrong with it.

        Raises
        ------
        Forbidden
            The caller may not tell of one of them.
        """
        people: dict[str, UUID | Fault] = {}
        for name in dict.fromkeys(event.resident for event in events if not isinstance(event, Fault)):
            try:
                people[name] = await self.gate.named(caller, name, Scope.INTERACTIONS_WRITE)
            except InvalidInput as error:
                people[name] = Fault("resident", "bad_resident", error.detail)
        return people

    async def _publish(self, good: Sequence[tuple[UUID, IncomingEvent]], now: datetime) -> None:
        """Publish one batch a resident. Who never decided on a consent has given none: their events end here."""
        by_person: dict[UUID, list[Interaction]] = {}
        for person, event in good:
            by_person.setdefault(person, []).append(_interaction(event))
        pseudonyms = await asyncio.gather(*map(self.residents.pseudonym, by_person))
        batches = [
            InteractionBatch(pseudonym, now, tuple(events))
            for pseudonym, events in zip(pseudonyms, by_person.values(), strict=True)
            if pseudonym is not None
        ]
        sent = sum(len(batch.events) for batch in batches)
        if batches:
            await self.publisher.interactions(batches)
            ACCEPTED.inc(sent)
        if len(good) > sent:
            WITHOUT_PERMIT.labels("activity", "never_granted").inc(len(good) - sent)


_UNKNOWN_OFFER = Fault("offer", "unknown_offer", "There is no offer with this id; use one that /v1/offers told.")


def _check(event: IncomingEvent, window: Window, people: Mapping[str, UUID | Fault]) -> IncomingEvent | Fault:
    """Return the event, or what is wrong with it."""
    person = people[event.resident]
    return person if isinstance(person, Fault) else window.fault(event) or event


def _interaction(event: IncomingEvent) -> Interaction:
    return Interaction(event.id, event.offer, event.type, event.time, event.value, event.suggestion, event.context)


def _nothing(refused: Sequence[RefusedEvent]) -> Response:
    detail = "No event could be used; `refused` says of each what to correct."
    named = [errors.FieldError(f"events.{event.index}", event.detail) for event in refused]
    common = errors.problem("nothing_accepted", 422, detail, named)
    return errors.answer(NothingAccepted(**msgspec.structs.asdict(common), refused=refused))
