"""How fast, and whether at all: a token bucket for a provider's limit, and a breaker for one that is down."""

import asyncio
import time
from collections.abc import Awaitable, Callable

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class TokenBucket:
    """Lets so many through a second, and `burst` at once after a rest.

    Parameters
    ----------
    rate
        A second; 0 for no limit.
    clock, sleep
        Seconds that only grow, and what waits for some.
    """

    def __init__(
        self, rate: float, burst: float | None = None, clock: Clock = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._rate = rate
        self._burst = burst if burst is not None else max(1.0, rate)
        self._clock, self._sleep = clock, sleep
        self._level, self._at = self._burst, clock()

    async def take(self, number: int = 1) -> None:
        """Wait until so many may go. What is taken beyond the burst is owed, and waited for."""
        if self._rate <= 0:
            return
        now = self._clock()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate) - number
        self._at = now
        if self._level < 0:
            await self._sleep(-self._level / self._rate)


class Breaker:
    """Opens after some failures in a row; then nothing is tried for a while, and after that once.

    Parameters
    ----------
    after
        Failures in a row.
    rest_seconds
        How long it stays open.
    """

    def __init__(self, after: int = 5, rest_seconds: float = 30.0, clock: Clock = time.monotonic) -> None:
        self._after, self._rest, self._clock = after, rest_seconds, clock
        self._failures, self._until = 0, 0.0

    @property
    def left(self) -> float:
        """For how many seconds it stays open; 0 where it is closed, or may be tried."""
        return max(0.0, self._until - self._clock()) if self._failures >= self._after else 0.0

    def succeeded(self) -> None:
        """Note that it works."""
        self._failures = 0

    def failed(self) -> None:
        """Note that it does not."""
        self._failures += 1
        if self._failures >= self._after:
            self._until = self._clock() + self._rest
