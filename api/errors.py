"""The one table from engine errors to RFC 9457 problem responses, and the errors that only a door can have.

::

    VinkkiError
    ├── InvalidInput
    │   ├── MalformedBody        not JSON, or not text
    │   ├── BodyTooLarge         more bytes than the route takes
    │   ├── UnsupportedBody      not sent as application/json
    │   ├── InvalidLogout        not a logout token for us
    │   ├── KeyReused            another body under a key that was used
    │   └── Faults               several fields at once
    ├── VersionNeeded            a change does not say which version it is made on
    ├── KeyNeeded                what is to be done once does not say which time it is
    ├── Unauthenticated          no token, or one that does not hold
    └── Forbidden                the token holds, but not for this
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from campaigns import errors as campaigns
from campaigns.stop import LinkOver
from engine import errors as engine
from engine import telemetry

log = telemetry.logger("api")
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5


class FieldError(msgspec.Struct, frozen=True):
    """One field that cannot be used: its path (``events.3.time``) and what to do about it."""

    field: str
    detail: str


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An RFC 9457 problem; `code` is the stable name to branch on, `instance` the correlation id of the logs."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    errors: Sequence[FieldError] = ()


class MalformedBody(engine.InvalidInput):
    """The body is not JSON; send one JSON object in UTF-8."""

    code = "malformed_body"


class BodyTooLarge(engine.InvalidInput):
    """The body is larger than this route takes; send it in smaller parts."""

    code = "body_too_large"


class UnsupportedBody(engine.InvalidInput):
    """The body is not declared as JSON; send it with `Content-Type: application/json`."""

    code = "unsupported_body"


class InvalidLogout(engine.InvalidInput):
    """No session ends by it; send a form with a fresh `logout_token` that the issuer signed for us."""

    code = "invalid_logout"

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, field="logout_token")


class VersionNeeded(engine.VinkkiError):
    """A change is made on a version that you have seen; send its `ETag` as the header `If-Match`."""

    code = "version_needed"


class KeyNeeded(engine.VinkkiError):
    """So that nothing is done twice, name what you ask for with a header `Idempotency-Key`, such as a UUID."""

    code = "key_needed"


class KeyReused(engine.InvalidInput):
    """The key stands for another request; take a new one for what is new, and the same body for the same."""

    code = "key_reused"


class Faults(engine.InvalidInput):
    """Several fields cannot be used; correct each one that is named and send it again."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        first = errors[0]
        super().__init__(first.detail if len(errors) == 1 else None, field=first.field)
        self.errors = tuple(errors)


class Unauthenticated(engine.VinkkiError):
    """A bearer token is needed; send one in the header `Authorization: Bearer <token>`."""

    code = "unauthenticated"

    def __init__(self, detail: str | None = None, *, reason: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        """A static word for the log; empty where no token came at all."""


class Forbidden(engine.VinkkiError):
    """The token is good, but not for this; use one of the resident concerned or of a service with the scope."""

    code = "forbidden"

    def __init__(self, detail: str | None = None, *, field: str | None = None, scope: str | None = None) -> None:
        super().__init__(detail, field=field)
        self.scope = scope


STATUS: Mapping[type[engine.VinkkiError], HTTPStatus] = {
    engine.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    engine.UnknownNotice: HTTPStatus.CONFLICT,
    engine.NotFound: HTTPStatus.NOT_FOUND,
    engine.Outdated: HTTPStatus.PRECONDITION_FAILED,
    engine.ConsentRequired: HTTPStatus.FORBIDDEN,
    engine.NotYours: HTTPStatus.FORBIDDEN,
    engine.NotForMinors: HTTPStatus.FORBIDDEN,
    engine.LastGuardian: HTTPStatus.CONFLICT,
    engine.Over: HTTPStatus.CONFLICT,
    engine.TooFew: HTTPStatus.CONFLICT,
    engine.NotOffered: HTTPStatus.CONFLICT,
    engine.TooOften: HTTPStatus.TOO_MANY_REQUESTS,
    LinkOver: HTTPStatus.GONE,
    engine.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    engine.Misconfigured: HTTPStatus.INTERNAL_SERVER_ERROR,
    engine.VinkkiError: HTTPStatus.INTERNAL_SERVER_ERROR,
    MalformedBody: HTTPStatus.BAD_REQUEST,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedBody: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    InvalidLogout: HTTPStatus.BAD_REQUEST,
    KeyNeeded: HTTPStatus.BAD_REQUEST,
    VersionNeeded: HTTPStatus.PRECONDITION_REQUIRED,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    campaigns.IllegalMove: HTTPStatus.CONFLICT,
    campaigns.RoleNeeded: HTTPStatus.FORBIDDEN,
    campaigns.SecondPersonNeeded: HTTPStatus.FORBIDDEN,
}
"""The table. An error that is not listed answers as its nearest parent does."""


def status_of(kind: type[engine.VinkkiError]) -> HTTPStatus:
    """Return the HTTP status of an error class: its own line of the table, or its nearest parent's."""
    return next(STATUS[line] for line in kind.__mro__ if line in STATUS)


def problem(code: str, status: int, detail: str, errors: Sequence[FieldError] = ()) -> Problem:
    """Return a problem that names the request it belongs to; its `type` is an anchor of the documentation page."""
    request = telemetry.correlation.get()
    return Problem(
        type=f"/docs#problem-{code}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=detail,
        code=code,
        instance=f"urn:vinkki:request:{request}" if request else None,
        errors=errors,
    )


def answer(body: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Return the problem as a response."""
    return Response(msgspec.json.encode(body), body.status, headers=headers, media_type=MEDIA_TYPE)


def field_errors(error: engine.VinkkiError) -> tuple[FieldError, ...]:
    """Return the fields that an error names."""
    if isinstance(error, Faults):
        return error.errors
    if isinstance(error, campaigns.Unfit):
        return tuple(FieldError(fault.where, str(fault)) for fault in error.faults)
    return (FieldError(error.field, error.detail),) if error.field else ()


def headers_of(error: engine.VinkkiError) -> dict[str, str]:
    """Return the response headers that go with an error: how to authenticate, when to come back."""
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": 'Bearer error="invalid_token"' if error.reason else "Bearer"}
    if isinstance(error, Forbidden) and error.scope:
        return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{error.scope}"'}
    if isinstance(error, InvalidLogout):
        return {"Cache-Control": "no-store"}
    if isinstance(error, engine.TooOften):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, engine.Unavailable):
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return {}


async def explain_ours(_: Request, error: engine.VinkkiError) -> Response:
    """Answer an error of the tree. Refusals are logged by a static word: never a token, never a person."""
    status = status_of(type(error))
    if isinstance(error, Unauthenticated | Forbidden):
        log.info("access_refused", code=error.code, reason=getattr(error, "reason", "") or "none")
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request_failed", code=error.code)
    return answer(problem(error.code, status, error.detail, field_errors(error)), headers_of(error))


async def explain_http(request: Request, error: HTTPException) -> Response:
    """Answer what the framework refuses: an unknown address, a method that the address does not have."""
    status = HTTPStatus(error.status_code)
    code = status.phrase.lower().replace(" ", "_")
    if status is HTTPStatus.NOT_FOUND:
        detail = "There is nothing at this address; /docs lists what there is."
    elif status is HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not possible at this address; /docs lists what is."
    else:
        detail = f"{status.description or status.phrase}."
    return answer(problem(code, status, detail), error.headers)


async def explain_fields(request: Request, error: RequestValidationError) -> Response:
    """Answer what FastAPI's own parsing refuses, without repeating what was sent."""
    named = [FieldError(".".join(map(str, one["loc"][1:])) or "body", one["msg"]) for one in error.errors()]
    return await explain_ours(request, Faults(named))


def catalogue() -> list[tuple[str, int, str]]:
    """Return every code that a problem may have, with its status and meaning, for people to look up."""
    found = {"method_not_allowed": (405, "The address does not have this method.")}
    found["nothing_accepted"] = (422, "No event of a request could be used; `refused` says why.")
    found["internal_error"] = (500, "Something unforeseen went wrong; the request id finds it in the logs.")
    kinds = [engine.VinkkiError]
    for kind in kinds:
        kinds += kind.__subclasses__()
        if "code" in vars(kind) and kind is not engine.VinkkiError:
            found[kind.code] = (status_of(kind), (kind.__doc__ or "").split("\n")[0])
    return [(code, int(status), meaning) for code, (status, meaning) in sorted(found.items())]


def install(app: FastAPI) -> None:
    """Let `app` answer every error as a problem. What nobody foresaw is answered by `api.middleware`."""
    app.exception_handler(engine.VinkkiError)(explain_ours)
    app.exception_handler(HTTPException)(explain_http)
    app.exception_handler(RequestValidationError)(explain_fields)
