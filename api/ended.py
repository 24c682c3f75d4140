"""Which sessions ended before their tokens do, as one process holds it in memory: by keyed hashes that name nobody."""

import hmac
import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from engine.logouts import Logout

Marks = tuple[bytes, ...]


class Ended:
    """Remembers ends until every token they concern is over.

    Parameters
    ----------
    secret
        The key of the hashes, the same in every process.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"ended sessions", "sha256")
        self._ends: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def mark(self, kind: str, value: str) -> bytes:
        """Return by what an id of some kind is known here."""
        return hmac.digest(self._key, f"{kind}\0{value}".encode("utf-8", "surrogatepass"), "sha256")

    def of_token(self, claims: Mapping[str, Any]) -> Marks:
        """Return the marks that a bearer token has: any of them ends it.

        A token that names no session may be of any: it ends with each session of its subject.
        """
        subject, session = (claims.get(name) for name in ("sub", "sid"))
        whole = self.mark("sub", str(subject))
        return whole, self.mark("session-less", str(subject)) if session is None else self.mark("sid", str(session))

    def of_logout(self, subject: str | None, session: str | None) -> Marks:
        """Return the marks that a logout ends: those of one session, or where none is named of the whole subject."""
        if session is None:
            return (self.mark("sub", subject or ""),)
        named = self.mark("sid", session)
        return (named,) if subject is None else (named, self.mark("session-less", subject))

    def add(self, logouts: Iterable[Logout], now: datetime) -> None:
        """Remember ends, and forget those that are over."""
        for logout in logouts:
            for mark in logout.marks:
                issued, until = self._ends.get(mark, (0.0, 0.0))
                self._ends[mark] = max(issued, logout.issued), max(until, logout.until.timestamp())
                self._ends.move_to_end(mark)
        moment = now.timestamp()
        while self._ends and next(iter(self._ends.values()))[1] <= moment:
            self._ends.popitem(last=False)

    def over(self, marks: Marks, issued: float) -> bool:
        """Say whether a token with these marks, issued then, is over. One of the very second of the end is."""
        second = math.floor(issued)
        return any(second <= self._ends[mark][0] for mark in marks if mark in self._ends)
