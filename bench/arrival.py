"""`new_offer_p95`: from a new offer on Kafka until it is suggested, by a process that answers from a model."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import httpx
import msgspec

from api import wiring
from bench.figures import Figure, Promise
from bench.freshness import percentile
from bench.ground import Ground
from bench.model import published
from engine.events import OfferChange
from engine.language import Localized
from engine.offers import Keyword, Kind, Offer, encode
from stream.publisher import Publisher

P95 = Promise(name="new_offer_p95", unit="s", bound=5, better="lower")
_PAUSE_SECONDS, _PATIENCE_SECONDS = 0.02, 30.0


async def measure(ground: Ground) -> list[Figure]:
    """Publish one new offer after another, each on a topic of its own, and ask for the topic until it is there."""
    await published(ground)
    stores, (_, settings) = await ground.stores(), await ground.api()
    async with ground.worker(), httpx.AsyncClient(base_url=wiring.base(settings), timeout=10) as client:
        number, runs = 0, []
        for _ in range(ground.size.rounds):
            times = []
            for _ in range(ground.size.probes):
                number += 1
                times.append(await _seconds(client, stores.publisher, number))
            runs.append(percentile(times, 95))
    ground.say(f"{P95.name}, rounds: {', '.join(f'{run:.2f}' for run in runs)} s")
    reference = (
        f"from the broker's word to the first answer with the offer; one at a time, {ground.size.probes} a round, "
        f"beside {ground.size.offers:,} others"
    )
    return [P95.measured(runs, reference)]


async def _seconds(client: httpx.AsyncClient, publisher: Publisher, number: int) -> float:
    """Return how long an offer takes.

    Raises
    ------
    RuntimeError
        It was not suggested in time.
    """
    offer, now = _offer(number), datetime.now(UTC)
    await publisher.offers([OfferChange(offer.id, offer.source, now, msgspec.Raw(encode(offer)))])
    published_at = time.perf_counter()
    asked = {"topics": offer.keywords[0].id, "limit": "5"}
    while (waited := time.perf_counter() - published_at) < _PATIENCE_SECONDS:
        answer = await client.get("/v1/suggestions", params=asked)
        answer.raise_for_status()
        if offer.id in {item["offer"]["id"] for item in answer.json()["items"]}:
            return time.perf_counter() - published_at
        await asyncio.sleep(_PAUSE_SECONDS)
    raise RuntimeError(f"A new offer was not suggested after {waited:.0f} s.")


def _offer(number: int) -> Offer:
    starts = datetime.now(UTC) + timedelta(days=3)
    topic = Keyword(f"yso:p900{number:05}", Localized(fi=f"uusi aihe {number}"))
    return Offer(
        id=f"bench:new-{number}",
        source="bench",
        kind=Kind.EVENT,
        name=Localized(fi=f"Uusi tapahtuma {number}"),
        keywords=(topic,),
        starts=starts,
        ends=starts + timedelta(hours=2),
    )
