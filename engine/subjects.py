"""What interactions are about: of each offer, what a worker needs to know to learn from them, kept in memory.

Every offer that is looked at is read from SQL once. Now and then SQL is asked which offers have changed since, by
whichever worker, so that nothing need be read again that still holds.
"""

import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from engine.offers import Kind, Offer
from engine.taste import features


class Subject(NamedTuple):
    """An offer as learning sees it: `features` as `engine.taste.features` names them, `place` the place's id."""

    kind: Kind
    features: tuple[str, ...]
    place: str | None


class OfferRecords(Protocol):
    """The offers' durable home (`engine.records.offers`)."""

    async def remembered(self, ids: Sequence[str]) -> dict[str, Offer]:
        """Return the offers of those ids, gone ones too."""

    async def changed(self, version: int | None) -> tuple[set[str], int]:
        """Return the ids of what changed after `version`, none where it is None, and the version of now."""


class Subjects:
    """Tells what offers are about.

    Parameters
    ----------
    offers
        Where they are read.
    life
        How old an answer may be.
    most
        How many to keep; some 600 bytes each.
    """

    def __init__(self, offers: OfferRecords, life: timedelta = timedelta(seconds=30), most: int = 100_000) -> None:
        self._offers = offers
        self._life = life
        self._most = most
        self._known: dict[str, Subject] = {}
        self._version: int | None = None
        self._looked: datetime | None = None

    async def of(self, ids: Collection[str], now: datetime) -> Mapping[str, Subject]:
        """Return those of the offers that exist. The answer is the caller's own, whatever is forgotten meanwhile."""
        await self._look(now)
        held = {id_: self._known[id_] for id_ in ids if id_ in self._known}
        if missing := [id_ for id_ in ids if id_ not in held]:
            found = {id_: _subject(offer) for id_, offer in (await self._offers.remembered(missing)).items()}
            if len(self._known) + len(found) > self._most:
                self._known.clear()
            self._known |= found
            held |= found
        return held

    def forget(self, ids: Collection[str]) -> None:
        """Read these offers anew when they are next asked for."""
        for id_ in ids:
            self._known.pop(id_, None)

    async def _look(self, now: datetime) -> None:
        if self._looked is None or not timedelta(0) <= now - self._looked < self._life:
            changed, self._version = await self._offers.changed(self._version)
            self.forget(changed)
            self._looked = now


def _subject(offer: Offer) -> Subject:
    # Most names are those of other offers too: one text for all of them.
    return Subject(offer.kind, tuple(map(sys.intern, features(offer))), offer.place.id if offer.place else None)
