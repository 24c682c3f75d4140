"""`catalogue_growth`: what an answer costs where there are ten times as many offers."""

import asyncio
import statistics
from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from threadpoolctl import threadpool_limits

from api import wiring
from bench import catalogue as made_up
from bench.figures import Figure, Promise
from bench.ground import Ground
from bench.ranking import cost
from engine.catalogue import Catalogue
from engine.consent import Consents
from engine.errors import StoreUnavailable
from engine.events import Pseudonym
from engine.known import SealedState
from engine.query import Query
from engine.residents import Interests
from engine.suggestion import Suggester

GROWTH = Promise(name="catalogue_growth", unit="ratio", bound=10, better="lower")
TIMES = 10
_AT_ONCE, _TURNS = 1_000, 25


class Nobody:
    """No store: what is measured is asked by somebody who is not known."""

    async def sealed(self, _: Pseudonym) -> SealedState:
        """Say that nothing can be read."""
        raise StoreUnavailable

    async def sealed_many(self, _: Sequence[Pseudonym]) -> Sequence[SealedState]:
        """Say that nothing can be read."""
        raise StoreUnavailable

    async def consents(self, _: Pseudonym) -> Consents:
        """Say that nothing can be read."""
        raise StoreUnavailable


async def measure(ground: Ground) -> list[Figure]:
    """Ask both catalogues the same in turn: four topics, nothing else, 20 suggestions with their reasons."""
    now = wiring.utc_now()
    counts = (ground.size.offers, TIMES * ground.size.offers)
    few, many = [await asyncio.to_thread(_suggester, ground, count, now) for count in counts]
    interests = Interests(keywords=tuple(f"yso:p{n}" for n in (3, 40, 400, 1_200)))

    def least(suggester: Suggester) -> float:
        return min(cost(lambda: suggester.chosen(Query(), interests, now)) for _ in range(_TURNS))

    with threadpool_limits(1):
        pairs = [(least(few), least(many)) for _ in range(ground.size.rounds)]
    small, large = (statistics.median(column) * 1e6 for column in zip(*pairs, strict=True))
    reference = (
        f"CPU of a whole answer without the network: {small:.0f} us over {ground.size.offers:,} offers, {large:.0f} us "
        f"over {TIMES * ground.size.offers:,}"
    )
    ground.say(f"{GROWTH.name}: {reference}")
    return [GROWTH.measured([more / less for less, more in pairs], reference)]


def _suggester(ground: Ground, count: int, now: datetime) -> Suggester:
    catalogue, stream = Catalogue(), made_up.offers(count, now)
    while batch := list(islice(stream, _AT_ONCE)):
        catalogue.apply({offer.id: offer for offer in batch})
        if len(catalogue) % (100 * _AT_ONCE) < _AT_ONCE:
            ground.say(f"Loading a catalogue of {count:,}: {len(catalogue):,}")
    catalogue.live(now)
    suggester = Suggester(catalogue, Nobody(), Nobody())
    suggester.warm_up(now)
    return suggester
