"""Drops this process's memory of links to residents whom any process has erased, within moments."""

from api.feed import Feed
from engine.events import Pseudonym
from engine.records.database import Database
from engine.records.erasures import CHANNEL, ErasureRecords
from engine.residents import Residents


class LinkFeed:
    """Follows erasures.

    Parameters
    ----------
    residents
        Whose links are dropped.
    database, erasures
        Where erasures are heard of, and read from after the line was broken.
    """

    def __init__(self, residents: Residents, database: Database, erasures: ErasureRecords) -> None:
        self._residents = residents
        self._erasures = erasures
        self._seq = 0
        self._told: set[Pseudonym] = set()
        self._feed = Feed("erasures", database, [CHANNEL], self._hear)

    async def open(self) -> None:
        """Follow in the background, from now on: no link is remembered yet."""
        self._seq = await self._erasures.newest()
        self._feed.start()

    async def close(self) -> None:
        """Stop following."""
        await self._feed.close()

    async def _hear(self, channel: str, erased: str) -> None:
        if channel:
            self._residents.forget_links({erased})
        else:
            await self._catch_up()

    async def _catch_up(self) -> None:
        """Read what may have been missed while nobody listened."""
        found = await self._erasures.since(self._seq)
        if missed := {erased.resident for erased in found} - self._told:
            self._residents.forget_links(missed)
            self._seq = found[-1].seq
            self._told = {erased.resident for erased in found if erased.seq == self._seq}
