"""The way to PostgreSQL: connections, transactions, notifications, migrations. Nobody else opens a connection."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

import psycopg
from sqlalchemy import URL, Connection, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from engine.errors import InvalidInput, Misconfigured, StoreUnavailable
from engine.telemetry import logger

MIGRATIONS = Path(__file__).parent / "migrations"
log = logger("engine")
_FAULTS_OF_THE_DATA = ("21", "22", "23", "54")
"""Classes of SQLSTATE that blame the values: cardinality, data, integrity, size. All others blame the database."""


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
        self.url = _read(url).set(drivername="postgresql+psycopg")
        self._engine = create_async_engine(
            self.url,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=False,
            hide_parameters=True,  # they name residents, and errors are logged
            connect_args={"connect_timeout": 3, "options": "-c timezone=UTC -c statement_timeout=60000"},
        )
        self._alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that is committed at the end of the block.

        Raises
        ------
        StoreUnavailable
            PostgreSQL cannot be reached, went away in the middle, or is not as it must be (read-only, without a table);
            nothing of the block is kept.
        InvalidInput
            PostgreSQL cannot hold a value it was given.
        """
        with _explaining():
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection on which each statement is a transaction of its own: one round trip, commit included.

        Raises
        ------
        StoreUnavailable, InvalidInput
            As in `begin`; what earlier statements of the block did is kept.
        """
        with _explaining():
            async with self._alone.connect() as connection:
                yield connection

    async def planned(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Execute one statement as a transaction of its own, planned for these values and for tables as they are now.

        For what is asked again and again while its table grows: a plan that is kept is that of the small table.

        Parameters
        ----------
        statement
            With parameters in psycopg's form, ``%(name)s``.

        Raises
        ------
        StoreUnavailable, InvalidInput
            As in `begin`.
        """
        async with self.alone() as connection:
            raw = await connection.get_raw_connection()
            driver = cast("psycopg.AsyncConnection[tuple[Any, ...]]", raw.driver_connection)
            try:
                cursor = await driver.execute(statement, values, prepare=False)
                return list(await cursor.fetchall())
            except psycopg.Error as error:
                if driver.closed:
                    await connection.invalidate()
                raise _explained(error) from None

    async def listen(self, channels: Sequence[str]) -> AsyncIterator[tuple[str, str]]:
        """Yield (channel, payload) of each NOTIFY, over a connection of its own, until that connection breaks.

        The pair ``("", "")`` comes first, since whatever changed before must be read once, and after every 3 quiet
        seconds, in case a broken line kept a notification back.

        Raises
        ------
        StoreUnavailable
            The connection could not be made or broke; call again to go on listening.
        """
        conninfo = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            async with await psycopg.AsyncConnection.connect(
                conninfo, autocommit=True, connect_timeout=3
            ) as connection:
                for channel in channels:
                    await connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
                while True:
                    yield "", ""
                    async for note in connection.notifies(timeout=3):
                        yield note.channel, note.payload
        except (psycopg.Error, OSError) as error:
            raise StoreUnavailable from error

    async def copy(self, query: str, block_bytes: int = 1 << 18) -> AsyncIterator[bytes]:
        """Yield the rows of a query as text in blocks of whole rows, over a connection of its own.

        Raises
        ------
        StoreUnavailable
            PostgreSQL does not answer, or breaks off.
        """
        conninfo = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            async with await psycopg.AsyncConnection.connect(conninfo, connect_timeout=3) as connection:
                rows, size = list[bytes](), 0
                async with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT".encode()) as copying:
                    async for row in copying:
                        rows.append(bytes(row))
                        size += len(row)
                        if size >= block_bytes:
                            yield b"".join(rows)
                            rows, size = [], 0
                if rows:
                    yield b"".join(rows)
        except (psycopg.Error, OSError) as error:
            raise StoreUnavailable from error

    async def migrate(self, revision: str = "head") -> None:
        """Bring the schema up to `revision`. One caller at a time does it, the others wait."""
        async with self.begin() as connection:
            # Building an index over a year's journal takes longer than any request may.
            await connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            await connection.exec_driver_sql("SELECT pg_advisory_xact_lock(8455)")
            await connection.run_sync(_upgrade, revision)

    async def clock(self) -> float:
        """Return the database's time, in Unix seconds."""
        async with self.begin() as connection:
            return float((await connection.execute(text("SELECT extract(epoch FROM clock_timestamp())"))).scalar_one())

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


@contextmanager
def _explaining() -> Iterator[None]:
    try:
        yield
    except (PoolTimeout, OSError) as error:
        raise StoreUnavailable("The database does not answer; repeat in a moment.") from error
    except DBAPIError as error:
        # `from None`: PostgreSQL quotes the values it complains of, and those must not reach a log.
        raise _explained(error.orig) from None


def _explained(error: BaseException | None) -> InvalidInput | StoreUnavailable:
    state: str | None = getattr(error, "sqlstate", None)
    if isinstance(error, psycopg.DataError) or (state or "").startswith(_FAULTS_OF_THE_DATA):
        return InvalidInput(f"The database cannot hold this ({state or 'unencodable'}); correct it and send it again.")
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        log.error("database refuses", sqlstate=state, kind=type(error).__name__)
    return StoreUnavailable("The database does not answer; repeat in a moment.")


def _upgrade(connection: Connection, revision: str) -> None:
    import alembic.command  # noqa: PLC0415 - 10 MB that only who migrates needs
    import alembic.config  # noqa: PLC0415

    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, revision)


def _read(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # Not even as a cause: it may hold a password.
        raise Misconfigured(
            "VINKKI_DATABASE is no address; it looks like postgresql://user:secret@host/name."
        ) from None


def without_secret(url: str) -> str:
    """Return an address that may be shown: its password is left out."""
    return make_url(url).render_as_string(hide_password=True)
