"""Addresses that refused for good, or whose owner complained: by a keyed digest, so that a new one is a new start."""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import text

from engine.events import Pseudonym
from engine.records.database import Database

_ADD = text("""
    INSERT INTO suppressions (resident, channel, mark, reason, time)
    SELECT s.resident, :channel, s.mark, s.reason, :now
    FROM unnest(CAST(:residents AS text[]), CAST(:marks AS bytea[]), CAST(:reasons AS text[]))
        AS s(resident, mark, reason)
    JOIN residents r ON r.pseudonym = s.resident
    WHERE EXISTS (SELECT FROM consents c WHERE c.resident = s.resident AND c.granted
        AND c.purpose ~ ('^marketing_.*_' || :channel || '$'))
    ON CONFLICT (resident, channel) DO UPDATE SET mark = excluded.mark, reason = excluded.reason, time = excluded.time
""")
_OF = text("SELECT resident, mark FROM suppressions WHERE resident = ANY(:residents) AND channel = :channel")


class SuppressionRecords:
    """Keeps suppressions.

    Parameters
    ----------
    secret
        The house's own; no address can be looked up without it.
    """

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = hmac.digest(secret, b"vinkki suppressions", "sha256")

    async def add(self, channel: str, addresses: Mapping[Pseudonym, tuple[str, str]], now: datetime) -> None:
        """Suppress addresses: by resident, the address and the reason. Of who allows the channel no more, nothing."""
        values = {
            "channel": channel,
            "residents": list(addresses),
            "marks": [self._mark(address) for address, _ in addresses.values()],
            "reasons": [reason for _, reason in addresses.values()],
            "now": now,
        }
        async with self._database.begin() as connection:
            await connection.execute(_ADD, values)

    async def among(self, channel: str, addresses: Mapping[Pseudonym, str]) -> Sequence[Pseudonym]:
        """Return whose address is suppressed; one that has changed since is not."""
        async with self._database.begin() as connection:
            found = await connection.execute(_OF, {"residents": list(addresses), "channel": channel})
            return [row.resident for row in found if row.mark == self._mark(addresses[row.resident])]

    def _mark(self, address: str) -> bytes:
        return hmac.digest(self._secret, address.strip().lower().encode(), "sha256")[:16]
