"""What the API can be asked, as data: an operation is served as a bare route and described in the OpenAPI document.

Bare routes that return bytes cost half of FastAPI's parsed signatures or less, and msgspec describes the very types
that are read and written, so the document cannot drift from what is served.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as RouteScope

from api.access import Scope
from engine.errors import VinkkiError

Handler = Callable[[Request], Awaitable[Response]]
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method on one path.

    Attributes
    ----------
    name, summary, description, tag
        What people call it; `name` is the OpenAPI operation id.
    handler
        Answers it.
    form
        The type of its query string, if it takes one.
    body, example, takes
        The type of its request body, an example of it, and the media type that it comes in.
    answers
        The type of each good answer by status, with what it means and an example.
    problems
        The errors it may answer with, besides those that any operation may.
    scope
        What a service's token needs; None where no token is needed.
    keyed
        Whether a partner's key is needed.
    on_version
        Whether it changes a version that the header `If-Match` names.
    idempotent
        Whether the header `Idempotency-Key` names what is done once.
    """

    method: str
    path: str
    name: str
    summary: str
    tag: str
    handler: Handler
    description: str = ""
    form: type | None = None
    body: Any = None
    example: Any = None
    takes: str = JSON
    answers: Mapping[int, "Answer"] = field(default_factory=dict)
    problems: Sequence[type[VinkkiError]] = ()
    scope: Scope | None = None
    keyed: bool = False
    on_version: bool = False
    idempotent: bool = False


@dataclass(frozen=True)
class Answer:
    """A good answer: what it means, its type (None for text, or for nothing with status 204) and an example.

    `also` are media types that it may come in instead, as text.
    """

    meaning: str
    shape: Any = None
    example: Any = None
    media_type: str = JSON
    also: tuple[str, ...] = ()


class Endpoint(Route):
    """All operations of one path, each with its name by its method.

    It leaves its template in the request's scope, for the latency's label, and the operation's name, for the access
    log.
    """

    def __init__(self, path: str, handlers: Mapping[str, tuple[str, Handler]]) -> None:
        async def dispatch(request: Request) -> Response:
            name, handler = handlers["GET" if request.method == "HEAD" else request.method]
            request.scope["operation"] = name
            return await handler(request)

        super().__init__(path, dispatch, methods=list(handlers))

    async def handle(self, scope: RouteScope, receive: Receive, send: Send) -> None:
        """Answer as a route does, and name this route."""
        scope["route"] = self
        await super().handle(scope, receive, send)


def endpoints(operations: Iterable[Operation]) -> list[Endpoint]:
    """Return one route for each path, in the order in which the paths first appear."""
    by_path: dict[str, dict[str, tuple[str, Handler]]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation.name, operation.handler
    return [Endpoint(path, handlers) for path, handlers in by_path.items()]


_encode = msgspec.json.Encoder().encode
PRIVATE = {"Cache-Control": "private, no-store"}


def private_json(value: Any, status: int = 200) -> Response:  # noqa: ANN401 - whatever msgspec can encode
    """Answer with what is one person's: nobody on the way may keep it."""
    return Response(_encode(value), status, PRIVATE, JSON)


def open_json(value: Any, seconds: int = 0) -> Response:  # noqa: ANN401 - whatever msgspec can encode
    """Answer with open data that may be kept for so many seconds."""
    kept = f"public, max-age={seconds}" if seconds else "no-cache"
    return Response(_encode(value), headers={"Cache-Control": kept}, media_type=JSON)
