"""A statement that is planned anew: what it returns, what it complains of, and that a broken line costs one call."""

import pytest

from api.embedded import Addresses
from engine.errors import InvalidInput, StoreUnavailable
from engine.records.database import Database


@pytest.fixture
async def database(addresses: Addresses):
    its = Database(addresses.database, connections=1)
    yield its
    await its.close()


async def test_it_returns_rows_and_keeps_what_it_did(database):
    assert await database.planned("SELECT %(n)s::int + 1, 'x'", {"n": 1}) == [(2, "x")]


@pytest.mark.parametrize(
    ("statement", "value", "error"),
    [
        ("SELECT %(value)s::text", "a\0b", InvalidInput),
        ("SELECT %(value)s::int", "many", InvalidInput),
        ("SELECT %(value)s FROM no_such_table", "x", StoreUnavailable),
    ],
)
async def test_faults_of_the_data_and_of_the_database_are_told_apart(database, statement, value, error):
    with pytest.raises(error):
        await database.planned(statement, {"value": value})
    assert await database.planned("SELECT 1", {}) == [(1,)]


async def test_a_line_that_broke_costs_one_call(database):
    with pytest.raises(StoreUnavailable):
        await database.planned("SELECT pg_terminate_backend(pg_backend_pid())", {})
    assert await database.planned("SELECT 1", {}) == [(1,)]
