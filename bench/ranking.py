"""`ranking_ratio`: the first stage over a full catalogue, against numpy reading as many factors once.

Both are measured in this thread's CPU time, turn by turn, so that what disturbs the machine disturbs both, and of each
round the least disturbed turn of each counts. What is ranked for is at hand before, as `q` is: a taste as weights of
features, a direction of factors, what is asked for. A ranking is all that leads from there to what is shown: filters,
features, factors, popularity, distance and time, the best 200, variety.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bench import catalogue as made_up
from bench.figures import Figure, Promise
from bench.ground import Ground
from engine.catalogue import Catalogue
from engine.events import Interaction, InteractionType
from engine.folding import Observation, fold
from engine.offers import Access, Offer
from engine.profile import from_taste
from engine.query import Query, filters
from engine.ranker import Chosen, Part
from engine.ranking import Request, rank
from engine.suggestion import OWN
from engine.taste import Taste, extent, features, key

RATIO = Promise(name="ranking_ratio", unit="ratio", bound=1.0, better="lower")
FACTORS = 64
SHOWN = 20
_TURNS = 40
_LOADED_AT_ONCE = 1_000


@dataclass(frozen=True)
class Directions:
    """Factors of the offers with these keys; a ranker (`engine.ranker`) that has no opinion of anybody."""

    name: str
    factors: NDArray[np.float32]
    keys: NDArray[np.uint64]
    sharing: float = 0.0

    def numbers(self, offers: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the offers' numbers by the hashes of their ids; -1 for one that has no factors."""
        order = np.argsort(self.keys)
        at = order[np.minimum(np.searchsorted(self.keys, offers, sorter=order), len(order) - 1)]
        return np.where(self.keys[at] == offers, at, -1).astype(np.int32)

    def facing(self, _chosen: Chosen, _now: float, _off: frozenset[Part]) -> None:
        """Return that there is no opinion."""


@dataclass(frozen=True)
class City:
    """A full catalogue with factors and popularity, and somebody who has been busy in it."""

    catalogue: Catalogue
    taste: bytes
    direction: NDArray[np.float32]
    now: datetime

    def request(self, query: Query) -> Request:
        """Return what is asked of the first stage, as a suggestion makes it."""
        live = self.catalogue.live(self.now)
        leaning, settled, _ = from_taste(self.taste, live, self.now, located=True)
        return Request(
            filters=filters(query, None, self.catalogue.vocabulary, self.now),
            weights=OWN.weights,
            slots=leaning.slots,
            adds=leaning.adds,
            direction=self.direction,
            closed=self.catalogue.rows(settled.tolist()),
        )

    def share(self, query: Query) -> float:
        """Return the share of the live offers that fit a question."""
        live = self.catalogue.live(self.now)
        return len(rank(live, self.request(query), len(live)).rows) / len(live)


def city(offers: int, now: datetime, seed: int = 1) -> City:
    """Make up a city from a seed."""
    catalogue, numbers = Catalogue(), np.random.default_rng(seed)
    stream, sample = made_up.offers(offers, now, seed), []
    while batch := list(islice(stream, _LOADED_AT_ONCE)):
        catalogue.apply({offer.id: offer for offer in batch})
        sample.append(batch[0])
    ids = [f"bench:{n}" for n in range(offers)]
    factors = numbers.normal(0, FACTORS**-0.5, (offers, FACTORS)).astype(np.float32)
    catalogue.learn(Directions("made up", factors, np.array([key(id_) for id_ in ids], np.uint64)))
    scores = numbers.pareto(1.2, offers).tolist()
    catalogue.popularity({id_: (score, 20) for id_, score in zip(ids, scores, strict=True)})
    direction = numbers.normal(0, 0.5, FACTORS).astype(np.float32)
    return City(catalogue, _taste(sample, now, random.Random(seed)).pack(), direction, now)  # noqa: S311 - the same each time


def question(now: datetime) -> Query:
    """Return a question that asks for everything one can ask for; about a quarter of the offers fit."""
    return Query(
        near=(60.19, 24.95),
        radius_metres=12_000,
        until=now + timedelta(days=30),
        languages=("fi", "sv"),
        age=35,
        access=(Access.STEP_FREE,),
    )


async def measure(ground: Ground) -> Sequence[Figure]:
    """Rank and multiply in turn, round after round."""
    now = datetime.now().astimezone()
    made = city(ground.size.offers, now)
    query, live = question(now), made.catalogue.live(now)
    request = made.request(query)
    matrix = live.columns.factors[: len(live)]
    with threadpool_limits(1):
        pairs = [
            turns(lambda: rank(live, request, SHOWN, OWN.spread), lambda: matrix @ made.direction)
            for _ in range(ground.size.rounds)
        ]
    share = made.share(query)
    ranked, multiplied = (statistics.median(column) * 1e6 for column in zip(*pairs, strict=True))
    reference = (
        f"numpy X @ q of {len(live):,} x {FACTORS} float32, one thread: {multiplied:.0f} us; ranking: {ranked:.0f} us; "
        f"{share:.0%} of the offers fit, {extent(made.taste)[1]} features of taste"
    )
    ground.say(f"ranking_ratio: {reference}")
    return [RATIO.measured([ours / theirs for ours, theirs in pairs], reference)]


def turns(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """Return the least CPU seconds of both, called in turn."""
    costs = [(cost(ours), cost(theirs)) for _ in range(_TURNS)]
    mine, others = (min(column) for column in zip(*costs, strict=True))
    return mine, others


def cost(call: Callable[[], object]) -> float:
    """Return the CPU seconds that a call takes in this thread."""
    begun = time.thread_time_ns()
    call()
    return (time.thread_time_ns() - begun) / 1e9


def _taste(offers: Sequence[Offer], now: datetime, dice: random.Random) -> Taste:
    """Fold six weeks of an active resident: two dozen offers looked at, a few saved, two registered for."""
    seen = []
    for n, offer in enumerate(dice.sample(offers, min(16, len(offers)))):
        acts = [InteractionType.VIEW, *([InteractionType.SAVE] if n % 4 == 0 else [])]
        acts += [InteractionType.REGISTER] if n in (3, 9) else []
        for act in acts:
            moment = now - timedelta(days=42 * dice.random())
            seen.append(Observation(Interaction(f"{n}-{act}", offer.id, act, moment), offer.kind, features(offer)))
    return fold(Taste(), seen, located=True)
