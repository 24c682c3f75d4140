"""Erasing a resident: every consent withdrawn, every row gone, the one link cut. Who returns is somebody new.

With the last guardian goes the child under 13, for whom nobody could decide any more.

The ledger keeps its entries, which name a pseudonym that is nobody's from then on. Nothing can be recorded of it any
more: a consent is refused by the ledger, an event by the missing consent, and a link that a process still remembers
leads to nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from engine.events import Pseudonym
from engine.residents import Residents
from engine.telemetry import ERASURES_UNFINISHED


class Erasure(msgspec.Struct, frozen=True):
    """A pseudonym that is nobody's any more, and the ledger's newest entry when that was so."""

    resident: Pseudonym
    seq: int


class ErasureRecords(Protocol):
    """What erases in the durable home (`engine.records.erasures`)."""

    async def erase(self, person: UUID, now: datetime) -> Sequence[Erasure]:
        """Withdraw every consent, delete every row and the link, in one transaction; nothing for somebody unknown.

        Children under 13 who would have no guardian left go along.
        """

    async def gone(self, resident: Pseudonym) -> None:
        """Return when no message is on its way to a resident any more."""

    async def unfinished(self) -> Sequence[Erasure]:
        """Return erasures whose online state may not be gone yet, oldest first."""

    async def finish(self, resident: Pseudonym) -> None:
        """Note that the online state is gone."""

    async def known(self, person: UUID) -> bool:
        """Say whether anything links the person."""


class OnlineState(Protocol):
    """The online copy of what is known (`engine.online`)."""

    async def erase(self, resident: Pseudonym, seq: int, life: timedelta) -> None:
        """Drop everything of a resident; nothing from before ledger entry `seq` comes back within `life`."""


class Eraser:
    """Erases residents.

    Parameters
    ----------
    records, online, residents
        The durable home, the online copy, and this process's memory of links.
    life
        How long an event may be under way: longer than the oldest that intake takes.
    """

    def __init__(self, records: ErasureRecords, online: OnlineState, residents: Residents, life: timedelta) -> None:
        self._records = records
        self._online = online
        self._residents = residents
        self._life = life

    async def known(self, person: UUID) -> bool:
        """Say whether there is anybody to erase."""
        return await self._records.known(person)

    async def erase(self, person: UUID, now: datetime) -> bool:
        """Erase a person; say whether there was anybody. When this returns, it is done and durable everywhere.

        Raises
        ------
        StoreUnavailable
            A store is away. What is done stays done; repeat it, or a worker completes it.
        """
        erased = await self._records.erase(person, now)
        self._residents.forget_link(person)
        self._residents.forget_links({each.resident for each in erased})
        await self.complete()
        for each in erased:
            await self._records.gone(each.resident)
        return bool(erased)

    async def complete(self) -> None:
        """Complete erasures that were interrupted between the stores."""
        for erased in await self._unfinished():
            # Above its last entry: whatever was read before cannot be put back.
            await self._online.erase(erased.resident, erased.seq + 1, self._life)
            await self._records.finish(erased.resident)
            ERASURES_UNFINISHED.dec()

    async def measure(self) -> None:
        """Say in metrics how many erasures are not complete."""
        await self._unfinished()

    async def _unfinished(self) -> Sequence[Erasure]:
        left = await self._records.unfinished()
        ERASURES_UNFINISHED.set(len(left))
        return left
