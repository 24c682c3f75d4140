"""The city's Notification service on a real socket, as its specification has it: it keeps text messages."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.serving import serving

TOKEN = "a token of the service's"
FIRST = 1784
"""What the service calls the first message that it takes; the next are one more each."""


@dataclass
class NotificationService:
    """The service; `answer` says what becomes of each message that it does not take."""

    answer: Callable[[], Response] | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    address: str = ""

    def code(self, number: str) -> str:
        """Return the code in the last message to a number."""
        return re.findall(r"\b\d{6}\b", self.texts(number)[-1])[-1]

    def texts(self, number: str) -> list[str]:
        """Return what was said to a number."""
        return [its["text"] for its in self.messages if its["to"] == _to(number)]

    def reference(self, number: str) -> int:
        """Return what the service calls the last message to a number."""
        return FIRST + max(place for place, its in enumerate(self.messages) if its["to"] == _to(number))

    async def take(self, request: Request) -> Response:
        """Take a message."""
        if request.headers.get("authorization") != f"Token {TOKEN}":
            return JSONResponse({"code": 401, "message": "No such token"}, 401)
        if self.answer is not None:
            return self.answer()
        self.messages.append(await request.json())
        return JSONResponse({"id": FIRST + len(self.messages) - 1}, 201)


def _to(number: str) -> list[dict[str, str]]:
    return [{"destination": number, "format": "MOBILE"}]


@asynccontextmanager
async def notifying(service: NotificationService) -> AsyncIterator[NotificationService]:
    """Run the service."""
    app = Starlette(routes=[Route("/v1/message/send", service.take, methods=["POST"])])
    async with serving(app) as base:
        service.address = f"{base}/v1/"
        yield service
