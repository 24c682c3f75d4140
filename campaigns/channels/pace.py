"""How fast: a token bucket for a provider's limit, and how long it asks us to wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

Clock = Callable[[], float]
LONGEST_WAIT = 3600.0
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


def seconds(retry_after: str | None, otherwise: float, now: datetime | None = None) -> float:
    """Return for how long a provider asks us to wait (RFC 9110: seconds or a date), an hour at most.

    Examples
    --------
    >>> seconds("7", 60.0), seconds(None, 60.0), seconds("soon", 60.0)
    (7.0, 60.0, 60.0)
    """
    if retry_after is None:
        return otherwise
    if retry_after.isdecimal():
        return min(float(retry_after), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return otherwise
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - (now or datetime.now(UTC))).total_seconds(), 1.0), LONGEST_WAIT)
