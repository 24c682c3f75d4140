"""`suggestions_ratio`, `suggestions_rate`, `suggestions_ratio_plain`: an API process without a model, then with one."""

import asyncio
import statistics
from collections.abc import Sequence

import httpx

from api import wiring
from bench.figures import Figure, Promise
from bench.ground import Ground
from bench.load import request
from bench.model import published
from bench.processes import Server
from bench.rounds import Asked, Costs, compare
from bench.suggestions import asking
from engine.consent import Purpose
from engine.settings import Settings
from engine.suggestion import CLOSER_LOOK
from engine.telemetry import MODELLED

RATIO = Promise(name="suggestions_ratio", unit="ratio", bound=0.09, better="higher")
RATE = Promise(name="suggestions_rate", unit="requests/CPU-s", bound=800, better="higher")
PLAIN = Promise(name="suggestions_ratio_plain", unit="ratio", bound=0.15, better="higher")
_RESIDENTS = 200
_PATIENCE_SECONDS = 600.0


async def measure(ground: Ground) -> list[Figure]:
    """Ask for suggestions and for the process's health in turn; then again, once the process has taken a model up.

    Residents have granted `activity` alone; each has a token of their own, which is checked.
    """
    people = await ground.active(min(_RESIDENTS, ground.size.residents), (Purpose.ACTIVITY,))
    server, settings = await ground.api()
    requests = asking(settings, people)
    plain = await _compared(ground, server, settings, requests)
    await published(ground)
    await _taken_up(settings)
    modelled = await _compared(ground, server, settings, requests)
    rates = [1 / ours for ours, _ in modelled.pairs]
    memory = f"; resident memory {server.memory_megabytes():,.0f} MB"
    return [
        RATIO.measured(modelled.ratios(), _told(ground, modelled) + memory),
        RATE.measured(
            rates, f"{ground.size.offers:,} offers, 20 suggestions with reasons, a model's opinion of {CLOSER_LOOK}"
        ),
        PLAIN.measured(plain.ratios(), _told(ground, plain)),
    ]


async def _compared(ground: Ground, server: Server, settings: Settings, requests: Sequence[bytes]) -> Costs:
    count = ground.size.requests
    ours = Asked("suggestions", server, settings.port, requests, count)
    empty = Asked("/healthz", server, settings.port, [request("GET", "/healthz")], 4 * count)
    return await compare(ours, empty, ground.size.rounds)


def _told(ground: Ground, costs: Costs) -> str:
    ours, empty = (1 / statistics.median(column) for column in zip(*costs.pairs, strict=True))
    told = (
        f"GET /healthz of the same process: {empty:,.0f} requests per CPU-second, suggestions: {ours:,.0f}; "
        f"{ground.size.offers:,} offers, consent to activity, a token each"
    )
    ground.say(told)
    return told


async def _taken_up(settings: Settings) -> None:
    """Wait until the process answers from the model.

    Raises
    ------
    TimeoutError
        It does not in time.
    """
    name = MODELLED._name  # noqa: SLF001 - there is no open way to it
    async with asyncio.timeout(_PATIENCE_SECONDS), httpx.AsyncClient(base_url=wiring.base(settings)) as client:
        while True:
            told = (await client.get("/metrics", timeout=30)).text.splitlines()
            if any(line.startswith(f"{name} ") and float(line.split()[1]) > 0 for line in told):
                return
            await asyncio.sleep(0.5)
