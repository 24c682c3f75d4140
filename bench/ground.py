"""The ground that is measured on: real servers on a folder that is thrown away, a full catalogue, residents.

Everything comes into being when it is first asked for, so that a figure which needs less waits for less.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

import httpx
import msgspec

from api import wiring
from api.embedded import start
from api.embedded.home import free_port
from api.issuer import DemoIssuer, address
from bench import catalogue
from bench.people import Crowd, Person
from bench.processes import Server, running
from engine.consent import Permit, Purpose, Register
from engine.errors import BrokerUnavailable
from engine.events import OfferChange
from engine.ledger import ConsentLedger
from engine.offers import Kind, Offer, encode
from engine.residents import Interests, Residents
from engine.settings import Settings
from stream.watchdog import LagReader

Say = Callable[[str], None]
Purposes = tuple[Purpose, ...]
ALL: Purposes = tuple(purpose for purpose in Purpose if not purpose.marketing)
_PATIENCE_SECONDS = 120.0
_OFFERS_AT_ONCE, _VISITS_AT_ONCE, _PEOPLE_AT_ONCE = 2_000, 200, 48
VISITS, APART = 8, timedelta(weeks=1)
ACTIVE = f"{VISITS} weekly visits of a median of 8 events, half have told interests"


@dataclass(frozen=True)
class Size:
    """How much of everything: a full run by default, a tiny one in tests.

    Attributes
    ----------
    offers, residents
        How many there are.
    rounds
        How often each figure is measured.
    requests
        How many requests a round sends.
    events
        How many events a round of intake takes in.
    probes
        How many times freshness is looked at.
    scanned
        How many residents a search for leaks goes through.
    taught
        How many residents a model is made of.
    choices
        How many choices a training learns from; how many residents made them follows.
    indexed
        How many residents the index of audiences has.
    mailed
        How many residents a campaign speaks to.
    """

    offers: int = catalogue.OFFERS
    residents: int = 1_500
    rounds: int = 5
    requests: int = 1_500
    events: int = 16_000
    probes: int = 40
    scanned: int = 100_000
    taught: int = 600
    choices: int = 24_000_000
    indexed: int = 700_000
    mailed: int = 20_000


class Ground:
    """What figures are measured on. Opened with `async with`; at its end everything is stopped and thrown away.

    Parameters
    ----------
    say
        Told of progress, a sentence at a time.
    size
        How much of everything.
    """

    def __init__(self, say: Say, size: Size) -> None:
        self.say, self.size = say, size
        self._stack = AsyncExitStack()
        self._settings: Settings | None = None
        self._stores: wiring.Stores | None = None
        self._offers: list[Offer] = []
        self._crowd: Crowd | None = None
        self._api: tuple[Server, Settings] | None = None
        self._people: dict[Purposes, list[Person]] = {}
        self._active: dict[Purposes, int] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def settings(self) -> Settings:
        """Return settings with the addresses of parts that run on a folder of their own."""
        if self._settings is None:
            home = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="vinkki-bench-")))
            given = Settings(home=home, kafka=None, database=None, redis=None, train_every_hours=0)
            parts = await asyncio.to_thread(start, home, say=self.say, jars=given.kafka_jars)
            self._stack.callback(parts.stop)
            a = parts.addresses
            self._settings = given.model_copy(update={"kafka": a.kafka, "database": a.database, "redis": a.redis})
        return self._settings

    async def stores(self) -> wiring.Stores:
        """Return the stores, prepared."""
        if self._stores is None:
            settings = await self.settings()
            stores = wiring.connect(settings)
            self._stack.push_async_callback(stores.close)
            await wiring.prepare(settings, stores, wiring.utc_now())
            self._stores = stores
        return self._stores

    async def offers(self) -> Sequence[Offer]:
        """Return the offers, having written them to SQL."""
        if not self._offers:
            stores, now = await self.stores(), datetime.now(UTC)
            made = list(catalogue.offers(self.size.offers, now))
            async with stores.database.begin() as connection:
                # No figure searches texts, and keeping this index up takes half of the writing.
                await connection.exec_driver_sql("DROP INDEX offers_search")
            for first in range(0, len(made), _OFFERS_AT_ONCE):
                self.say(f"Writing the catalogue: {first:,} of {len(made):,} offers")
                changes = [_change(offer, now) for offer in made[first : first + _OFFERS_AT_ONCE]]
                await stores.offers.write(changes, now)
            self._offers = made
        return self._offers

    async def crowd(self) -> Crowd:
        """Return those who visit the offers."""
        if self._crowd is None:
            self._crowd = Crowd(await self.offers())
        return self._crowd

    async def people(self, count: int, purposes: Purposes = ALL) -> Sequence[Person]:
        """Return residents who granted `purposes` 60 days ago; asked again, the same ones and as many new ones."""
        held = self._people.setdefault(purposes, [])
        if (missing := count - len(held)) > 0:
            self.say(f"{missing:,} residents decide on their consents")
            held += await self._enrol(missing, purposes)
        return held[:count]

    async def active(self, count: int, purposes: Purposes = ALL) -> Sequence[Person]:
        """Return residents with weeks of activity (see `ACTIVE`), which went through the intake as time passed."""
        people, done = await self.people(count, purposes), self._active.get(purposes, 0)
        if fresh := people[done:]:
            await self._tell(fresh[::2])
            await self._live(fresh)
            self._active[purposes] = len(people)
        return people

    async def _live(self, people: Sequence[Person]) -> None:
        crowd, intake = await self.crowd(), wiring.intake(await self.settings(), await self.stores())
        self.say(f"{len(people):,} residents are active for {VISITS} weeks")
        for turn in range(VISITS):
            at = datetime.now(UTC) - APART * (VISITS - 1 - turn)
            for first in range(0, len(people), _VISITS_AT_ONCE):
                its = [crowd.visit(person, at) for person in people[first : first + _VISITS_AT_ONCE]]
                await intake.interactions(its, at)

    async def _tell(self, people: Sequence[Person]) -> None:
        stores, now = await self.stores(), wiring.utc_now()
        residents = Residents(stores.residents, stores.online)
        ledger = ConsentLedger(stores.ledger, stores.online, Register.read())
        for person in people:
            permit = await ledger.permit(person.pseudonym, Purpose.INTERESTS, now)
            if isinstance(permit, Permit):
                told = Interests(person.favourites, (Kind.EVENT, Kind.COURSE), languages=("fi", "en"), birth_year=1980)
                await residents.tell(permit, told, now)

    async def _enrol(self, count: int, purposes: Purposes) -> list[Person]:
        stores, crowd = await self.stores(), await self.crowd()
        residents = Residents(stores.residents, stores.online)
        ledger = ConsentLedger(stores.ledger, stores.online, Register.read())
        since, at_once = datetime.now(UTC) - timedelta(days=60), asyncio.Semaphore(_PEOPLE_AT_ONCE)

        async def one(id_: UUID) -> Person:
            async with at_once:
                pseudonym = await residents.enrol(id_)
                for purpose in purposes:
                    await ledger.record(
                        pseudonym,
                        purpose,
                        granted=True,
                        notice=ledger.register.declaration(purpose).notice.version,
                        now=since,
                    )
            return Person(id_, pseudonym, crowd.favourites())

        return await asyncio.gather(*(one(uuid4()) for _ in range(count)))

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Server]:
        """Run a worker; it has taken in what was there before, so it is at work."""
        settings, stores = await self.settings(), await self.stores()
        (someone,), crowd = await self.people(1), await self.crowd()
        self.say("Starting `api work`")
        async with running(["api", "work"], _environment(settings), settings.home / "work.log") as server:
            await stores.publisher.interactions([crowd.visit(someone, wiring.utc_now())])
            await asyncio.wait_for(self.taken_in(), _PATIENCE_SECONDS)
            yield server

    async def taken_in(self) -> None:
        """Wait until a worker has committed all interactions."""
        lag, left = LagReader((await self.settings()).kafka or ""), 1
        try:
            while left:
                await asyncio.sleep(0.1)
                with contextlib.suppress(BrokerUnavailable):  # before the first worker, Kafka does not know its group
                    left = (await lag.lag())["interactions"]
        finally:
            await lag.close()

    async def api(self) -> tuple[Server, Settings]:
        """Return the API process, which runs to the end, and the settings with its port."""
        if self._api is None:
            self._api = await self._stack.enter_async_context(self.serving("api", "serve"))
        return self._api

    @asynccontextmanager
    async def serving(self, *module: str) -> AsyncIterator[tuple[Server, Settings]]:
        """Run a module that serves the API; ready when the catalogue is loaded."""
        await self.offers()
        settings = (await self.settings()).model_copy(update={"port": free_port()})
        self.say(f"Starting `{' '.join(module)}`")
        async with running(module, _environment(settings), settings.home / f"{settings.port}.log") as server:
            await server.until(lambda: _ready(settings))
            yield server, settings


def issuer(settings: Settings) -> DemoIssuer:
    """Return the issuer that the API at the port of `settings` believes."""
    return DemoIssuer(settings.home, address(wiring.base(settings)), settings.audience)


def _change(offer: Offer, now: datetime) -> OfferChange:
    return OfferChange(offer.id, offer.source, now, msgspec.Raw(encode(offer)))


def _environment(settings: Settings) -> Mapping[str, str]:
    names = ("home", "host", "port", "kafka", "database", "redis", "train_every_hours")
    return {f"VINKKI_{name.upper()}": str(getattr(settings, name)) for name in names}


def _ready(settings: Settings) -> bool:
    try:
        return httpx.get(f"{wiring.base(settings)}/readiness", timeout=2).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
