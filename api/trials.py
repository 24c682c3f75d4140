"""The last trial of two models, and what came of it; read in the background, by one reader in a process."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from engine.counts import Counts
from engine.errors import ModelRefused, NotFound
from engine.records.trials import TrialRecords
from engine.trial import Trial
from engine.trial_results import Results, results
from models.archive import Archive

KEPT = timedelta(minutes=10)
"""How long results are told again before they are read anew, and everybody's leave asked anew."""
PATIENCE_SECONDS = 2.0


class Trials:
    """Tells what came of the trial that runs, or ran last.

    Parameters
    ----------
    folder
        Where models are published.
    patience_seconds
        How long somebody who asks waits for a reading to be done.
    """

    def __init__(
        self,
        folder: Path,
        records: TrialRecords,
        counts: Counts,
        clock: Callable[[], datetime],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._archive = Archive(folder)
        self._records = records
        self._counts = counts
        self._clock = clock
        self._patience = patience_seconds
        self._asked: tuple[Trial, bool, datetime] | None = None
        self._reading: asyncio.Task[Results] | None = None

    async def results(self) -> Results:
        """Return what came of it by now.

        Raises
        ------
        NotFound
            There has been no trial yet, or it cannot be told which.
        StoreUnavailable
            PostgreSQL does not answer.
        """
        return await self._read(*await asyncio.to_thread(self._last))

    async def ask(self) -> Results | None:
        """Return what came of it some minutes ago at most, or None while it is being read; ask again then.

        Raises
        ------
        NotFound, StoreUnavailable
            As in `results`.
        """
        trial, running = await asyncio.to_thread(self._last)
        reading = self._current(trial, running=running)
        if reading is None:
            await self.close()
            self._asked = (trial, running, self._clock())
            reading = self._reading = asyncio.create_task(self._read(trial, running))
        # A reading goes on when whoever began it has gone.
        await asyncio.wait([reading], timeout=self._patience)
        if not reading.done() or reading.cancelled():
            return None
        if reading.exception() is not None:
            self._reading = None
        return reading.result()

    async def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None

    def _current(self, trial: Trial, *, running: bool) -> "asyncio.Task[Results] | None":
        """Return the reading that is under way, or whose results may still be told; None where there is none."""
        if self._reading is None or self._asked is None or self._asked[:2] != (trial, running):
            return None
        fresh = not self._reading.done() or self._clock() - self._asked[2] < KEPT
        return self._reading if fresh else None

    def _last(self) -> tuple[Trial, bool]:
        try:
            trial, running = self._archive.trial(), self._archive.running(self._clock())
        except ModelRefused as error:
            raise NotFound(error.detail) from error
        if trial is None:
            raise NotFound("No model has been on trial yet; begin with `vinkki train --trial`.")
        return trial, running is not None

    async def _read(self, trial: Trial, running: bool) -> Results:  # noqa: FBT001 - one of a pair
        return await results(trial, self._records, self._counts, self._clock, running=running)
