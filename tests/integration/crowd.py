"""A crowd of residents who consent, events of theirs, and processes that take the events in: all to be broken."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from uuid import uuid4

import msgspec
from sqlalchemy import text

from api import wiring
from api.embedded import Addresses
from engine.consent import Permit, Purpose, Register
from engine.errors import BrokerUnavailable
from engine.events import Interaction, InteractionBatch, InteractionType, OfferChange
from engine.language import Localized
from engine.ledger import ConsentLedger
from engine.offers import Keyword, Kind, Offer, encode
from engine.residents import Residents
from engine.settings import Settings

TYPES = (InteractionType.VIEW, InteractionType.OPEN, InteractionType.SAVE, InteractionType.DISMISS)


def settings(addresses: Addresses) -> Settings:
    """The settings of a house at those addresses."""
    return Settings(kafka=addresses.kafka, database=addresses.database, redis=addresses.redis)


async def until(what: Callable[[], Awaitable[bool]], seconds: float) -> float:
    """Wait until it holds, through errors of parts that are away, and return the seconds it took."""
    began = monotonic()
    while True:
        try:
            if await what():
                return monotonic() - began
        except Exception:
            if monotonic() - began > seconds:
                raise
        assert monotonic() - began <= seconds, f"not so after {seconds:.0f} s"
        await asyncio.sleep(0.1)


class Workers:
    """`vinkki work` as processes of their own, on the parts at `addresses`; ends those it started."""

    def __init__(self, addresses: Addresses, folder: Path) -> None:
        self._names = {f"VINKKI_{name.upper()}": value for name, value in vars(addresses).items()}
        self._folder = folder
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start one worker."""
        return self.run("work", **environment)

    def run(self, command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a command of `vinkki`."""
        with (self._folder / f"{command}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "api", command],
                stdout=log,
                stderr=log,
                env={**os.environ, **self._names, "VINKKI_HOME": str(self._folder / "home"), **environment},
            )
        self.running.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End one as a crash would."""
        process.kill()
        process.wait()
        self.running.remove(process)

    async def stop(self, process: subprocess.Popen[bytes], seconds: float = 30) -> tuple[int, float]:
        """Ask one to stop; return its exit code and how many seconds it took."""
        began = monotonic()
        process.terminate()
        code = await asyncio.to_thread(process.wait, seconds)
        self.running.remove(process)
        return code, monotonic() - began

    def end(self) -> None:
        """End all that still run, so that Kafka knows them gone."""
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(30)

    def log(self, command: str = "work") -> str:
        """What they said so far."""
        return (self._folder / f"{command}.log").read_text(errors="replace")


class Crowd:
    """Residents who allow `activity`, and what they do with a few offers."""

    def __init__(self, stores: wiring.Stores, people: Sequence[str], offers: Sequence[str]) -> None:
        self.stores = stores
        self.people = people
        self.offers = offers
        self.accepted: set[str] = set()
        self.active: set[str] = set()
        self._made = 0

    @classmethod
    async def gather(cls, stores: wiring.Stores, size: int) -> "Crowd":
        """Enrol residents who consent, and publish offers."""
        now = datetime.now(UTC)
        ledger = ConsentLedger(stores.ledger, stores.online, Register.read())
        residents = Residents(stores.residents, stores.online)
        people = [await residents.enrol(uuid4()) for _ in range(size)]
        for person in people:
            await ledger.record(person, "activity", granted=True, notice=1, now=now)
        offers = [_offer(f"crowd-{uuid4().hex[:6]}:{n}", n, now) for n in range(50)]
        changes = [OfferChange(o.id, o.source, now, msgspec.Raw(encode(o))) for o in offers]
        await stores.offers.write(changes, now)
        return cls(stores, people, [offer.id for offer in offers])

    def act(self, messages: int, events_each: int = 8) -> list[InteractionBatch]:
        """Return what residents do now, one batch of a resident a message."""
        return [self._batch(events_each) for _ in range(messages)]

    async def publish(self, batches: Sequence[InteractionBatch]) -> bool:
        """Publish; say whether it was accepted, that is, whether Kafka acknowledged all of it."""
        try:
            await self.stores.publisher.interactions(batches)
        except BrokerUnavailable:
            return False
        self.accepted.update(event.id for batch in batches for event in batch.events)
        self.active.update(batch.resident for batch in batches)
        return True

    async def publish_at_last(self, batches: Sequence[InteractionBatch]) -> None:
        """Publish with the same ids until it is accepted."""
        await until(lambda: self.publish(batches), 60)

    async def journalled(self, ids: set[str] | None = None) -> int:
        """How many rows the journal has of this crowd, or of those events."""
        query = text("SELECT count(*) FROM journal WHERE resident = ANY(:people) AND (:all OR id = ANY(:ids))")
        values = {"people": list(self.people), "all": ids is None, "ids": list(ids or ())}
        async with self.stores.database.begin() as connection:
            return int((await connection.execute(query, values)).scalar_one())

    async def complete(self) -> bool:
        """Whether the journal holds as many rows as events were accepted."""
        return await self.journalled() >= len(self.accepted)

    async def rows(self) -> list[str]:
        """Return the id of every row of this crowd."""
        async with self.stores.database.begin() as connection:
            query = text("SELECT id FROM journal WHERE resident = ANY(:people)")
            return list((await connection.execute(query, {"people": list(self.people)})).scalars())

    async def tastes(self) -> dict[str, dict[int, float]]:
        """Return what each resident's taste weighs now, without what weighs next to nothing."""
        now = datetime.now(UTC)
        found = {}
        for sealed in await self.stores.online.sealed_many(self.people):
            permit = sealed.consents.permit(Purpose.ACTIVITY, now) if sealed.consents else None
            if isinstance(permit, Permit) and (taste := sealed.taste(permit)):
                keys, weights = taste.weights(now, located=True)
                weighed = zip(keys.tolist(), weights.tolist(), strict=True)
                found[sealed.resident] = dict(weighed)
        return found

    def _batch(self, size: int) -> InteractionBatch:
        self._made += 1
        at = datetime.now(UTC)
        events = (
            Interaction(str(uuid4()), self.offers[(self._made * 7 + n * 3) % 50], TYPES[(self._made + n) % 4], at)
            for n in range(size)
        )
        return InteractionBatch(self.people[self._made % len(self.people)], at, tuple(events))


def _offer(id_: str, n: int, now: datetime) -> Offer:
    keywords = (Keyword(f"yso:p{n % 20}"), Keyword(f"yso:p{n % 7 + 100}"))
    starts = now + timedelta(days=1 + n % 9)
    return Offer(id=id_, source="crowd", kind=Kind.EVENT, name=Localized(fi=id_), keywords=keywords, starts=starts)
