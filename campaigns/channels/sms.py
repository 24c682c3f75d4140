"""Text messages through the city's Notification service (0.4.1): ``POST message/send`` with an API token.

The service knows no idempotency key. So a request whose answer is lost is told as `unknown`, like a mail after its
final dot; one that certainly did not go out is `Busy`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx

from campaigns.channels import Accepted, Busy, Note, Outcome, Refused
from campaigns.channels.pace import TokenBucket, seconds

_NOT_TAKEN = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE)
_OURS = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED)
"""What a wrong token or a wrong address of the service brings: it is no fault of a message, nor of its number."""
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

    def __init__(
        self,
        client: httpx.AsyncClient,
        token: str,
        sender: str,
        *,
        at_once: int = 8,
        bucket: TokenBucket | None = None,
    ) -> None:
        self._client = client
        self._headers = {"Authorization": f"Token {token}"}
        self._sender = sender
        self._gate = asyncio.Semaphore(at_once)
        self._bucket = bucket or TokenBucket(0)

    async def deliver(self, notes: Sequence[Note]) -> Sequence[Outcome]:
        """Deliver (see `campaigns.channels.Channel`)."""
        return await asyncio.gather(*map(self._one, notes))

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()

    async def _one(self, note: Note) -> Outcome:
        async with self._gate:
            await self._bucket.take()
            body = {
                "sender": self._sender,
                "to": [{"destination": note.to, "format": "MOBILE"}],
                "text": note.rendered.text,
            }
            try:
                answer = await self._client.post("message/send", json=body, headers=self._headers)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
                return Busy("away", 60.0)
            except httpx.HTTPError:
                return Refused("unknown")
            return self._read(answer)

    def _read(self, answer: httpx.Response) -> Outcome:
        if answer.status_code == httpx.codes.CREATED:
            return Accepted(_reference(answer))
        if answer.status_code in _NOT_TAKEN:
            return Busy("busy", seconds(answer.headers.get("Retry-After"), 60.0))
        if answer.status_code in _OURS:
            return Busy("unauthorised", 600.0)
        if answer.is_client_error:
            return Refused("content_refused")
        return Refused("unknown")  # it failed in the middle of something


def _reference(answer: httpx.Response) -> str | None:
    """Return by what the service calls the message; its specification leaves the answer open."""
    try:
        body: Any = answer.json()
    except ValueError:
        return None
    found = body.get("id") if isinstance(body, dict) else None
    return str(found)[:_LONGEST_REFERENCE] if isinstance(found, int | str) else None
