"""Ended sessions in SQL, told to every process at the moment they are written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, text

from engine.logouts import Logout
from engine.records.database import Database

CHANNEL = "logouts"
"""The notification that a session ended; its payload is read by `told`."""
_COLUMNS = "token, marks, extract(epoch FROM issued)::float8 AS issued, until"
_ADD = text("""
    WITH added AS (
        INSERT INTO logouts (token, marks, issued, until)
        VALUES (:token, :marks, to_timestamp(:issued), :until) ON CONFLICT (token) DO NOTHING RETURNING token
    )
    SELECT pg_notify(:channel, :payload) FROM added
""")
_NOW = text("SELECT clock_timestamp()")
_SINCE = text(f"SELECT {_COLUMNS} FROM logouts WHERE received >= :moment ORDER BY received")  # noqa: S608 - ours
_SWEEP = text("DELETE FROM logouts WHERE until <= :now")


class LogoutRecords:
    """Writes and reads ended sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, logout: Logout) -> bool:
        """Keep an end and tell every process, in one transaction; say whether its token was new.

        Raises
        ------
        StoreUnavailable
            It could not be kept, so nothing ended.
        """
        values = {**msgspec.structs.asdict(logout), "marks": list(logout.marks)}
        payload = msgspec.json.encode(logout).decode()
        async with self._database.begin() as connection:
            written = await connection.execute(_ADD, {**values, "channel": CHANNEL, "payload": payload})
            return written.one_or_none() is not None

    async def since(self, moment: datetime) -> tuple[Sequence[Logout], datetime]:
        """Return the ends that were written from a moment on, and the moment of now, both by the database's clock."""
        async with self._database.begin() as connection:
            now: datetime = (await connection.execute(_NOW)).scalar_one()
            return [_logout(row) for row in await connection.execute(_SINCE, {"moment": moment})], now

    async def sweep(self, now: datetime) -> None:
        """Drop ends whose tokens are all over."""
        async with self._database.begin() as connection:
            await connection.execute(_SWEEP, {"now": now})


def told(payload: str) -> Logout:
    """Return the end that a notification tells."""
    return msgspec.json.decode(payload, type=Logout)


def _logout(row: Row[Any]) -> Logout:
    return Logout(bytes(row.token), tuple(map(bytes, row.marks)), row.issued, row.until)
