"""How the process is: alive, ready, and its metrics. Nothing here names a person."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from api.operations import JSON, Answer, Operation
from engine.errors import VinkkiError
from engine.telemetry import PART_READY, logger

log = logger("api")
TAG = "Health"
PATIENCE_SECONDS = 3.0
Check = Callable[[], Awaitable[None]]
"""Looks at one part and raises where it is away."""


class Health(msgspec.Struct, frozen=True):
    """The process lives."""

    status: Literal["ok"] = "ok"


class Readiness(msgspec.Struct, frozen=True):
    """Whether the process can do its work, and each part's state: `ok` or a static word."""

    status: Literal["ok", "unavailable"]
    parts: Mapping[str, str]


_OK = {"database": "ok", "redis": "ok", "kafka": "ok", "catalogue": "ok"}
READY = {"status": "ok", "parts": _OK}
AWAY = {"status": "unavailable", "parts": {**_OK, "kafka": "away"}}


@dataclass(frozen=True, slots=True)
class HealthRoutes:
    """Tells how the process is.

    Parameters
    ----------
    checks
        The parts to look at, by name.
    measures
        Each brings gauges that are not kept up by themselves to date, before metrics are told.
    """

    checks: Mapping[str, Check]
    measures: Sequence[Check]

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="GET",
                path="/healthz",
                name="health",
                summary="Does the process live?",
                tag=TAG,
                handler=self.health,
                answers={200: Answer("It does", Health, {"status": "ok"})},
            ),
            Operation(
                method="GET",
                path="/readiness",
                name="readiness",
                summary="Can the process do its work?",
                tag=TAG,
                handler=self.readiness,
                answers={200: Answer("It can", Readiness, READY), 503: Answer("A part is away", Readiness, AWAY)},
            ),
            Operation(
                method="GET",
                path="/metrics",
                name="metrics",
                summary="Metrics for Prometheus",
                tag=TAG,
                handler=self.metrics,
                answers={200: Answer("Metrics in Prometheus' text form", media_type="text/plain")},
            ),
        )

    async def health(self, _: Request) -> Response:
        """Answer `GET /healthz`."""
        return _json(Health(), 200)

    async def readiness(self, _: Request) -> Response:
        """Answer `GET /readiness`, having looked at all parts at once."""
        parts = await self._parts()
        ready = all(state == "ok" for state in parts.values())
        return _json(Readiness("ok" if ready else "unavailable", parts), 200 if ready else 503)

    async def metrics(self, _: Request) -> Response:
        """Answer `GET /metrics`; a gauge whose part is away keeps its last value."""
        await asyncio.gather(self._parts(), *map(_state, self.measures))
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"})

    async def _parts(self) -> dict[str, str]:
        """Look at all parts at once; their gauges say the same."""
        states = await asyncio.gather(*map(_state, self.checks.values()))
        for part, state in zip(self.checks, states, strict=True):
            PART_READY.labels(part).set(state == "ok")
        return dict(zip(self.checks, states, strict=True))


def _json(value: Health | Readiness, status: int) -> Response:
    return Response(msgspec.json.encode(value), status, {"Cache-Control": "no-store"}, JSON)


async def _state(check: Check) -> str:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await check()
    except (VinkkiError, TimeoutError) as error:
        log.warning("part_away", error=type(error).__name__)
        return "away"
    return "ok"
