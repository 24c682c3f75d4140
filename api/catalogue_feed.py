"""Keeps this process's catalogue in step with SQL: an offer written by any worker is here within moments."""

import gc
from collections.abc import Callable
from datetime import datetime

from api.feed import Feed
from api.memory import give_back
from engine.catalogue import Catalogue
from engine.offers import Offer
from engine.records.database import Database
from engine.records.journal import POPULARITY_CHANNEL, JournalRecords
from engine.records.offers import CHANNEL, OfferRecords
from engine.telemetry import OFFERS

_AT_ONCE = 1_000
"""Offers are decoded and put into columns this many at a time, so that loading needs little memory."""


class CatalogueFeed:
    """Follows offers and popularity.

    Parameters
    ----------
    catalogue
        What is kept in step.
    database, offers, journal
        Where changes are heard of and read from.
    clock
        The time.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        database: Database,
        offers: OfferRecords,
        journal: JournalRecords,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalogue = catalogue
        self._offers = offers
        self._journal = journal
        self._clock = clock
        self._version = 0
        self._feed = Feed("catalogue", database, [CHANNEL, POPULARITY_CHANNEL], self._hear)
        self.loaded = False

    async def open(self) -> None:
        """Load everything once, then follow in the background."""
        await self._read_offers()
        await self._read_popularity()
        # What was loaded stays: a collection that need not walk over it pauses no answer (60 ms at 50,000 offers).
        gc.collect()
        gc.freeze()
        give_back()
        # Answers leave few cycles: to look for them after each 700 new objects would be once in five answers.
        gc.set_threshold(10_000, 20, 20)
        self.loaded = True
        self._feed.start()

    async def close(self) -> None:
        """Stop following."""
        await self._feed.close()

    async def _hear(self, channel: str, _: str) -> None:
        if channel in ("", CHANNEL):
            await self._read_offers()
        if channel in ("", POPULARITY_CHANNEL):
            await self._read_popularity()

    async def _read_offers(self) -> None:
        changes: dict[str, Offer | None] = {}
        async for version, id_, offer in self._offers.since(self._version, self._clock()):
            changes[id_] = offer
            self._version = version
            if len(changes) == _AT_ONCE:
                self._catalogue.apply(changes)
                changes = {}
        if changes:
            self._catalogue.apply(changes)
        OFFERS.set(len(self._catalogue))

    async def _read_popularity(self) -> None:
        self._catalogue.popularity({offer: (score, n) for offer, score, n in await self._journal.popularity()})
