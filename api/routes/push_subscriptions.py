"""A resident's browsers that take push messages: given, seen and removed; and the key that they subscribe with."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.access import Scope
from api.bodies import Reader
from api.gate import Gate
from api.operations import PRIVATE, Answer, Operation, open_json, private_json
from engine.errors import NotFound, NotOffered
from engine.residents import Residents
from engine.subscriptions import MOST, Browser, Subscription, Subscriptions

TAG = "Push messages"
PATH = "/v1/residents/{id}/push-subscriptions"


class PushKey(msgspec.Struct, frozen=True):
    """What a browser's `subscribe` takes as its `applicationServerKey`: a point of P-256 in base64url."""

    key: str


class Browsers(msgspec.Struct, frozen=True):
    """The browsers, the last given first."""

    items: Sequence[Browser]


_KEYS = {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}
_ENDPOINT = "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABk"
EXAMPLE_GIVEN = {"endpoint": _ENDPOINT, "keys": _KEYS}
EXAMPLE = {"id": "5f" * 32, "endpoint": _ENDPOINT, "given": "2026-11-26T16:05:00Z"}
GIVE = f"""\
What the browser's `PushManager.subscribe` returned: its `endpoint` and `keys` alone. The same again renews it. A
browser is the resident's who gave it last; of more than {MOST} the one goes that was given longest ago. It is used for
messages that a consent for `push` allows, and forgotten when its push service knows it no more, 30 days after the last
such consent, and with the resident."""


@dataclass(frozen=True, slots=True)
class PushSubscriptionRoutes:
    """Keeps residents' browsers; `key` is the house's public one, None where there is no push."""

    gate: Gate
    residents: Residents
    subscriptions: Subscriptions
    key: str | None

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path="/v1/push-key",
                name="read_push_key",
                summary="The key that browsers subscribe with",
                tag=TAG,
                handler=self.read_key,
                answers={200: Answer("The public key", PushKey, {"key": _KEYS["p256dh"]})},
                problems=(NotFound,),
            ),
            Operation(
                method="GET",
                path=PATH,
                name="read_push_subscriptions",
                summary="A resident's browsers that take push messages",
                tag=TAG,
                handler=self.read,
                answers={200: Answer("The browsers", Browsers, {"items": [EXAMPLE]})},
                scope=Scope.ADDRESSES_READ,
            ),
            Operation(
                method="PUT",
                path=PATH,
                name="give_push_subscription",
                summary="Give a browser",
                description=GIVE,
                tag=TAG,
                handler=self.give,
                body=Subscription,
                example=EXAMPLE_GIVEN,
                answers={200: Answer("It takes push messages", Browser, EXAMPLE)},
                problems=(NotOffered,),
                scope=Scope.ADDRESSES_WRITE,
            ),
            Operation(
                method="DELETE",
                path=PATH,
                name="remove_push_subscriptions",
                summary="Remove all browsers",
                tag=TAG,
                handler=self.remove,
                answers={204: Answer("They are gone")},
                scope=Scope.ADDRESSES_WRITE,
            ),
            Operation(
                method="DELETE",
                path=f"{PATH}/{{browser}}",
                name="remove_push_subscription",
                summary="Remove one browser",
                description="It is gone when this answers, and nothing more is sent to it.",
                tag=TAG,
                handler=self.remove,
                answers={204: Answer("It is gone")},
                scope=Scope.ADDRESSES_WRITE,
            ),
        )

    async def read_key(self, _: Request) -> Response:
        """Answer `GET /v1/push-key`."""
        if self.key is None:
            raise NotFound(_UNSET)
        return open_json(PushKey(self.key), seconds=3600)

    async def read(self, request: Request) -> Response:
        """Answer `GET /v1/residents/{id}/push-subscriptions`."""
        person = await self.gate.resident(request, Scope.ADDRESSES_READ)
        resident = await self.residents.pseudonym(person)
        return private_json(Browsers([] if resident is None else await self.subscriptions.held(resident)))

    async def give(self, request: Request) -> Response:
        """Answer `PUT /v1/residents/{id}/push-subscriptions`."""
        person = await self.gate.resident(request, Scope.ADDRESSES_WRITE)
        given = await _read_given(request)
        if self.key is None:
            raise NotOffered(_UNSET)
        # Before anybody is enrolled: what cannot be taken leaves nothing behind.
        self.subscriptions.check(given)
        keep = partial(self.subscriptions.keep, subscription=given, now=self.gate.clock())
        return private_json(await self.residents.decide(person, keep))

    async def remove(self, request: Request) -> Response:
        """Answer `DELETE /v1/residents/{id}/push-subscriptions`, and the same of one."""
        person = await self.gate.resident(request, Scope.ADDRESSES_WRITE)
        resident = await self.residents.pseudonym(person)
        if resident is not None:
            await self.subscriptions.remove(resident, request.path_params.get("browser"))
        return Response(status_code=204, headers=PRIVATE)


_UNSET = "Push messages are not set up here (VINKKI_PUSH_KEY)."
_read_given = Reader(Subscription)
