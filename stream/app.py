"""The Faust app of a worker: agents for what comes in, timers for what is due."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import faust
import mode

from engine.errors import VinkkiError
from engine.telemetry import logger
from stream.agents import Reader, attach, stop_process
from stream.topics import GROUP

STOP_SECONDS = 8.0
"""How long a worker may take to finish what it has begun; what it has not acknowledged comes again."""
log = logger("stream")


@dataclass(frozen=True)
class Chore:
    """Something a worker does again and again; a failure is logged and tried again at the next time."""

    name: str
    every_seconds: float
    do: Callable[[], Awaitable[object]]

    async def once(self) -> None:
        """Do it now, and live with its failure."""
        try:
            await self.do()
        except VinkkiError as error:
            log.warning("chore put off", chore=self.name, why=error.detail)
        except Exception:
            log.exception("chore failed", chore=self.name)


def create_app(bootstrap: str, partitions: int, readers: list[Reader[Any]], chores: list[Chore]) -> faust.App:
    """Return an app that reads every topic; it opens nothing before it is started."""
    app = faust.App(
        GROUP,
        broker=[f"kafka://{address}" for address in bootstrap.split(",")],
        processing_guarantee="at_least_once",
        store="memory://",
        topic_partitions=partitions,
        topic_disable_leader=True,
        broker_session_timeout=10,
        broker_heartbeat_interval=1,
        broker_commit_interval=1.0,
        # Who has never read a topic starts at its beginning: nothing that was accepted is passed over.
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    for reader in readers:
        attach(app, reader)
    for chore in chores:
        app.timer(interval=chore.every_seconds, name=chore.name)(chore.once)
    return app


async def run(
    app: faust.App,
    stopping: asyncio.Event,
    stop: Callable[[str], None] = stop_process,
    within_seconds: float = STOP_SECONDS,
) -> None:
    """Run a worker until `stopping` is set, then let it commit and leave its group; `stop` ends it where it cannot.

    Raises
    ------
    BaseException
        What made the worker crash.
    """
    app.finalize()
    await app.start()
    _spare_the_collector()
    try:
        await _until(app, stopping)
    finally:
        # Not `wait_for`: Faust swallows the cancellation and waits on.
        _, unfinished = await asyncio.wait({asyncio.ensure_future(app.stop())}, timeout=within_seconds)
        if unfinished:
            stop("What it has begun cannot be finished: a part is away.")


def _spare_the_collector() -> None:
    """Look for garbage once in a large batch, not 60 times, and never in what stays: that takes a fifth of the CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _until(app: mode.Service, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        if app.crashed and app.crash_reason is not None:
            raise app.crash_reason
        try:
            await asyncio.wait_for(stopping.wait(), 0.2)
        except TimeoutError:
            continue
