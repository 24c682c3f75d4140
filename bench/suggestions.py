"""`suggestions_ratio` and `api_memory`: an API process with a full catalogue that suggests to active residents."""

import statistics
from collections.abc import Sequence

from api import wiring
from bench.figures import Figure, Promise
from bench.ground import Ground, issuer
from bench.load import request
from bench.people import Person
from bench.rounds import Asked, compare
from engine.consent import Purpose
from engine.settings import Settings

RATIO = Promise(name="suggestions_ratio", unit="ratio", bound=0.12, better="higher")
MEMORY = Promise(name="api_memory", unit="MB", bound=350, better="lower")
_RESIDENTS = 200


async def measure(ground: Ground) -> list[Figure]:
    """Ask for suggestions and for the process's health in turn; in the end see how much memory it has come to.

    Residents have granted `activity` alone; each has a token of their own, which is checked. Memory is what is resident
    after the process has answered thousands of requests.
    """
    people = await ground.active(min(_RESIDENTS, ground.size.residents), (Purpose.ACTIVITY,))
    server, settings = await ground.api()
    count = ground.size.requests
    ours = Asked("suggestions", server, settings.port, asking(settings, people), count)
    empty = Asked("/healthz", server, settings.port, [request("GET", "/healthz")], 4 * count)
    costs = await compare(ours, empty, ground.size.rounds)
    memory = server.memory_megabytes()
    ground.say(f"suggestions_ratio, rounds: {', '.join(f'{ratio:.3f}' for ratio in costs.ratios())}")
    rates = [1 / statistics.median(column) for column in zip(*costs.pairs, strict=True)]
    reference = (
        f"GET /healthz of the same process: {rates[1]:,.0f} requests per CPU-second, suggestions: {rates[0]:,.0f}; "
        f"{ground.size.offers:,} offers, 20 suggestions, consent to activity, a token each"
    )
    held = f"{ground.size.offers:,} offers; resident memory after all these answers"
    return [RATIO.measured(costs.ratios(), reference), MEMORY.measured([memory], held)]


def asking(settings: Settings, people: Sequence[Person]) -> list[bytes]:
    """Return each resident's request for suggestions, with a token of their own."""
    demo, now = issuer(settings), wiring.utc_now()
    tokens = [demo.resident(person.id, now) for person in people]
    return [request("GET", "/v1/residents/me/suggestions", token) for token in tokens]
