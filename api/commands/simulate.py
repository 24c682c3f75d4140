"""`vinkki simulate`: a day in the life of synthetic residents, through the ledger and Kafka as everybody else's."""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from api import wiring
from api.commands.importing import HELSINKI, taken_in
from api.commands.parts import parts, say
from api.wiring import Stores
from engine.consent import Permit, Purpose, Register, declared
from engine.errors import Misconfigured
from engine.events import Interaction, InteractionBatch
from engine.language import Localized
from engine.ledger import ConsentLedger
from engine.offers import Offer
from engine.residents import Interests, Residents
from engine.settings import Settings
from models.simulation import SimulatedResident, day
from models.simulation import residents as synthetic_residents
from stream.sources.sample_catalogue import sample_offers
from stream.topics import INTERACTIONS

PERSONAS = "personas.json"
NAMES = ("Aino", "Elias", "Siiri", "Omar")
_AT_ONCE = 200


def run(settings: Settings, count: int, seed: int) -> None:
    """Simulate `count` residents.

    Raises
    ------
    Misconfigured
        This is production: synthetic residents have no place there.
    """
    if settings.environment == "production":
        raise Misconfigured("Synthetic residents are for development; VINKKI_ENVIRONMENT is production.")
    with parts(settings) as found:
        asyncio.run(_simulate(found, count, seed, say))


async def first_day(settings: Settings, count: int, seed: int) -> None:
    """Simulate a day unless this home has seen one."""
    if not (settings.home / PERSONAS).exists():
        await _simulate(settings, count, seed, say)


async def _simulate(settings: Settings, count: int, seed: int, told: Callable[[str], None]) -> None:
    stores, now = wiring.connect(settings, patience_seconds=wiring.COMMAND_PATIENCE_SECONDS), wiring.utc_now()
    try:
        offers = sample_offers(now.astimezone(HELSINKI).date())
        people = synthetic_residents(count, seed, offers)
        told(f"Simulating a day of {count} synthetic residents")
        pseudonyms = await _consent(stores, people, now - timedelta(days=1, minutes=5))
        told("They have decided on their consents; now they look around")
        published = await _live(stores, pseudonyms, day(people, offers, now=now, seed=seed), now)
        told(f"{published:,} interactions are on Kafka")
        await taken_in(settings, INTERACTIONS.name, told)
        await stores.journal.refresh_popularity(wiring.utc_now(), declared().least[Purpose.ACTIVITY])
        _introduce(settings, people, offers)
    finally:
        await stores.close()


async def _consent(stores: Stores, people: Sequence[SimulatedResident], at: datetime) -> dict[str, str]:
    """Give everybody a pseudonym and record what they allow; return the pseudonyms by UUID."""
    ledger = ConsentLedger(stores.ledger, stores.online, Register.read())
    residents = Residents(stores.residents, stores.online)
    versions = {d.id: d.notice.version for d in ledger.register.declarations}
    found = {}
    for person in people:
        found[str(person.id)] = pseudonym = await residents.enrol(person.id)
        for purpose in sorted(person.consents):
            await ledger.record(pseudonym, purpose, granted=True, notice=versions[Purpose(purpose)], now=at)
        permit = await ledger.permit(pseudonym, Purpose.INTERESTS, at)
        if isinstance(permit, Permit):
            told = Interests(keywords=person.interests[:4], languages=person.languages, access=tuple(person.access))
            await residents.tell(permit, told, at)
    return found


async def _live(
    stores: Stores,
    pseudonyms: dict[str, str],
    visits: Iterable[tuple[SimulatedResident, list[Interaction]]],
    now: datetime,
) -> int:
    batches = [InteractionBatch(pseudonyms[str(who.id)], now, tuple(did)) for who, did in visits if did]
    for first in range(0, len(batches), _AT_ONCE):
        await stores.publisher.interactions(batches[first : first + _AT_ONCE])
    return sum(len(batch.events) for batch in batches)


def _introduce(settings: Settings, people: Sequence[SimulatedResident], offers: Sequence[Offer]) -> None:
    """Write down a few of them, so that the demo's log-in page can offer to be one of them."""
    labels = {keyword.id: keyword.label for offer in offers for keyword in offer.keywords}
    some = [person for person in people if {"activity", "interests"} <= person.consents]
    personas = [
        {"id": str(person.id), "name": _describe(name, person, labels)}
        for name, person in zip(NAMES, some, strict=False)
    ]
    (settings.home / PERSONAS).write_text(json.dumps(personas, ensure_ascii=False), "utf-8")


def _describe(name: str, person: SimulatedResident, labels: dict[str, Localized]) -> str:
    where = (person.neighborhood or person.district or "").rpartition(":")[2].replace("_", " ").title()
    likes = ", ".join(filter(None, (labels.get(id_, Localized()).fi for id_ in person.interests[:3])))
    return f"{name}, {person.age}, {where}: {likes}"
