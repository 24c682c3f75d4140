# ruff: noqa: ARG002 - stand-ins take what the real ones take
"""A town whose residents allow some messages, on stores of a test's own; what others build is simple here."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import psycopg
from sqlalchemy import make_url, text

from api import wiring
from api.embedded import Addresses
from api.sending import Sending, sending
from campaigns.run import Plan
from engine.consent import Permit, Register
from engine.events import Pseudonym
from engine.ledger import ConsentLedger
from engine.residents import Residents
from engine.settings import Settings
from tests.factories import in_force

REDIS_DATABASE = 13
SECRET = b"a secret of this town"
_AT_ONCE = 20


class Said(msgspec.Struct, frozen=True):
    subject: str
    text: str
    html: str | None


@dataclass
class Form:
    text: str

    def fill(self, *, stop: str, why: str, picks: Sequence[object] = ()) -> Said:
        said = f"{self.text}\n\n{why}\n{stop}\n"
        return Said("Uutisia", said, f"<p>{said}</p>")


class Speech:
    """Says the same to everybody, in Finnish."""

    async def form(self, plan: Plan, language: str, channel: str) -> Form:
        return Form("Hei! Kirjastossa tapahtuu paljon. " * 20)

    async def languages(self, plan: Plan, permits: Sequence[Permit]) -> Sequence[str]:
        return ["fi"] * len(permits)

    def stop(self, resident: Pseudonym, plan: Plan, channel: str, now: datetime, language: str) -> str:
        return f"https://vinkki.example/stop/{len(resident)}{plan.topic}"

    def measured(self, rendered: Said, message: str) -> Said:
        return msgspec.structs.replace(rendered, html=f"{rendered.html}<!--measured {message}-->")

    async def picks(self, plan: Plan, permits: Sequence[Permit], language: str) -> None:
        return None


class AddressBook:
    """Everybody's address tells who it is."""

    def __init__(self, without: Sequence[Pseudonym] = ()) -> None:
        self.without = set(without)

    async def confirmed_many(self, permits: Sequence[Permit], means: str) -> list[str | None]:
        return [None if p.resident in self.without else f"{p.resident}@post.example" for p in permits]


@dataclass
class Everybody:
    """Members in chunks, always in the same order."""

    residents: list[Pseudonym] = field(default_factory=list)
    at_once: int = 50

    async def of(self, tree: Any, topic: str, channels: Sequence[str], now: datetime) -> AsyncIterator[list[Pseudonym]]:
        for first in range(0, len(self.residents), self.at_once):
            yield self.residents[first : first + self.at_once]


class Loop:
    """A topic that is a list."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    async def together(self, residents: Sequence[Pseudonym]) -> list[list[Pseudonym]]:
        return [list(residents[::2]), list(residents[1::2])] if len(residents) > 1 else [list(residents)]

    async def notifications(self, some: Sequence[Any]) -> None:
        self.messages += some


@dataclass
class Town:
    """The stores, and people in them."""

    settings: Settings
    stores: wiring.Stores
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.ledger = ConsentLedger(self.stores.ledger, self.stores.online, Register.read())
        self.residents = Residents(self.stores.residents, self.stores.online)
        self.people: dict[Pseudonym, Any] = {}
        self.members, self.log, self.addresses = Everybody(), Loop(), AddressBook()

    def clock(self) -> datetime:
        return self.now

    async def enrol(self, number: int, *purposes: str, since: datetime | None = None) -> list[Pseudonym]:
        """Let somebody new allow messages."""
        people = [uuid4() for _ in range(number)]
        since, who = since or self.now - timedelta(days=1), list[Pseudonym]()
        for first in range(0, number, _AT_ONCE):
            some = people[first : first + _AT_ONCE]
            their = await asyncio.gather(*map(self.residents.enrol, some))
            self.people |= dict(zip(their, some, strict=True))
            for purpose in purposes:
                await asyncio.gather(*(self.say(resident, purpose, granted=True, now=since) for resident in their))
            who += their
        self.members.residents += who
        return who

    async def say(self, resident: Pseudonym, purpose: str, *, granted: bool, now: datetime | None = None) -> None:
        await self.ledger.record(resident, purpose, granted=granted, notice=in_force(purpose), now=now or self.now)

    def sending(self, **others: Any) -> Sending:
        """Return a worker's life of its own."""
        its = {"log": self.log, "leaves": self.ledger, "members": self.members, "addresses": self.addresses}
        its |= {"speech": Speech(), **others}
        return sending(self.settings, self.stores.database, SECRET, self.clock, **its)

    def plan(self, name: str = "run", **what: Any) -> Plan:
        usual = {"campaign": f"c-{name}", "version": 1, "department": "library", "topic": "library"}
        usual |= {"channels": ("email",), "planned": self.now}
        return Plan(id=name, **(usual | what))

    async def run(self, its: Sending, plan: Plan) -> None:
        """Expand a run and deal with it, without Kafka."""
        await its.runs.begin(plan)
        await its.expander.expand(plan, self.now)
        while self.log.messages:
            await its.dispatcher.take([self.log.messages.pop(0)], self.now)

    async def rows(self, query: str, **values: Any) -> list[Any]:
        async with self.stores.database.begin() as connection:
            return [tuple(row) for row in await connection.execute(text(query), values)]

    async def ends(self, run: str = "run") -> dict[Pseudonym, tuple[str, str | None]]:
        found = await self.rows("SELECT resident, state, reason FROM deliveries WHERE run = :run", run=run)
        return {resident: (state, reason) for resident, state, reason in found}


@asynccontextmanager
async def town(addresses: Addresses, **settings: Any) -> AsyncIterator[Town]:
    """Build a town on a database of its own."""
    name = f"town_{secrets.token_hex(6)}"
    async with await psycopg.AsyncConnection.connect(addresses.database, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
        stores = wiring.connect(
            its := Settings(
                kafka=addresses.kafka,
                database=make_url(addresses.database).set(database=name).render_as_string(hide_password=False),
                redis=urlsplit(addresses.redis)._replace(path=f"/{REDIS_DATABASE}").geturl(),
                quiet_from=0,
                quiet_until=0,
                **settings,
            )
        )
        try:
            await stores.online._redis.flushdb()
            await stores.database.migrate()
            yield Town(its, stores)
        finally:
            await stores.online._redis.flushdb()
            await stores.close()
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
