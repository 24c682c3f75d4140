"""Writes what this process has shown to SQL every few seconds, and tells its steering what all processes have shown."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from engine.errors import StoreUnavailable
from engine.exposure import DAYS
from engine.records.exposures import ExposureRecords
from engine.records.uptakes import UptakeRecords
from engine.steering import NEW_SHOWS, CitySteering
from engine.telemetry import logger

log = logger("api")
PRICED_SECONDS = 1.0
FLUSHED_PRICINGS, READ_PRICINGS, KNOWN_PRICINGS = 3, 15, 3600
"""How often counts are written, those of the last days of all processes read, and older ones: in pricings."""


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
        exposures: ExposureRecords,
        uptakes: UptakeRecords,
        clock: Callable[[], datetime],
    ) -> None:
        self._steering = steering
        self._exposures = exposures
        self._uptakes = uptakes
        self._clock = clock
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
        if limited:
            self._steering.uptakes(await self._uptakes.add(limited, now), whole=False)

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
