"""Where the keys come from that tokens are checked with: an issuer's discovery document, or this very process."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Protocol

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from engine import telemetry
from engine.errors import Unavailable

log = telemetry.logger("api")


class IssuerUnavailable(Unavailable):
    """The identity provider does not tell its keys, so no token can be checked; repeat in a moment."""

    code = "issuer_unavailable"


class KeySource(Protocol):
    """Tells an issuer's public RSA keys."""

    async def keys(self, now: datetime, *, renew: bool = False) -> KeySet:
        """Return the keys; `renew` asks for newer ones than were told before, because a token names an unknown one."""

    async def close(self) -> None:
        """Close the way to them."""


class FixedKeys:
    """Keys that are at hand: those of the demo's issuer, which this process is itself."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    async def keys(self, now: datetime, *, renew: bool = False) -> KeySet:  # noqa: ARG002 - the protocol's signature
        """Return the keys."""
        return self._keys

    async def close(self) -> None:
        """Nothing is open."""


class DiscoveredKeys:
    """Keys by OpenID Connect discovery, read when first needed and again every hour.

    Parameters
    ----------
    issuer
        The issuer's address, exactly as its tokens name it.
    client
        What to ask with.
    kept, pause
        How long keys are used before they are read again, and the shortest time between two readings, so that tokens
        with invented key ids cannot make us hammer the issuer.
    """

    def __init__(
        self,
        issuer: str,
        client: httpx.AsyncClient,
        kept: timedelta = timedelta(hours=1),
        pause: timedelta = timedelta(seconds=30),
    ) -> None:
        self._issuer = issuer
        self._client = client
        self._kept = kept
        self._pause = pause
        self._lock = asyncio.Lock()
        self._keys: KeySet | None = None
        self._read_at: datetime | None = None
        self._tried_at: datetime | None = None

    async def keys(self, now: datetime, *, renew: bool = False) -> KeySet:
        """Return the keys, reading them where there are none, they are old, or newer ones are asked for.

        Raises
        ------
        IssuerUnavailable
            There are none, and the issuer does not answer as it should.
        """
        if self._due(now, renew=renew):
            async with self._lock:
                if self._due(now, renew=renew):
                    await self._read(now)
        if self._keys is None:
            raise IssuerUnavailable
        return self._keys

    async def close(self) -> None:
        """Close the way to the issuer."""
        await self._client.aclose()

    def _due(self, now: datetime, *, renew: bool) -> bool:
        if self._keys is None:
            return _age(self._tried_at, now) >= min(self._pause, timedelta(seconds=1))
        wanted = renew or _age(self._read_at, now) >= self._kept
        return wanted and _age(self._tried_at, now) >= self._pause

    async def _read(self, now: datetime) -> None:
        """Read the keys; where that fails, those known before go on being used."""
        self._tried_at = now
        try:
            self._keys = await self._fetch()
            self._read_at = now
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("issuer_keys_unreadable", reason=type(error).__name__)

    async def _fetch(self) -> KeySet:
        document = await self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if document["issuer"] != self._issuer:
            raise ValueError("the discovery document is another issuer's")
        published = (await self._get(document["jwks_uri"]))["keys"]
        usable = [key for key in published if key.get("kty") == "RSA" and key.get("use", "sig") == "sig"]
        return KeySet([RSAKey.import_key(key) for key in usable])

    async def _get(self, url: str) -> Any:  # noqa: ANN401 - JSON of another house
        answer = await self._client.get(url)
        answer.raise_for_status()
        return answer.json()


def _age(moment: datetime | None, now: datetime) -> timedelta:
    """Return the distance to a moment; a clock that was set back does not make it wait for hours."""
    return timedelta.max if moment is None else abs(now - moment)
