"""Keeps this process's index of residents in step with SQL.

Whoever says or does something is out of it at once, and in again as they are now within a second.
While nobody can say whether it is of now, as after a broken line, nothing is counted by it: it is built anew first.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from api.memory import give_back
from campaigns.caps import week
from campaigns.facts import Facts, capped
from campaigns.index import Index
from campaigns.records.facts import AT_ONCE, CHANNEL, FactRecords
from engine.errors import StoreUnavailable, Unavailable
from engine.events import Pseudonym
from engine.records.database import Database
from engine.records.offers import CHANNEL as OFFERS
from engine.telemetry import logger

log = logger("api")
_RETRY_SECONDS, _PAUSE_SECONDS, _SENT_SECONDS = 1.0, 0.1, 5.0
_OVERLAP = timedelta(seconds=30)
"""How much later than its time what was sent may come to be seen: it is recorded in the transaction that comes next."""
_AT_ONCE_SENT = 1_000
LIFE = timedelta(days=1)
"""How old an index becomes before it is built anew."""


class AudienceFeed:
    """Builds the index and follows what changes.

    Parameters
    ----------
    records, database
        Where residents are read from, and where changes are heard of.
    clock
        The time.
    """

    def __init__(self, records: FactRecords, database: Database, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._database = database
        self._clock = clock
        self._index: Index | None = None
        self._next: Index | None = None
        self._version = 0
        self._seq = 0
        self._since: datetime | None = None
        self._spoken = clock()
        self._pending: set[Pseudonym] = set()
        self._reading: set[Pseudonym] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._building: asyncio.Task[None] | None = None

    @property
    def index(self) -> Index:
        """The index.

        Raises
        ------
        Unavailable
            It is not built yet, or may not be of now.
        """
        if self._index is None:
            raise Unavailable("Residents are still being looked through; ask again in a moment.")
        return self._index

    def start(self) -> None:
        """Build it and follow, in the background; once."""
        if self._tasks:
            return
        self._spoken = self._clock()
        self._tasks = [asyncio.create_task(its) for its in (self._follow(), self._refresh(), self._follow_sent())]

    async def close(self) -> None:
        """Stop following."""
        tasks = [task for task in (*self._tasks, self._building) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            try:
                fresh = True
                async for channel, payload in self._database.listen([CHANNEL, OFFERS]):
                    if fresh:
                        self._seq, self._version = await self._records.heads()
                        self._build()
                    await self._hear(channel, payload)
                    fresh = False
            except StoreUnavailable as error:
                log.warning("audiences interrupted", why=error.detail)
            except Exception:
                log.exception("audiences failed")
            self._index = None
            await asyncio.sleep(_RETRY_SECONDS)

    async def _hear(self, channel: str, payload: str) -> None:
        if channel == CHANNEL:
            self._doubt(payload.split())
        if channel in ("", OFFERS):
            await self._read_offers()
        if not channel:
            await self._look()

    async def _look(self) -> None:
        """Look for words whose notice was lost, for what changes by itself, and whether the index is old."""
        (seq, _), now = await self._records.heads(), self._clock()
        if seq > self._seq:
            self._doubt(await self._records.said_since(self._seq))
            self._seq = seq
        for index in self._indexes():
            self._doubt(index.due(now))
        old = self._since is not None and now - self._since > LIFE
        if self._index is not None and self._next is None and (old or self._index.worn):
            self._build()

    def _doubt(self, residents: Collection[Pseudonym]) -> None:
        """Leave residents out until they have been looked at anew."""
        self._pending.update(residents)
        for index in self._indexes():
            for resident in residents:
                index.drop(resident)

    def _indexes(self) -> list[Index]:
        return [index for index in (self._index, self._next) if index is not None]

    async def _refresh(self) -> None:
        """Look at those anew of whom something has changed."""
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            if not self._pending or not self._indexes():
                continue
            some = [self._pending.pop() for _ in range(min(AT_ONCE, len(self._pending)))]
            self._reading = set(some)
            try:
                everyone = {*some, *await self._records.guardians(some)}
                facts = await self._records.of(sorted(everyone), self._clock())
            except Exception:  # noqa: BLE001 - see below
                # Whatever it was, they stay out, and are looked at again: an index must not forget whom it doubts.
                log.warning("residents not looked at anew")
                self._pending.update(some)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            for index in self._indexes():
                await self._put(index, facts)
            self._reading.clear()

    async def _follow_sent(self) -> None:
        """Take in, every few seconds, what was sent: a notice of each message would cost more than all it tells."""
        while True:
            await asyncio.sleep(_SENT_SECONDS)
            try:
                await self._take_sent()
            except Exception:  # noqa: BLE001 - whatever it was, it is looked for again from where it was
                log.warning("what was sent not taken in")

    async def _take_sent(self) -> None:
        indexes, now = self._indexes(), self._clock()
        if not indexes:
            return
        spoken = await self._records.spoken_since(self._spoken - _OVERLAP)
        for first in range(0, len(spoken), _AT_ONCE_SENT):
            some = spoken[first : first + _AT_ONCE_SENT]
            full = await self._records.full({one.resident for one in some}, now)
            for index in indexes:
                async with index.steady:
                    for one in some:
                        index.mark(one.resident, one.mark, one.purpose)
                        for channel in full.get(one.resident, ()):
                            index.mark(one.resident, capped(channel, week(now)), one.purpose)
        self._spoken = now

    async def _put(self, index: Index, facts: Sequence[Facts]) -> None:
        async with index.steady:
            for its in facts:
                if its.resident not in self._pending:
                    index.put(its)

    async def _read_offers(self) -> None:
        async for version, subjects in self._records.subjects(self._version):
            self._version = version
            for index in self._indexes():
                async with index.steady:
                    for subject in subjects:
                        index.subjects.put(subject)

    def _build(self) -> None:
        """Build an index anew in the background; what is being built already is given up."""
        if self._building is not None:
            self._building.cancel()
        self._building = asyncio.create_task(self._built())

    async def _built(self) -> None:
        try:
            index = self._next = Index()
            async for _, subjects in self._records.subjects(0):
                for subject in subjects:
                    index.subjects.put(subject)
            self._since = self._clock()
            async for residents in self._records.chunks():
                await self._put(index, await self._records.of(residents, self._clock()))
            # Who has spoken meanwhile is out of it, and looked at anew: now, so that the first count lacks nobody.
            while self._pending or self._reading:  # noqa: ASYNC110 - what goes on is another task's work
                await asyncio.sleep(_PAUSE_SECONDS)
            self._index, self._next = index, None
            give_back()
            log.info("audiences ready")
        except StoreUnavailable as error:
            log.warning("audiences not built", why=error.detail)
            await asyncio.sleep(_RETRY_SECONDS)
            self._building = asyncio.create_task(self._built())
