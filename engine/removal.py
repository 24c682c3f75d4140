"""Removing single things of what is held of a resident: an act, what acts taught of one feature, a stated interest.

What is removed is in force before the answer, and it stays removed: the id of a removed act stays known, without its
content, for as long as an act of that id could come again, so that a repetition or a replay counts as one.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from engine.errors import NotFound
from engine.events import Pseudonym

SECTIONS = ("activity", "taste", "interests")
"""Of what single things are removed."""


class RemovalRecords(Protocol):
    """What removes in the durable home (`engine.records.removals`)."""

    async def act(self, resident: Pseudonym, event: str) -> bool:
        """Remove one act; say whether there was one."""

    async def acts_about(self, resident: Pseudonym, feature: str) -> bool:
        """Remove every act with an offer that has a feature; say whether there was one."""

    async def interest(self, resident: Pseudonym, item: str) -> bool:
        """Remove one thing that was told (`engine.residents.told`); say whether it was."""


class OnlineState(Protocol):
    """The online copy (`engine.online`)."""

    async def drop(self, resident: Pseudonym) -> None:
        """Drop what is held of a resident but for the consents."""


Rebuild = Callable[[Sequence[Pseudonym], datetime], Awaitable[None]]
"""Makes residents' online state anew (`engine.intake.Intake.rebuild`)."""


class Remover:
    """Removes.

    Parameters
    ----------
    records, online
        The durable home and the online copy.
    rebuild
        What fills the online copy again.
    """

    def __init__(self, records: RemovalRecords, online: OnlineState, rebuild: Rebuild) -> None:
        self._online = online
        self._rebuild = rebuild
        removers = (records.act, records.acts_about, records.interest)
        self._removers = dict(zip(SECTIONS, removers, strict=True))

    def check(self, section: str) -> None:
        """Refuse a section of which nothing is removed one by one.

        Raises
        ------
        NotFound
            It is none of those of which something is.
        """
        if section not in self._removers:
            known = ", ".join(self._removers)
            raise NotFound(f"Single things are removed from {known}.", field="section")

    async def remove(self, resident: Pseudonym, section: str, item: str, now: datetime) -> None:
        """Remove one thing. When this returns, it is gone, and what was learned is as if it had never been.

        Raises
        ------
        NotFound
            There is no such section, or nothing of that id in it.
        StoreUnavailable
            A store is away. The copy is dropped first, so that nothing removed is used meanwhile; say it again.
        """
        self.check(section)
        await self._online.drop(resident)
        found = await self._removers[section](resident, item)
        await self._rebuild([resident], now)
        if not found:
            raise NotFound("There is nothing of that id, or it is removed already.", field="item")
