"""`vinkki work`: one stream worker."""

import asyncio
import signal
from datetime import timedelta

from prometheus_client import start_http_server

from api import wiring
from api.checkpoints import Checkpoints
from api.commands.parts import parts
from api.seal import Seal
from engine import telemetry
from engine.intake import Intake
from engine.records.chain import ChainRecords
from engine.settings import Settings
from stream.agents import readers, stop_process
from stream.app import Chore, create_app
from stream.app import run as run_app
from stream.watchdog import LagReader, Watchdog, watch

log = telemetry.logger("stream")


def run(settings: Settings) -> None:
    """Take in events until stopped."""
    telemetry.configure_logging(json=settings.log_format == "json")
    with parts(settings) as found:
        asyncio.run(_work(found))


async def _work(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    stores, clock = wiring.connect(settings), wiring.utc_now
    lag = LagReader(settings.kafka or "")
    try:
        await wiring.prepare(settings, stores, clock())
        intake = wiring.intake(settings, stores)
        if await intake.refill(clock()):
            log.info("online state restored")
        if settings.metrics_port:
            start_http_server(settings.metrics_port, settings.host)
        its = readers(intake, stores.publisher.refused, clock, settings.store_patience_seconds)
        chores = [*_chores(intake, lag), _checkpoint(settings, ChainRecords(stores.database))]
        app = create_app(settings.kafka or "", settings.partitions, its, chores)
        await run_app(app, stopping)
    finally:
        await lag.close()
        await stores.close()


def _chores(intake: Intake, lag: LagReader) -> list[Chore]:
    now, watchdog = wiring.utc_now, Watchdog(timedelta(seconds=60))
    return [
        Chore("refill", 1.0, lambda: intake.refill(now())),
        Chore("sweep", 2.0, lambda: intake.sweep(now())),
        Chore("popularity", 20.0, lambda: intake.refresh_popularity(now())),
        Chore("keep house", 3600.0, lambda: intake.keep_house(now())),
        Chore("watchdog", 5.0, lambda: watch(lag, watchdog, now, stop_process)),
    ]


def _checkpoint(settings: Settings, chain: ChainRecords) -> Chore:
    checkpoints = Checkpoints(settings.home, Seal.of(settings))

    async def keep() -> None:
        if (head := await chain.head()) is not None:
            checkpoints.append(head, wiring.utc_now())

    return Chore("checkpoint", 600.0, keep)
