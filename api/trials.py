"""The last trial of two models, and what came of it; one reading at a time in a process."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from engine.counts import Counts
from engine.errors import ModelRefused, NotFound
from engine.records.trials import TrialRecords
from engine.trial_results import Results, results
from models.archive import Archive


class Trials:
    """Tells what came of the trial that runs, or ran last.

    Parameters
    ----------
    folder
        Where models are published.
    """

    def __init__(self, folder: Path, records: TrialRecords, counts: Counts, clock: Callable[[], datetime]) -> None:
        self._archive = Archive(folder)
        self._records = records
        self._counts = counts
        self._clock = clock
        self._reading = asyncio.Lock()

    async def results(self) -> Results:
        """Return what came of it by now.

        Raises
        ------
        NotFound
            There has been no trial yet, or it cannot be told which.
        StoreUnavailable
            PostgreSQL does not answer.
        """
        async with self._reading:
            try:
                trial = await asyncio.to_thread(self._archive.trial)
                running = await asyncio.to_thread(self._archive.running, self._clock())
            except ModelRefused as error:
                raise NotFound(error.detail) from error
            if trial is None:
                raise NotFound("No model has been on trial yet; begin with `vinkki train --trial`.")
            its = running is not None
            return await results(trial, self._records, self._counts, self._clock, running=its)
