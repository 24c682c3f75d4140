"""The outbox of what happens: written in the transaction that writes what it is about, so that neither is lost."""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.happenings import Happening

CHANNEL = "happenings"
"""The notification that a campaign may have something to speak of."""
_HEARD = text("SELECT EXISTS (SELECT FROM listeners WHERE kind = ANY(:kinds))")
_HAPPEN = text("SELECT id, kind, source FROM happen(CAST(:rows AS jsonb))")


async def heard(connection: AsyncConnection, kinds: Collection[str]) -> bool:
    """Say whether any running campaign speaks of one of these; what nobody speaks of need not be looked for."""
    return bool((await connection.execute(_HEARD, {"kinds": list(kinds)})).scalar_one())


async def note(connection: AsyncConnection, happened: Sequence[Happening]) -> dict[tuple[str, str], int]:
    """Note what happened, for the campaigns that listen; return the numbers of what is new, by kind and source."""
    if not happened:
        return {}
    found = await connection.execute(_HAPPEN, {"rows": msgspec.json.encode(happened).decode()})
    return {(row.kind, row.source): row.id for row in found}
