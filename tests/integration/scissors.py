"""Cuts a worker's work off after a call to a store: what the store did stands, and the worker hears no more of it."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from engine.errors import StoreUnavailable


class Killed(Exception):
    """The worker is no more."""


class Scissors:
    """Counts calls, and cuts after one of them.

    Parameters
    ----------
    at
        The number of the call, or None to let all be.
    error
        What the worker is cut off with.

    Attributes
    ----------
    calls, cut
        The calls so far, and whether the work was cut off.
    """

    def __init__(self, at: int | None, error: type[Exception]) -> None:
        self._at, self._error = at, error
        self.calls: list[str] = []
        self.cut = False

    def over(self, store: object) -> Any:
        """Return the store, each of whose calls is counted."""
        return _Store(store, self)

    def around(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Return the call, counted."""

        async def counted(*args: Any, **kwargs: Any) -> Any:
            answer = await call(*args, **kwargs)
            self.calls.append(name)
            if len(self.calls) == self._at:
                self.cut = True
                raise self._error
            return answer

        return counted


class _Store:
    def __init__(self, store: object, scissors: Scissors) -> None:
        self._store, self._scissors = store, scissors

    def __getattr__(self, name: str) -> Any:
        its = getattr(self._store, name)
        return self._scissors.around(name, its) if inspect.iscoroutinefunction(its) else its


ENDS = [Killed, StoreUnavailable]
"""A worker that is killed begins anew; one that a store leaves tries again with what it remembers."""
