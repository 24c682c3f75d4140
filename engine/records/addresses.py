"""Addresses in SQL, as sealed bytes; the link of their resident holds them, and they go with it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from engine.addresses import HOUR, MOST_CODES, MOST_TRIES, PAUSE, UNUSED, WINDOW, Claim, Kept, Means
from engine.errors import Erased
from engine.events import Pseudonym
from engine.records.database import Database

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 11))")
_LINK = text("SELECT FROM residents WHERE pseudonym = :resident FOR KEY SHARE")
_AGAIN = text("""
    SELECT max(time) FROM (
        SELECT sent + :pause AS time FROM address_claims
        WHERE resident = :resident AND means = :means AND sent > :now - :pause
        UNION ALL
        (SELECT time + :window FROM address_sends WHERE resident = :resident AND time > :now - :window
         ORDER BY time DESC OFFSET :most - 1 LIMIT 1)
        UNION ALL
        (SELECT time + :window FROM address_sends WHERE digest = :digest AND time > :now - :window
         ORDER BY time DESC OFFSET :most - 1 LIMIT 1)
        UNION ALL
        (SELECT time + :hour FROM address_sends WHERE :means = 'sms' AND means = 'sms' AND time > :now - :hour
         ORDER BY time DESC OFFSET :texted LIMIT 1)
    ) limits
""")
_SENT = text("INSERT INTO address_sends (digest, resident, time, means) VALUES (:digest, :resident, :now, :means)")
_CLAIM = text("""
    INSERT INTO address_claims (resident, means, sealed, code, sent, until)
    VALUES (:resident, :means, :sealed, :code, :now, :until)
    ON CONFLICT (resident, means) DO UPDATE SET
        sealed = excluded.sealed, code = excluded.code, sent = excluded.sent, until = excluded.until, tries = 0
""")
_DROP = text("DELETE FROM address_claims WHERE resident = :resident AND means = :means")
_TRY = text("""
    UPDATE address_claims SET tries = tries + 1
    WHERE resident = :resident AND means = :means AND until > :now AND tries < :most
    RETURNING code = :code
""")
_CONFIRM = text("""
    WITH claimed AS (DELETE FROM address_claims WHERE resident = :resident AND means = :means RETURNING *)
    INSERT INTO addresses (resident, means, sealed, confirmed)
    SELECT resident, means, sealed, :now FROM claimed
    ON CONFLICT (resident, means) DO UPDATE SET sealed = excluded.sealed, confirmed = excluded.confirmed
""")
_REMOVE = text("DELETE FROM addresses WHERE resident = :resident AND means = :means")
KEPT = text("""
    SELECT means, sealed, confirmed, NULL::timestamptz AS until FROM addresses WHERE resident = :resident
    UNION ALL SELECT means, sealed, NULL, until FROM address_claims WHERE resident = :resident
    ORDER BY means, confirmed
""")
_CONFIRMED = text("SELECT resident, sealed FROM addresses WHERE means = :means AND resident = ANY(:residents)")
_SWEEP = (
    text("DELETE FROM address_claims WHERE until <= :now"),
    text("DELETE FROM address_sends WHERE time <= :now - :window"),
    text(r"""
        DELETE FROM addresses a WHERE a.confirmed <= :now - :unused AND NOT EXISTS (
            SELECT FROM consents c WHERE c.resident = a.resident AND (c.granted OR c.since > :now - :unused)
                AND c.purpose LIKE 'marketing\_%\_' || a.means)
    """),
)


class AddressRecords:
    """Keeps addresses (see `engine.addresses.AddressRecords`).

    Parameters
    ----------
    texted
        How many codes go out by text message in an hour, to everybody together: they cost, and somebody with many
        accounts could have many sent.
    """

    def __init__(self, database: Database, texted: int = 1_000) -> None:
        self._database = database
        self._texted = texted

    async def claim(self, resident: Pseudonym, claim: Claim) -> datetime | None:
        """Keep a claim in the place of an earlier one; return when to come back where a limit is reached.

        Raises
        ------
        Erased
            The resident is gone.
        """
        its = {"resident": resident, "means": claim.means, "digest": claim.digest, "now": claim.sent}
        limits = {"pause": PAUSE, "window": WINDOW, "most": MOST_CODES, "hour": HOUR, "texted": self._texted - 1}
        async with self._database.begin() as connection:
            for name in (resident, claim.digest.hex()):
                await connection.execute(_LOCK, {"name": name})
            if (await connection.execute(_LINK, {"resident": resident})).first() is None:
                raise Erased
            again: datetime | None = (await connection.execute(_AGAIN, its | limits)).scalar_one()
            if again is None:
                await connection.execute(_SENT, its)
                await connection.execute(
                    _CLAIM, its | {"sealed": claim.sealed, "code": claim.code, "until": claim.until}
                )
            return again

    async def drop_claim(self, resident: Pseudonym, means: Means) -> None:
        """Drop a claim whose code was not sent."""
        async with self._database.begin() as connection:
            await connection.execute(_DROP, {"resident": resident, "means": means})

    async def confirm(self, resident: Pseudonym, means: Means, code: bytes, now: datetime) -> bool:
        """Count a try, and where the code is right, put the claim in the place of the address."""
        its = {"resident": resident, "means": means, "now": now}
        async with self._database.begin() as connection:
            tried = await connection.execute(_TRY, its | {"code": code, "most": MOST_TRIES})
            right = bool(tried.scalar_one_or_none())
            if right:
                await connection.execute(_CONFIRM, its)
            return right

    async def remove(self, resident: Pseudonym, means: Means) -> None:
        """Delete address and claim."""
        async with self._database.begin() as connection:
            for statement in (_DROP, _REMOVE):
                await connection.execute(statement, {"resident": resident, "means": means})

    async def of(self, resident: Pseudonym) -> Sequence[Kept]:
        """Return all addresses and claims of a resident."""
        async with self._database.begin() as connection:
            return [kept(row) for row in await connection.execute(KEPT, {"resident": resident})]

    async def confirmed(self, residents: Sequence[Pseudonym], means: Means) -> Mapping[Pseudonym, bytes]:
        """Return the sealed addresses of those who have confirmed one."""
        async with self._database.begin() as connection:
            found = await connection.execute(_CONFIRMED, {"residents": list(residents), "means": means})
            return {row.resident: bytes(row.sealed) for row in found}

    async def sweep(self, now: datetime) -> None:
        """Drop claims and counts that are over, and addresses that no consent has used for `UNUSED`."""
        async with self._database.begin() as connection:
            for statement in _SWEEP:
                asked = {"now": now, "window": WINDOW, "unused": UNUSED}
                named = {name: value for name, value in asked.items() if f":{name}" in statement.text}
                await connection.execute(statement, named)


def kept(row: Row[Any]) -> Kept:
    """Return a row of `KEPT`."""
    return Kept(Means(row.means), bytes(row.sealed), row.confirmed, row.until)
