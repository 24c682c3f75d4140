"""What is to be written while a call is on its way waits for the next, together: many writers pay one round trip."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from engine.errors import VinkkiError

_MOST = 200
_T = TypeVar("_T")
_R = TypeVar("_R")


class Together(Generic[_T, _R]):
    """Collects what is to be written.

    Parameters
    ----------
    commit
        Writes several at once, and returns what each of them is answered.
    lost
        What to say where the writing broke off for no reason that is known.
    """

    def __init__(self, commit: Callable[[Sequence[_T]], Awaitable[_R]], lost: str) -> None:
        self._commit = commit
        self._lost = lost
        self._waiting: list[tuple[_T, asyncio.Future[_R]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, one: _T) -> _R:
        """Return what `commit` returned for the call that `one` was part of, or raise what it raised."""
        answer: asyncio.Future[_R] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, answer))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await answer

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            answers = [answer for _, answer in batch]
            try:
                found = await self._commit([one for one, _ in batch])
            except VinkkiError as error:
                _refuse(answers, error)
            except BaseException:
                _refuse(answers, VinkkiError(self._lost))
                raise
            else:
                for answer in answers:
                    if not answer.done():  # who asked may have gone
                        answer.set_result(found)


def _refuse(answers: "Sequence[asyncio.Future[_R]]", error: VinkkiError) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(error)
