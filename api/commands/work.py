"""`vinkki work`: one stream worker."""

import asyncio
import signal
from datetime import timedelta
from typing import Any

import stamina
import uvloop
from prometheus_client import start_http_server

from api import wiring
from api.checkpoints import Checkpoints
from api.commands.parts import parts
from api.commands.sender import sender
from api.endings import Endings
from api.seal import Seal
from api.training_schedule import TrainingSchedule
from campaigns.records.trail import TrailRecords
from engine import telemetry
from engine.errors import Unavailable
from engine.intake import Intake
from engine.records.chain import ChainRecords
from engine.records.endings import EndingRecords
from engine.records.invitations import InvitationRecords
from engine.settings import Settings
from stream.agents import Reader, readers, stop_process
from stream.app import Chore, create_app
from stream.app import run as run_app
from stream.watchdog import LagReader, Watchdog, watch

log = telemetry.logger("stream")


def run(settings: Settings) -> None:
    """Take in events until stopped."""
    telemetry.configure_logging(json=settings.log_format == "json")
    with parts(settings) as found:
        uvloop.run(_work(found))


async def _work(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    stores, clock = wiring.connect(settings), wiring.utc_now
    lag, sending = LagReader(settings.kafka or ""), sender(settings, stores, clock)
    try:
        intake = wiring.intake(settings, stores)
        if not await _ready(settings, stores, intake, stopping):
            return
        if settings.metrics_port:
            start_http_server(settings.metrics_port, settings.host)
        training, patience = TrainingSchedule(settings), settings.store_patience_seconds
        its = [
            *readers(intake, stores.publisher.refused, clock, patience),
            sending.reader(stores.publisher.refused, patience),
        ]
        chores = [
            *_chores(intake, lag, its),
            Chore("erasures", 2.0, wiring.eraser(settings, stores).complete),
            Chore("tidy", 3600.0, lambda: wiring.tidy(stores, clock())),
            *_birthdays(stores),
            _checkpoint(settings, ChainRecords(stores.database), "checkpoints"),
            _checkpoint(settings, TrailRecords(stores.database), "trail"),
            _endings(settings, EndingRecords(stores.database)),
            Chore("training", 600.0, lambda: training.look(clock())),
            *sending.chores(),
        ]
        app = create_app(settings.kafka or "", settings.partitions, its, chores)
        await run_app(app, stopping)
    finally:
        await sending.close()
        await lag.close()
        await stores.close()


async def _ready(settings: Settings, stores: wiring.Stores, intake: Intake, stopping: asyncio.Event) -> bool:
    """Bring the parts to what this version needs, once all are there; say whether it was done before `stopping`.

    Raises
    ------
    Unavailable
        A part has been away for as long as a worker waits for one.
    """
    async for attempt in stamina.retry_context(
        on=Unavailable, attempts=None, timeout=settings.store_patience_seconds, wait_initial=0.2, wait_max=2.0
    ):
        if stopping.is_set():
            break
        with attempt:
            await wiring.prepare(settings, stores, wiring.utc_now())
            if await intake.refill(wiring.utc_now()):
                log.info("online state restored")
    return not stopping.is_set()


def _chores(intake: Intake, lag: LagReader, its: list[Reader[Any]]) -> list[Chore]:
    now, watchdog = wiring.utc_now, Watchdog(timedelta(seconds=60))
    waiting = lambda: any(reader.waiting for reader in its)  # noqa: E731 - a word, not a function
    return [
        Chore("refill", 1.0, lambda: intake.refill(now())),
        Chore("sweep", 2.0, lambda: intake.sweep(now())),
        Chore("popularity", 20.0, lambda: intake.refresh_popularity(now())),
        Chore("keep house", 3600.0, lambda: intake.keep_house(now())),
        Chore("watchdog", 5.0, lambda: watch(lag, watchdog, now, stop_process, excused=waiting)),
    ]


def _birthdays(stores: wiring.Stores) -> list[Chore]:
    """Return what writes down what a birthday has ended: it holds from midnight on anyway."""
    family, invitations, now = wiring.family(stores), InvitationRecords(stores.database), wiring.utc_now
    return [
        Chore("birthdays", 60.0, lambda: family.come_of_age(now())),
        Chore("invitations", 3600.0, lambda: invitations.tidy(now())),
    ]


def _checkpoint(settings: Settings, chain: ChainRecords | TrailRecords, name: str) -> Chore:
    checkpoints = Checkpoints(settings.home, Seal.of(settings), name)

    async def keep() -> None:
        if (head := await chain.head()) is not None:
            checkpoints.append(head, wiring.utc_now())

    return Chore(f"checkpoint of {name}", 600.0, keep)


def _endings(settings: Settings, records: EndingRecords) -> Chore:
    endings = Endings(settings.home, Seal.of(settings).secret)

    async def keep() -> None:
        endings.append(await records.since(endings.newest()))

    return Chore("endings", 5.0, keep)
