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


def taken() -> Response:
    """Return the service's answer to a message that it has taken."""
    return JSONResponse({"id": 1784}, 201)


@dataclass
class NotificationService:
    """The service; `answer` says what becomes of each message."""

    answer: Callable[[], Response] = taken
    messages: list[dict[str, Any]] = field(default_factory=list)
    address: str = ""

    def code(self, number: str) -> str:
        """Return the code in the last message to a number."""
        texts = [its["text"] for its in self.messages if its["to"] == [{"destination": number, "format": "MOBILE"}]]
        return re.findall(r"\b\d{6}\b", texts[-1])[-1]

    async def take(self, request: Request) -> Response:
        """Take a message."""
        if request.headers.get("authorization") != f"Token {TOKEN}":
            return JSONResponse({"code": 401, "message": "No such token"}, 401)
        answer = self.answer()
        if answer.status_code == 201:
            self.messages.append(await request.json())
        return answer


@asynccontextmanager
async def notifying(service: NotificationService) -> AsyncIterator[NotificationService]:
    """Run the service."""
    app = Starlette(routes=[Route("/v1/message/send", service.take, methods=["POST"])])
    async with serving(app) as base:
        service.address = f"{base}/v1/"
        yield service
