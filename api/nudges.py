"""Tells workers of decisions without waiting: the ledger is the truth, and a timer sweeps what a lost nudge left."""

import asyncio
from typing import Protocol

from engine.errors import VinkkiError
from engine.events import ConsentChange
from engine.telemetry import logger

log = logger("api")


class Publisher(Protocol):
    """What puts a change on its topic (`stream.publisher`)."""

    async def consent_change(self, change: ConsentChange) -> None:
        """Publish it."""


class Nudges:
    """Publishes changes of consents in the background."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._running: set[asyncio.Task[None]] = set()

    def send(self, change: ConsentChange) -> None:
        """Begin to publish a change that is in force already."""
        task = asyncio.create_task(self._publish(change))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _publish(self, change: ConsentChange) -> None:
        try:
            await self._publisher.consent_change(change)
        except VinkkiError as error:
            log.warning("consent_nudge_lost", code=error.code)
