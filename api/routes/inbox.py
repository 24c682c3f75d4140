"""A resident's inbox: messages of the topics that the resident still allows there, and word of what changes in it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

import anyio
import msgspec
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.bodies import Reader
from api.gate import Gate
from api.operations import PRIVATE, Answer, Operation, private_json
from campaigns.records.inbox import Kept
from engine.consent import Permit, Purpose, ServicePermit
from engine.errors import InvalidInput, NotFound, TooOften, VinkkiError
from engine.events import AwareTime, Pseudonym
from engine.ledger import ConsentLedger
from engine.residents import Residents

TAG = "Inbox"
_PURPOSES = [purpose for purpose in Purpose if purpose.marketing and purpose.endswith("_inbox")]


class Boxes(Protocol):
    """Where inboxes are kept (`campaigns.records.inbox`)."""

    async def of(self, permits: Sequence[Permit | ServicePermit], now: datetime) -> Sequence[Kept]:
        """Return the newest messages of one resident that the permits allow."""

    async def unread(self, permits: Sequence[Permit | ServicePermit], now: datetime) -> int:
        """Return how many of these are not read yet."""

    async def mark(self, permits: Sequence[Permit | ServicePermit], id_: str, *, read: bool, now: datetime) -> bool:
        """Mark one as read, or as not; say whether it was there."""

    async def delete(self, resident: Pseudonym, id_: str) -> bool:
        """Delete one; say whether it was there."""


class News(Protocol):
    """What hears of changes (`api.inbox_feed`)."""

    def check(self, whose: Pseudonym) -> None:
        """Refuse one more who watches where too many do (`engine.errors.TooOften`)."""

    def watching(self, whose: Pseudonym) -> AbstractContextManager[asyncio.Event]:
        """Give an event that is set whenever the inbox has changed."""


class Message(msgspec.Struct, frozen=True):
    """A message."""

    id: str
    topic: str
    subject: str
    text: str
    language: str
    sent: AwareTime
    read: AwareTime | None
    stop: Annotated[str, msgspec.Meta(description="Where these messages are ended")]
    html: str | None = None


class Inbox(msgspec.Struct, frozen=True):
    """The newest messages first, at most 200."""

    items: Sequence[Message]
    unread: int


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether it counts as read."""

    read: bool


EXAMPLE = {
    "items": [
        {
            "id": "5j2h7dkq3xv6n4mzt2ywc3bqea",
            "topic": "library",
            "subject": "Uutta kirjastoissa",
            "text": "Hei! Kirjastossa tapahtuu.",
            "language": "fi",
            "sent": "2026-11-26T08:00:00Z",
            "read": None,
            "stop": "https://vinkki.example/stop/eyJ0",
            "html": None,
        }
    ],
    "unread": 1,
}
_read_mark = Reader(Mark)
STREAM = "text/event-stream"
PING_SECONDS, LOOK_SECONDS, FIRST_LOOK_SECONDS, GRACE_SECONDS = 15, 30.0, 10.0, 2.0
READ = """\
Of topics whose leave for the inbox holds now (a withdrawal deletes the others), and what services have sent on a basis
of their own.

With `Accept: text/event-stream` the answer stays open and says, as server-sent events of the name `inbox`, how many
messages are unread (`{"unread": 1}`): at once, and whenever something in the inbox has changed; then read it again. It
holds no message. It ends when the token does, and whenever leave to read is over."""


@dataclass(frozen=True, slots=True)
class InboxRoutes:
    """Shows residents their messages."""

    gate: Gate
    residents: Residents
    ledger: ConsentLedger
    boxes: Boxes
    news: News

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        path = "/v1/residents/{id}/inbox"
        return (
            Operation(
                method="GET",
                path=path,
                name="read_inbox",
                summary="A resident's messages",
                description=READ,
                tag=TAG,
                handler=self.read,
                answers={200: Answer("The messages", Inbox, EXAMPLE, also=(STREAM,))},
                problems=(TooOften,),
                scope=Scope.INBOX_READ,
            ),
            Operation(
                method="PUT",
                path=f"{path}/{{message}}",
                name="mark_message",
                summary="Mark a message as read, or as unread",
                tag=TAG,
                handler=self.mark,
                body=Mark,
                example={"read": True},
                answers={204: Answer("It is marked")},
                problems=(InvalidInput, NotFound),
                scope=Scope.INBOX_WRITE,
            ),
            Operation(
                method="DELETE",
                path=f"{path}/{{message}}",
                name="delete_message",
                summary="Delete a message",
                tag=TAG,
                handler=self.delete,
                answers={204: Answer("It is gone")},
                problems=(NotFound,),
                scope=Scope.INBOX_WRITE,
            ),
        )

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/inbox`."""
        person = await self.gate.resident(request, Scope.INBOX_READ)
        if STREAM in request.headers.get("accept", ""):
            return await self._stream(request, person)
        now = self.gate.clock()
        items = [_message(its) for its in await self.boxes.of(await self._permits(person, now), now)]
        return private_json(Inbox(items, sum(its.read is None for its in items)))

    async def _stream(self, request: Request, person: UUID) -> Response:
        resident = await self.residents.pseudonym(person)
        whose = resident or Pseudonym(person)
        self.news.check(whose)
        ending = anyio.Event()

        async def told() -> AsyncIterator[ServerSentEvent]:
            with self.news.watching(whose) as changed:
                async for unread in self._unread(request, resident, changed, ending):
                    yield ServerSentEvent(data=f'{{"unread":{unread}}}', event="inbox", sep="\n")

        return EventSourceResponse(
            told(),
            headers=PRIVATE,
            ping=PING_SECONDS,
            sep="\n",
            send_timeout=PING_SECONDS,
            shutdown_event=ending,
            shutdown_grace_period=GRACE_SECONDS,
        )

    async def _unread(
        self, request: Request, resident: Pseudonym | None, changed: asyncio.Event, ending: anyio.Event
    ) -> AsyncIterator[int]:
        """Yield how many are unread: now, whenever the inbox changed, and where it turns out to be another number.

        Parameters
        ----------
        ending
            Set when the server stops.
        """
        said = None
        while not ending.is_set():
            heard = changed.is_set()
            changed.clear()
            try:
                # Each time as if it were asked anew: a token ends, a leave is taken back, somebody is erased.
                caller = await self.gate.caller(request)
                person = await self.gate.named(caller, request.path_params["id"], Scope.INBOX_READ)
                if await self.residents.pseudonym(person) != resident:
                    return
                now = self.gate.clock()
                unread = await self.boxes.unread(await self._permits(person, now), now)
            except VinkkiError:
                return  # whoever asks again is told why
            if heard or unread != said:
                yield unread
            said = unread
            # Nobody tells of who has said no word yet; with the first one there is an inbox.
            await _either(changed, ending, LOOK_SECONDS if resident else FIRST_LOOK_SECONDS)

    async def mark(self, request: Request) -> Response:
        """Answer `PUT /v1/residents/{id}/inbox/{message}`."""
        person = await self.gate.resident(request, Scope.INBOX_WRITE)
        read, now = (await _read_mark(request)).read, self.gate.clock()
        permits = await self._permits(person, now)
        if not await self.boxes.mark(permits, request.path_params["message"], read=read, now=now):
            raise NotFound(_NONE, field="message")
        return Response(status_code=204, headers=PRIVATE)

    async def delete(self, request: Request) -> Response:
        """Answer `DELETE /v1/residents/{id}/inbox/{message}`."""
        person = await self.gate.resident(request, Scope.INBOX_WRITE)
        resident = await self.residents.pseudonym(person)
        if resident is None or not await self.boxes.delete(resident, request.path_params["message"]):
            raise NotFound(_NONE, field="message")
        return Response(status_code=204, headers=PRIVATE)

    async def _permits(self, person: UUID, now: datetime) -> Sequence[Permit | ServicePermit]:
        resident = await self.residents.pseudonym(person)
        if resident is None:
            return []
        # A pause stops what is sent, not what the resident has and reads.
        consents = (await self.ledger.consents(resident)).resumed()
        answers = [consents.permit(purpose, now) for purpose in _PURPOSES]
        allowed = [answer for answer in answers if isinstance(answer, Permit)]
        service = consents.service_permit(now)
        return allowed if service is None else [*allowed, service]


async def _either(one: asyncio.Event, other: anyio.Event, seconds: float) -> None:
    """Wait for one of two, or so many seconds."""
    waiting = [asyncio.ensure_future(its.wait()) for its in (one, other)]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for its in waiting:
            its.cancel()


_NONE = "There is no such message; read the inbox again."


def _message(its: Kept) -> Message:
    said = its.content
    return Message(its.id, said.topic, said.subject, said.text, said.language, its.time, its.read, said.stop, said.html)
