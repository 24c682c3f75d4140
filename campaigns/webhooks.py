"""Webhooks: systems of the city that are told when campaigns move, and that tell what triggers campaigns.

Signed as Standard Webhooks has it. What is told names campaigns, never people.
"""

import asyncio
import secrets
import socket
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Protocol
from urllib.parse import urlsplit

import httpx
import msgspec
import standardwebhooks

from campaigns.departments import Id
from engine.errors import InvalidInput
from engine.events import AwareTime
from engine.rules import Sentence
from engine.telemetry import logger

RESERVED = ("mail", "sms")
"""Addresses of reports on what was sent (`api.routes.reports`)."""
GIVEN_UP = timedelta(hours=24)
_BACK_OFF = timedelta(seconds=5)
_LONGEST = timedelta(hours=1)
_ABOUT = "webhook"
log = logger("campaigns")
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,62}$(?!\n)")]
Url = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^https?://[^\s\x00-\x1f\x7f@]+$(?!\n)")]


class WebhookEvent(StrEnum):
    """What a system may be told of: a campaign that comes to a state."""

    IN_REVIEW = "campaign.in_review"
    DRAFT = "campaign.draft"
    APPROVED = "campaign.approved"
    SCHEDULED = "campaign.scheduled"
    RUNNING = "campaign.running"
    PAUSED = "campaign.paused"
    FINISHED = "campaign.finished"
    CANCELLED = "campaign.cancelled"


class Direction(StrEnum):
    """Whether the house tells the system, or the system the house."""

    OUT = "out"
    IN = "in"


class WebhookDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A webhook as an administrator of its department writes it.

    Attributes
    ----------
    url, events
        Of one that goes out: where to, and what of; by default of all.
    enabled
        Whether anything is told, or listened to.
    """

    department: Id
    direction: Direction
    url: Url | None = None
    events: tuple[WebhookEvent, ...] = ()
    about: Sentence | None = None
    enabled: bool = True


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook in one version; `id` is its name, by which triggers know it."""

    id: str
    version: int
    draft: WebhookDraft
    changed: AwareTime


class Due(msgspec.Struct, frozen=True):
    """Something that a system is to be told; `tries` is how often that was tried before."""

    id: str
    webhook: str
    url: str
    body: str
    since: datetime
    tries: int


class Vault(Protocol):
    """What encrypts with a key of the house (`api.vault`)."""

    def seal(self, content: bytes, about: str) -> bytes:
        """Return the content encrypted and bound to what it is about."""

    def open(self, sealed: bytes, about: str) -> bytes | None:
        """Return the content, or None where it was not sealed by the house about this."""


class Records(Protocol):
    """Where secrets and what is to be told are kept (`campaigns.records.webhooks`)."""

    async def put_secret(self, name: str, sealed: bytes | None) -> None:
        """Keep a secret in the place of an earlier one; None takes it away."""

    async def secret(self, name: str) -> bytes | None:
        """Return a secret, sealed."""

    async def due(self, now: datetime) -> Sequence[Due]:
        """Return the oldest thing that each system is to be told, if its time has come; one has them a while."""

    async def told(self, id_: str) -> None:
        """Note that a system has been told."""

    async def put_off(self, id_: str, until: datetime | None, reason: str) -> None:
        """Note that it has not, and when it is tried again; None for never."""


def check(draft: WebhookDraft, name: str) -> None:
    """Refuse what contradicts itself.

    Raises
    ------
    InvalidInput
        It does; the field is named.
    """
    if name in RESERVED:
        raise InvalidInput("Reports of mail and text messages have this name; choose another.", field="id")
    if draft.direction is Direction.OUT and draft.url is None:
        raise InvalidInput("Say where to, as in https://system.hel.fi/vinkki.", field="draft.url")
    if draft.direction is Direction.IN and (draft.url is not None or draft.events):
        raise InvalidInput("What comes in has no address and no events of ours; leave them out.", field="draft.url")


class Secrets:
    """Makes the secrets of webhooks, and checks and writes signatures with them.

    Parameters
    ----------
    records, vault
        Where they are kept, and what encrypts them.
    """

    def __init__(self, records: Records, vault: Vault) -> None:
        self._records = records
        self._vault = vault

    async def renew(self, name: str) -> str:
        """Make a new secret for a webhook and return it, this once; the earlier one holds no more."""
        raw = secrets.token_bytes(32)
        await self._records.put_secret(name, self._vault.seal(raw, f"{_ABOUT} {name}"))
        return f"whsec_{b64encode(raw).decode()}"

    async def signed(self, name: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Say whether who holds the secret has signed a body within five minutes."""
        if (own := await self._own(name)) is None:
            return False
        try:
            own.verify(body, dict(headers), json_parse=False)
        except (standardwebhooks.WebhookVerificationError, ValueError):
            return False
        return True

    async def headers(self, name: str, id_: str, body: str, now: datetime) -> dict[str, str] | None:
        """Return the headers that sign a body; None where there is no secret any more."""
        if (own := await self._own(name)) is None:
            return None
        return {
            "webhook-id": id_,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": own.sign(id_, now, body),
            "content-type": "application/json",
        }

    async def _own(self, name: str) -> standardwebhooks.Webhook | None:
        sealed = await self._records.secret(name)
        raw = None if sealed is None else self._vault.open(sealed, f"{_ABOUT} {name}")
        return None if raw is None else standardwebhooks.Webhook(raw)


class Herald:
    """Tells systems what they asked for: one thing at a time each, so that one that is down is not hammered.

    Parameters
    ----------
    records, keys
        What is to be told, and what signs it.
    client
        What speaks HTTP; it follows no redirects.
    public
        Whether only addresses of the open internet may be told, over https.
    patience_seconds
        How long a system may take.
    """

    def __init__(  # noqa: PLR0913 - what it stands on
        self,
        records: Records,
        keys: Secrets,
        client: httpx.AsyncClient,
        clock: Callable[[], datetime],
        *,
        public: bool,
        patience_seconds: float = 10.0,
    ) -> None:
        self._records = records
        self._keys = keys
        self._client = client
        self._clock = clock
        self._public = public
        self._patience = patience_seconds

    async def tell(self) -> int:
        """Tell what is due; return how much that was."""
        due = await self._records.due(self._clock())
        await asyncio.gather(*map(self._one, due))
        return len(due)

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()

    async def _one(self, its: Due) -> None:
        reason, now = await self._post(its), self._clock()
        if reason is None:
            await self._records.told(its.id)
            return
        until = now + min(_BACK_OFF * 2 ** min(its.tries, 10), _LONGEST)
        over = now - its.since > GIVEN_UP or reason == "no_secret"
        log.warning("webhook not told", webhook=its.webhook, reason=reason, given_up=over)
        await self._records.put_off(its.id, None if over else until, reason)

    async def _post(self, its: Due) -> str | None:
        """Tell one system one thing; return why that failed, or None."""
        headers = await self._keys.headers(its.webhook, its.id, its.body, self._clock())
        if headers is None:
            return "no_secret"
        if self._public and not await _open(its.url):
            return "address_refused"
        try:
            async with asyncio.timeout(self._patience):
                async with self._client.stream("POST", its.url, content=its.body, headers=headers) as answer:
                    # What it says does not matter, and may be endless.
                    return None if answer.is_success else f"status_{answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            return type(error).__name__


async def _open(url: str, resolve: Callable[[str], Awaitable[Sequence[str]]] | None = None) -> bool:
    """Say whether an address is https and leads to the open internet alone, whatever its name resolves to."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        return False
    try:
        found = await (resolve or _addresses)(parts.hostname)
        return bool(found) and all(ip_address(address).is_global for address in found)
    except (OSError, ValueError):
        return False


async def _addresses(host: str) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
