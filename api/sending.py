"""Puts together what sends messages: channels by the settings, the dispatcher, and what a worker does for it.

Who may be sent what, to which address and in which words is handed in: by `engine.addresses`, `campaigns.audience`,
`campaigns.message` and `campaigns.stop`.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from api.outgoing import mail_channel, quiet_hours, sms_channel, weekly
from api.push_key import signer
from campaigns.caps import Caps
from campaigns.channels import Channel
from campaigns.channels.breaker import Guarded
from campaigns.channels.inbox import InboxChannel
from campaigns.channels.pace import TokenBucket
from campaigns.channels.push import Gone, PushChannel
from campaigns.dispatch import Dispatcher
from campaigns.neighbours import Addresses, Leaves, Speech
from campaigns.records.deliveries import AT_ONCE, DeliveryRecords
from campaigns.records.inbox import InboxRecords
from campaigns.records.runs import RunRecords
from campaigns.records.suppressions import SuppressionRecords
from campaigns.run import Expander, Log, Members
from engine.events import Notification
from engine.records.database import Database
from engine.settings import Settings
from stream.agents import Reader, Refuse, notifications
from stream.app import Chore

Clock = Callable[[], datetime]
SMS_AT_ONCE, PUSH_AT_ONCE = 8, 16
"""Messages that are tried before it is looked at again whether the provider is there."""


@dataclass(frozen=True)
class Sending:
    """What a worker needs to send messages."""

    runs: RunRecords
    expander: Expander
    dispatcher: Dispatcher
    deliveries: DeliveryRecords
    inbox: InboxRecords
    suppressions: SuppressionRecords
    channels: Mapping[str, Channel]
    life: str
    clock: Clock
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    def reader(self, refuse: Refuse, patience_seconds: float) -> Reader[Notification]:
        """Return the reader of the topic `notifications`."""
        its = self.dispatcher
        return notifications(its.take, refuse, self.clock, patience_seconds, its.getting_on)

    def chores(self) -> list[Chore]:
        """Return what is due again and again."""
        return [
            Chore("expand runs", 1.0, self.expand),
            Chore("deferred messages", 5.0, self._take_up),
            Chore("finish runs", 5.0, lambda: self.runs.finish(self.clock())),
            Chore("old messages", 3600.0, self._sweep),
        ]

    async def expand(self) -> None:
        """Expand what is not expanded; one caller at a time, since this life of a worker is one holder of runs."""
        async with self.alone:
            await self.expander.go_on(self.clock())

    async def close(self) -> None:
        """Disconnect from whoever delivers."""
        await self.dispatcher.close()

    async def _take_up(self) -> None:
        """Deal with all that has waited long enough, some at a time; between them others have their turn."""
        while await self.dispatcher.take_up(self.clock()) >= AT_ONCE:
            pass

    async def _sweep(self) -> None:
        await self.deliveries.sweep(self.clock())
        await self.inbox.sweep(self.clock())
        await self.runs.sweep(self.clock())


def sending(  # noqa: PLR0913 - what others of the house answer
    settings: Settings,
    database: Database,
    secret: bytes,
    clock: Clock,
    *,
    log: Log,
    leaves: Leaves,
    members: Members,
    addresses: Addresses,
    speech: Speech,
    gone: Gone | None = None,
) -> Sending:
    """Put it together.

    Parameters
    ----------
    secret
        The house's own (`api.seal.Seal.secret`): the same in every worker.
    gone
        Is told of browsers that their push service knows no more; without it there is no push.
    """
    runs, inbox = RunRecords(database), InboxRecords(database)
    # Another life of a worker each time: what an earlier one held is not taken for one's own.
    life = secrets.token_urlsafe(12)
    deliveries, suppressions = DeliveryRecords(database, life), SuppressionRecords(database, secret)
    ways = channels(settings, inbox, clock, gone)
    dispatcher = Dispatcher(
        leaves=leaves,
        plans=runs,
        deliveries=deliveries,
        addresses=addresses,
        suppressions=suppressions,
        speech=speech,
        channels=ways,
        secret=secret,
        clock=clock,
        caps=Caps(weekly(settings)),
        quiet=quiet_hours(settings),
    )
    expander = Expander(runs, members, log, clock, life)
    return Sending(runs, expander, dispatcher, deliveries, inbox, suppressions, ways, life, clock)


def channels(settings: Settings, inbox: InboxRecords, clock: Clock, gone: Gone | None = None) -> dict[str, Channel]:
    """Return the channels that are set up, those of providers behind a breaker; the inbox always is."""
    found: dict[str, Channel] = {"inbox": InboxChannel(inbox, clock)}
    if (mail := mail_channel(settings, clock)) is not None:
        found["email"] = Guarded("email", mail)
    if (sms := sms_channel(settings)) is not None:
        found["sms"] = Guarded("sms", sms, at_once=SMS_AT_ONCE)
    if gone is not None and (signs := signer(settings)) is not None:
        client = httpx.AsyncClient(timeout=httpx.Timeout(10.0, connect=5.0), follow_redirects=False)
        push = PushChannel(client, signs, gone, clock, bucket=TokenBucket(settings.push_rate))
        found["push"] = Guarded("push", push, at_once=PUSH_AT_ONCE)
    return found
