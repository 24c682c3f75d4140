"""What residents did, in columns: found by time, offer and kind of act, whole at once.

Times are Unix seconds, residents the numbers of `campaigns.index`, offers and acts codes. Rows are only added; those of
a number that is nobody's any more mean nothing, and are left behind when the index is built anew.
"""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from campaigns.facts import Act
from engine.events import InteractionType

_TYPES = {str(type_): n for n, type_ in enumerate(InteractionType)}
_PLACED = 0x80
_GROWTH = 1.3


class Log:
    """Rows of (time, resident, offer, act)."""

    def __init__(self) -> None:
        self._rows = 0
        self._times = np.empty(0, np.uint32)
        self._numbers = np.empty(0, np.uint32)
        self._offers = np.empty(0, np.uint32)
        self._types = np.empty(0, np.uint8)

    def __len__(self) -> int:
        return self._rows

    def add(self, number: int, acts: Sequence[Act], offers: Sequence[int]) -> None:
        """Add what a resident did; `offers` are the codes of the acts' offers."""
        start, end = self._rows, self._rows + len(acts)
        if end > len(self._times):
            self._grow(end)
        self._times[start:end] = [act.time for act in acts]
        self._numbers[start:end] = number
        self._offers[start:end] = offers
        self._types[start:end] = [_TYPES[act.type] | (_PLACED if act.placed else 0) for act in acts]
        self._rows = end

    def who(  # noqa: PLR0913 - a question has so many parts
        self,
        after: int,
        now: int,
        *,
        acts: Iterable[str] | None = None,
        offers: NDArray[np.bool_] | None = None,
        placed: bool = False,
        least: int = 1,
    ) -> BitMap:
        """Return the numbers of those with at least so many rows that fit.

        Parameters
        ----------
        after, now
            From when, and up to when, in Unix seconds.
        acts
            What counts; everything where it is None.
        offers
            By an offer's code, whether it counts. Shape (offers,).
        placed
            Whether only rows count whose place may be used.
        """
        end = self._rows
        fits = (self._times[:end] >= after) & (self._times[:end] <= now)
        if acts is not None or placed:
            fits &= self._table(acts, placed=placed)[self._types[:end]]
        if offers is not None:
            fits &= offers[self._offers[:end]]
        found: NDArray[Any] = self._numbers[:end][fits]
        if least > 1:
            found, times = np.unique(found, return_counts=True)
            found = found[times >= least]
        return BitMap(array("I", found.astype(np.uint32).tobytes()))

    @staticmethod
    def _table(acts: Iterable[str] | None, *, placed: bool) -> NDArray[np.bool_]:
        """Return, by the byte of an act, whether it counts. Shape (256,)."""
        codes = range(len(_TYPES)) if acts is None else [_TYPES[str(act)] for act in acts]
        table = np.zeros(256, np.bool_)
        for code in codes:
            table[code | _PLACED] = True
            table[code] = not placed
        return table

    def _grow(self, rows: int) -> None:
        size = int(max(rows, len(self._times) * _GROWTH, 1024))
        for name in ("_times", "_numbers", "_offers", "_types"):
            grown = np.empty(size, getattr(self, name).dtype)
            grown[: self._rows] = getattr(self, name)[: self._rows]
            setattr(self, name, grown)
