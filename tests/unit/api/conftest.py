"""A house in memory behind the real application: real engine parts over stores and a log that are lists."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import ClassVar
from uuid import UUID, uuid4

import msgspec
import pytest
from httpx import ASGITransport, AsyncClient

from api.access import TokenVerifier
from api.app import create_app
from api.audience_answers import AudienceAnswers
from api.inbox_feed import InboxFeed
from api.issuer import DemoIssuer, address
from api.keys import FixedKeys
from api.reach_runs import ReachRuns
from api.seal import Seal
from api.vault import Vault
from campaigns.counting import Counting
from campaigns.departments import Department, DepartmentDraft, Rights, Role
from campaigns.index import Index
from campaigns.measured_links import MeasuredLinks
from campaigns.returns import Returns
from campaigns.sentence import plainly
from campaigns.stop import StopLinks
from engine.addresses import Addresses, Means
from engine.consent import Consents, Entry, Grant, Register
from engine.counts import Counts
from engine.errors import BrokerUnavailable, Erased, NotFound, Outdated, Over, StoreUnavailable, Unavailable
from engine.events import Impression
from engine.family import Family
from engine.ledger import ConsentLedger
from engine.reach import Found
from engine.receipts import Decided
from engine.residents import Interests, Residents
from engine.settings import Settings
from engine.taste import key
from engine.trial_results import Results
from tests.factories import in_force
from tests.unit.address_book import Book, LetterBox
from tests.unit.api.kin import Kin
from tests.unit.api.letters import Box, FollowBox

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BASE = "http://127.0.0.1:8123"
WEBHOOK_SECRET = "a secret that is long enough to be one"


@dataclass
class Memory:
    """What PostgreSQL and Redis hold; `away` makes both unreachable, `unwritable` the access log alone."""

    links: dict[UUID, str] = field(default_factory=dict)
    told: dict = field(default_factory=dict)
    kin: Kin = field(default_factory=Kin)
    now: datetime = NOW
    entries: list = field(default_factory=list)
    flags: dict = field(default_factory=dict)
    offers: set = field(default_factory=set)
    asked: list = field(default_factory=list)
    erased: set = field(default_factory=set)
    accesses: list = field(default_factory=list)
    logouts: list = field(default_factory=list)
    visits: dict = field(default_factory=dict)
    orders: list = field(default_factory=list)
    box: Box = field(default_factory=Box)
    away: bool = False
    unwritable: bool = False

    def check(self) -> None:
        if self.away:
            raise StoreUnavailable

    async def ping(self) -> None:
        self.check()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SimpleNamespace]:
        self.check()

        async def execute(_: str) -> None: ...

        yield SimpleNamespace(exec_driver_sql=execute)

    async def pseudonym(self, person):
        self.check()
        return self.links.get(person)

    async def link(self, person, proposed):
        self.check()
        return self.links.setdefault(person, proposed)

    async def interests(self, resident):
        return self.told.get(resident)

    async def tell(self, resident, interests, _):
        self.told[resident] = interests

    async def change(self, resident, change, _):
        self.told[resident] = change(self.told.get(resident, Interests()))
        return self.told[resident]

    async def put_interests(self, permit, interests):
        self.told[permit.resident] = interests
        return True

    async def append(self, resident, purpose, *, granted, notice, time, guardian=None):
        self.check()
        if guardian is not None:
            granted = self.kin.say(guardian, resident, purpose, granted=granted, notice=notice, time=time)
        if resident in self.erased:
            raise Erased
        self.entries.append((resident, Entry(len(self.entries) + 1, purpose, granted, notice, time)))
        return self.held(resident)

    async def gone(self, _resident):
        self.check()

    def held(self, resident):
        own = [entry for of, entry in self.entries if of == resident]
        grants = {e.purpose: Grant(e.granted, e.notice, e.time) for e in own}
        return Consents(resident, len(own), grants, born=self.kin.born.get(resident))

    async def decisions(self, resident):
        self.check()
        return [Decided(entry) for of, entry in self.entries if of == resident]

    async def consents(self, resident):
        self.check()
        return self.held(resident)

    async def enforce(self, consents):
        self.flags[consents.resident] = consents

    async def history(self, resident):
        return [entry for of, entry in self.entries if of == resident]

    async def waiting(self):
        self.check()
        return len(self.orders), min(self.orders, default=None)

    async def note(self, person, access):
        self.check()
        if self.unwritable:
            raise StoreUnavailable
        self.accesses.append((person, access))

    async def add(self, logout):
        self.check()
        new = logout.token not in {one.token for one in self.logouts}
        self.logouts += [logout] if new else []
        return new

    async def visitors(self, place, day):
        return self.visits.get((place, day), 0)

    async def get(self, id_):
        self.check()
        return id_ if id_ in self.offers else None

    async def existing(self, ids):
        self.check()
        self.asked.append(ids)
        return self.offers & set(ids)


@dataclass
class Log:
    """What Kafka holds; `away` makes it unreachable."""

    batches: list = field(default_factory=list)
    changes: list = field(default_factory=list)
    shown: list = field(default_factory=list)
    away: bool = False

    async def interactions(self, batches):
        if self.away:
            raise BrokerUnavailable
        self.batches += batches

    async def consent_change(self, change):
        if self.away:
            raise BrokerUnavailable
        self.changes.append(change)

    def impression(self, shown):
        self.shown.append(shown)

    async def ping(self):
        if self.away:
            raise BrokerUnavailable


class Crowd:
    """A counter of residents that says the same of every offer but one that is over, when it is let."""

    def __init__(self) -> None:
        self.let, self.found = asyncio.Event(), Found(0, 0, 0, {}, {})
        self.counted, self.fails = [], None

    def topic(self, offer, _):
        if offer == "over:1":
            raise Over(field="offer")
        return "new_courses"

    async def count(self, wish, _, tell):
        self.counted.append(wish)
        await tell(0.5)
        await self.let.wait()
        if self.fails:
            raise self.fails
        return self.found


class Notes(dict):
    """What processes tell each other."""

    async def note(self, name, value, _, *, anew=False):
        if anew and name in self:
            return False
        self[name] = value
        return True

    async def noted(self, name):
        return self.get(name)

    async def unnote(self, name):
        self.pop(name, None)


class Kept(list):
    """Audiences, every version."""

    async def history(self, id_):
        return [its for its in self if its.id == id_]

    async def page(self, departments, before, most):
        latest = {its.id: its for its in self}.values()
        fits = [its for its in latest if not its.ended and its.seq < before]
        return [its for its in reversed(fits) if departments is None or its.content.department in departments][:most]

    async def add(self, revision):
        if revision.version != len(await self.history(revision.id)) + 1:
            raise Outdated
        self.append(msgspec.structs.replace(revision, seq=len(self) + 1))
        return self[-1]


class Held:
    """An index that is there, unless it is away."""

    def __init__(self) -> None:
        self.held, self.away = Index(), False

    @property
    def index(self):
        if self.away:
            raise Unavailable
        return self.held


@dataclass
class Tried:
    """A trial's results; without any there has been no trial."""

    told: Results | None = None

    reading: bool = False

    async def ask(self):
        if self.reading:
            return None
        if self.told is None:
            raise NotFound("No model has been on trial yet; begin with `vinkki train --trial`.")
        return self.told


@dataclass
class Canned:
    """A suggester that notes what it was asked, and says the same to everybody."""

    asked: list = field(default_factory=list)
    impression: Impression | None = None

    async def shown(self, resident, query, now):
        self.asked.append((resident, query, now))
        return self, self.impression

    def popular(self, query, now):
        self.asked.append(("popular", query, now))
        return self

    def similar(self, offer, query, now):
        self.asked.append((offer, query, now))
        return self

    def json(self):
        return b'{"basis":"popular"}'


class Live(set):
    """The ids of a catalogue."""

    def row(self, hashed):
        return next((1 for id_ in self if key(id_) == hashed), None)


class Offices:
    """Departments, each edited by the AD group of its name."""

    async def all(self) -> list[Department]:
        names = ("sport", "library", "youth", "culture")
        return [Department(id=name, version=1, draft=_office(name), changed=NOW) for name in names]


class Listing:
    """Lists of departments, by id."""

    held: ClassVar = {"club": "sport", "readers": "library"}

    async def kept(self, ids, now):
        del now
        return {id_: self.held[id_] for id_ in ids if id_ in self.held}


def _office(name: str) -> DepartmentDraft:
    return DepartmentDraft(names={"fi": name}, roles={Role.EDITOR: (name,)})


@dataclass
class Door:
    """The application of a house in memory, and one resident who calls it."""

    client: AsyncClient
    issuer: DemoIssuer
    memory: Memory
    log: Log
    live: Live
    suggester: Canned
    feed: SimpleNamespace
    kin: Kin
    crowd: Crowd
    trials: Tried
    city: Held
    kept: Kept
    links: StopLinks
    inbox_feed: InboxFeed
    me: UUID = field(default_factory=uuid4)
    now: datetime = NOW

    def headers(self, token=None):
        return {"Authorization": f"Bearer {token or self.issuer.resident(self.me, self.memory.now)}"}

    async def get(self, path, token=None):
        return await self.client.get(path, headers=self.headers(token))

    async def delete(self, path, token=None):
        return await self.client.delete(path, headers=self.headers(token))

    async def put(self, path, body, token=None):
        return await self.client.put(path, json=body, headers=self.headers(token))

    async def post(self, path, body, token=None):
        return await self.client.post(path, json=body, headers=self.headers(token))

    def event(self, **changed):
        usual = {"id": str(uuid4()), "resident": "me", "offer": "live:1", "type": "save", "time": NOW.isoformat()}
        return usual | changed

    async def grant(self, purpose, granted=True):
        got = await self.put(f"/v1/residents/me/consents/{purpose}", {"granted": granted, "notice": in_force(purpose)})
        assert got.status_code == 200
        return self.memory.links[self.me]


@pytest.fixture(scope="session")
def issuer(tmp_path_factory) -> DemoIssuer:
    """One issuer for all doors: making a key takes a tenth of a second."""
    return DemoIssuer(tmp_path_factory.mktemp("issuer"), address(BASE), "vinkki-api")


@pytest.fixture
def letters() -> LetterBox:
    """Where codes for addresses come."""
    return LetterBox()


@pytest.fixture
async def door(issuer, letters) -> AsyncIterator[Door]:
    memory, log, live, feed = Memory(), Log(), Live({"live:1", "live:2"}), SimpleNamespace(loaded=True)

    suggester, crowd, seal = Canned(), Crowd(), Seal.of(Settings(home=issuer.home))
    city, kept = Held(), Kept()
    trials, links = Tried(), StopLinks(Vault([b"k" * 32], "stop links"), BASE)
    inbox_feed = InboxFeed(memory)

    async def nothing() -> None: ...

    residents, ledger, kin = Residents(memory, memory), ConsentLedger(memory, memory, Register.read()), memory.kin
    house = SimpleNamespace(
        settings=Settings(home=issuer.home, webhook_secret=WEBHOOK_SECRET),
        clock=lambda: memory.now,
        stores=SimpleNamespace(database=memory, online=memory, ledger=memory),
        residents=residents,
        ledger=ledger,
        addresses=Addresses(Book(), Vault([b"k" * 32], "addresses"), {Means.EMAIL: letters}),
        stop_links=links,
        webhook_secrets=None,
        subscriptions=None,
        push_key=None,
        message_vault=Vault([b"k" * 32], "service messages"),
        measured_links=MeasuredLinks(Vault([b"k" * 32], "measured links").digest, BASE),
        family=Family(kin, residents, ledger),
        invitations=kin,
        receipts=memory,
        personal=None,
        partners=memory,
        accesses=memory,
        logouts=memory,
        eraser=SimpleNamespace(measure=nothing),
        remover=None,
        view=None,
        seal=seal,
        counts=Counts(b"a secret"),
        reach=ReachRuns(crowd, Counts(b"a secret"), seal, Notes(), lambda: memory.now),
        trials=trials,
        audience_answers=AudienceAnswers(Counting(city, Counts(b"a secret")), Notes(), plainly),
        catalogue=live,
        feed=feed,
        rules=memory,
        floors=memory,
        exposures=memory,
        steering=None,
        inbox_feed=inbox_feed,
        screens=None,
        campaigning=SimpleNamespace(
            **dict.fromkeys(
                ("campaigns", "programmes", "runs", "messages", "webhooks", "webhook_records", "happenings")
            ),
            inbox=memory.box,
            deliveries=memory.box,
            follows=FollowBox(memory.box.followed),
            returns=Returns(memory.box, memory.box),
            audiences=kept,
            lists=Listing(),
            departments=Offices(),
            desk=SimpleNamespace(rights=Rights(None)),
        ),
        suggester=suggester,
        offers=memory,
        publisher=log,
        lag=SimpleNamespace(lag=nothing),
        tokens=TokenVerifier(issuer.issuer, issuer.audience, FixedKeys(issuer.public_keys)),
        open=nothing,
        close=nothing,
    )
    async with AsyncClient(transport=ASGITransport(app=create_app(house)), base_url=BASE) as client:
        yield Door(
            client, issuer, memory, log, live, suggester, feed, kin, crowd, trials, city, kept, links, inbox_feed
        )
