"""Has a model trained now and then, in a process of its own, which may take its time and whose end harms nobody."""

import asyncio
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from engine.errors import ModelRefused
from engine.settings import Settings
from engine.telemetry import logger
from models.archive import Archive

log = logger("stream")
_POLITENESS = 10
"""How much a training steps back behind what answers residents (nice)."""
_ATTEMPTED = "attempted"


class TrainingSchedule:
    """When a training is due, for all workers of a home, and what it runs as.

    Parameters
    ----------
    settings
        With the addresses of all parts.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._every = timedelta(hours=settings.train_every_hours)
        self._mark = settings.home / "models" / _ATTEMPTED

    def due(self, now: datetime) -> bool:
        """Say whether nobody has tried for as long as a model is good for; while a trial runs, nothing is."""
        if not self._every or self._on_trial(now):
            return False
        try:
            return now.timestamp() - self._mark.stat().st_mtime >= self._every.total_seconds()
        except FileNotFoundError:
            return True

    async def look(self, now: datetime) -> int | None:
        """Train if it is due, and return with which code that ended; its own words are in ``logs/train.log``."""
        if not self.due(now):
            return None
        self._mark.parent.mkdir(parents=True, exist_ok=True)
        self._mark.touch()
        code = await self._train()
        log.info("training ended", code=code, log=str(self._log))
        return code

    def _on_trial(self, now: datetime) -> bool:
        try:
            return Archive(self._mark.parent).running(now) is not None
        except ModelRefused:
            return False

    @property
    def _log(self) -> Path:
        return self._settings.home / "logs" / "train.log"

    async def _train(self) -> int:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "api", "train"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=os.environ | self._addresses(),
                preexec_fn=lambda: os.nice(_POLITENESS) and None,
            )
        try:
            return await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            raise

    def _addresses(self) -> dict[str, str]:
        settings = self._settings
        given = {"home": settings.home.absolute(), "kafka": settings.kafka}
        given |= {"database": settings.database, "redis": settings.redis}
        return {f"VINKKI_{name.upper()}": str(value) for name, value in given.items() if value is not None}
