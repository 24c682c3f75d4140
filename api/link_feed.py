"""Drops this process's memory of links to residents whom any process has erased, within moments."""

import asyncio

from engine.errors import StoreUnavailable
from engine.events import Pseudonym
from engine.records.database import Database
from engine.records.erasures import CHANNEL, ErasureRecords
from engine.residents import Residents
from engine.telemetry import logger

log = logger("api")
_RETRY_SECONDS = 1.0


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
        self._database = database
        self._erasures = erasures
        self._seq = 0
        self._told: set[Pseudonym] = set()
        self._following: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Follow in the background, from now on: no link is remembered yet."""
        self._seq = await self._erasures.newest()
        self._following = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            try:
                async for channel, erased in self._database.listen([CHANNEL]):
                    if channel:
                        self._residents.forget_links({erased})
                    else:
                        await self._catch_up()
            except StoreUnavailable as error:
                log.warning("erasures not followed", why=error.detail)
            except Exception:
                log.exception("erasure feed failed")
            await asyncio.sleep(_RETRY_SECONDS)

    async def _catch_up(self) -> None:
        """Read what may have been missed while nobody listened."""
        found = await self._erasures.since(self._seq)
        if missed := {erased.resident for erased in found} - self._told:
            self._residents.forget_links(missed)
            self._seq = found[-1].seq
            self._told = {erased.resident for erased in found if erased.seq == self._seq}
