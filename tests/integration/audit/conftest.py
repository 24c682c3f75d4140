"""A database of a test's own, since these tests spoil it, and the stores on it."""

import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
import pytest
from redis.asyncio import Redis
from sqlalchemy import make_url

from engine.consent import Register
from engine.ledger import ConsentLedger
from engine.online import Online
from engine.records.chain import ChainRecords
from engine.records.database import Database
from engine.records.journal import JournalRecords
from engine.records.leaks import LeakRecords
from engine.records.ledger import LedgerRecords
from engine.records.residents import ResidentRecords
from engine.residents import Residents


@pytest.fixture
async def database_url(addresses) -> AsyncIterator[str]:
    """The address of an empty database on the shared server."""
    name = f"audit_{secrets.token_hex(6)}"
    async with await psycopg.AsyncConnection.connect(addresses.database, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
        yield make_url(addresses.database).set(database=name).render_as_string(hide_password=False)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass
class Own:
    """The stores on a database of one's own."""

    database: Database
    online: Online

    def __post_init__(self) -> None:
        self.records = LedgerRecords(self.database)
        self.journal = JournalRecords(self.database)
        self.chain = ChainRecords(self.database)
        self.ledger = ConsentLedger(self.records, self.online, Register.read())
        self.residents = Residents(ResidentRecords(self.database), self.online)
        self.leaks = LeakRecords(self.database)

    async def sql(self, *statements: str) -> None:
        """Do what only the owner of the database can."""
        async with self.database.begin() as connection:
            for statement in statements:
                await connection.exec_driver_sql(statement)


@pytest.fixture
async def redis_url(addresses) -> AsyncIterator[str]:
    """The address of an empty Redis database: the last one, which no other test uses."""
    url = urlsplit(addresses.redis)._replace(path="/15").geturl()
    async with Redis.from_url(url) as redis:
        await redis.flushdb()
        yield url
        await redis.flushdb()


@pytest.fixture
async def own(database_url, redis_url) -> AsyncIterator[Own]:
    database, online = Database(database_url), Online(redis_url)
    await database.migrate()
    yield Own(database, online)
    await database.close()
    await online.close()


@pytest.fixture
def run(database_url, redis_url, addresses, tmp_path):
    """Run `vinkki audit` as a person does."""

    def run(*words: str) -> subprocess.CompletedProcess:
        given = {
            "VINKKI_KAFKA": addresses.kafka,
            "VINKKI_DATABASE": database_url,
            "VINKKI_REDIS": redis_url,
            "VINKKI_HOME": str(tmp_path),
        }
        command = [sys.executable, "-m", "api", "audit", *words]
        return subprocess.run(command, env=os.environ | given, capture_output=True, text=True, timeout=120, check=False)

    return run
