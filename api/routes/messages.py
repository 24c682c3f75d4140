"""Service messages: a service of the city has one message sent to one resident, and asks what became of it."""

import hashlib
import re
import secrets
from base64 import b32encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Caller, Scope, Standing, parse_resident
from api.bodies import Reader
from api.errors import Faults, FieldError, Forbidden, KeyNeeded, KeyReused
from api.gate import Gate
from api.operations import Answer, Operation, private_json
from campaigns.campaign import Campaign, CampaignKind, LanguageCode, State
from campaigns.errors import IllegalMove
from campaigns.records.service_messages import Asked, Kept
from campaigns.service_messages import Content, MessageState
from engine.errors import InvalidInput, NotFound
from engine.events import AwareTime, Pseudonym

TAG = "Service messages"
PATH = "/v1/messages"
HEADER = "Idempotency-Key"
LONGEST_VALUE = 500
_KEY = re.compile(r"[!-~]{1,200}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_RESERVED = re.compile("[\ue000-\uf8ff\ufdd0-\ufdef]")
ABOUT = """\
By a campaign of the kind `transactional` that runs: its words are approved by two officials, and so is the legal basis
on which it is sent without a consent to marketing. It goes by the first of the campaign's channels that is set up and
for which the resident has a confirmed address, counts against no weekly cap, and has nothing to stop; at night it waits
for the morning unless the campaign is of priority 9. What is answered with 202 is durable and is sent once at most.

The header `Idempotency-Key` names what is asked for: the same key with the same body is the same message, for 90
days."""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One message to one resident; `data` gives a value to each name that the campaign's message has.

    Without a language it is the resident's own, where they allow that to be used, or else Finnish.
    """

    campaign: Annotated[str, msgspec.Meta(max_length=64)]
    resident: Annotated[str, msgspec.Meta(max_length=36, description="The resident's UUID")]
    data: dict[str, str] = {}
    language: LanguageCode | None = None


class MessageStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message; `channel` and `reason` are there once they are known."""

    id: str
    campaign: str
    state: MessageState
    channel: str | None = None
    reason: str | None = None
    accepted: AwareTime
    changed: AwareTime


class Campaigns(Protocol):
    """Where campaigns lie (`campaigns.records.documents`)."""

    async def get(self, id_: str) -> Campaign | None:
        """Return one, or None."""


class Residents(Protocol):
    """Who is known (`engine.residents`)."""

    async def pseudonym(self, person: UUID) -> Pseudonym | None:
        """Return a resident's pseudonym, or None."""


class Messages(Protocol):
    """Where messages are kept (`campaigns.records.service_messages`)."""

    async def add(self, asked: Asked, now: datetime) -> Kept:
        """Keep one, durably; of a key that there is already, return what it stands for."""

    async def by_key(self, client: str, key: bytes) -> Kept | None:
        """Return what a client's key stands for."""

    async def of(self, client: str, id_: str) -> Kept | None:
        """Return a client's message."""


class Vault(Protocol):
    """What encrypts with a key of the house (`api.vault`)."""

    def seal(self, content: bytes, about: str) -> bytes:
        """Return the content encrypted and bound to what it is about."""

    def digest(self, content: bytes, about: str) -> bytes:
        """Return a keyed hash."""


_EXAMPLE = {
    "id": "5j2h7dkq3xv6n4mzt2ywc3bqea",
    "campaign": "5d0c9a1be37f4266",
    "state": "sent",
    "channel": "email",
    "accepted": "2026-11-26T09:00:00Z",
    "changed": "2026-11-26T09:00:01Z",
}


@dataclass(frozen=True, slots=True)
class MessageRoutes:
    """Takes messages, and tells what became of them."""

    gate: Gate
    campaigns: Campaigns
    residents: Residents
    messages: Messages
    vault: Vault

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="POST",
                path=PATH,
                name="send_message",
                summary="Have a message sent to a resident",
                description=ABOUT,
                tag=TAG,
                handler=self.send,
                body=Message,
                example={
                    "campaign": "5d0c9a1be37f4266",
                    "resident": "0f9a4c1e-52c7-4a0e-9d3a-1f2b3c4d5e6f",
                    "data": {"course": "Uimakoulu 2"},
                },
                answers={202: Answer("It is kept, and will be sent", MessageStatus, _EXAMPLE | {"state": "accepted"})},
                problems=(InvalidInput, NotFound, IllegalMove, KeyNeeded, KeyReused),
                scope=Scope.MESSAGES_SEND,
                idempotent=True,
            ),
            Operation(
                method="GET",
                path=f"{PATH}/{{message}}",
                name="read_message",
                summary="What became of a message",
                description="Told to the client that asked for it, for 90 days; never by which address it went.",
                tag=TAG,
                handler=self.read,
                answers={200: Answer("Its state", MessageStatus, _EXAMPLE)},
                problems=(NotFound,),
                scope=Scope.MESSAGES_SEND,
            ),
        )

    async def send(self, request: Request) -> Response:
        """Answer `POST /v1/messages`."""
        caller = await self._client(request)
        key, asked = _key(request), await _read(request)
        body = self.vault.digest(msgspec.json.encode(asked, order="deterministic"), "body")
        if (known := await self.messages.by_key(caller.name, key)) is not None:
            return _accepted(_same(known, body))
        campaign = await self._campaign(asked)
        resident = await self._resident(request, caller, asked)
        id_ = b32encode(secrets.token_bytes(16)).decode()[:26].lower()
        content = msgspec.json.encode(Content(asked.data, asked.language))
        sealed = self.vault.seal(content, id_)
        kept = await self.messages.add(
            Asked(id_, caller.name, key, body, campaign.id, resident, sealed), self.gate.clock()
        )
        return _accepted(_same(kept, body))

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/messages/{message}`."""
        caller = await self._client(request)
        found = await self.messages.of(caller.name, request.path_params["message"])
        if found is None:
            raise NotFound("You have asked for no message of this id.", field="message")
        return private_json(_status(found))

    async def _client(self, request: Request) -> Caller:
        caller = await self.gate.caller(request)
        caller.require(Scope.MESSAGES_SEND)
        if caller.standing is not Standing.SERVICE:
            raise Forbidden("Messages are asked for by services; use a token of one.", scope=Scope.MESSAGES_SEND)
        return caller

    async def _campaign(self, asked: Message) -> Campaign:
        """Return the campaign whose message it is, if it runs and the data is what it needs."""
        found = await self.campaigns.get(asked.campaign)
        if found is None or found.draft.kind is not CampaignKind.TRANSACTIONAL:
            raise NotFound("There is no transactional campaign of this id.", field="campaign")
        if found.state not in (State.RUNNING, State.PAUSED):
            raise IllegalMove(f"The campaign is {found.state}, not running; have it approved and scheduled.")
        if faults := [*_faults(asked, found)]:
            raise Faults(faults)
        return found

    async def _resident(self, request: Request, caller: Caller, asked: Message) -> Pseudonym:
        person = parse_resident(asked.resident, "resident")
        caller.may_act_for(person, Scope.MESSAGES_SEND)
        resident = await self.residents.pseudonym(person)
        if resident is None:
            raise NotFound("The service does not know this resident.", field="resident")
        await self.gate.note(request, caller, person, Scope.MESSAGES_SEND)
        return resident


_read = Reader(Message)


def _key(request: Request) -> bytes:
    given = request.headers.get(HEADER)
    if given is None:
        raise KeyNeeded
    if not _KEY.fullmatch(given):
        raise InvalidInput("A key has 1 to 200 printable characters without spaces, such as a UUID.", field=HEADER)
    return hashlib.sha256(given.encode()).digest()


def _faults(asked: Message, campaign: Campaign) -> "list[FieldError]":
    names, given = campaign.draft.message.data, asked.data
    found = [FieldError(f"data.{name}", "The message needs a value for it.") for name in names if name not in given]
    for name, value in given.items():
        if name not in names:
            known = ", ".join(names) or "none"
            found.append(FieldError(f"data.{name[:40]}", f"The message has no such name; it has {known}."))
        elif len(value) > LONGEST_VALUE:
            found.append(FieldError(f"data.{name}", f"A value has {LONGEST_VALUE} characters at most."))
        elif _CONTROL.search(value) or _RESERVED.search(value):
            found.append(FieldError(f"data.{name}", "A value is one line, without control characters."))
    if asked.language is not None and asked.language not in campaign.draft.languages:
        languages = ", ".join(campaign.draft.languages)
        found.append(FieldError("language", f"The campaign is not written in it; it is in {languages}."))
    return found


def _same(kept: Kept, body: bytes) -> Kept:
    if not secrets.compare_digest(kept.body, body):
        raise KeyReused(field=HEADER)
    return kept


def _status(its: Kept) -> MessageStatus:
    return MessageStatus(
        id=its.id,
        campaign=its.campaign,
        state=its.state,
        channel=its.channel,
        reason=its.reason,
        accepted=its.accepted,
        changed=its.time,
    )


def _accepted(its: Kept) -> Response:
    answer = private_json(_status(its), 202)
    answer.headers["Location"] = f"{PATH}/{its.id}"
    return answer
