"""`vinkki export logged`: what the place for new offers held and what came of it, for `vinkki evaluate --logged`.

Residents who allow learning and measurement at that moment are in it, without a name or number, a line each.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np

from api import wiring
from api.commands.parts import parts, say
from engine.errors import Misconfigured
from engine.records.database import Database
from engine.records.learning import LearningRecords
from engine.settings import Settings
from models.choices import Choices
from models.tried import Tries, write_log


def run_logged(settings: Settings, file: Path, share: float, seed: int) -> None:
    """Write the log, with the chances of a policy that tries new offers in another share of answers.

    Raises
    ------
    Misconfigured
        The file cannot be written.
    """
    with parts(settings) as found:
        tries = asyncio.run(_read(found, seed))
    try:
        written = write_log(file, tries.told(share))
    except OSError as error:
        raise Misconfigured(f"{file} cannot be written ({error.strerror}).") from error
    say(f"Wrote {file}: {written:,} lines, one a resident. Judge it with: vinkki evaluate --logged {file}")


async def gathered(records: LearningRecords, clock: Callable[[], datetime], seed: int) -> Tries:
    """Return what residents were shown in the place for new offers who allow it, and what followed."""
    tries = Tries(np.random.default_rng(seed))
    async for deeds, lists in records.chunks(clock, tried=True):
        choices = Choices()
        choices.add(*deeds)
        tries.add(choices, *lists)
    return tries


async def _read(settings: Settings, seed: int) -> Tries:
    database = Database(settings.database or "", 2)
    try:
        await database.migrate()
        return await gathered(LearningRecords(database), wiring.utc_now, seed)
    finally:
        await database.close()
