"""What `POST /v1/interactions` takes: the forms, and what is wrong with an event that cannot be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from api.access import RESIDENT_SCHEMA
from api.errors import Faults, FieldError, Problem
from api.faults import END, NUL_REMEDY, Fault, explain, malformed, nul_in
from engine.events import AwareTime, Context, InteractionType

LIMIT_BYTES = 1_000_000
MOST_EVENTS = 500
EVENT_ID = "^[A-Za-z0-9_.:-]{1,64}" + END
_HOW_MANY = msgspec.Meta(min_length=1, max_length=MOST_EVENTS, description=f"1 to {MOST_EVENTS} events")


class IncomingEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing a resident did with an offer."""

    id: Annotated[str, msgspec.Meta(pattern=EVENT_ID, description="Yours, unique; sent again, it counts once")]
    resident: Annotated[
        str, msgspec.Meta(max_length=36, description="A resident's UUID, or `me`", extra_json_schema=RESIDENT_SCHEMA)
    ]
    offer: Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="An offer's id")]
    type: InteractionType
    time: Annotated[AwareTime, msgspec.Meta(description="When it happened, with its offset")]
    value: Annotated[int, msgspec.Meta(ge=1, le=5, description="Stars, for `rate` alone")] | None = None
    suggestion: Annotated[str, msgspec.Meta(max_length=64, description="The `suggestion_id` that led to it")] | None = (
        None
    )
    context: (
        Annotated[Context, msgspec.Meta(max_length=20, description="A few plain facts; no personal data")] | None
    ) = None


class IncomingEvents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events of one or several residents."""

    events: Annotated[list[IncomingEvent], _HOW_MANY]


class _Unread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    events: Annotated[list[msgspec.Raw], _HOW_MANY]


class RefusedEvent(msgspec.Struct, frozen=True):
    """An event that was not taken: its place in the request, a static code, and the remedy."""

    index: int
    code: str
    detail: str

    @classmethod
    def by(cls, index: int, fault: Fault) -> "RefusedEvent":
        """Return what to tell of the event at `index`."""
        return cls(index, fault.code, f"`{fault.field}`: {fault.detail}" if fault.field else fault.detail)


class Receipt(msgspec.Struct, frozen=True):
    """How many events were taken, durably; and those that were not."""

    accepted: int
    refused: Sequence[RefusedEvent]


class NothingAccepted(Problem):
    """A problem that lists why each event was refused."""

    refused: Sequence[RefusedEvent] = ()


_decode_all = msgspec.json.Decoder(IncomingEvents).decode
_decode_apart = msgspec.json.Decoder(_Unread).decode
_decode_one = msgspec.json.Decoder(IncomingEvent).decode


def read(raw: bytes) -> "Sequence[IncomingEvent | Fault]":
    """Return each event of a body, or what is wrong with it.

    Raises
    ------
    InvalidInput
        The body as a whole cannot be used; the error names the field.
    """
    try:
        return _decode_all(raw).events
    except (ValueError, RecursionError):
        # The whole is decoded at once; only where that fails, one by one, to tell the good events from the bad.
        return [_read_one(event) for event in _apart(raw)]


def _apart(raw: bytes) -> list[msgspec.Raw]:
    try:
        raw.decode()
        return _decode_apart(raw).events
    except msgspec.ValidationError as error:
        fault = explain(error, IncomingEvents)
        remedy = f"Send 1 to {MOST_EVENTS} events in one request." if fault.code == "bad_value" else fault.detail
        raise Faults([FieldError(fault.field or "body", remedy)]) from error
    except (ValueError, RecursionError) as error:
        raise malformed(error) from error


def _read_one(raw: msgspec.Raw) -> IncomingEvent | Fault:
    try:
        return _decode_one(raw)
    except msgspec.ValidationError as error:
        return _specific(explain(error, IncomingEvent))


def _specific(fault: Fault) -> Fault:
    """Use the words of events: clients and dashboards branch on these codes."""
    code = {"type": "unknown_type", "value": "bad_value", "id": "bad_id"}.get(fault.field)
    if code is None or fault.code in ("missing_field", "unknown_field"):
        return fault
    details = {
        "unknown_type": f"Use one of {', '.join(InteractionType)}.",
        "bad_value": "Give a whole number of stars from 1 to 5.",
        "bad_id": "Use 1 to 64 of the characters A-Z, a-z, 0-9, _, ., : and -.",
    }
    return Fault(fault.field, code, details[code])


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when an event may have happened to be taken at `now`."""

    oldest: datetime
    newest: datetime

    @classmethod
    def at(cls, now: datetime, *, late_limit_days: float, future_limit_seconds: float) -> "Window":
        """Return the window around `now`."""
        return cls(now - timedelta(days=late_limit_days), now + timedelta(seconds=future_limit_seconds))

    def fault(self, event: IncomingEvent) -> Fault | None:
        """Say what is wrong with an event's time or value, if anything is."""
        if not self.oldest <= event.time <= self.newest:
            return self._out_of_time(event)
        if (event.value is None) is (event.type is InteractionType.RATE):
            return Fault("value", "bad_value", "A `rate` needs 1 to 5 stars, and no other type has any.")
        return None

    def _out_of_time(self, event: IncomingEvent) -> Fault:
        if event.time > self.newest:
            return Fault("time", "in_future", "The time is in the future; set the device's clock and send it again.")
        limit = f"{self.oldest:%Y-%m-%dT%H:%MZ}"
        return Fault("time", "too_late", f"Events from before {limit} are no longer taken; leave this one out.")


def nul_fault(event: IncomingEvent) -> Fault | None:
    """Say where an event holds NUL, if it does. A walk over the event: only worth it where `ESCAPED_NUL` was seen."""
    field = next(nul_in(msgspec.to_builtins(event)), None)
    return None if field is None else Fault(field, "nul", NUL_REMEDY)
