"""A model of the made-up city, fitted as `vinkki train` fits, to what made-up residents did."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from api import wiring
from bench.ground import APART, VISITS, Ground
from bench.people import Crowd
from engine.offers import Offer
from models.archive import Archive
from models.card import Card, Counted, Judged, versions
from models.choices import Choices
from models.material import LEAST_CHOOSERS, Material
from models.model import Model
from models.training import untried

_SEED = 1


async def published(ground: Ground) -> Archive:
    """Return the archive of the ground's home with a model in it, trained when it is first asked for."""
    archive = Archive((await ground.settings()).home / wiring.MODELS)
    if not archive.names():
        offers, now = await ground.offers(), wiring.utc_now()
        await asyncio.to_thread(_train, archive, offers, ground.size.taught, now, ground.say)
    return archive


def _train(archive: Archive, offers: Sequence[Offer], people: int, now: datetime, say: Callable[[str], None]) -> None:
    choices, crowd = Choices(), Crowd(offers, seed=_SEED)
    for number in range(people):
        person = crowd.person()
        visits = [crowd.visit(person, now - APART * (VISITS - turn) + timedelta(hours=1)) for turn in range(VISITS)]
        did = [event for visit in visits for event in visit.events]
        choices.add(
            [number] * len(did),
            [event.offer for event in did],
            [str(event.type) for event in did],
            [event.time.timestamp() for event in did],
            [event.value for event in did],
        )
    say(f"Learning what {people:,} made-up residents choose, without judging it")
    model = untried(Material.of(choices, {}, offers), now, _SEED)
    with archive.training():
        archive.publish(model, _card(people, model, now))


def _card(people: int, model: Model, now: datetime) -> Card:
    """Return the card of a model that nobody judged: it is only measured how fast it answers."""
    verdict = Judged(since=now, figures={}, above={}, slices={}, too_few=(), exposure={}, running=None)
    return Card(
        made_at=now,
        since=(now - APART * VISITS).date(),
        horizon_days=0.0,
        least=LEAST_CHOOSERS,
        seed=_SEED,
        counted=Counted(residents=people, choices=0, offers=len(model.items), live=len(model.items)),
        judged=verdict,
        features=model.blend.names,
        versions=versions(),
    )
