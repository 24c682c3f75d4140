"""E-mail as a channel: mails written once, sent over kept connections, at the pace that the provider allows."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import stamina

from campaigns.channels import Busy, Note, Outcome, Refused
from campaigns.channels.mime import Mail, Unmailable
from campaigns.channels.pace import TokenBucket
from campaigns.channels.smtp import Away, Line, Locked, Server, Written
from engine.telemetry import logger

_AGAIN = 2
"""How often what a lost connection left untried is tried over a new one, before it waits."""
log = logger("campaigns")


class MailChannel:
    """Sends e-mail.

    Parameters
    ----------
    server, mail
        Where mail is handed in, and how it is written.
    clock
        The time.
    connections
        The most that are kept open at once.
    bucket
        The provider's limit.
    """

    def __init__(
        self,
        server: Server,
        mail: Mail,
        clock: Callable[[], datetime],
        *,
        connections: int = 4,
        bucket: TokenBucket | None = None,
    ) -> None:
        self._server = server
        self._mail = mail
        self._clock = clock
        self._most = connections
        self._bucket = bucket or TokenBucket(0)
        self._idle: list[Line] = []

    async def deliver(self, notes: Sequence[Note]) -> Sequence[Outcome]:
        """Deliver (see `campaigns.channels.Channel`)."""
        outcomes: list[Outcome | None] = [None] * len(notes)
        mails: list[tuple[int, Written]] = []
        for number, note in enumerate(notes):
            try:
                written = self._mail.write(note, self._clock())
                mails.append((number, Written(self._mail.sender(note), self._mail.address(note), written)))
            except (Unmailable, UnicodeError) as error:
                outcomes[number] = Refused("unmailable", for_good=str(error) == "address")
        lanes = [its for lane in range(self._most) if (its := mails[lane :: self._most])]
        await asyncio.gather(*(self._lane(lane, outcomes) for lane in lanes))
        return [its or Busy("away", 30.0) for its in outcomes]

    async def close(self) -> None:
        """Disconnect."""
        for line in self._idle:
            line.close()
        self._idle = []

    async def _lane(self, mails: list[tuple[int, Written]], outcomes: list[Outcome | None]) -> None:
        """Send some over one connection, and what is left after it was lost over another."""
        for _ in range(_AGAIN):
            if not mails:
                return
            await self._bucket.take(len(mails))
            try:
                line = await self._connected()
            except Away as error:
                log.warning("mail server is away", why=type(error.__cause__).__name__)
                return
            try:
                told = await line.send([mail for _, mail in mails])
            except BaseException:
                line.close()  # its conversation is in the middle of something
                raise
            for (number, _), outcome in zip(mails, told, strict=True):
                outcomes[number] = outcome
            if not line.lost:
                self._idle.append(line)
            mails = [its for its, outcome in zip(mails, told, strict=True) if outcome is None]

    async def _connected(self) -> Line:
        while self._idle:
            if not (line := self._idle.pop()).lost:
                return line
        async for attempt in stamina.retry_context(
            on=_passes, attempts=3, timeout=10.0, wait_initial=0.1, wait_max=1.0
        ):
            with attempt:
                return await Line.open(self._server)
        raise Away  # never: the last attempt raises


def _passes(error: Exception) -> bool:
    """Say whether to try again at once."""
    return isinstance(error, Away) and not isinstance(error, Locked)
