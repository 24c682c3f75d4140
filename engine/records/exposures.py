"""How much offers were shown, in SQL: a count an offer and day, added up over all processes."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import text

from engine.exposure import KEPT_DAYS
from engine.records.database import Database

HELSINKI = ZoneInfo("Europe/Helsinki")
# In one order, so that two processes never wait for each other.
_ADD = text("""
    INSERT INTO exposures (day, offer, shows)
    SELECT :day, key, value::double precision FROM jsonb_each_text(CAST(:counts AS jsonb)) ORDER BY key
    ON CONFLICT (day, offer) DO UPDATE SET shows = exposures.shows + excluded.shows
""")
_TOTALS = text("""
    SELECT coalesce(jsonb_object_agg(offer, shows), '{}')::text FROM (
        SELECT offer, sum(shows) AS shows FROM exposures WHERE day >= :since GROUP BY offer
    ) AS totals
""")
_KNOWN = text("SELECT offer FROM exposures WHERE day >= :since GROUP BY offer HAVING sum(shows) >= :least")
_SWEEP = text("DELETE FROM exposures WHERE day < :since")
_decode = msgspec.json.Decoder(dict[str, float]).decode


class ExposureRecords:
    """Reads and writes counts of shows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, counts: Mapping[str, float], now: datetime) -> None:
        """Add to the counts of the day, in Helsinki, by offer."""
        values = {"day": _day(now), "counts": msgspec.json.encode(counts).decode()}
        async with self._database.begin() as connection:
            await connection.execute(_ADD, values)

    async def totals(self, days: int, now: datetime) -> dict[str, float]:
        """Return the shows of each offer on so many days, today among them."""
        async with self._database.begin() as connection:
            found = await connection.execute(_TOTALS, {"since": _day(now) - timedelta(days=days - 1)})
            return _decode(found.scalar_one())

    async def known(self, least: float, now: datetime) -> set[str]:
        """Return the offers that were shown at least so much as long as counts are kept."""
        async with self._database.begin() as connection:
            found = await connection.execute(_KNOWN, {"since": _day(now) - timedelta(days=KEPT_DAYS), "least": least})
            return set(found.scalars())

    async def sweep(self, now: datetime) -> None:
        """Drop what is older than `KEPT_DAYS`."""
        async with self._database.begin() as connection:
            await connection.execute(_SWEEP, {"since": _day(now) - timedelta(days=KEPT_DAYS)})


def _day(now: datetime) -> date:
    return now.astimezone(HELSINKI).date()
