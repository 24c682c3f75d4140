"""Writes what this process has shown to SQL every few seconds, and tells its steering what all processes have shown."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol

from engine.capacity import Uptake
from engine.errors import StoreUnavailable
from engine.exposure import DAYS
from engine.steering import NEW_SHOWS, CitySteering
from engine.telemetry import logger

log = logger("api")
PRICED_SECONDS = 1.0
FLUSHED_PRICINGS, READ_PRICINGS, KNOWN_PRICINGS = 10, 15, 3600
"""How often counts are written, those of the last days of all processes read, and older ones: in pricings."""


class Exposures(Protocol):
    """Where counts of shows lie (`engine.records.exposures.ExposureRecords`)."""

    async def add(self, counts: Mapping[str, float], now: datetime) -> None:
        """Add to the counts of the day, by offer."""

    async def totals(self, days: int, now: datetime) -> Mapping[str, float]:
        """Return the shows of each offer on so many days."""

    async def known(self, least: float, now: datetime) -> AbstractSet[str]:
        """Return the offers that were shown at least so much."""


class Uptakes(Protocol):
    """Where it lies what is known of seats (`engine.records.uptakes.UptakeRecords`)."""

    async def add(self, shows: Mapping[str, float], now: datetime) -> Mapping[str, Uptake]:
        """Add shows by offer; return what is known of these then."""

    async def pending(self) -> Mapping[str, Uptake]:
        """Return what is known of offers that were shown since their seats were told."""


class ExposureFeed:
    """Counts, prices and lifts in the background.

    Parameters
    ----------
    steering
        What counts, and what is kept in step.
    exposures, uptakes
        Where counts lie.
    clock
        The time.
    """

    def __init__(
        self,
        steering: CitySteering,
        exposures: Exposures,
        uptakes: Uptakes,
        clock: Callable[[], datetime],
    ) -> None:
        self._steering = steering
        self._exposures = exposures
        self._uptakes = uptakes
        self._clock = clock
        self._owed: dict[str, float] = {}
        self._living: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read what was shown, then go on in the background."""
        await self.recall()
        await self.read()
        self._living = asyncio.create_task(self._live())

    async def close(self) -> None:
        """Stop, and keep what is not kept yet."""
        if self._living is not None:
            self._living.cancel()
            await asyncio.gather(self._living, return_exceptions=True)
            await self._tried(self.flush)

    async def read(self) -> None:
        """Take note of what all processes have shown."""
        now = self._clock()
        self._steering.uptakes(await self._uptakes.pending(), whole=True)
        self._steering.exposed(await self._exposures.totals(DAYS, now), now)

    async def recall(self) -> None:
        """Take note of what is not new, since many have seen it."""
        self._steering.known(await self._exposures.known(NEW_SHOWS, self._clock()))

    async def flush(self) -> None:
        """Keep what was counted; what cannot be kept is counted on."""
        now = self._clock()
        counts, limited = self._steering.take_shows(now)
        if not counts:
            return
        try:
            await self._exposures.add(counts, now)
        except StoreUnavailable:
            self._steering.give_back(counts)
            raise
        for id_, shows in limited.items():
            self._owed[id_] = self._owed.get(id_, 0.0) + shows
        if self._owed:
            self._steering.uptakes(await self._uptakes.add(self._owed, now), whole=False)
            self._owed = {}

    async def _live(self) -> None:
        pricings = 0
        while True:
            await asyncio.sleep(PRICED_SECONDS)
            pricings += 1
            if pricings % FLUSHED_PRICINGS == 0:
                await self._tried(self.flush)
            if pricings % KNOWN_PRICINGS == 0:
                await self._tried(self.recall)
            if pricings % READ_PRICINGS == 0:
                await self._tried(self.read)
            self._steering.reprice(self._clock())

    async def _tried(self, what: Callable[[], Awaitable[None]]) -> None:
        """Do something that may fail for a while: the next time makes up for it."""
        try:
            await what()
        except StoreUnavailable as error:
            log.warning("exposure waits", why=error.detail)
        except Exception:
            log.exception("exposure failed")
