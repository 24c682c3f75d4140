"""Made-up residents who behave as an app's users do: visits of a median of 8 events, most of them to what they like."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from engine.events import Context, Interaction, InteractionBatch, InteractionType, Pseudonym
from engine.offers import Offer

EVENTS_A_VISIT = 8
_SPREAD_OF_VISITS, _LONGEST_VISIT = 0.6, 40
_FAVOURITES, _SHARE_OF_FAVOURITES = 4, 0.7
_SKEW = 3
"""People look at some offers more than at others: half of the looks go to an eighth of the offers."""
_SECONDS_BETWEEN = 9
_TYPES = {
    InteractionType.VIEW: 50,
    InteractionType.OPEN: 28,
    InteractionType.SAVE: 8,
    InteractionType.DISMISS: 4,
    InteractionType.REGISTER: 4,
    InteractionType.SHARE: 2,
    InteractionType.ATTEND: 2,
    InteractionType.UNSAVE: 1,
    InteractionType.RATE: 1,
}


@dataclass(frozen=True)
class Person:
    """A resident: who they are outside and inside the house, and the keywords whose offers they come back to."""

    id: UUID
    pseudonym: Pseudonym
    favourites: tuple[str, ...]


def sent(person: Person, event: Interaction) -> dict[str, object]:
    """Return an event as a service sends it."""
    told = {"resident": str(person.id), **msgspec.structs.asdict(event)}
    return {name: value for name, value in told.items() if value is not None}


class Crowd:
    """Lets residents visit. The same seed gives the same visits.

    Parameters
    ----------
    offers
        What there is to look at.
    """

    def __init__(self, offers: Sequence[Offer], seed: int = 1) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - the same visits at each run are the point
        self._offers = offers
        self._ids = [offer.id for offer in offers]
        self._by_keyword: dict[str, list[str]] = defaultdict(list)
        for offer in offers:
            for keyword in offer.keywords:
                self._by_keyword[keyword.id].append(offer.id)
        self._visits = 0

    def favourites(self) -> tuple[str, ...]:
        """Return keywords for somebody to like."""
        liked = (self._dice.choice(self._offers).keywords[0].id for _ in range(_FAVOURITES))
        return tuple(dict.fromkeys(liked))

    def person(self) -> Person:
        """Return somebody whom no store knows."""
        id_ = UUID(int=self._dice.getrandbits(128))
        return Person(id_, id_.hex, self.favourites())

    def visit(self, person: Person, ends: datetime) -> InteractionBatch:
        """Return what a resident did on one visit that ended just now: what one message carries."""
        self._visits += 1
        length = round(EVENTS_A_VISIT * self._dice.lognormvariate(0, _SPREAD_OF_VISITS))
        length = min(max(length, 1), _LONGEST_VISIT)
        events = tuple(
            self._event(f"{self._visits:x}-{n}", person, ends - timedelta(seconds=_SECONDS_BETWEEN * (length - n)))
            for n in range(length)
        )
        return InteractionBatch(person.pseudonym, ends, events)

    def _event(self, id_: str, person: Person, at: datetime) -> Interaction:
        type_ = self._dice.choices(list(_TYPES), list(_TYPES.values()))[0]
        stars = self._dice.randint(1, 5) if type_ is InteractionType.RATE else None
        context: Context = {"screen": "home", "position": self._dice.randrange(20)}
        return Interaction(id_, self._offer(person), type_, at, stars, None, context)

    def _offer(self, person: Person) -> str:
        liked = self._dice.random() < _SHARE_OF_FAVOURITES
        among = self._by_keyword[self._dice.choice(person.favourites)] if liked else self._ids
        return among[int(len(among) * self._dice.random() ** _SKEW)]
