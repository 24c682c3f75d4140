"""Text messages through the city's Notification service (0.4.1): ``POST message/send`` with an API token.

The service knows no idempotency key. So a request whose answer is lost is told as `unknown`, like a mail after its
final dot; one that certainly did not go out is `Busy`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx

from campaigns.channels import Accepted, Busy, Note, Outcome, Refused
from campaigns.channels.pace import Breaker, TokenBucket

_NOT_TAKEN = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE)
_LONGEST_REFERENCE = 100


class SmsChannel:
    """Sends text messages.

    Parameters
    ----------
    client
        With the service's address as its base, and its timeouts; closed with the channel.
    token, sender
        The token that the service gave us, and the name that a message is from.
    at_once
        Requests under way at once.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        client: httpx.AsyncClient,
        token: str,
        sender: str,
        *,
        at_once: int = 8,
        bucket: TokenBucket | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._client = client
        self._headers = {"Authorization": f"Token {token}"}
        self._sender = sender
        self._gate = asyncio.Semaphore(at_once)
        self._bucket = bucket or TokenBucket(0)
        self._breaker = breaker or Breaker()

    async def deliver(self, notes: Sequence[Note]) -> Sequence[Outcome]:
        """Deliver (see `campaigns.channels.Channel`)."""
        return await asyncio.gather(*map(self._one, notes))

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()

    async def _one(self, note: Note) -> Outcome:
        async with self._gate:
            if left := self._breaker.left:
                return Busy("away", left)
            await self._bucket.take()
            body = {
                "sender": self._sender,
                "to": [{"destination": note.to, "format": "MOBILE"}],
                "text": note.rendered.text,
            }
            try:
                answer = await self._client.post("message/send", json=body, headers=self._headers)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
                self._breaker.failed()
                return Busy("away", 60.0)
            except httpx.HTTPError:
                self._breaker.failed()
                return Refused("unknown")
            return self._read(answer)

    def _read(self, answer: httpx.Response) -> Outcome:
        if answer.status_code == httpx.codes.CREATED:
            self._breaker.succeeded()
            return Accepted(_reference(answer))
        if answer.status_code in _NOT_TAKEN:
            self._breaker.failed()
            return Busy("busy", _seconds(answer.headers.get("Retry-After")))
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            self._breaker.failed()
            return Busy("unauthorised", 600.0)
        if answer.is_client_error:
            return Refused("content_refused")
        self._breaker.failed()
        return Refused("unknown")  # it failed in the middle of something


def _reference(answer: httpx.Response) -> str | None:
    """Return by what the service calls the message; its specification leaves the answer open."""
    try:
        body: Any = answer.json()
    except ValueError:
        return None
    found = body.get("id") if isinstance(body, dict) else None
    return str(found)[:_LONGEST_REFERENCE] if isinstance(found, int | str) else None


def _seconds(value: str | None) -> float:
    return min(float(value), 3600.0) if value is not None and value.isdecimal() else 60.0
