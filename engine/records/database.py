"""The way to PostgreSQL: connections, transactions, notifications and migrations. No other module opens a connection."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import psycopg
from sqlalchemy import Connection, MetaData, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from engine.errors import StoreUnavailable

metadata = MetaData()
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """A pool of connections to one PostgreSQL.

    Parameters
    ----------
    url
        ``postgresql://user:secret@host:port/name``, or with ``?host=/folder`` for a Unix socket.
    connections
        The most it holds open at once.
    """

    def __init__(self, url: str, connections: int = 8) -> None:
        self.url = make_url(url).set(drivername="postgresql+psycopg")
        self._engine = create_async_engine(
            self.url,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=False,
            connect_args={"connect_timeout": 3, "options": "-c timezone=UTC -c statement_timeout=60000"},
        )

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that is committed at the end of the block.

        Raises
        ------
        StoreUnavailable
            PostgreSQL cannot be reached or went away in the middle; nothing of the block is kept.
        """
        try:
            async with self._engine.begin() as connection:
                yield connection
        except (OperationalError, PoolTimeout, OSError) as error:
            raise StoreUnavailable("The database does not answer; repeat in a moment.") from error
        except DBAPIError as error:
            if error.connection_invalidated or isinstance(error.orig, psycopg.InterfaceError):
                raise StoreUnavailable("The database went away; repeat in a moment.") from error
            raise

    async def listen(self, channels: Sequence[str]) -> AsyncIterator[tuple[str, str]]:
        """Yield (channel, payload) of each NOTIFY, over a connection of its own, until that connection breaks.

        The first pair is ``("", "")``: the ear is open, and whatever changed before must be read once.

        Raises
        ------
        StoreUnavailable
            The connection could not be made or broke; call again to go on listening.
        """
        conninfo = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True, connect_timeout=3) as connection:
                for channel in channels:
                    await connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
                yield "", ""
                async for note in connection.notifies():
                    yield note.channel, note.payload
        except (psycopg.Error, OSError) as error:
            raise StoreUnavailable from error

    async def migrate(self, revision: str = "head") -> None:
        """Bring the schema up to `revision`. One caller at a time does it, the others wait."""
        async with self.begin() as connection:
            await connection.exec_driver_sql("SELECT pg_advisory_xact_lock(8455)")
            await connection.run_sync(_upgrade, revision)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _upgrade(connection: Connection, revision: str) -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, revision)


def rows(result: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - SQLAlchemy's Result is generic over what was selected
    """Return a result's rows as plain dictionaries."""
    return [dict(row) for row in result.mappings()]
