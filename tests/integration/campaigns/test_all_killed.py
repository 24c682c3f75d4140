"""A run over everything real while everything is killed once; `VINKKI_READERS=50000` makes it as large as is promised.

The worker, the mail server, Redis, PostgreSQL and Kafka each die in the middle of it and come back, and residents
withdraw all the while. What the mail server accepted, by its own notes, is what counts.
"""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import text

from api import wiring
from api.embedded import Parts
from api.embedded.home import free_port
from bench import readers, sink
from bench.readers import PURPOSE, Desk
from campaigns.dispatch import HANDFUL
from engine.consent import Register
from engine.errors import StoreUnavailable
from engine.ledger import ConsentLedger
from engine.settings import Settings
from tests.integration.crowd import Workers, until

NUMBER = int(os.environ.get("VINKKI_READERS", "3000"))
CONNECTIONS = 4
RATE = "0" if NUMBER > 10_000 else "150"  # mails a second: a small run must last long enough to be killed in
STOPPING_SECONDS = 0.05
"""How often somebody withdraws."""


class MailServer:
    """The mail server as a process that may be killed; what it has accepted stays in a file."""

    def __init__(self, folder: Path) -> None:
        self.port, self.file, self._log = free_port(), folder / "taken", folder / "sink.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "bench.sink", str(self.port), str(self.file)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def count(self) -> int:
        return sink.count(self.file)


@dataclass
class Leavers:
    """Residents who withdraw one after another, and how many mails the server had accepted when each got the answer."""

    ledger: ConsentLedger
    server: MailServer
    left: list[str]
    answered: dict[str, int] = field(default_factory=dict)

    async def leave(self) -> None:
        for resident in self.left:
            while resident not in self.answered:
                try:
                    await self.ledger.record(resident, PURPOSE, granted=False, notice=None, now=wiring.utc_now())
                except StoreUnavailable:
                    await asyncio.sleep(0.2)
                    continue
                self.answered[resident] = self.server.count
            await asyncio.sleep(STOPPING_SECONDS)


@pytest.fixture
def server(tmp_path) -> Iterator[MailServer]:
    its = MailServer(tmp_path)
    its.start()
    yield its
    its.kill()


@pytest.fixture
async def city(own_parts, tmp_path) -> AsyncIterator[tuple[Parts, Settings, wiring.Stores]]:
    parts = own_parts(tmp_path / "parts")
    a = parts.addresses
    settings = Settings(home=tmp_path / "home", kafka=a.kafka, database=a.database, redis=a.redis)
    settings.home.mkdir()
    stores = wiring.connect(settings)
    await wiring.prepare(settings, stores, wiring.utc_now())
    yield parts, settings, stores
    await stores.close()


@contextmanager
def working(parts: Parts, folder: Path) -> Iterator[Workers]:
    workers = Workers(parts.addresses, folder)
    try:
        yield workers
    finally:
        workers.end()


def environment(server: MailServer) -> dict[str, str]:
    return {
        "VINKKI_MAIL": f"smtp://127.0.0.1:{server.port}",
        "VINKKI_MAIL_CONNECTIONS": str(CONNECTIONS),
        "VINKKI_MAIL_RATE": RATE,
        "VINKKI_QUIET_FROM": "0",
        "VINKKI_QUIET_UNTIL": "0",
        "VINKKI_TRAIN_EVERY_HOURS": "0",
    }


@asynccontextmanager
async def kept_running(workers: Workers, server: MailServer) -> AsyncIterator[list[int]]:
    """Keep a worker running, as a supervisor does; yields how those ended that had to be followed by another."""
    ends: list[int] = []
    workers.start(**environment(server))

    async def look() -> None:
        while True:
            await asyncio.sleep(0.2)
            for process in [its for its in workers.running if its.poll() is not None]:
                ends.append(process.returncode)
                workers.running.remove(process)
                workers.start(**environment(server))

    looking = asyncio.create_task(look())
    try:
        yield ends
    finally:
        looking.cancel()


async def test_whatever_is_killed_each_gets_one_mail_but_for_the_named_window(city, server, tmp_path, capsys):
    parts, settings, stores = city
    who = await readers.enrol(settings, stores, NUMBER)
    desk = await Desk.found(settings, stores)
    some = random.Random(1).sample(who, min(NUMBER // 10, 1_000))
    leavers = Leavers(ConsentLedger(stores.ledger, stores.online, Register.read()), server, some)

    async def accepted(share: float) -> None:
        async def enough() -> bool:
            return server.count >= share * NUMBER

        await until(enough, 300)

    with working(parts, tmp_path) as workers:
        async with kept_running(workers, server) as ends:
            campaign, began = await desk.schedule("Kirjaston uutiset"), monotonic()
            leaving = asyncio.create_task(leavers.leave())
            await accepted(0.05)
            server.kill()
            await asyncio.sleep(0.5)
            server.start()
            await accepted(0.2)
            workers.running[0].kill()
            for share, part in ((0.4, "valkey"), (0.55, "postgres"), (0.7, "kafka")):
                await accepted(share)
                parts.kill(part)
                await asyncio.sleep(0.5)
                await asyncio.to_thread(parts.restart, part)

            async def over() -> bool:
                query = text("SELECT state FROM runs WHERE campaign = :campaign")
                async with stores.database.begin() as connection:
                    return (await connection.execute(query, {"campaign": campaign})).scalar_one() == "finished"

            await until(over, 900)
            seconds = monotonic() - began
            leaving.cancel()

    mails = sink.taken(server.file)
    async with stores.database.begin() as connection:
        query = text("SELECT resident FROM deliveries WHERE state = 'failed' AND reason = 'unknown'")
        unknown = set((await connection.execute(query)).scalars())
    places = {to.partition("@")[0]: place for place, (_, to) in enumerate(mails)}
    late = [one for one, at in leavers.answered.items() if places.get(one, -1) >= at]
    missing = set(who) - set(leavers.answered) - set(places)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{NUMBER:,} readers, {seconds:.0f} s; workers ended: {ends}; {len(mails):,} mails accepted; "
            f"{len(missing)} missing and {len(unknown)} unknown; {len(leavers.answered)} withdrew, "
            f"{len(late)} of them got a mail after the answer\n"
        )
    # Nobody gets two, and no Message-ID is accepted twice.
    assert len(places) == len({id_ for id_, _ in mails}) == len(mails)
    # Everybody else got one, but for those of whom it is not known: told as such, and bounded.
    assert missing <= unknown
    assert len(unknown) <= HANDFUL * len(ends) + CONNECTIONS
    # After the answer to a withdrawal nothing goes.
    assert late == []
    assert len(leavers.answered) >= min(len(some), 20)
