"""Webhooks of departments: kept by their administrators; and what the systems behind them tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Caller, Scope, parse_resident
from api.bodies import Reader, read
from api.errors import Faults, Unauthenticated
from api.faults import explain, malformed
from api.gate import Gate
from api.operations import PRIVATE, Answer, Operation, private_json
from api.routes.campaigns import named, official
from api.versions import seen, versioned
from campaigns.departments import Department, Rights, Role
from campaigns.errors import RoleNeeded
from campaigns.keeper import Keeper
from campaigns.records.documents import DocumentRecords
from campaigns.records.webhooks import Standing, WebhookRecords
from campaigns.webhooks import Direction, Name, Secrets, Webhook, WebhookDraft, check
from engine.errors import InvalidInput, NotFound
from engine.events import AwareTime, Pseudonym
from engine.rules import Named

TAG = "Webhooks"
PATH = "/v1/webhooks"
EVENT_BYTES = 262_144
ABOUT = """\
`out` tells a system when a campaign of the department comes to a state, in the order in which that happens, and tries
for a day where the system does not answer with 2xx within ten seconds; nobody is named. `in` listens to a system:
campaigns with the trigger `webhook` of this name speak when it tells something. Both are signed as
[Standard Webhooks](https://www.standardwebhooks.com) has it."""
TELL = """\
Signed by who holds the secret, within five minutes; `webhook-id` names the event, and the same id again changes
nothing. Residents are named by UUID; of those whom the service does not know nothing is kept, and nothing is told.
Without residents it is everybody in the campaigns' audiences. What is answered with 202 is durable."""


class NewWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A webhook, and the name that it is to have."""

    id: Name
    draft: WebhookDraft


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook; `secret` is told when it is made, and never again. `standing` is of what goes out, in 30 days."""

    id: str
    version: int
    draft: WebhookDraft
    changed: AwareTime
    secret: str | None = None
    standing: Standing | None = None


class WebhookList(msgspec.Struct, frozen=True):
    """The webhooks of departments that one has a role in."""

    items: Sequence[WebhookView]


class Secret(msgspec.Struct, frozen=True):
    """A new secret, told this once."""

    secret: str


class Happened(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that a system tells: whom it concerns, and which offers it is about."""

    residents: Annotated[tuple[str, ...], msgspec.Meta(max_length=1000)] = ()
    offers: Annotated[tuple[Named, ...], msgspec.Meta(max_length=10)] = ()


class Residents(Protocol):
    """Who is known (`engine.residents`)."""

    async def pseudonym(self, person: UUID) -> Pseudonym | None:
        """Return a resident's pseudonym, or None."""


class Happenings(Protocol):
    """Where what triggers campaigns is kept (`campaigns.records.happenings`)."""

    async def webhook(
        self, name: str, id_: str, residents: Sequence[Pseudonym], offers: Sequence[str], now: datetime
    ) -> bool:
        """Keep what a system tells, durably; say whether it is new."""


_DRAFT = {"department": "sport", "direction": "out", "url": "https://system.hel.fi/vinkki"}
_VIEW = {"id": "course_system", "version": 1, "draft": _DRAFT, "changed": "2026-11-26T10:00:00Z"}
_STANDING = {"told": 12, "waiting": 0, "given_up": 0, "reason": None}
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - an example
_FAULTS = (NotFound, RoleNeeded)


@dataclass(frozen=True, slots=True)
class WebhookRoutes:
    """Keeps webhooks, and listens to them."""

    gate: Gate
    rights: Rights
    departments: DocumentRecords[Department]
    webhooks: DocumentRecords[Webhook]
    records: WebhookRecords
    secrets: Secrets
    residents: Residents
    happenings: Happenings

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        one, changed = f"{PATH}/{{webhook}}", _VIEW | {"version": 2}
        return (
            Operation(
                method="GET", path=PATH, name="list_webhooks", summary="Webhooks", tag=TAG, handler=self.all,
                answers={200: Answer("By name", WebhookList, {"items": [_VIEW]})}, scope=Scope.CAMPAIGNS_READ,
            ),
            Operation(
                method="POST", path=PATH, name="write_webhook", summary="Set up a webhook", tag=TAG,
                description=ABOUT, handler=self.write, body=NewWebhook,
                example={"id": "course_system", "draft": _DRAFT},
                answers={201: Answer("With its secret", WebhookView, _VIEW | {"secret": _SECRET})},
                problems=(InvalidInput, RoleNeeded), scope=Scope.CAMPAIGNS_WRITE,
            ),
            Operation(
                method="GET", path=one, name="read_webhook", summary="One webhook", tag=TAG, handler=self.one,
                answers={200: Answer("And how it stands", WebhookView, _VIEW | {"standing": _STANDING})},
                problems=_FAULTS, scope=Scope.CAMPAIGNS_READ,
            ),
            Operation(
                method="PUT", path=one, name="change_webhook", summary="Write a webhook anew", tag=TAG,
                description="Neither its department nor its direction changes.", handler=self.change,
                body=WebhookDraft, example=_DRAFT, answers={200: Answer("The webhook", WebhookView, changed)},
                problems=_FAULTS, scope=Scope.CAMPAIGNS_WRITE, on_version=True,
            ),
            Operation(
                method="DELETE", path=one, name="delete_webhook", summary="Take a webhook away", tag=TAG,
                description="Its secret and what waits to be told go; its name and its trail stay.",
                handler=self.delete, answers={204: Answer("It is off")}, problems=_FAULTS,
                scope=Scope.CAMPAIGNS_WRITE,
            ),
            Operation(
                method="POST", path=f"{one}/secret", name="renew_webhook_secret", summary="A new secret", tag=TAG,
                description="The one before holds no more.", handler=self.renew,
                answers={200: Answer("Told this once", Secret, {"secret": _SECRET})}, problems=_FAULTS,
                scope=Scope.CAMPAIGNS_WRITE,
            ),
            Operation(
                method="POST", path=f"{one}/events", name="tell_webhook", summary="A system tells something",
                tag=TAG, description=TELL, handler=self.listen, body=Happened,
                example={"residents": ["0f9a4c1e-52c7-4a0e-9d3a-1f2b3c4d5e6f"], "offers": ["kulke:52959"]},
                answers={202: Answer("It is kept")}, problems=(NotFound, Unauthenticated, InvalidInput),
            ),
        )  # fmt: skip

    async def all(self, request: Request) -> Response:
        """Answer `GET /v1/webhooks`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_READ)
        seen_ = {each.id for each in self.rights.seen(await self.departments.all(), caller.groups)}
        items = [_view(its) for its in await self.webhooks.all() if its.draft.department in seen_]
        return private_json(WebhookList(items))

    async def write(self, request: Request) -> Response:
        """Answer `POST /v1/webhooks`."""
        caller, asked = await self._caller(request, Scope.CAMPAIGNS_WRITE), await _read_new(request)
        check(asked.draft, asked.id)
        await self._administers(asked.draft.department, caller)
        keeper = Keeper(self.webhooks, "webhook")
        its = await keeper.create(Webhook, asked.draft, official(caller), self.gate.clock(), asked.id)
        told = msgspec.structs.replace(_view(its), secret=await self.secrets.renew(its.id))
        return versioned(told, its.version, 201, f"{PATH}/{its.id}")

    async def one(self, request: Request) -> Response:
        """Answer `GET /v1/webhooks/{webhook}`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_READ)
        its = await self._found(request)
        self.rights.require(await self._department(its.draft.department), caller.groups)
        standing = await self.records.standing(its.id) if its.draft.direction is Direction.OUT else None
        return versioned(msgspec.structs.replace(_view(its), standing=standing), its.version)

    async def change(self, request: Request) -> Response:
        """Answer `PUT /v1/webhooks/{webhook}`."""
        caller, version = await self._caller(request, Scope.CAMPAIGNS_WRITE), seen(request)
        last, draft = await self._own(request, caller), await _read_draft(request)
        check(draft, last.id)
        for field in ("department", "direction"):
            if getattr(draft, field) != getattr(last.draft, field):
                raise InvalidInput("It stays as it was; set up another webhook.", field=field)
        keeper = Keeper(self.webhooks, "webhook")
        its = await keeper.replace(last, version, draft, official(caller), self.gate.clock())
        return versioned(_view(its), its.version)

    async def delete(self, request: Request) -> Response:
        """Answer `DELETE /v1/webhooks/{webhook}`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_WRITE)
        last = await self._own(request, caller)
        draft = msgspec.structs.replace(last.draft, enabled=False)
        await Keeper(self.webhooks, "webhook").replace(last, None, draft, official(caller), self.gate.clock())
        await self.records.put_secret(last.id, None)
        return Response(status_code=204, headers=PRIVATE)

    async def renew(self, request: Request) -> Response:
        """Answer `POST /v1/webhooks/{webhook}/secret`."""
        caller = await self._caller(request, Scope.CAMPAIGNS_WRITE)
        its = await self._own(request, caller)
        # Written as a version of its own, so that the trail tells who did it.
        await Keeper(self.webhooks, "webhook").replace(its, None, its.draft, official(caller), self.gate.clock())
        return private_json(Secret(await self.secrets.renew(its.id)))

    async def listen(self, request: Request) -> Response:
        """Answer `POST /v1/webhooks/{webhook}/events`."""
        raw, name = await read(request, EVENT_BYTES), request.path_params["webhook"]
        its = await self.webhooks.get(name)
        listens = its is not None and its.draft.enabled and its.draft.direction is Direction.IN
        if not listens or not await self.secrets.signed(name, request.headers, raw):
            raise Unauthenticated("Sign it with the secret of the webhook, now.", reason="signature")
        try:
            told = msgspec.json.decode(raw, type=Happened)
        except msgspec.ValidationError as error:
            raise Faults([explain(error, Happened).error()]) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise malformed(error) from error
        people = [parse_resident(each, f"residents.{n}") for n, each in enumerate(told.residents)]
        known = [await self.residents.pseudonym(person) for person in people]
        residents = [resident for resident in known if resident is not None]
        # Where nobody of those who are named is known, nobody is meant: not everybody.
        if residents or not people:
            id_ = request.headers["webhook-id"][:200]
            await self.happenings.webhook(name, id_, residents, told.offers, self.gate.clock())
        return Response(status_code=202, headers=PRIVATE)

    async def _caller(self, request: Request, scope: Scope) -> Caller:
        caller = await self.gate.caller(request)
        caller.require(scope)
        return caller

    async def _found(self, request: Request) -> Webhook:
        its: Webhook = await Keeper(self.webhooks, "webhook").found(named(request, "webhook"))
        return its

    async def _own(self, request: Request, caller: Caller) -> Webhook:
        its = await self._found(request)
        await self._administers(its.draft.department, caller)
        return its

    async def _administers(self, department: str, caller: Caller) -> None:
        self.rights.require(await self._department(department), caller.groups, Role.ADMINISTRATOR)

    async def _department(self, id_: str) -> Department:
        if (found := await self.departments.get(id_)) is None:
            raise RoleNeeded
        return found


_read_new = Reader(NewWebhook)
_read_draft = Reader(WebhookDraft)


def _view(its: Webhook) -> WebhookView:
    return WebhookView(id=its.id, version=its.version, draft=its.draft, changed=its.changed)
