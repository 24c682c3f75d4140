"""A circuit breaker around a channel: a provider that is down is left alone, and now and then tried with one message.

`purgatory` counts and keeps the state; what counts is decided here. A provider that answers is there, whatever it says
of single addresses; one of which no message of several came through, or that left the answer open, is not.
"""

import time
from collections.abc import Sequence
from typing import Any

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import HALF_OPENED, OPENED, Context, OpenedState

from campaigns.channels import Accepted, Busy, Channel, Note, Outcome
from engine.telemetry import logger

AFTER = 2
"""Tries in a row that fail, each of so many messages as the channel has under way at once."""
REST_SECONDS = 30.0
_PROBING_SECONDS = 5.0
_PERHAPS = frozenset({"greylisted"})
"""Reasons to come again that tell of an address, not of the provider."""
log = logger("campaigns")


class Guarded:
    """A channel behind a breaker (see `campaigns.channels.Channel`).

    Parameters
    ----------
    name, channel
        What is guarded.
    at_once
        How many messages are tried before it is looked at again whether the provider is there.
    after, rest_seconds
        After how many tries in a row that failed it is left alone, and for how long.
    """

    def __init__(
        self, name: str, channel: Channel, *, at_once: int = 32, after: int = AFTER, rest_seconds: float = REST_SECONDS
    ) -> None:
        self._name = name
        self._channel = channel
        self._at_once = at_once
        self._rest = rest_seconds
        self._circuits = AsyncCircuitBreakerFactory(default_threshold=after, default_ttl=rest_seconds)
        self._circuits.add_listener(_tell)

    async def deliver(self, notes: Sequence[Note]) -> Sequence[Outcome]:
        """Deliver what the provider is there for; the rest is `Busy` at once."""
        outcomes: list[Outcome] = []
        while left := notes[len(outcomes) :]:
            circuit = await self._circuits.get_breaker(self._name)
            wait = self._wait(circuit.context)
            if wait > 0:
                return [*outcomes, *[Busy("away", wait)] * len(left)]
            some = left[: 1 if circuit.context.state == OPENED else self._at_once]
            try:
                async with circuit:
                    told = await self._tried(some)
            except _DownError as error:
                told = error.told
            except OpenedState:  # between the look and the try
                told = [Busy("away", self._rest)] * len(some)
            outcomes += told
        return outcomes

    async def close(self) -> None:
        """Disconnect."""
        await self._channel.close()

    async def _tried(self, notes: Sequence[Note]) -> Sequence[Outcome]:
        told = await self._channel.deliver(notes)
        if _down(told):
            raise _DownError(told)
        return told

    def _wait(self, context: Context) -> float:
        """Return for how many seconds the provider is left alone."""
        if context.state == HALF_OPENED:
            return _PROBING_SECONDS  # somebody else has a message on the way that will tell
        if context.state == OPENED and context.opened_at is not None:
            return max(0.0, context.opened_at + self._rest - time.time())
        return 0.0


class _DownError(Exception):
    """The provider is not there, as `told`."""

    def __init__(self, told: Sequence[Outcome]) -> None:
        super().__init__()
        self.told = told


def _down(outcomes: Sequence[Outcome]) -> bool:
    """Say whether nothing tells that the provider is there."""
    return bool(outcomes) and not any(_answered(its) for its in outcomes)


def _answered(outcome: Outcome) -> bool:
    if isinstance(outcome, Accepted):
        return True
    return outcome.reason in _PERHAPS if isinstance(outcome, Busy) else outcome.reason != "unknown"


def _tell(name: str, what: str, event: Any) -> None:  # noqa: ANN401 - purgatory's
    if what == "state_changed":
        log.warning("provider's circuit changed", channel=name, state=event.state)
