"""A model of the made-up city, trained as `vinkki train` trains, of what made-up residents did."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from api import wiring
from bench.ground import APART, VISITS, Ground
from bench.people import Crowd
from engine.offers import Offer
from models.archive import Archive
from models.choices import Choices
from models.material import Material
from models.training import train

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
    material = Material.of(choices, {}, offers)
    with archive.training():
        outcome = train(material, archive, now=now, seed=_SEED, disclosed=lambda count, _: count // 10 * 10, told=say)
    if outcome.published is None:
        raise RuntimeError(f"The made-up city's model was kept back: {'; '.join(outcome.worse)}")
