"""What every answer passes through: a correlation id, security headers, a latency, and a word for the unforeseen."""

import re
import secrets
import traceback
from collections.abc import Iterable
from time import perf_counter
from typing import Any

from prometheus_client import Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import answer, problem
from engine import telemetry

log = telemetry.logger("api")
REQUEST_ID = b"x-request-id"
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
"""Sent with every answer that does not set the header itself."""

Headers = Iterable[tuple[bytes, bytes]]


class Doorkeeper:
    """An ASGI middleware in the bare form, which costs an answer some 20 us; Starlette's BaseHTTPMiddleware costs 150.

    Parameters
    ----------
    app
        What answers.
    latency
        Where the time of an answer is put down, by the template of its route.
    """

    def __init__(self, app: ASGIApp, latency: Histogram = telemetry.LATENCY) -> None:
        self._app = app
        self._latency = latency
        self._by_route: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; other kinds of traffic pass untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope["headers"])
        mark, began, started = telemetry.correlation.set(request_id.decode()), perf_counter(), False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                # What stays open, as a stream of events, is measured by when it began.
                self._observe(scope, perf_counter() - began)
                message["headers"] = [*_complete(message["headers"]), (REQUEST_ID, request_id)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            log.info("client_left")
        except Exception as error:  # noqa: BLE001 - the last resort: whatever it is, the caller gets a problem
            log.error("unforeseen", error=type(error).__name__, where=_where(error))  # noqa: TRY400 - messages may name people
            if not started:
                await _apology()(scope, receive, send_with_headers)
        finally:
            telemetry.correlation.reset(mark)

    def _observe(self, scope: Scope, seconds: float) -> None:
        template = getattr(scope.get("route"), "path", "other")
        child = self._by_route.get(template)
        if child is None:
            child = self._by_route[template] = self._latency.labels(template)
        child.observe(seconds)


def _request_id(headers: Headers) -> bytes:
    """Return the caller's id of the request if it is well-formed, else a new one."""
    given = next((value for name, value in headers if name == REQUEST_ID), b"")
    return given if _WELL_FORMED.fullmatch(given) else secrets.token_hex(8).encode()


def _complete(headers: Headers) -> list[tuple[bytes, bytes]]:
    own = list(headers)
    names = {name for name, _ in own}
    return own + [header for header in SECURITY_HEADERS if header[0] not in names]


def _apology() -> ASGIApp:
    detail = "Something went wrong that we did not foresee; repeat in a moment, and tell us the request id if it stays."
    return answer(problem("internal_error", 500, detail))


def _where(error: BaseException) -> list[str]:
    """Return the last frames without the error's words, which may hold what a resident sent."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
