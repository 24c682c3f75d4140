"""`intake_rate`: what a worker takes in, whole path: Kafka, Faust, permit, journal in SQL, taste in Redis."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import text

from api.wiring import Stores
from bench.figures import Figure, Promise
from bench.ground import Ground
from bench.people import Crowd, Person
from bench.processes import Server
from engine.events import InteractionBatch

RATE = Promise(name="intake_rate", unit="events/CPU-s", bound=10_000, better="higher")
_PATIENCE_SECONDS = 120.0


async def measure(ground: Ground) -> list[Figure]:
    """Send bursts of visits to a running worker and see what CPU each costs it.

    The first burst is not counted: it gives everybody a taste, and the worker its caches and connections.
    """
    size = ground.size
    people, crowd = await ground.people(size.residents), await ground.crowd()
    runs, messages = [], []
    async with ground.worker() as worker:
        await _burst(ground, worker, _visits(crowd, people, size.events))
        for turn in range(size.rounds):
            visits = _visits(crowd, people, size.events)
            runs.append(await _burst(ground, worker, visits))
            messages.append(_events(visits) / len(visits))
            ground.say(f"intake_rate, round {turn + 1} of {size.rounds}: {runs[-1]:,.0f} events per CPU-second")
    mean = sum(messages) / len(messages)
    return [RATE.measured(runs, f"the worker's own CPU; {mean:.1f} events a message on average, median 8")]


def _visits(crowd: Crowd, people: Sequence[Person], events: int) -> list[InteractionBatch]:
    """Return visits of everybody in turn with so many events in all."""
    visits: list[InteractionBatch] = []
    now, total = datetime.now(UTC), 0
    while total < events:
        visits.append(crowd.visit(people[len(visits) % len(people)], now))
        total += len(visits[-1].events)
    return visits


def _events(visits: Sequence[InteractionBatch]) -> int:
    return sum(len(visit.events) for visit in visits)


async def _burst(ground: Ground, worker: Server, visits: list[InteractionBatch]) -> float:
    """Publish visits and wait until the worker has committed them; return events per CPU-second.

    Raises
    ------
    RuntimeError
        Not all of them are in the journal.
    """
    stores = await ground.stores()
    before = await _journalled(stores)
    with worker.cpu() as used:
        await stores.publisher.interactions(visits)
        await asyncio.wait_for(ground.taken_in(), _PATIENCE_SECONDS)
    events = _events(visits)
    if (found := await _journalled(stores) - before) != events:
        raise RuntimeError(f"Of {events} events {found} are in the journal.")
    return events / used.seconds


async def _journalled(stores: Stores) -> int:
    async with stores.database.begin() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM journal"))).scalar_one())
