"""The Helsinki GDPR API 1.1.0: the city's profile asks what is held of a person, or has it deleted.

The answers are those of the city's specification, not ours: whoever may not ask gets 401, errors carry their message
in three languages, and somebody unknown is no error. Nothing in Vinkki must be kept by law, so no deletion is denied.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope, parse_resident
from api.bodies import SMALL_BYTES
from api.errors import Forbidden, Unauthenticated, headers_of
from api.gate import Gate
from api.gdpr_tree import tree
from api.operations import PRIVATE, Endpoint, private_json
from engine.erasure import Eraser
from engine.errors import InvalidInput, VinkkiError
from engine.records.personal import Personal
from engine.telemetry import logger

log = logger("api")
PATH = "/gdpr-api/v1/profiles/{profile}"
TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
FALSE = frozenset({"false", "f", "no", "n", "off", "0"})
MESSAGES: Mapping[int, tuple[str, Mapping[str, str]]] = {
    400: (
        "INVALID_REQUEST",
        {
            "fi": "Pyyntöä ei voi käsitellä. Tarkista tunniste ja dry_run.",
            "sv": "Begäran kan inte behandlas. Kontrollera id:t och dry_run.",
            "en": "The request cannot be used. Check the id and dry_run.",
        },
    ),
    401: (
        "UNAUTHORIZED",
        {
            "fi": "Tunnus puuttuu tai se ei oikeuta tähän.",
            "sv": "Token saknas eller ger inte rätt till detta.",
            "en": "The token is missing or does not allow this.",
        },
    ),
    500: (
        "UNAVAILABLE",
        {
            "fi": "Palvelu ei ole juuri nyt käytettävissä. Yritä hetken kuluttua uudelleen.",
            "sv": "Tjänsten är inte tillgänglig just nu. Försök igen om en stund.",
            "en": "The service is not available at the moment. Try again shortly.",
        },
    ),
}


class PersonalSource(Protocol):
    """Where everything of a person is read from (`engine.records.personal`)."""

    async def of(self, person: UUID) -> Personal | None:
        """Return everything of a person, or None for somebody unknown."""


@dataclass(frozen=True, slots=True)
class GdprRoutes:
    """Answers the city's profile."""

    gate: Gate
    personal: PersonalSource
    eraser: Eraser
    clock: Callable[[], datetime]

    def routes(self) -> list[Endpoint]:
        """Return the one route."""
        handlers = {"GET": ("gdpr_query", _explained(self.query)), "DELETE": ("gdpr_delete", _explained(self.delete))}
        return [Endpoint(PATH, handlers)]

    async def query(self, request: Request) -> Response:
        """Answer GET: everything that is held, or 204 for somebody unknown."""
        held = await self.personal.of(await self._person(request, Scope.GDPR_QUERY))
        return Response(status_code=204, headers=PRIVATE) if held is None else private_json(tree(held))

    async def delete(self, request: Request) -> Response:
        """Answer DELETE: everything is gone when this answers; with `dry_run` nothing is touched."""
        person = await self._person(request, Scope.GDPR_DELETE)
        if not await _dry_run(request):
            await self.eraser.erase(person, self.clock())
        return Response(status_code=204, headers=PRIVATE)

    async def _person(self, request: Request, scope: Scope) -> UUID:
        caller = await self.gate.caller(request)
        person = parse_resident(request.path_params["profile"])
        caller.require(scope)
        if caller.person != person:
            raise Forbidden("The token was issued for another profile.")
        await self.gate.note(request, caller, person, scope)
        return person


def _explained(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Answer errors as the city's specification says."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except VinkkiError as error:
            return _error(error)

    return answer


def _error(error: VinkkiError) -> Response:
    if isinstance(error, Unauthenticated | Forbidden):
        status = HTTPStatus.UNAUTHORIZED
    else:
        status = HTTPStatus.BAD_REQUEST if isinstance(error, InvalidInput) else HTTPStatus.INTERNAL_SERVER_ERROR
    log.info("gdpr_request_refused", code=error.code, status=int(status))
    code, message = MESSAGES[status]
    answer = private_json({"errors": [{"code": code, "message": message}]}, status)
    answer.headers.update(headers_of(error))
    return answer


async def _dry_run(request: Request) -> bool:
    """Say whether `dry_run` is true in the query or in the body: either is enough.

    Raises
    ------
    InvalidInput
        It is no truth value, or the body cannot be read: nothing may be deleted by mistake.
    """
    given = [*request.query_params.getlist("dry_run"), *await _in_body(request)]
    words = [str(value).lower() for value in given]
    if not TRUE.union(FALSE).issuperset(words):
        raise InvalidInput("`dry_run` is true or false.", field="dry_run")
    return not TRUE.isdisjoint(words)


async def _in_body(request: Request) -> list[Any]:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > SMALL_BYTES:
            raise InvalidInput("The body is too large.", field="body")
    if not raw.strip():
        return []
    try:
        if "form-urlencoded" in request.headers.get("content-type", ""):
            return [value for name, value in parse_qsl(raw.decode(), keep_blank_values=True) if name == "dry_run"]
        body = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput("The body is not JSON.", field="body") from error
    return [body["dry_run"]] if "dry_run" in body else []
