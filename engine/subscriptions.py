"""Browsers that take a resident's push messages: several each, sealed like addresses, opened by a permit of `push`.

A browser is whoever's gave it last: on a shared machine nobody gets an earlier reader's messages.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Protocol
from urllib.parse import urlsplit

import msgspec

from engine.addresses import Vault
from engine.consent import Permit
from engine.errors import ConsentRequired, InvalidInput
from engine.events import AwareTime, Pseudonym

CHANNEL = "push"
MOST = 10
"""Browsers of one resident; the one that has longest not been heard of makes way."""
STALE = timedelta(days=400)
"""How long a browser is kept that has not been given again; the app gives it again at each visit."""
_LOOPBACK = ("localhost", "127.0.0.1")


class Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a message is encrypted for (RFC 8291): a point of P-256 (65 bytes) and a secret (16), in base64url."""

    p256dh: Annotated[str, msgspec.Meta(pattern=r"^B[A-Za-z0-9_-]{86}$(?!\n)")]
    auth: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{22}$(?!\n)")]


class Subscription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A subscription as a browser tells it: where its push service takes messages for it, and its keys."""

    endpoint: Annotated[str, msgspec.Meta(min_length=10, max_length=1000)]
    keys: Keys


class Browser(msgspec.Struct, frozen=True):
    """A browser for its resident's own eyes; `given` is when it last was."""

    id: str
    endpoint: str
    given: AwareTime


class Kept(msgspec.Struct, frozen=True):
    """A browser as it lies in the durable home; `mark` is a keyed digest of its endpoint."""

    mark: bytes
    sealed: bytes
    given: datetime


class Device(msgspec.Struct, frozen=True):
    """A browser as the channel is given it."""

    id: str
    subscription: Subscription


class SubscriptionRecords(Protocol):
    """The durable home (`engine.records.subscriptions`)."""

    async def keep(self, resident: Pseudonym, kept: Kept) -> None:
        """Keep a browser in the place of what was known of it."""

    async def of(self, residents: Sequence[Pseudonym]) -> Mapping[Pseudonym, Sequence[Kept]]:
        """Return the browsers of each resident that has any, the newest first."""

    async def remove(self, resident: Pseudonym, mark: bytes | None) -> None:
        """Delete one browser of a resident, or all."""

    async def drop(self, marks: Sequence[bytes]) -> None:
        """Delete browsers, whoever's they are."""


class PushServices(msgspec.Struct, frozen=True):
    """The push services that messages are handed to, by the ends of their hosts' names; nobody else is ever called.

    `loopback` lets in this very machine too, also without TLS: for development.
    """

    hosts: tuple[str, ...]
    loopback: bool = False

    def check(self, endpoint: str) -> None:
        """Refuse an endpoint of anybody else.

        Raises
        ------
        InvalidInput
            It is none of theirs.

        Examples
        --------
        >>> PushServices(("push.example",)).check("https://eu.push.example/abc")
        """
        try:
            parts = urlsplit(endpoint)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            raise InvalidInput(_WRONG, field="endpoint") from None
        plain = endpoint.isascii() and endpoint.isprintable() and " " not in endpoint and "@" not in parts.netloc
        theirs = any(host == one or host.endswith(f".{one}") for one in self.hosts)
        if plain and theirs and parts.scheme == "https" and port in (None, 443):
            return
        if plain and self.loopback and host in _LOOPBACK and parts.scheme in ("http", "https"):
            return
        raise InvalidInput(_WRONG, field="endpoint")


class Subscriptions:
    """Keeps residents' browsers, and gives them out by permits.

    Parameters
    ----------
    records, vault
        The durable home, and what encrypts.
    services
        The push services that may be named.
    """

    def __init__(self, records: SubscriptionRecords, vault: Vault, services: PushServices) -> None:
        self._records = records
        self._vault = vault
        self._services = services

    def check(self, subscription: Subscription) -> None:
        """Refuse what is of no push service that is known.

        Raises
        ------
        InvalidInput
            Its endpoint is somebody else's.
        """
        self._services.check(subscription.endpoint)

    async def keep(self, resident: Pseudonym, subscription: Subscription, now: datetime) -> Browser:
        """Keep a browser that was checked; the same again renews it.

        Raises
        ------
        Erased
            The resident is gone.
        """
        mark = self._vault.digest(subscription.endpoint.encode(), CHANNEL)
        sealed = self._vault.seal(msgspec.json.encode(subscription), _about(resident))
        await self._records.keep(resident, Kept(mark, sealed, now))
        return Browser(mark.hex(), subscription.endpoint, now)

    async def held(self, resident: Pseudonym) -> list[Browser]:
        """Return a resident's browsers for the resident's own eyes."""
        found = await self._records.of([resident])
        return opened(self._vault, resident, found.get(resident, ()))

    async def remove(self, resident: Pseudonym, id_: str | None = None) -> None:
        """Forget one browser, or all; one that is not there is forgotten already."""
        try:
            mark = None if id_ is None else bytes.fromhex(id_)
        except ValueError:
            return
        await self._records.remove(resident, mark)

    async def drop(self, ids: Sequence[str]) -> None:
        """Forget browsers that their push service knows no more."""
        await self._records.drop([bytes.fromhex(id_) for id_ in ids])

    async def confirmed_many(self, permits: Sequence[Permit]) -> list[str | None]:
        """Return each resident's browsers as the channel reads them (a JSON list of `Device`), or None without any.

        Raises
        ------
        ConsentRequired
            A permit is not for push messages.
        """
        if any(not permit.purpose.marketing or not permit.purpose.endswith(f"_{CHANNEL}") for permit in permits):
            raise ConsentRequired("This needs a permit for messages by push.")
        found = await self._records.of([permit.resident for permit in permits])
        return [self._devices(permit.resident, found.get(permit.resident, ())) for permit in permits]

    def _devices(self, resident: Pseudonym, kept: Sequence[Kept]) -> str | None:
        raws = ((one.mark.hex(), self._vault.open(one.sealed, _about(resident))) for one in kept)
        devices = [Device(id_, msgspec.json.decode(raw, type=Subscription)) for id_, raw in raws if raw is not None]
        return msgspec.json.encode(devices).decode() if devices else None


def opened(vault: Vault, resident: Pseudonym, kept: Sequence[Kept]) -> list[Browser]:
    """Return browsers for their resident's own eyes; what cannot be opened is left out."""
    found = ((one, vault.open(one.sealed, _about(resident))) for one in kept)
    return [
        Browser(one.mark.hex(), msgspec.json.decode(raw, type=Subscription).endpoint, one.given)
        for one, raw in found
        if raw is not None
    ]


def _about(resident: Pseudonym) -> str:
    return f"{resident}:{CHANNEL}"


_WRONG = "This is no address of a push service that is known here; give what the browser's `subscribe` returned."
