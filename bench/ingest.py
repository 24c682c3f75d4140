"""`ingest_ratio`: what it costs to have interactions durably on Kafka, against looking at them alone."""

import statistics
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from api.access import Scope
from bench.figures import Figure, Promise
from bench.ground import Ground, issuer
from bench.load import request
from bench.people import Crowd, Person, sent
from bench.rounds import Asked, compare
from engine.settings import Settings

RATIO = Promise(name="ingest_ratio", unit="ratio", bound=0.30, better="higher")
EVENTS = 100
_BODIES = 200


async def measure(ground: Ground) -> list[Figure]:
    """Send the same batches, as a service sends them, to the API and to one whose publisher does nothing."""
    people, crowd = await ground.people(ground.size.residents), await ground.crowd()
    ours, here = await ground.api()
    async with ground.serving("bench.serving") as (other, there):
        count = max(ground.size.requests // 5, 20)
        durable = Asked("durable", ours, here.port, _requests(here, crowd, people), count, 202)
        alone = Asked("validation alone", other, there.port, _requests(there, crowd, people), 3 * count, 202)
        costs = await compare(durable, alone, ground.size.rounds)
    ground.say(f"ingest_ratio, rounds: {', '.join(f'{ratio:.2f}' for ratio in costs.ratios())}")
    rates = [EVENTS / statistics.median(column) for column in zip(*costs.pairs, strict=True)]
    reference = (
        f"validation alone: {rates[1]:,.0f} events per CPU-second, durable: {rates[0]:,.0f}; batches of {EVENTS} "
        "events of several residents, median 8 each"
    )
    return [RATIO.measured(costs.ratios(), reference)]


def _requests(settings: Settings, crowd: Crowd, people: Sequence[Person]) -> list[bytes]:
    token = issuer(settings).service("bench", [Scope.INTERACTIONS_WRITE], datetime.now(UTC))
    bodies = (_body(crowd, people, number) for number in range(_BODIES))
    return [request("POST", "/v1/interactions", token, body) for body in bodies]


def _body(crowd: Crowd, people: Sequence[Person], number: int) -> bytes:
    """Return `EVENTS` events: visits of residents one after another, the last one cut short."""
    events: list[dict[str, object]] = []
    now = datetime.now(UTC)
    while len(events) < EVENTS:
        person = people[(number * 17 + len(events)) % len(people)]
        events += [sent(person, event) for event in crowd.visit(person, now).events]
    return msgspec.json.encode({"events": events[:EVENTS]})
