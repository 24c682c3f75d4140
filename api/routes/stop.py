"""Stop links (RFC 8058): a GET shows what they end and changes nothing, a POST ends it before it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Literal
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.errors import answer, headers_of, problem, status_of
from api.operations import FORM, Answer, Operation
from api.pages import stop as pages
from campaigns.stop import PATH, LinkOver, LinkUnknown, Stop, StopLinks, Stopper
from engine.errors import StoreUnavailable, VinkkiError
from engine.language import Language
from engine.telemetry import logger

TAG = "Stopping messages"
BODY_BYTES = 4096
HTML = "text/html"
HEADERS = {"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex"}
log = logger("api")
ABOUT = """\
In the language of the message, without signing in. Nothing is changed: mail scanners follow links. What is wrong with
a link is said on a page to who asks for one, and else as a problem."""
STOP = """\
As the page's form, or in one click (RFC 8058) with `List-Unsubscribe=One-Click`. When this answers, the withdrawal
is durable and in force, as by `PUT …/consents/{purpose}`: of the link's topic on its channel, or with `scope=all` of
all messages. To repeat it changes nothing."""


class Wish(msgspec.Struct, frozen=True, rename={"one_click": "List-Unsubscribe"}):
    """What a form asks for; a body without any of it ends the link's topic."""

    scope: Literal["topic", "all"] = "topic"
    one_click: str = ""


@dataclass(frozen=True, slots=True)
class StopRoutes:
    """Shows what stop links end, and ends it."""

    links: StopLinks
    stopper: Stopper
    clock: Callable[[], datetime]

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        good = {200: Answer("A page in words", media_type=HTML)}
        return (
            Operation(
                method="GET",
                path=f"{PATH}{{token}}",
                name="show_stop",
                summary="What a stop link would end",
                description=ABOUT,
                tag=TAG,
                handler=self.show,
                answers=good,
                problems=(LinkUnknown, LinkOver),
            ),
            Operation(
                method="POST",
                path=f"{PATH}{{token}}",
                name="stop_messages",
                summary="End messages",
                description=STOP,
                tag=TAG,
                handler=self.stop,
                body=Wish,
                example={"List-Unsubscribe": "One-Click"},
                takes=FORM,
                answers=good,
                problems=(LinkUnknown, LinkOver),
            ),
        )

    async def show(self, request: Request) -> Response:
        """Answer `GET /stop/{token}`."""
        try:
            stop = self._read(request)
        except VinkkiError as error:
            return _trouble(request, error)
        return _page("ask", request, stop)

    async def stop(self, request: Request) -> Response:
        """Answer `POST /stop/{token}`."""
        stop = None
        try:
            stop, everything = self._read(request), await _everything(request)
            await self.stopper.stop(stop, self.clock(), everything=everything)
        except VinkkiError as error:
            return _trouble(request, error, stop)
        log.info("messages_stopped", campaign=stop.campaign, purpose=stop.purpose, everything=everything)
        return _page("all" if everything else "topic", request, stop)

    def _read(self, request: Request) -> Stop:
        return self.links.read(request.path_params["token"], self.clock())


async def _everything(request: Request) -> bool:
    """Say whether the page's form asks to end all. Whatever else a body holds, it is a wish to end the topic."""
    raw = b""
    async for chunk in request.stream():
        if len(raw) <= BODY_BYTES:
            raw += chunk
    if len(raw) > BODY_BYTES or not request.headers.get("content-type", "").lower().startswith(FORM):
        return False
    return parse_qs(raw.decode("latin-1")).get("scope") == ["all"]


def _page(state: pages.State, request: Request, stop: Stop | None, status: int = HTTPStatus.OK) -> Response:
    asked = request.query_params.get("lang", "")
    language = Language(asked) if asked in list(Language) else (stop.language if stop else Language.FI)
    html = pages.page(state, language, None if stop is None else stop.purpose)
    return Response(html, status, {**HEADERS, "Content-Language": language}, HTML)


def _trouble(request: Request, error: VinkkiError, stop: Stop | None = None) -> Response:
    """Answer with a page to who asks for one, else with a problem."""
    status, headers = status_of(type(error)), headers_of(error)
    if HTML not in request.headers.get("accept", ""):
        found = answer(problem(error.code, status, error.detail), headers)
    elif isinstance(error, LinkOver):
        found = _page("over", request, stop, status)
    else:
        found = _page("unknown" if isinstance(error, LinkUnknown) else "failed", request, stop, status)
    found.headers.update(headers)
    if isinstance(error, StoreUnavailable):
        log.warning("messages_not_stopped", code=error.code)
    return found
