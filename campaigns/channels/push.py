"""Web Push as a channel (RFC 8030, 8291, 8292): what is said goes encrypted to every browser of a resident.

One browser that takes it is enough. `pywebpush` encrypts; the requests are made here, over kept connections, without
following where a push service would send us. A push service that is asked to come again is asked with the same
`Topic`, so that it keeps the message once, and a browser shows it once, by its tag.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import httpx
import msgspec
from pywebpush import WebPusher, WebPushException

from campaigns.channels import Accepted, Busy, Note, Outcome, Refused
from campaigns.channels.pace import TokenBucket, seconds
from campaigns.channels.vapid import Signer
from campaigns.wording import WORDS
from engine.errors import Unavailable
from engine.subscriptions import Device
from engine.telemetry import logger

LASTS = timedelta(hours=12)
"""How long a push service keeps a message for a browser that is off: what is said by day is not heard at night."""
LARGEST = 3993
"""Bytes of what is said: every push service takes 4,096, of which encryption needs 103 (RFC 8291)."""
PATIENCE_SECONDS = 20.0
_LONGEST_ANSWER = 65_536
_GONE = "gone"
_NO_MORE = (httpx.codes.NOT_FOUND, httpx.codes.GONE)
_read = msgspec.json.Decoder(list[Device]).decode
log = logger("campaigns")

Gone = Callable[[Sequence[str]], Awaitable[None]]
"""Takes the ids of browsers that their push service knows no more."""


class Said(msgspec.Struct, frozen=True):
    """What the browser gets; `stop` is where these messages are ended, and `ends` the word for it."""

    id: str
    title: str
    body: str
    language: str
    stop: str
    ends: str


class PushChannel:
    """Sends push messages.

    Parameters
    ----------
    client
        With its timeouts, following no redirects; closed with the channel.
    signer
        By what push services know the house.
    gone
        Is told of browsers that are there no more.
    clock
        The time.
    at_once
        Requests under way at once.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        client: httpx.AsyncClient,
        signer: Signer,
        gone: Gone,
        clock: Callable[[], datetime],
        *,
        at_once: int = 16,
        bucket: TokenBucket | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._client = client
        self._signer = signer
        self._gone = gone
        self._clock = clock
        self._gate = asyncio.Semaphore(at_once)
        self._bucket = bucket or TokenBucket(0)
        self._patience = patience_seconds

    async def deliver(self, notes: Sequence[Note]) -> Sequence[Outcome]:
        """Deliver (see `campaigns.channels.Channel`)."""
        return await asyncio.gather(*map(self._one, notes))

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()

    async def _one(self, note: Note) -> Outcome:
        devices, said = _read(note.to), payload(note)
        outcomes = await asyncio.gather(*(self._push(device, said, note.id) for device in devices))
        gone = [device.id for device, its in zip(devices, outcomes, strict=True) if its == Refused(_GONE)]
        if gone:
            try:
                await self._gone(gone)
            except Unavailable:
                log.warning("browsers that are gone could not be dropped")
        return whole(outcomes)

    async def _push(self, device: Device, said: bytes, topic: str) -> Outcome:
        """Push to one browser."""
        its = device.subscription
        async with self._gate:
            await self._bucket.take()
            try:
                body = WebPusher(msgspec.to_builtins(its)).encode(said)["body"]
            except (WebPushException, ValueError):
                return Refused(_GONE)  # its key is none: nothing can ever be said to it
            headers = {
                **self._signer.headers(its.endpoint, self._clock()),
                "Content-Encoding": "aes128gcm",
                "Content-Type": "application/octet-stream",
                "TTL": str(int(LASTS.total_seconds())),
                "Topic": topic,
                "Urgency": "normal",
            }
            try:
                async with (
                    asyncio.timeout(self._patience),
                    self._client.stream("POST", its.endpoint, content=body, headers=headers) as answer,
                ):
                    await _skip(answer)
                    return _outcome(answer)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
                return Busy("away", 60.0)
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
                return Refused("unknown")


async def _skip(answer: httpx.Response) -> None:
    """Read an answer to its end, so that its connection is kept, unless it has none."""
    read = 0
    async for part in answer.aiter_raw():
        read += len(part)
        if read > _LONGEST_ANSWER:
            return


def _outcome(answer: httpx.Response) -> Outcome:
    if answer.is_success:
        return Accepted()
    if answer.status_code in _NO_MORE:
        return Refused(_GONE)
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
        return Busy("busy", seconds(answer.headers.get("Retry-After"), 60.0))
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return Busy("unauthorised", 600.0)
    if answer.status_code == httpx.codes.FORBIDDEN:
        return Refused("policy")  # such as a browser that subscribed with another key of ours
    return Refused("content_refused")


def whole(outcomes: Sequence[Outcome]) -> Outcome:
    """Return what became of a message by what became of it in each browser.

    One that took it is enough. Where none did, what may have arrived is not tried again, and what may still arrive is.
    """
    if any(isinstance(its, Accepted) for its in outcomes):
        return Accepted()
    if Refused("unknown") in outcomes:
        return Refused("unknown")
    busy = [its for its in outcomes if isinstance(its, Busy)]
    if busy:
        return min(busy, key=lambda its: its.retry_after)
    refused = [its for its in outcomes if isinstance(its, Refused) and its.reason != _GONE]
    return refused[0] if refused else Refused("no_browser")


def payload(note: Note) -> bytes:
    """Return what the browser gets, as JSON of at most `LARGEST` bytes: a long text is cut, with an ellipsis.

    Its own line with the stop address is left out of the text: the browser makes a button of it.
    """
    words = WORDS.get(note.language, WORDS["en"])
    lines = [line for line in note.rendered.text.splitlines() if line != f"{words.stop}: {note.stop}"]
    said = Said(note.id, note.rendered.subject or words.sender, "\n".join(lines), note.language, note.stop, words.stop)
    while len(raw := msgspec.json.encode(said)) > LARGEST and len(said.body) > 1:
        over = len(said.body) - max(1, (len(raw) - LARGEST) // 4) - 1
        said = msgspec.structs.replace(said, body=said.body[:over].rstrip() + "…")
    return raw
