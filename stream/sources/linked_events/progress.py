"""What an import says to the person who waits for it."""

import time
from collections.abc import Callable

from stream.sources.linked_events.source import Page


class Progress:
    """Says how far an import is, at most once a second.

    Parameters
    ----------
    say
        Takes one line of text.
    clock
        Seconds that only grow; for the time left, never for what is stored.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._began = self._said = clock()
        self._first: int | None = None

    def page(self, page: Page, read: int) -> None:
        """Tell of a page that is done; `read` records are, in all."""
        self._first = page.number - 1 if self._first is None else self._first
        now, last = self._clock(), page.number >= page.pages
        if page.number - 1 > self._first and not last and now - self._said < 1:
            return
        left = (now - self._began) / (page.number - self._first) * (page.pages - page.number)
        rest = "" if last else f", about {_duration(left)} left"
        self._said = now
        self._say(f"page {page.number} of {page.pages}, {read:,} records{rest}")

    def folded(self, groups: int) -> None:
        """Tell how many groups of records have been folded."""
        if (now := self._clock()) - self._said >= 1:
            self._said = now
            self._say(f"{groups:,} offers compared with what is published")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - what reads well
