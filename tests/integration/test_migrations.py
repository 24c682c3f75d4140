"""The schema comes up from nothing and from every revision, and what was in it is kept."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from engine.records.database import MIGRATIONS, Database

REVISIONS = sorted(path.name[:4] for path in Path(MIGRATIONS, "versions").glob("[0-9]*.py"))


@pytest.fixture
async def database(addresses) -> AsyncIterator[Database]:
    name = f"migrations_{uuid4().hex[:12]}"
    async with await psycopg.AsyncConnection.connect(addresses.database, autocommit=True) as admin:
        await admin.execute(f"CREATE DATABASE {name}")
        opened = Database(addresses.database.replace("/vinkki?", f"/{name}?"))
        yield opened
        await opened.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def one(database: Database, query: str) -> object:
    async with database.begin() as connection:
        return (await connection.execute(text(query))).scalar_one()


async def test_the_revisions_form_one_line_from_the_first_to_the_last(database):
    assert REVISIONS[0] == "0001"
    await database.migrate()
    assert await one(database, "SELECT version_num FROM alembic_version") == REVISIONS[-1]


@pytest.mark.parametrize("revision", REVISIONS)
async def test_from_every_revision_upwards_what_was_there_is_kept(database, revision):
    await database.migrate(revision)
    async with database.begin() as connection:
        await connection.execute(text("INSERT INTO residents VALUES (gen_random_uuid(), 'somebody')"))
        await connection.execute(text("INSERT INTO interests VALUES ('somebody', '{\"birth_year\": 1980}', now())"))
    await database.migrate()
    assert await one(database, "SELECT version_num FROM alembic_version") == REVISIONS[-1]
    assert await one(database, "SELECT pseudonym FROM residents") == "somebody"
    assert await one(database, "SELECT content->>'birth_year' FROM interests") == "1980"


async def test_several_processes_may_migrate_at_once_and_again(database):
    others = [Database(database.url.render_as_string(hide_password=False)) for _ in range(3)]
    await asyncio.gather(*(each.migrate() for each in (database, *others)))
    await database.migrate()
    assert await one(database, "SELECT count(*) FROM alembic_version") == 1
    for other in others:
        await other.close()
