"""Pausing everything for a month, and turning reasons off: in force before the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import parameters
from api.access import Scope
from api.bodies import Reader
from api.gate import Gate
from api.my_data_words import REASONS
from api.operations import Answer, Operation, private_json
from api.routes.my_data import TAG, Asked
from engine.choices import FAMILIES, Choice
from engine.consent import Consents
from engine.errors import NotFound
from engine.events import AwareTime
from engine.language import Language
from engine.ledger import ConsentLedger
from engine.residents import Residents


class Pause(msgspec.Struct, frozen=True):
    """Whether everything is paused, and until when."""

    paused: bool
    until: AwareTime | None = None


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of a reason."""

    on: bool


class ReasonSwitch(msgspec.Struct, frozen=True):
    """A family of reasons, and whether it counts."""

    code: str
    text: str
    on: bool


class ReasonSwitches(msgspec.Struct, frozen=True):
    """Every family of reasons that can be turned off."""

    items: Sequence[ReasonSwitch]


EXAMPLE_PAUSE = {"paused": True, "until": "2026-12-22T16:00:00Z"}
EXAMPLE_SWITCH = {"code": "area", "text": "My part of the city", "on": False}
PAUSE_DESCRIPTION = """\
While it holds, nothing of the resident is used: suggestions are the popular ones, events are not taken in, partners see
nothing, nothing is sent. Nothing is forgotten either. It ends by itself after 30 days."""


@dataclass(frozen=True, slots=True)
class ChoiceRoutes:
    """Takes in what residents choose beside their consents."""

    gate: Gate
    residents: Residents
    ledger: ConsentLedger

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (*self._pauses(), *self._reasons())

    def _pauses(self) -> Sequence[Operation]:
        path = "/v1/residents/{id}/pause"
        answers = {200: Answer("What holds", Pause, EXAMPLE_PAUSE)}
        read = Operation(
            method="GET",
            path=path,
            name="read_pause",
            summary="Whether everything is paused",
            tag=TAG,
            handler=self.read_pause,
            answers=answers,
            scope=Scope.CONSENTS_READ,
        )
        begin = Operation(
            method="PUT",
            path=path,
            name="pause",
            summary="Pause everything for a month",
            description=PAUSE_DESCRIPTION,
            tag=TAG,
            handler=self.pause,
            answers=answers,
            scope=Scope.CONSENTS_WRITE,
        )
        end = Operation(
            method="DELETE",
            path=path,
            name="resume",
            summary="End the pause",
            tag=TAG,
            handler=self.resume,
            answers=answers,
            scope=Scope.CONSENTS_WRITE,
        )
        return read, begin, end

    def _reasons(self) -> Sequence[Operation]:
        path = "/v1/residents/{id}/reasons"
        return (
            Operation(
                method="GET",
                path=path,
                name="read_reasons",
                summary="Which reasons count",
                description="`off` of a suggestion's reason names the one that turns it off.",
                tag=TAG,
                handler=self.read_reasons,
                form=Asked,
                answers={200: Answer("All of them", ReasonSwitches, {"items": [EXAMPLE_SWITCH]})},
                scope=Scope.CONSENTS_READ,
            ),
            Operation(
                method="PUT",
                path=f"{path}/{{code}}",
                name="switch_reason",
                summary="Turn a reason off or on",
                description=(
                    "The very next answer neither is ordered by what is off nor says it. "
                    "Of a child a reason is off while one guardian has it off; the answer tells what holds."
                ),
                tag=TAG,
                handler=self.switch,
                form=Asked,
                body=Switch,
                example={"on": False},
                answers={200: Answer("It is in force", ReasonSwitch, EXAMPLE_SWITCH)},
                problems=(NotFound,),
                scope=Scope.CONSENTS_WRITE,
            ),
        )

    async def read_pause(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/pause`."""
        return _pause(await self._consents(request), self.gate.clock())

    async def pause(self, request: Request) -> Response:
        """Answer `PUT /v1/residents/{id}/pause`."""
        person, now = await self.gate.resident(request, Scope.CONSENTS_WRITE), self.gate.clock()
        guardian = await self.gate.guardian(request, person)
        return _pause(await self.residents.decide(person, partial(self.ledger.pause, now=now, guardian=guardian)), now)

    async def resume(self, request: Request) -> Response:
        """Answer `DELETE /v1/residents/{id}/pause`. Who has not paused leaves no trace."""
        person, now = await self.gate.resident(request, Scope.CONSENTS_WRITE), self.gate.clock()
        resident = await self.residents.pseudonym(person)
        if resident is None or not (held := await self.ledger.consents(resident)).paused_until(now):
            return _pause(None, now)
        guardian = await self.gate.guardian(request, person)
        return _pause(await self.ledger.choose(held.resident, Choice.PAUSE, on=False, now=now, guardian=guardian), now)

    async def read_reasons(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/reasons`."""
        held, language = await self._consents(request), _language(request)
        off = held.off if held else frozenset[str]()
        return private_json(ReasonSwitches([_switch(code, language, on=code not in off) for code in FAMILIES]))

    async def switch(self, request: Request) -> Response:
        """Answer `PUT /v1/residents/{id}/reasons/{code}`."""
        person = await self.gate.resident(request, Scope.CONSENTS_WRITE)
        code, language, now = request.path_params["code"], _language(request), self.gate.clock()
        asked = await _read_switch(request)
        if code not in FAMILIES:
            raise NotFound(f"The reasons that can be turned off are {', '.join(FAMILIES)}.", field="code")
        guardian = await self.gate.guardian(request, person)
        choose = partial(self.ledger.choose, choice=FAMILIES[code], on=not asked.on, now=now, guardian=guardian)
        held = await self.residents.decide(person, choose)
        return private_json(_switch(code, language, on=code not in held.off))

    async def _consents(self, request: Request) -> Consents | None:
        resident = await self.residents.pseudonym(await self.gate.resident(request, Scope.CONSENTS_READ))
        return None if resident is None else await self.ledger.consents(resident)


_read_switch = Reader(Switch)


def _language(request: Request) -> Language:
    return parameters.read(request.scope["query_string"], Asked).lang


def _switch(code: str, language: Language, *, on: bool) -> ReasonSwitch:
    return ReasonSwitch(code, REASONS[code].pick(language), on)


def _pause(consents: Consents | None, now: datetime) -> Response:
    until = consents.paused_until(now) if consents else None
    return private_json(Pause(until is not None, until))
