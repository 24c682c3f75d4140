"""`first_stage_ratio` and `second_stage`: the two stages of a suggestion, in this thread's CPU time.

The first stage is all that leads from a leaning, a direction of factors and what is asked for to the best 200; the
second folds a resident in from what they chose, asks the model of 64 of those, spreads topics, places and kinds,
and finds the reasons.
"""

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from api import wiring
from bench.figures import Figure, Promise
from bench.ground import APART, VISITS, Ground
from bench.model import published
from bench.people import Crowd
from bench.ranking import city, cost, question, turns
from engine.catalogue import Catalogue
from engine.districts import Divisions
from engine.events import Interaction
from engine.explanation import Asked, Explainer
from engine.folding import Observation, fold
from engine.language import Language
from engine.offers import Offer
from engine.panel import CURRENT
from engine.profile import from_taste
from engine.query import Query, filters
from engine.ranker import Chosen, Opinions
from engine.ranking import Ranked, Request, rank, reranked
from engine.suggestion import CLOSER_LOOK, OPINION, OWN
from engine.taste import Taste, features
from models.serving import ServingRanker

FIRST = Promise(name="first_stage_ratio", unit="ratio", bound=0.9, better="lower")
SECOND = Promise(name="second_stage", unit="ms", bound=1.5, better="lower")
BEST = 200
SHOWN = 20
_PEOPLE = 40
_SMALLER = (200, 100, CLOSER_LOOK)


async def first(ground: Ground) -> Sequence[Figure]:
    """Rank with everything asked for, and multiply, in turn."""
    now = datetime.now().astimezone()
    made = city(ground.size.offers, now)
    live, request = made.catalogue.live(now), made.request(question(now))
    matrix = live.columns.factors[: len(live)]
    with threadpool_limits(1):
        rounds = range(ground.size.rounds)
        pairs = [turns(lambda: rank(live, request, BEST), lambda: matrix @ made.direction) for _ in rounds]
    ours, theirs = (statistics.median(column) * 1e6 for column in zip(*pairs, strict=True))
    reference = (
        f"numpy X @ q of {len(live):,} x {matrix.shape[1]} float32, one thread: {theirs:.0f} us; filters, features, "
        f"factors, best {BEST}: {ours:.0f} us; {made.share(question(now)):.0%} of the offers fit"
    )
    ground.say(f"{FIRST.name}: {reference}")
    return [FIRST.measured([mine / its for mine, its in pairs], reference)]


@dataclass(frozen=True)
class _Stage:
    """One resident before the second stage, and what it is made of."""

    ranker: ServingRanker
    catalogue: Catalogue
    explainer: Explainer
    request: Request
    chosen: Chosen
    leaning: object
    now: datetime

    def pool(self, size: int) -> Ranked:
        """Return the first stage's best."""
        return rank(self.catalogue.live(self.now), self.request, size)

    def weighed(self, pool: Ranked) -> tuple[Ranked, Opinions]:
        """Return the pool by the model's opinion too."""
        live = self.catalogue.live(self.now)
        facing = self.ranker.facing(self.chosen, self.now.timestamp(), frozenset())
        if facing is None:
            raise RuntimeError("The model knows nothing of what a made-up resident chose.")
        numbers = np.ascontiguousarray(live.columns.number[pool.rows, CURRENT])
        told = facing.opinions(numbers, live.columns.seats[pool.rows])
        return pool._replace(scores=pool.scores + OPINION * told.scores), told

    def answer(self, pool: Ranked) -> Ranked:
        """Do all of the second stage."""
        live = self.catalogue.live(self.now)
        scored, told = self.weighed(pool)
        shown, _ = reranked(live, self.request, scored, SHOWN, OWN.spread)
        asked = Asked(live, self.request.filters, OWN.weights, False, Language.FI, self.now)  # noqa: FBT003 - a field
        moved = OPINION * told.parts[: len(shown.rows)]
        self.explainer.reasons(asked, [self.leaning], shown, moved)  # type: ignore[list-item]
        return shown


async def second(ground: Ground) -> Sequence[Figure]:
    """Ask the model of as many as an answer does, of more and of fewer, and see what fewer leave out."""
    archive, offers = await published(ground), await ground.offers()
    artefact = await asyncio.to_thread(archive.current)
    if artefact is None:
        raise RuntimeError("No model was published.")
    stages = await asyncio.to_thread(_stages, ServingRanker.of(artefact), offers)
    with threadpool_limits(1):
        runs = {size: [_costs(stages, size) for _ in range(ground.size.rounds)] for size in _SMALLER}
    shares = {size: _share(stages, size) for size in _SMALLER[1:]}
    told = "; ".join(
        f"of {size}: {statistics.median(its):.2f} ms, {shares.get(size, 1):.0%} of the same 20"
        for size, its in runs.items()
    )
    reference = f"the model's opinion, variety, reasons, of {CLOSER_LOOK} as served; {told} as of {_SMALLER[0]}"
    ground.say(f"{SECOND.name}: {reference}")
    return [SECOND.measured(runs[CLOSER_LOOK], reference)]


def _stages(ranker: ServingRanker, offers: Sequence[Offer]) -> list[_Stage]:
    now, catalogue, crowd = wiring.utc_now(), Catalogue(), Crowd(offers, seed=2)
    for at in range(0, len(offers), 1_000):
        catalogue.apply({offer.id: offer for offer in offers[at : at + 1_000]})
    ranker.warm_up()
    catalogue.learn(ranker)
    live, by_id, dice = catalogue.live(now), {offer.id: offer for offer in offers}, Random(1)  # noqa: S311 - made up
    explainer, stages = Explainer(catalogue.vocabulary, Divisions()), []
    for _ in range(_PEOPLE):
        taste = fold(Taste(), _seen(crowd, by_id, now, dice), located=True).pack()
        learned = from_taste(taste, live, now, located=True)
        if learned.chosen is None or (facing := ranker.facing(learned.chosen, now.timestamp(), frozenset())) is None:
            continue
        request = Request(
            filters(Query(), None, catalogue.vocabulary, now),
            OWN.weights,
            learned.leaning.slots,
            learned.leaning.adds,
            facing.direction,
            catalogue.rows(learned.settled.tolist()),
        )
        stages.append(_Stage(ranker, catalogue, explainer, request, learned.chosen, learned.leaning, now))
    return stages


def _seen(crowd: Crowd, by_id: dict[str, Offer], now: datetime, dice: Random) -> list[Observation]:
    person = crowd.person()
    seen = []
    for turn in range(VISITS):
        visit = crowd.visit(person, now - APART * (VISITS - 1 - turn) - timedelta(hours=dice.random()))
        for did in visit.events:
            offer = by_id[did.offer]
            act = Interaction(did.id, did.offer, did.type, did.time, did.value)
            seen.append(Observation(act, offer.kind, features(offer)))
    return seen


def _costs(stages: Sequence[_Stage], size: int) -> float:
    """Return the median CPU milliseconds of a second stage over some residents."""
    return statistics.median(_least(stage, size) for stage in stages) * 1_000


def _least(stage: _Stage, size: int) -> float:
    pool = stage.pool(size)
    return min(cost(lambda: stage.answer(pool)) for _ in range(3))


def _share(stages: Sequence[_Stage], size: int) -> float:
    """Return which share of the answers made of the largest pool is also in those of a smaller one."""

    def rows(stage: _Stage, size: int) -> NDArray[np.uint32]:
        return stage.answer(stage.pool(size)).rows

    return float(np.mean([np.isin(rows(stage, _SMALLER[0]), rows(stage, size)).mean() for stage in stages]))
