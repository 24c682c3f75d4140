"""Tells those who watch an inbox in this process that something in it has changed, whichever process changed it."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from api.feed import Feed
from campaigns.records.inbox import CHANNEL
from engine.errors import TooOften
from engine.events import Pseudonym
from engine.records.database import Database

MOST, MOST_OF_ONE = 2_000, 20
"""How many may watch at the same time in one process, and how many the inbox of one resident."""


class InboxFeed:
    """Follows inboxes.

    What is told while the line to the database is broken is missed: whoever watches looks anew every half minute.
    """

    def __init__(self, database: Database) -> None:
        self._watched: defaultdict[Pseudonym, set[asyncio.Event]] = defaultdict(set)
        self._feed = Feed("inboxes", database, [CHANNEL], self.hear)

    def start(self) -> None:
        """Follow in the background, from now on."""
        self._feed.start()

    async def close(self) -> None:
        """Stop following."""
        await self._feed.close()

    async def hear(self, _: str, residents: str) -> None:
        """Wake who watches the inboxes of these residents."""
        for resident in residents.split():
            for changed in self._watched.get(Pseudonym(resident), ()):
                changed.set()

    def check(self, whose: Pseudonym) -> None:
        """Refuse one more who watches.

        Parameters
        ----------
        whose
            The resident; of who has said no word yet, and so has no inbox, any name of theirs.

        Raises
        ------
        TooOften
            Too many watch already, in all or this one inbox.
        """
        if len(self._watched.get(whose, ())) >= MOST_OF_ONE or sum(map(len, self._watched.values())) >= MOST:
            raise TooOften(retry_after=timedelta(minutes=1))

    @contextmanager
    def watching(self, whose: Pseudonym) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever the inbox has changed."""
        changed = asyncio.Event()
        self._watched[whose].add(changed)
        try:
            yield changed
        finally:
            self._watched[whose].discard(changed)
            if not self._watched[whose]:
                del self._watched[whose]
