"""Addresses in memory, and a letter box in the place of a mail server."""

from dataclasses import dataclass, field
from datetime import timedelta

from engine.addresses import MOST_TRIES, PAUSE, Kept
from engine.errors import Erased, NoSender


@dataclass
class Book:
    """What SQL holds: rows by resident and means."""

    confirmed_rows: dict = field(default_factory=dict)
    claims: dict = field(default_factory=dict)
    tries: dict = field(default_factory=dict)
    gone: set = field(default_factory=set)

    async def claim(self, resident, claim):
        if resident in self.gone:
            raise Erased
        earlier = self.claims.get((resident, claim.means))
        if earlier is not None and claim.sent - earlier.sent < PAUSE:
            return earlier.sent + PAUSE
        self.claims[resident, claim.means], self.tries[resident, claim.means] = claim, 0
        return None

    async def drop_claim(self, resident, means):
        self.claims.pop((resident, means), None)

    async def confirm(self, resident, means, code, now):
        claim = self.claims.get((resident, means))
        if claim is None or claim.until <= now or self.tries[resident, means] >= MOST_TRIES:
            return False
        self.tries[resident, means] += 1
        if claim.code != code:
            return False
        self.confirmed_rows[resident, means] = Kept(means, claim.sealed, now, None)
        del self.claims[resident, means]
        return True

    async def remove(self, resident, means):
        self.claims.pop((resident, means), None)
        self.confirmed_rows.pop((resident, means), None)

    async def of(self, resident):
        waiting = [Kept(c.means, c.sealed, None, c.until) for (of, _), c in self.claims.items() if of == resident]
        return [row for (of, _), row in self.confirmed_rows.items() if of == resident] + waiting

    async def confirmed(self, residents, means):
        return {of: row.sealed for (of, by), row in self.confirmed_rows.items() if of in residents and by == means}


@dataclass
class LetterBox:
    """Keeps what was sent; while it is closed nothing can be."""

    letters: list = field(default_factory=list)
    closed: bool = False

    async def send(self, address, code, language):
        if self.closed:
            raise NoSender
        self.letters.append((address, code, language))

    def code(self):
        return self.letters[-1][1]


LATER = timedelta(minutes=2)
