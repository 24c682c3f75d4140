"""A database, a city and a reader of what is published, for the tests of the import."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest

from engine.records.database import Database
from engine.records.imports import Imports
from tests.integration.linked_events.catalogue import Catalogue
from tests.integration.linked_events.city import City, serving

TABLES = "import_runs, import_refusals, source_records, source_groups, source_offers, source_references"


@pytest.fixture(scope="package")
async def database(addresses) -> AsyncIterator[Database]:
    """A database of this module's own, on the shared server."""
    name = f"linked_events_{uuid4().hex[:8]}"
    await on_server(addresses.database, f"CREATE DATABASE {name}")
    base = Database(addresses.database)
    opened = Database(base.url.set(database=name).render_as_string(hide_password=False))
    await base.close()
    await opened.migrate()
    yield opened
    await opened.close()
    await on_server(addresses.database, f"DROP DATABASE {name} WITH (FORCE)")


async def on_server(address: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute(statement)


@pytest.fixture
async def imports(database) -> Imports:
    async with database.begin() as connection:
        await connection.exec_driver_sql(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE")
    return Imports(database)


@pytest.fixture
def city() -> Iterator[City]:
    made = City()
    with serving(made):
        yield made


@pytest.fixture
def catalogue(imports) -> Catalogue:
    return Catalogue(imports)
