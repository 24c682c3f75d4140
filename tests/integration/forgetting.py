"""A house on stores of its own, and a model of what it may know of a resident: the two are compared."""

import asyncio
import secrets
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import psycopg
from sqlalchemy import make_url, text

from api import wiring
from api.embedded import Addresses
from engine import flags
from engine.choices import PAUSE_LASTS
from engine.consent import Consents, Permit, Purpose, Refusal, Register
from engine.events import Impression, Interaction, InteractionBatch, InteractionType, OfferChange
from engine.folding import Observation, fold
from engine.language import Localized
from engine.ledger import ConsentLedger
from engine.offers import Keyword, Kind, Offer, Place, encode
from engine.residents import Interests, Residents
from engine.settings import Settings
from engine.taste import LOCATED_FAMILIES, Taste, features, key

_T = TypeVar("_T")
REDIS_DATABASE = 14
PURPOSES = (Purpose.ACTIVITY, Purpose.INTERESTS, Purpose.LOCATION, Purpose.MEASUREMENT)


class House:
    """Stores, ledger and two workers on a database of their own, with a clock that the test sets."""

    def __init__(self, addresses: Addresses) -> None:
        self._runner = asyncio.Runner()
        self._server = addresses.database
        self._name = f"forgetting_{secrets.token_hex(6)}"
        self._sql(f"CREATE DATABASE {self._name}")
        settings = Settings(
            kafka=addresses.kafka,
            database=make_url(addresses.database).set(database=self._name).render_as_string(hide_password=False),
            redis=urlsplit(addresses.redis)._replace(path=f"/{REDIS_DATABASE}").geturl(),
        )
        self.refused: list[Any] = []
        self.run(self._open(settings))

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do something in the house's own loop."""
        return self._runner.run(work)

    def close(self) -> None:
        """Leave nothing behind."""
        self.run(self.stores.online._redis.flushdb())
        self.run(self.stores.close())
        self._runner.close()
        self._sql(f"DROP DATABASE {self._name} WITH (FORCE)")

    def _sql(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement)

    async def _open(self, settings: Settings) -> None:
        self.stores = wiring.connect(settings)
        await self.stores.database.migrate()
        await self.stores.journal.ensure_partitions(datetime.now(UTC))
        await self.stores.online._redis.flushdb()
        self.ledger = ConsentLedger(self.stores.ledger, self.stores.online, Register.read())
        self.residents = Residents(self.stores.residents, self.stores.online)
        self.workers = [wiring.intake(settings, self.stores) for _ in range(2)]
        for worker in self.workers:
            worker._refuse = self._refuse
        self.start = now = datetime.now(UTC).replace(microsecond=0)
        self.offers = {offer.id: offer for offer in map(_offer, range(6))}
        changes = [OfferChange(o.id, "test", now, msgspec.Raw(encode(o))) for o in self.offers.values()]
        await self.stores.offers.write(changes, now)

    async def empty(self) -> None:
        """Begin anew, offers excepted."""
        async with self.stores.database.begin() as connection:
            await connection.execute(
                text("TRUNCATE journal, journal_ids, impressions, interests, popularity, consents, forgettings")
            )
        await self.stores.online._redis.flushdb()
        self.refused.clear()

    async def _refuse(self, refused: Any) -> None:
        self.refused.extend(refused)

    def change(self, id_: str, **what: object) -> OfferChange:
        """Return what a source tells when an offer has changed."""
        offer = msgspec.structs.replace(self.offers[id_], **what)
        return OfferChange(id_, "test", self.start, msgspec.Raw(encode(offer)))

    async def column(self, query: str, **values: object) -> list[Any]:
        """Return the first column of a query's rows."""
        async with self.stores.database.begin() as connection:
            return list((await connection.execute(text(query), values)).scalars())

    async def number_anew(self, pseudonym: str, purpose: Purpose) -> None:
        """Make a resident's grant one of an earlier notice, in SQL and Redis alike."""
        async with self.stores.database.begin() as connection:
            statement = "UPDATE consents SET notice = 0 WHERE resident = :r AND purpose = :p"
            await connection.execute(text(statement), {"r": pseudonym, "p": purpose})
        if (held := await self.stores.online.consents(pseudonym)) is not None and purpose in held.grants:
            older = msgspec.structs.replace(held.grants[purpose], notice=0)
            now_held = msgspec.structs.replace(held, grants={**held.grants, purpose: older})
            await self.stores.online._redis.set(f"c:{pseudonym}", flags.pack(now_held))

    async def held_of(self, pseudonym: str) -> dict[str, bytes]:
        """Return every value in Redis whose key or content names a resident."""
        name, found = pseudonym.encode(), {}
        async for batch in self.stores.online.everything():
            found |= {k.decode(): value for k, value in batch if name in k or name in value}
        return found

    async def taste(self, pseudonym: str, now: datetime, *, own: bool = False) -> Taste | None:
        """Return the taste as a suggestion would read it, or as its resident sees it, who may have paused."""
        sealed = await self.stores.online.sealed(pseudonym)
        permit = _leave(sealed.consents, Purpose.ACTIVITY, now, own)
        return sealed.taste(permit) if isinstance(permit, Permit) else None

    async def told(self, pseudonym: str, now: datetime, *, own: bool = False) -> Interests | None:
        """Return what the resident told, as a suggestion would read it, or as its resident sees it."""
        sealed = await self.stores.online.sealed(pseudonym)
        permit = _leave(sealed.consents, Purpose.INTERESTS, now, own)
        return sealed.interests(permit) if isinstance(permit, Permit) else None


def _leave(consents: Consents | None, purpose: Purpose, now: datetime, own: bool) -> Permit | Refusal | None:
    asked = consents.resumed() if consents and own else consents
    return asked.permit(purpose, now) if asked else None


@dataclass
class Person:
    """What may be known of one resident: the rules in their plainest words.

    Attributes
    ----------
    unheard
        Whether whoever recorded the latest withdrawal died before it was in force, and so before it was answered.
    """

    pseudonym: str
    words: dict[Purpose, tuple[bool, datetime]] = field(default_factory=dict)
    journal: dict[str, tuple[InteractionBatch, Interaction]] = field(default_factory=dict)
    shown: dict[str, Impression] = field(default_factory=dict)
    told: tuple[Interests, datetime] | None = None
    pause: tuple[bool, datetime] | None = None
    removed: dict[str, datetime] = field(default_factory=dict)
    orders: list[tuple[Purpose, datetime]] = field(default_factory=list)
    suspended: set[Purpose] = field(default_factory=set)
    unheard: bool = False

    def may(self, purpose: Purpose, now: datetime) -> bool:
        """Whether it may be used now: the grant is no later than the clock, and no wider notice suspends it."""
        return self.allows(purpose) and self.since(purpose) <= now and purpose not in self.suspended

    def allows(self, purpose: Purpose) -> bool:
        """Whether the latest word is a grant."""
        return self.words.get(purpose, (False, None))[0]

    def since(self, purpose: Purpose) -> datetime:
        """Since when the latest word holds."""
        return self.words[purpose][1]

    def decide(self, purpose: Purpose, granted: bool, now: datetime) -> None:
        """Take the resident's word; an unchanged one changes nothing, and no clock takes back what was said."""
        self.suspended.discard(purpose)
        if purpose not in self.words or self.allows(purpose) is not granted:
            since = max(now, self.since(purpose)) if purpose in self.words else now
            self.words[purpose] = (granted, since)
            if not granted:
                self.orders.append((purpose, now))

    def paused(self, now: datetime) -> bool:
        """Whether everything is paused."""
        return self.pause is not None and self.pause[0] and now < self.pause[1] + PAUSE_LASTS

    def used_from(self) -> datetime:
        """From when on anything is used, as far as a pause goes: nothing of the time up to its end ever is."""
        if self.pause is None:
            return datetime.min.replace(tzinfo=UTC)
        return self.pause[1] + PAUSE_LASTS if self.pause[0] else self.pause[1]

    def take_in(self, batch: InteractionBatch, now: datetime | None = None) -> None:
        """An event counts once, if it was accepted and happened since the grant and a pause (within its second)."""
        if not (self.allows(Purpose.ACTIVITY) if now is None else self.may(Purpose.ACTIVITY, now)):
            return
        since = max(self.since(Purpose.ACTIVITY), self.used_from())
        for event in batch.events if batch.accepted >= since else ():
            if event.time >= since.replace(microsecond=0) and event.id not in self.removed:
                self.journal.setdefault(event.id, (batch, event))

    def remove(self, events: Iterable[str]) -> None:
        """What is removed leaves its id, so that it never counts again."""
        for id_ in list(events):
            self.removed[id_] = self.journal.pop(id_)[0].accepted

    def show(self, shown: Impression) -> None:
        """What was shown is kept if measuring was allowed then, and no word on `activity` came since."""
        if not self.allows(Purpose.MEASUREMENT) or shown.time < max(self.since(Purpose.MEASUREMENT), self.used_from()):
            return
        if Purpose.ACTIVITY not in self.words or shown.time >= self.since(Purpose.ACTIVITY):
            self.shown[shown.suggestion] = shown

    def forget(self, before: datetime) -> None:
        """Do what withdrawals up to `before` order; what came after a new grant stays."""
        for purpose in {purpose for purpose, ordered in self.orders if ordered <= before}:
            spared = self.since(purpose) if self.allows(purpose) else datetime.max.replace(tzinfo=UTC)
            if purpose is Purpose.ACTIVITY:
                self.journal = {id_: its for id_, its in self.journal.items() if its[0].accepted >= spared}
                self.removed = {id_: accepted for id_, accepted in self.removed.items() if accepted >= spared}
                since = self.since(purpose)
                self.shown = {id_: its for id_, its in self.shown.items() if its.time >= since}
            elif purpose is Purpose.MEASUREMENT:
                self.shown = {id_: its for id_, its in self.shown.items() if its.time >= spared}
            elif purpose is Purpose.INTERESTS and self.told and self.told[1] < spared:
                self.told = None
        self.orders = [(purpose, ordered) for purpose, ordered in self.orders if ordered > before]

    def taste(self, offers: dict[str, Offer], *, located: bool) -> Taste:
        """Return what the journal adds up to, places only from when they may be considered."""
        seen = []
        since = self.since(Purpose.ACTIVITY)
        for batch, event in sorted(self.journal.values(), key=lambda its: its[1].time):
            if batch.accepted < since or event.time < since.replace(microsecond=0):
                continue
            names = features(offers[event.offer])
            if located and event.time < self.since(Purpose.LOCATION).replace(microsecond=0):
                names = tuple(name for name in names if name.split(":")[0] not in LOCATED_FAMILIES)
            seen.append(Observation(event, offers[event.offer].kind, names))
        return fold(Taste(), seen, located=located)


def place_keys(offers: dict[str, Offer]) -> set[int]:
    """Return every feature that tells where somebody goes."""
    names = {name for offer in offers.values() for name in features(offer)}
    return {key(name) for name in names if name.split(":")[0] in LOCATED_FAMILIES}


def weighed(taste: Taste | None, now: datetime) -> dict[int, float]:
    """Return what a taste weighs, by feature."""
    if taste is None:
        return {}
    keys, weights = taste.weights(now, located=True)
    return dict(zip(keys.tolist(), weights.tolist(), strict=True))


def batch_of(person: Person, offers: list[str], now: datetime, late: timedelta) -> InteractionBatch:
    """Return what a resident did a while ago, as it is accepted now."""
    types = (InteractionType.SAVE, InteractionType.OPEN, InteractionType.REGISTER, InteractionType.DISMISS)
    events = tuple(Interaction(f"e-{uuid4().hex}", offer, types[n % 4], now - late) for n, offer in enumerate(offers))
    return InteractionBatch(person.pseudonym, now, events)


def _offer(n: int) -> Offer:
    place = Place(f"tprek:{n % 3}", lat=60.2, lon=24.9, district=f"d:{n % 2}", neighborhood=f"n:{n % 3}")
    return Offer(
        id=f"test:{n}",
        source="test",
        kind=(Kind.EVENT, Kind.COURSE, Kind.SPACE)[n % 3],
        name=Localized(fi=f"Offer {n}"),
        keywords=(Keyword(f"yso:p{n}"), Keyword(f"yso:p{n % 3 + 50}")),
        place=place,
        starts=datetime.now(UTC) + timedelta(days=2 + n),
    )
