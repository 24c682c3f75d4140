"""Keeps what the city sets: each change is a new version by somebody, made on the one that they have seen."""

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import msgspec

from engine.errors import NotFound, Outdated
from engine.rules import Revision, new_id

T = TypeVar("T")


class Records(Protocol[T]):
    """Where versions lie (`engine.records.rules.RuleRecords`)."""

    async def history(self, id_: str) -> Sequence[Revision[T]]:
        """Return all versions of one, the oldest first."""

    async def add(self, revision: Revision[T]) -> Revision[T]:
        """Write the next version of one."""


class Rulebook(Generic[T]):
    """Writes and ends rules, or floors.

    Parameters
    ----------
    records
        Where they lie.
    what
        What one is called in a path, for errors.
    """

    def __init__(self, records: Records[T], what: str = "rule") -> None:
        self._records = records
        self._what = what

    async def history(self, id_: str) -> Sequence[Revision[T]]:
        """Return all versions of one, the oldest first.

        Raises
        ------
        NotFound
            There never was one of this id.
        """
        found = await self._records.history(id_)
        if not found:
            raise NotFound("There is nothing of this id; the list tells those there are.", field=self._what)
        return found

    async def write(self, content: T, author: str, now: datetime) -> Revision[T]:
        """Set something new."""
        return await self._records.add(Revision(0, new_id(), 1, content, author, now, ended=False))

    async def replace(self, id_: str, version: int | None, content: T, author: str, now: datetime) -> Revision[T]:
        """Set it otherwise.

        Parameters
        ----------
        version
            The last one that the author has seen; None for whichever is the last.

        Raises
        ------
        NotFound
            There is none, or it has ended.
        Outdated
            There is a later one.
        """
        last = await self._last(id_, version)
        return await self._next(last, content, author, now, ended=False)

    async def end(self, id_: str, version: int | None, author: str, now: datetime) -> Revision[T]:
        """End it, for good; its versions stay.

        Raises
        ------
        NotFound, Outdated
            As in `replace`.
        """
        last = await self._last(id_, version)
        return await self._next(last, last.content, author, now, ended=True)

    async def _last(self, id_: str, version: int | None) -> Revision[T]:
        last = (await self.history(id_))[-1]
        if last.ended:
            raise NotFound("It has ended; write a new one.", field=self._what)
        if version not in (None, last.version):
            raise Outdated
        return last

    async def _next(self, last: Revision[T], content: T, author: str, now: datetime, *, ended: bool) -> Revision[T]:
        its = msgspec.structs.replace(
            last, version=last.version + 1, content=content, author=author, time=now, ended=ended
        )
        return await self._records.add(its)
