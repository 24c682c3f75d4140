"""`vinkki bench`: measures speed and memory, and says which promises hold."""

import asyncio
import sys
import time
from collections.abc import Sequence

from rich.console import Console

from api.commands.parts import say
from bench import figures, machine
from bench.figures import Figure
from bench.ground import Ground, Size
from bench.suites import FOLDER, Measurement
from bench.suites import suite as find
from engine import telemetry


def run(suite: str, only: list[str]) -> None:
    """Measure a suite, or some of its figures; show and write them. Exits with 1 if a bound is missed."""
    telemetry.configure_logging(json=False, level="WARNING")
    chosen, described = find(suite), machine.describe()
    found = asyncio.run(measure(chosen.only(only), Size()))
    figures.write(FOLDER / chosen.file, found)
    figures.show(found, described, Console(width=None if sys.stdout.isatty() else 160))
    if not all(figure.holds for figure in found):
        sys.exit(1)


async def measure(measurements: Sequence[Measurement], size: Size) -> list[Figure]:
    """Return the figures of some measurements, all made on one ground."""
    began, found = time.monotonic(), list[Figure]()

    def told(sentence: str) -> None:
        say(f"{time.monotonic() - began:5.0f} s  {sentence}")

    async with Ground(told, size) as ground:
        for measurement in measurements:
            found += await measurement.measure(ground)
    return found
