"""What is told of a message after it was accepted: it came back, its reader complains, it arrived."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from campaigns.channels.bounces import Report, ReturnKind
from campaigns.records.deliveries import Told
from engine.events import Pseudonym
from engine.telemetry import RETURNS


class Deliveries(Protocol):
    """What became of each (`campaigns.records.deliveries`)."""

    async def of_message(self, message: str) -> Told | None:
        """Return whose delivery has a Message-ID."""

    async def of_reference(self, channel: str, reference: str) -> Told | None:
        """Return whose delivery a provider calls by that name."""

    async def returned(self, run: str, resident: Pseudonym, reason: str) -> None:
        """Note that what was accepted came back."""


class Suppressions(Protocol):
    """Addresses that nothing is sent to (`campaigns.records.suppressions`)."""

    async def add(self, channel: str, addresses: Mapping[Pseudonym, tuple[str, str]], now: datetime) -> None:
        """Suppress addresses: by resident, the address and the reason."""


class Returns:
    """Takes in reports. What is told of nobody, or of what was forgotten since, changes nothing."""

    def __init__(self, deliveries: Deliveries, suppressions: Suppressions) -> None:
        self._deliveries = deliveries
        self._suppressions = suppressions

    async def mail(self, report: Report, now: datetime) -> None:
        """Take in what is told of a mail: the same again changes nothing."""
        told = await self._deliveries.of_message(report.message)
        RETURNS.labels("email", report.kind if told else "unheard_of").inc()
        if told is None or report.kind is ReturnKind.DELAYED:
            return
        if report.kind is not ReturnKind.COMPLAINT:
            await self._deliveries.returned(told.run, told.resident, f"returned_{report.status or report.kind}")
        if report.kind in (ReturnKind.GONE, ReturnKind.COMPLAINT) and report.address is not None:
            gone = {told.resident: (report.address, str(report.kind))}
            await self._suppressions.add(told.channel, gone, now)

    async def sms(self, reference: str, *, delivered: bool) -> None:
        """Take in what the Notification service heard of a text message."""
        told = await self._deliveries.of_reference("sms", reference)
        RETURNS.labels("sms", ("delivered" if delivered else "failed") if told else "unheard_of").inc()
        if told is not None and not delivered:
            await self._deliveries.returned(told.run, told.resident, "returned_failed")
