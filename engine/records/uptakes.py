"""What is known of the seats of offers that have few, in SQL: one row an offer, added to by all processes.

Beside it, how many seats were left when, as far back as is learned from: nobody is in that either.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text

from engine.capacity import Uptake, told
from engine.records.database import Database
from engine.records.journal import MEMORY

KEPT = timedelta(days=60)
"""After so long without a show an offer begins anew."""
_COLUMNS = "offer, uptakes.seats, pending, settled, taken, extract(epoch FROM at)::double precision AS at"
# Seats are read where they are told, since a process may not have heard of the newest yet. Rows are locked in one
# order, so that two processes never wait for each other.
_BEGIN = text("""
    INSERT INTO uptakes (offer, seats, pending, settled, taken, at)
    SELECT id, (content->>'seats_left')::integer, 0, 0, 0, :now FROM offers
    WHERE id = ANY(:offers) AND NOT deleted AND (content->>'seats_left')::integer > 0
    ORDER BY id ON CONFLICT DO NOTHING
""")
_LOCK = text(f"""
    SELECT {_COLUMNS}, (content->>'seats_left')::integer AS left FROM uptakes JOIN offers ON offers.id = offer
    WHERE offer = ANY(:offers) AND content->>'seats_left' IS NOT NULL ORDER BY offer FOR UPDATE OF uptakes
""")  # noqa: S608 - ours
_WRITE = text("""
    UPDATE uptakes SET seats = :seats, pending = :pending, settled = :settled, taken = :taken, at = to_timestamp(:at)
    WHERE offer = :offer
""")
_PENDING = text(f"SELECT {_COLUMNS} FROM uptakes WHERE pending > 1")  # noqa: S608
_HISTORY = text("""
    SELECT offer, extract(epoch FROM time)::double precision AS time, coalesce(seats_left, -1) AS left
    FROM seats_told ORDER BY offer, time
""")
_SWEEP = text("DELETE FROM uptakes WHERE at < :before")
_SWEEP_HISTORY = text("DELETE FROM seats_told WHERE time < :before")


class UptakeRecords:
    """Reads and writes what is known of seats."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, shows: Mapping[str, float], now: datetime) -> dict[str, Uptake]:
        """Add shows, by offer, and the seats as they are told now; return what is known of those with a limit then."""
        asked = {"offers": sorted(shows), "now": now}
        async with self._database.begin() as connection:
            await connection.execute(_BEGIN, asked)
            found = await connection.execute(_LOCK, asked)
            known = {row.offer: told(_read(row), row.left, shows[row.offer], now.timestamp()) for row in found}
            if known:
                await connection.execute(_WRITE, [{"offer": id_, **its._asdict()} for id_, its in known.items()])
        return known

    async def pending(self) -> dict[str, Uptake]:
        """Return what is known of offers that were shown since their seats were told."""
        async with self._database.begin() as connection:
            return {row.offer: _read(row) for row in await connection.execute(_PENDING)}

    async def history(self) -> Mapping[str, Sequence[tuple[float, int]]]:
        """Return, of offers whose seats are limited, since when in Unix seconds how many were left; -1 for no limit.

        The oldest first. The database writes it down whenever an offer tells another number.
        """
        found: dict[str, list[tuple[float, int]]] = {}
        async with self._database.begin() as connection:
            for row in await connection.execute(_HISTORY):
                found.setdefault(row.offer, []).append((row.time, row.left))
        return found

    async def sweep(self, now: datetime) -> None:
        """Drop what is older than `KEPT`; of seats that were told, what is older than all that is learned from."""
        async with self._database.begin() as connection:
            await connection.execute(_SWEEP, {"before": now - KEPT})
            await connection.execute(_SWEEP_HISTORY, {"before": now - MEMORY})


def _read(row: Row[Any]) -> Uptake:
    return Uptake(row.seats, row.pending, row.settled, row.taken, row.at)
