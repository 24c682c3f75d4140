"""A worker that sends messages, as a process of its own that a test may kill: ``python -m tests...worker SETTINGS``."""

import asyncio
import json
import signal
import sys

from api import wiring
from api.sending import sending
from engine.consent import Register
from engine.ledger import ConsentLedger
from engine.settings import Settings
from stream.agents import stop_process
from stream.app import create_app, run
from tests.integration.campaigns.town import SECRET, AddressBook, Everybody, Speech


async def work(given: dict[str, object], members: list[str]) -> None:
    settings = Settings(**given)
    stores, stopping = wiring.connect(settings), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    its = sending(
        settings,
        stores.database,
        SECRET,
        wiring.utc_now,
        log=stores.publisher,
        leaves=ConsentLedger(stores.ledger, stores.online, Register.read()),
        members=Everybody(members),
        addresses=AddressBook(),
        speech=Speech(),
    )
    reader = its.reader(stores.publisher.refused, settings.store_patience_seconds)
    app = create_app(settings.kafka, settings.partitions, [reader], its.chores())
    try:
        await run(app, stopping, stop_process)
    finally:
        await its.close()
        await stores.close()


if __name__ == "__main__":
    spoken = json.load(sys.stdin)
    asyncio.run(work(spoken["settings"], spoken["members"]))
