"""`mail_cpu` and `mails_per_core`: what a worker needs to send a campaign, from the audience to what came of each mail.

Nothing stands in for anything: the worker is `vinkki work`, on real Kafka, PostgreSQL and Redis; addresses are sealed,
words and stop links are the house's own, and the mail server is another process that takes what it is sent.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from api.embedded.home import free_port
from bench import readers, sink
from bench.figures import Figure, Promise
from bench.ground import Ground
from bench.processes import Server, running
from bench.readers import Desk
from engine.settings import Settings

CPU = Promise(name="mail_cpu", unit="us", bound=400, better="lower")
RATE = Promise(name="mails_per_core", unit="mails/CPU-s", bound=2_000, better="higher")
_PATIENCE_SECONDS, _GLANCE_SECONDS = 600.0, 0.05
_CALM = {"VINKKI_WEEKLY_EMAIL": "1000", "VINKKI_QUIET_FROM": "0", "VINKKI_QUIET_UNTIL": "0"}
"""At any hour, and round after round: how many and when is asked all the same."""


class Round(NamedTuple):
    """One campaign: CPU seconds of the worker, and seconds on the clock from the first mail to the last."""

    cpu: float
    clock: float


async def measure(ground: Ground) -> list[Figure]:
    """Send one campaign after another to the same residents. The first is not counted: the index is built for it."""
    settings, stores, number = await ground.settings(), await ground.stores(), ground.size.mailed
    ground.say(f"{number:,} residents allow mails and confirm their addresses")
    await readers.enrol(settings, stores, number)
    desk, runs = await Desk.found(settings, stores), list[Round]()
    async with serving(settings.home, settings) as (worker, taken):
        for turn in range(ground.size.rounds + 1):
            runs.append(await _sent(worker, desk, taken, number, f"Round {turn}"))
            its = runs[-1]
            ground.say(
                f"campaign {turn} of {ground.size.rounds}: {its.cpu / number * 1e6:.0f} us CPU a mail, "
                f"{number / its.clock:,.0f} mails/s on the clock"
            )
    counted = runs[1:]
    best = max(number / its.clock for its in counted)
    reference = (
        f"the worker's own CPU, {number:,} mails a round: from a scheduled campaign over audience, Kafka, permit, cap, "
        "quiet hours, words in three languages, sealed addresses and stop links to the mail server's word in SQL"
    )
    clock = (
        f"one worker, one thread; on the clock {best:,.0f} mails/s at best, with Kafka, PostgreSQL, Redis and the mail "
        "server on the same two cores"
    )
    return [
        CPU.measured([its.cpu / number * 1e6 for its in counted], reference),
        RATE.measured([number / its.cpu for its in counted], f"the same campaigns; {clock}"),
    ]


@asynccontextmanager
async def serving(folder: Path, settings: Settings) -> AsyncIterator[tuple[Server, Path]]:
    """Run a worker beside a mail server; yields the worker, and the file, in `folder`, of what was accepted."""
    port, taken = free_port(), folder / "mails.taken"
    mail = running(["bench.sink", str(port), str(taken)], {}, folder / "sink.log")
    given = {f"VINKKI_{name.upper()}": str(getattr(settings, name)) for name in ("home", "kafka", "database", "redis")}
    given |= {**_CALM, "VINKKI_MAIL": f"smtp://127.0.0.1:{port}", "VINKKI_TRAIN_EVERY_HOURS": "0"}
    async with mail, running(["api", "work"], given, folder / "mail-work.log") as worker:
        yield worker, taken


async def _sent(worker: Server, desk: Desk, taken: Path, number: int, name: str) -> Round:
    """Send one campaign, until everything that came of it is in SQL.

    Raises
    ------
    RuntimeError
        Not everybody got it.
    """
    before, began = sink.count(taken), 0.0
    campaign = await desk.schedule(name)
    with worker.cpu() as used:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while (found := sink.count(taken) - before) < number:
                began = began or (time.monotonic() if found else 0.0)
                await asyncio.sleep(_GLANCE_SECONDS)
            ended = time.monotonic()
            ends = await desk.ends(campaign)
            while ends.get(("sent", ""), 0) < number:
                await asyncio.sleep(_GLANCE_SECONDS)
                ends = await desk.ends(campaign)
    if ends != {("sent", ""): number} or len(set(sink.taken(taken)[before:])) != number:
        raise RuntimeError(f"All should have got one mail each; it came to {ends}.")
    return Round(used.seconds, ended - (began or ended - _GLANCE_SECONDS))
