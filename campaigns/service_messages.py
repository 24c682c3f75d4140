"""Service messages: one message to one resident, asked for by a service of the city, on a legal basis of its own.

They take no consent to marketing, count against no cap and have nothing to stop. What is accepted is in SQL, is sent
once at most, whatever is killed when, and its own content is gone with that.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

from campaigns.campaign import Campaign
from campaigns.channels import Accepted, Channel, Note, Outcome, Rendered
from campaigns.channels import Refused as Rejected
from campaigns.neighbours import Suppressions
from campaigns.quiet import SILENT, QuietHours
from engine.consent import SERVICE, Consents, ServicePermit
from engine.errors import Unavailable
from engine.events import AwareTime, Pseudonym
from engine.telemetry import DELIVERIES, logger

AT_ONCE = 32
"""How many are handed out at once: where a worker is killed, of no more is it unknown whether they went out."""
MOST_TRIES = 8
URGENT = 9
"""The priority that does not wait for the morning."""
_BACK_OFF = timedelta(minutes=1)
_LONGEST = timedelta(hours=6)
log = logger("campaigns")


class MessageState(StrEnum):
    """Where a service message is. `accepted` and `deferred` wait; nothing follows `sent`, `skipped` and `failed`."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    HANDED = "handed"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"


class Content(msgspec.Struct, frozen=True):
    """What a message is filled in with, and the language that was asked for."""

    data: Mapping[str, str]
    language: str | None = None


class Waiting(msgspec.Struct, frozen=True):
    """A message that is due."""

    id: str
    campaign: str
    resident: Pseudonym
    sealed: bytes
    tries: int


class Ended(msgspec.Struct, frozen=True):
    """What became of one; with `due` it is tried again then."""

    id: str
    state: MessageState
    channel: str | None = None
    reason: str | None = None
    due: AwareTime | None = None
    reference: str | None = None
    tries: int = 0


class Messages(Protocol):
    """Where they are kept (`campaigns.records.service_messages`)."""

    async def due(self, now: datetime, most: int) -> Sequence[Waiting]:
        """Return what is due of campaigns that run, the oldest first; give up what nobody may send any more."""

    async def hand(self, ids: Sequence[str], now: datetime) -> set[str]:
        """Hand out messages that wait, if their campaigns still run; return those that are one's own to send."""

    async def end(self, ended: Sequence[Ended], now: datetime) -> None:
        """Note what became of messages; the content of what is over goes."""


class Campaigns(Protocol):
    """Where campaigns lie (`campaigns.records.documents`)."""

    async def get(self, id_: str) -> Campaign | None:
        """Return one, or None."""


class Ledger(Protocol):
    """What knows residents' words and ages (`engine.ledger`)."""

    async def consents(self, resident: Pseudonym) -> Consents:
        """Return what is allowed now."""


class Addresses(Protocol):
    """Confirmed addresses, by the name of a channel."""

    async def of(self, permit: ServicePermit, channel: str) -> str | None:
        """Return a resident's confirmed address."""


class Speech(Protocol):
    """What is said (`api.speech`)."""

    async def said(
        self, campaign: Campaign, resident: Pseudonym, language: str | None, channel: str, data: Mapping[str, str]
    ) -> tuple[str, Rendered]:
        """Return the language that is spoken, and the approved message filled in."""


class Opener(Protocol):
    """What opens contents (`api.vault.Vault`)."""

    def open(self, sealed: bytes, about: str) -> bytes | None:
        """Return the content, or None."""


@dataclass(frozen=True, slots=True)
class _Way:
    """By which channel a message goes, and as what."""

    its: Waiting
    channel: str
    note: Note


class ServiceSender:
    """Sends service messages. One a worker.

    Parameters
    ----------
    messages, campaigns, ledger, addresses, suppressions, speech, vault
        What it asks.
    channels
        The ways that there are, by name.
    quiet
        The night, in which only the silent and the urgent goes.
    """

    def __init__(  # noqa: PLR0913 - what it asks
        self,
        *,
        messages: Messages,
        campaigns: Campaigns,
        ledger: Ledger,
        addresses: Addresses,
        suppressions: Suppressions,
        speech: Speech,
        vault: Opener,
        channels: Mapping[str, Channel],
        clock: Callable[[], datetime],
        quiet: QuietHours | None = None,
    ) -> None:
        self._messages = messages
        self._campaigns = campaigns
        self._ledger = ledger
        self._addresses = addresses
        self._suppressions = suppressions
        self._speech = speech
        self._vault = vault
        self._channels = channels
        self._clock = clock
        self._quiet = quiet or QuietHours()
        self._alone = asyncio.Lock()

    async def take_up(self, now: datetime) -> int:
        """Send what is due; return how many that were.

        Raises
        ------
        Unavailable
            A store is away; what is not sent is due again.
        """
        async with self._alone:
            due = await self._messages.due(now, AT_ONCE)
            ways, ended = list[_Way](), list[Ended]()
            for its in due:
                found = await self._decide(its, now)
                (ways if isinstance(found, _Way) else ended).append(found)  # type: ignore[arg-type]
            await self._messages.end(ended, now)
            await self._send(ways)
        return len(due)

    async def _decide(self, its: Waiting, now: datetime) -> "_Way | Ended":
        """Return how a message goes, or why it does not, or not yet."""
        campaign, raw = await self._campaigns.get(its.campaign), self._vault.open(its.sealed, its.id)
        if campaign is None or raw is None:
            return Ended(its.id, MessageState.FAILED, reason="unreadable")
        permit = (await self._ledger.consents(its.resident)).service_permit(now)
        if permit is None:
            return Ended(its.id, MessageState.SKIPPED, reason="minor")
        reason, content = "no_address", msgspec.json.decode(raw, type=Content)
        for channel in campaign.draft.channels:
            if channel not in self._channels or channel == "push":
                continue
            to = its.resident if channel in SILENT else await self._addresses.of(permit, channel)
            if to is None:
                continue
            if channel not in SILENT and await self._suppressions.among(channel, {its.resident: to}):
                reason = "suppressed"
                continue
            if campaign.draft.priority < URGENT and channel not in SILENT and (until := self._quiet.until(now)):
                return Ended(its.id, MessageState.DEFERRED, channel, "quiet_hours", until)
            return await self._say(its, campaign, channel, to, content)
        return Ended(its.id, MessageState.SKIPPED, reason=reason)

    async def _say(self, its: Waiting, campaign: Campaign, channel: str, to: str, content: Content) -> "_Way | Ended":
        try:
            language, rendered = await self._speech.said(
                campaign, its.resident, content.language, channel, content.data
            )
        except Unavailable:
            raise
        except Exception:  # a template may raise anything, and one message must not keep the others waiting
            log.exception("service message cannot be filled in", campaign=campaign.id, channel=channel)
            return Ended(its.id, MessageState.FAILED, channel, "unrenderable")
        return _Way(its, channel, Note(its.id, to, rendered, "", campaign.draft.topic, language, SERVICE))

    async def _send(self, ways: Sequence[_Way]) -> None:
        if not ways:
            return
        mine = await self._messages.hand([way.its.id for way in ways], self._clock())
        by: dict[str, list[_Way]] = defaultdict(list)
        for way in ways:
            if way.its.id in mine:
                by[way.channel].append(way)
        # Who is stopped first hears what became of what is with the channels, and records it.
        sending = asyncio.ensure_future(self._deliver(by))
        stopped: asyncio.CancelledError | None = None
        while not sending.done():
            try:
                await asyncio.wait({sending})
            except asyncio.CancelledError as error:
                stopped = error
        sending.result()
        if stopped is not None:
            raise stopped

    async def _deliver(self, by: Mapping[str, Sequence[_Way]]) -> None:
        for channel, ways in by.items():
            outcomes = await self._channels[channel].deliver([way.note for way in ways])
            now = self._clock()
            ended = [_ended(way, outcome, now) for way, outcome in zip(ways, outcomes, strict=True)]
            await self._messages.end(ended, now)
            for its in ended:
                DELIVERIES.labels(channel, its.state).inc()
            gone = {
                way.its.resident: (way.note.to, outcome.reason)
                for way, outcome in zip(ways, outcomes, strict=True)
                if isinstance(outcome, Rejected) and outcome.for_good
            }
            if gone:
                await self._suppressions.add(channel, gone, now)


def _ended(way: _Way, outcome: Outcome, now: datetime) -> Ended:
    id_, channel, tries = way.its.id, way.channel, way.its.tries + 1
    if isinstance(outcome, Accepted):
        return Ended(id_, MessageState.SENT, channel, reference=outcome.reference, tries=tries)
    if isinstance(outcome, Rejected):
        return Ended(id_, MessageState.FAILED, channel, outcome.reason, tries=tries)
    if tries >= MOST_TRIES:
        return Ended(id_, MessageState.FAILED, channel, f"gave_up_{outcome.reason}", tries=tries)
    wait = max(timedelta(seconds=outcome.retry_after), min(_BACK_OFF * 2**way.its.tries, _LONGEST))
    return Ended(id_, MessageState.DEFERRED, channel, outcome.reason, now + wait, tries=tries)
