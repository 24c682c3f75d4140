"""`vinkki import`: offers from the city's systems, through Kafka, into SQL."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from api import wiring
from api.commands.parts import parts, say
from api.wiring import Stores
from engine.districts import Divisions
from engine.errors import VinkkiError
from engine.settings import Settings
from stream.sources.linked_events import LIVE, import_catalogue
from stream.sources.sample_catalogue import sample_changes
from stream.topics import OFFERS
from stream.watchdog import LagReader

HELSINKI = ZoneInfo("Europe/Helsinki")
_PATIENCE_SECONDS = 120.0


class NoWorker(VinkkiError):
    """The offers are safe on Kafka, but no worker has taken them in; start one with `vinkki work` or `vinkki demo`."""

    code = "no_worker"


def run(settings: Settings, source: str | None, *, full: bool, report: bool) -> None:
    """Import from Linked Events and wait until the workers have taken everything in."""
    with parts(settings) as found:
        asyncio.run(_import(found, source, full=full, report=report))


def run_sample(settings: Settings) -> None:
    """Load the sample catalogue."""
    with parts(settings) as found:
        asyncio.run(_prepared(found))
        asyncio.run(bring_sample(found, wiring.utc_now(), say))


def show_report(settings: Settings) -> None:
    """Print what the last import of each source refused."""
    with parts(settings) as found:
        asyncio.run(_show_report(found))


async def bring_sample(settings: Settings, now: datetime, told: Callable[[str], None]) -> None:
    """Publish the sample catalogue of today and wait until it is taken in."""
    stores = wiring.connect(settings, patience_seconds=wiring.COMMAND_PATIENCE_SECONDS)
    try:
        changes = sample_changes(now.astimezone(HELSINKI).date(), now)
        told(f"Loading the sample catalogue: {len(changes)} offers")
        await stores.publisher.offers(changes)
        await taken_in(settings, OFFERS.name, told)
    finally:
        await stores.close()


async def taken_in(settings: Settings, topic: str, told: Callable[[str], None]) -> None:
    """Wait until workers have committed everything on `topic`.

    Raises
    ------
    NoWorker
        Nothing moved for two minutes.
    """
    lag, least, since = LagReader(settings.kafka or ""), None, asyncio.get_running_loop().time()
    try:
        while left := (await lag.lag()).get(topic, 0):
            now = asyncio.get_running_loop().time()
            if least is None or left < least:
                least, since = left, now
                told(f"{left:,} messages wait for the worker")
            elif now - since > _PATIENCE_SECONDS:
                raise NoWorker
            await asyncio.sleep(0.25)
    finally:
        await lag.close()


async def _prepared(settings: Settings) -> Stores:
    stores = wiring.connect(settings, patience_seconds=wiring.COMMAND_PATIENCE_SECONDS)
    await wiring.prepare(settings, stores, wiring.utc_now())
    return stores


async def _import(settings: Settings, source: str | None, *, full: bool, report: bool) -> None:
    stores = await _prepared(settings)
    try:
        result = await import_catalogue(
            Path(source) if source and "://" not in source else source or LIVE,
            imports=stores.imports,
            publish=stores.publisher.offers,
            divisions=Divisions.read(settings.districts),
            now=wiring.utc_now(),
            say=say,
            full=full,
        )
        result.tell(say, refusals=report)
        await taken_in(settings, OFFERS.name, say)
        say(f"{await stores.offers.count():,} offers are in the catalogue now.")
    finally:
        await stores.close()


async def _show_report(settings: Settings) -> None:
    stores = await _prepared(settings)
    try:
        for result in await stores.imports.last_reports():
            result.tell(say, refusals=True)
    finally:
        await stores.close()
