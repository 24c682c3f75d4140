"""The access log as its resident reads it: who else saw what of them, and what for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import parameters
from api.access import Scope
from api.gate import Gate
from api.operations import Answer, Operation, private_json
from engine.accesses import Accessed
from engine.records.accesses import AccessRecords
from engine.residents import Residents

_SOON = timedelta(seconds=60)
"""Another process' clock may be ahead of ours."""


class AccessPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which part of the log."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000, description="How many at most")] = 200
    before: Annotated[str, msgspec.Meta(description="Older than this time or date")] | None = None


class Accesses(msgspec.Struct, frozen=True):
    """Accesses, newest first."""

    items: Sequence[Accessed]


EXAMPLE = {
    "items": [
        {
            "time": "2026-11-22T16:00:00Z",
            "who": "helsinki-app",
            "capacity": "service",
            "purpose": "suggestions:read",
            "what": "suggest",
            "fields": [],
        }
    ]
}
DESCRIPTION = """\
Every time that a service, the city's staff or a partner reached this resident's data. What the resident does in person
is not here. `purpose` is the scope that allowed it, or `partner:` and the partner's id; `fields` are those a partner
was given. Kept for two years, and deleted when the resident is erased."""


@dataclass(frozen=True, slots=True)
class AccessRoutes:
    """Tells residents who saw what of them."""

    gate: Gate
    residents: Residents
    accesses: AccessRecords

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path="/v1/residents/{id}/accesses",
                name="read_accesses",
                summary="Who else saw what of a resident",
                description=DESCRIPTION,
                tag="Consents",
                handler=self.read,
                form=AccessPage,
                answers={200: Answer("Accesses, newest first", Accesses, EXAMPLE)},
                scope=Scope.CONSENTS_READ,
            ),
        )

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/accesses`."""
        person = await self.gate.resident(request, Scope.CONSENTS_READ)
        page = parameters.read(request.scope["query_string"], AccessPage)
        before = parameters.moment(page.before, "before") or self.gate.clock() + _SOON
        resident = await self.residents.pseudonym(person)
        return private_json(Accesses([] if resident is None else await self.accesses.of(resident, before, page.limit)))
