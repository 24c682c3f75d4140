"""Browsers that take push messages, in SQL, as sealed bytes; the link of their resident holds them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from engine.addresses import UNUSED
from engine.errors import Erased
from engine.events import Pseudonym
from engine.records.database import Database
from engine.subscriptions import MOST, STALE, Kept

_LINK = text("SELECT FROM residents WHERE pseudonym = :resident FOR NO KEY UPDATE")
_KEEP = text("""
    INSERT INTO push_subscriptions (mark, resident, sealed, given) VALUES (:mark, :resident, :sealed, :given)
    ON CONFLICT (mark) DO UPDATE SET
        resident = excluded.resident, sealed = excluded.sealed, given = excluded.given
""")
_MAKE_WAY = text("""
    DELETE FROM push_subscriptions WHERE mark IN (
        SELECT mark FROM push_subscriptions WHERE resident = :resident ORDER BY given DESC, mark OFFSET :most)
""")
SUBSCRIBED = text("""
    SELECT resident, mark, sealed, given FROM push_subscriptions WHERE resident = ANY(:residents)
    ORDER BY given DESC, mark
""")
_REMOVE = text("""
    DELETE FROM push_subscriptions WHERE resident = :resident AND (CAST(:mark AS bytea) IS NULL OR mark = :mark)
""")
_DROP = text("DELETE FROM push_subscriptions WHERE mark = ANY(:marks)")
_SWEEP = text(r"""
    DELETE FROM push_subscriptions p WHERE p.given <= :now - :stale OR p.given <= :now - :unused AND NOT EXISTS (
        SELECT FROM consents c WHERE c.resident = p.resident AND (c.granted OR c.since > :now - :unused)
            AND c.purpose LIKE 'marketing\_%\_push')
""")


class SubscriptionRecords:
    """Keeps browsers (see `engine.subscriptions.SubscriptionRecords`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, resident: Pseudonym, kept: Kept) -> None:
        """Keep a browser in the place of what was known of it, whoever's it was.

        Raises
        ------
        Erased
            The resident is gone.
        """
        its = {"mark": kept.mark, "resident": resident, "sealed": kept.sealed, "given": kept.given}
        async with self._database.begin() as connection:
            # Also one at a time for a resident, so that two browsers at once do not both stay beyond the most.
            if (await connection.execute(_LINK, {"resident": resident})).first() is None:
                raise Erased
            await connection.execute(_KEEP, its)
            await connection.execute(_MAKE_WAY, {"resident": resident, "most": MOST})

    async def of(self, residents: Sequence[Pseudonym]) -> Mapping[Pseudonym, Sequence[Kept]]:
        """Return the browsers of each resident that has any, the newest first."""
        found: dict[Pseudonym, list[Kept]] = {}
        async with self._database.begin() as connection:
            for row in await connection.execute(SUBSCRIBED, {"residents": list(residents)}):
                found.setdefault(row.resident, []).append(kept(row))
        return found

    async def remove(self, resident: Pseudonym, mark: bytes | None) -> None:
        """Delete one browser of a resident, or all."""
        async with self._database.begin() as connection:
            await connection.execute(_REMOVE, {"resident": resident, "mark": mark})

    async def drop(self, marks: Sequence[bytes]) -> None:
        """Delete browsers, whoever's they are."""
        async with self._database.begin() as connection:
            await connection.execute(_DROP, {"marks": list(marks)})

    async def sweep(self, now: datetime) -> None:
        """Drop browsers that no consent has used for `UNUSED`, and those not given again for `STALE`."""
        async with self._database.begin() as connection:
            await connection.execute(_SWEEP, {"now": now, "stale": STALE, "unused": UNUSED})


def kept(row: Row[Any]) -> Kept:
    """Return a row of `SUBSCRIBED`."""
    return Kept(bytes(row.mark), bytes(row.sealed), row.given)
