"""`freshness_p95`: how soon after its acceptance an interaction shows in the resident's suggestions, under load."""

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from uuid import uuid4

import httpx
import msgspec

from api import wiring
from api.access import Scope
from bench.figures import Figure, Promise
from bench.ground import Ground, issuer
from bench.load import Plan, request, sending
from bench.people import Crowd, Person, sent
from engine.consent import Purpose
from engine.events import Interaction, InteractionType

P95 = Promise(name="freshness_p95", unit="ms", bound=300, better="lower")
EVENTS_A_SECOND = 200
_PAUSE_SECONDS, _PATIENCE_SECONDS, _MOST_SECONDS = 0.005, 10.0, 120
_RESIDENTS, _OTHERS = 200, 1_000


async def measure(ground: Ground) -> list[Figure]:
    """Dismiss the best suggestion of one resident after another, and ask until it is gone, while others are busy."""
    size = ground.size
    people = await ground.active(min(_RESIDENTS, size.residents), (Purpose.ACTIVITY,))
    others, crowd = await ground.people(min(_OTHERS, size.residents)), await ground.crowd()
    _, settings = await ground.api()
    async with ground.worker():
        demo, now = issuer(settings), wiring.utc_now()
        token = demo.service("bench", [Scope.INTERACTIONS_WRITE], now)
        events = _single_events(token, crowd, others)
        busy = Plan(settings.port, events, len(events), 8, _MOST_SECONDS, EVENTS_A_SECOND)
        async with sending(busy), httpx.AsyncClient(base_url=wiring.base(settings), timeout=5) as client:
            probes = cycle(_Probe(client, person, demo.resident(person.id, now)) for person in people)
            await _times(probes, size.probes)
            rounds = [await _times(probes, size.probes) for _ in range(size.rounds)]
    runs = [percentile(times, 95) for times in rounds]
    middle = percentile([time for times in rounds for time in times], 50)
    ground.say(f"{P95.name}, rounds: {', '.join(f'{run:.0f}' for run in runs)} ms; median of all {middle:.0f} ms")
    reference = (
        f"from the 202 to the first answer without the dismissed offer; {EVENTS_A_SECOND} events/s, each a request "
        f"and a message of its own; half of the times within {middle:.0f} ms; {size.probes} a round"
    )
    return [P95.measured(runs, reference)]


class _Probe:
    """One resident who dismisses what is suggested first."""

    def __init__(self, client: httpx.AsyncClient, person: Person, token: str) -> None:
        self._client = client
        self._person = person
        self._headers = {"Authorization": f"Bearer {token}"}

    async def __call__(self) -> float:
        """Return the milliseconds from the acceptance to an answer that knows it.

        Raises
        ------
        RuntimeError
            No answer knew it in time.
        """
        disliked = (await self._suggested())[0]
        await self._dismiss(disliked)
        accepted = time.perf_counter()
        while (waited := time.perf_counter() - accepted) < _PATIENCE_SECONDS:
            if disliked not in await self._suggested():
                return (time.perf_counter() - accepted) * 1_000
            await asyncio.sleep(_PAUSE_SECONDS)
        raise RuntimeError(f"A dismissal was still unknown after {waited:.0f} s.")

    async def _suggested(self) -> list[str]:
        answer = await self._client.get("/v1/residents/me/suggestions", headers=self._headers)
        answer.raise_for_status()
        return [item["offer"]["id"] for item in answer.json()["items"]]

    async def _dismiss(self, offer: str) -> None:
        event = Interaction(uuid4().hex, offer, InteractionType.DISMISS, wiring.utc_now())
        body = msgspec.json.encode({"events": [sent(self._person, event)]})
        headers = {**self._headers, "Content-Type": "application/json"}
        answer = await self._client.post("/v1/interactions", content=body, headers=headers)
        answer.raise_for_status()


async def _times(probes: Iterator[_Probe], count: int) -> list[float]:
    return [await next(probes)() for _ in range(count)]


def percentile(times: Sequence[float], percent: int) -> float:
    """Return a percentile."""
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def _single_events(token: str, crowd: Crowd, people: Sequence[Person]) -> list[bytes]:
    """Return requests of one event each, enough for the longest run: sent again, an event would be a repetition."""
    now, requests, visitors = wiring.utc_now(), list[bytes](), cycle(people)
    while len(requests) < EVENTS_A_SECOND * _MOST_SECONDS:
        person = next(visitors)
        for event in crowd.visit(person, now).events:
            body = msgspec.json.encode({"events": [sent(person, event)]})
            requests.append(request("POST", "/v1/interactions", token, body))
    return requests
