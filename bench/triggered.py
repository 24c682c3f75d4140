"""`trigger_p95`: from an offer's change on Kafka until the mail server has the mails that tell of it."""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec

from api import wiring
from bench import readers, sink
from bench.figures import Figure, Promise
from bench.freshness import percentile
from bench.ground import Ground
from bench.mails import serving
from bench.readers import Desk
from campaigns.audience import Interest
from campaigns.schedule import OfferChanged, OfferEvent
from engine.events import OfferChange
from engine.language import Localized
from engine.offers import Keyword, Kind, Offer, encode
from engine.rules import Target
from stream.publisher import Publisher

P95 = Promise(name="trigger_p95", unit="s", bound=2, better="lower")
PEOPLE = 20
"""To whom each mail goes: fewer than ten may not be meant."""
_TOPIC, _OFFER = "yso:p900000", "bench:moved"
_FIRST_SECONDS, _PATIENCE_SECONDS, _GLANCE_SECONDS = 120.0, 30.0, 0.005
_GLANCES, _SETTLE_SECONDS = 24, 3.0


async def measure(ground: Ground) -> list[Figure]:
    """Move an offer again and again, each time when everybody has heard of the last time."""
    settings, stores = await ground.settings(), await ground.stores()
    # What nobody knows cannot be saved: the offer is there first.
    await wiring.intake(settings, stores).offers([_moved(0)], wiring.utc_now())
    await readers.enrol(settings, stores, PEOPLE, (_TOPIC,), saved=_OFFER)
    desk = await Desk.found(settings, stores, "events", Interest(keyword=_TOPIC))
    moved = OfferChanged(changes=(OfferEvent.MOVED,), target=Target(offers=(_OFFER,)))
    runs = []
    async with serving(settings.home, settings) as (_, taken):
        await desk.schedule("Siirtyi", moved)
        await _first(stores.publisher, taken)
        for turn in range(ground.size.rounds):
            numbers = range(2 + turn * ground.size.probes, 2 + (turn + 1) * ground.size.probes)
            times = [await _seconds(stores.publisher, taken, number, _PATIENCE_SECONDS) for number in numbers]
            runs.append(percentile(times, 95))
    ground.say(f"{P95.name}, rounds: {', '.join(f'{run:.2f}' for run in runs)} s")
    reference = (
        f"from the broker's word until the mail server has taken all {PEOPLE} mails; one change of an offer at a time, "
        f"{ground.size.probes} a round"
    )
    return [P95.measured(runs, reference)]


async def _first(publisher: Publisher, taken: Path) -> None:
    """Move the offer until that is heard: what happens before the campaign runs is not told.

    Not counted, since the worker looks through all residents for it.
    """
    for number in range(-_GLANCES, 0):
        with suppress(TimeoutError):
            await _seconds(publisher, taken, number, _FIRST_SECONDS / _GLANCES)
            break
    await asyncio.sleep(_SETTLE_SECONDS)


async def _seconds(publisher: Publisher, taken: Path, number: int, patience: float) -> float:
    """Return how long a change takes.

    Raises
    ------
    TimeoutError
        Not everybody heard of it in time.
    """
    before = sink.count(taken)
    await publisher.offers([_moved(number)])
    began = time.monotonic()
    async with asyncio.timeout(patience):
        while sink.count(taken) - before < PEOPLE:  # noqa: ASYNC110 - another process takes them
            await asyncio.sleep(_GLANCE_SECONDS)
    return time.monotonic() - began


def _moved(days: int) -> OfferChange:
    """Return that the offer is so many days later than it was at first."""
    now = wiring.utc_now()
    starts = now.replace(minute=0, second=0, microsecond=0) + timedelta(days=30 + days)
    offer = Offer(
        id=_OFFER,
        source="bench",
        kind=Kind.EVENT,
        name=Localized(fi="Konsertti", sv="Konsert", en="Concert"),
        keywords=(Keyword(_TOPIC, Localized(fi="musiikki")),),
        starts=starts,
        ends=starts + timedelta(hours=2),
    )
    return OfferChange(offer.id, offer.source, now, msgspec.Raw(encode(offer)))
