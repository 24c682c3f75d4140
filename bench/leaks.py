"""`leak_scan`: how long `vinkki audit leaks` looks through a house of many residents."""

import asyncio
import os
import sys
import time
from pathlib import Path

from sqlalchemy import text

from api import wiring
from bench.figures import Figure, Promise
from bench.ground import Ground
from engine.consent import Purpose

SCAN = Promise(name="leak_scan", unit="s", bound=120, better="lower")
RESIDENTS, ACTS_EACH = 100_000, 5
_PURPOSES = (Purpose.ACTIVITY, Purpose.INTERESTS, Purpose.LOCATION, Purpose.LEARNING, Purpose.MEASUREMENT)
_AT_ONCE = 1_000
# Made in the database itself: through the API they would take an hour.
_MAKE = (
    """
    INSERT INTO residents (person, pseudonym)
    SELECT gen_random_uuid(), 'bench' || lpad(n::text, 17, '0') FROM generate_series(1, :residents) n
    """,
    """
    INSERT INTO consents (resident, purpose, granted, notice, since, seq)
    SELECT r.pseudonym, p, true, 1, :since, 1
    FROM residents r CROSS JOIN unnest(CAST(:purposes AS text[])) p WHERE r.pseudonym LIKE 'bench%'
    """,
    """
    INSERT INTO interests (resident, content, updated)
    SELECT pseudonym, '{"keywords": ["yso:p965", "yso:p1808"], "languages": ["fi", "sv"], "birth_year": 1984}', :now
    FROM residents WHERE pseudonym LIKE 'bench%'
    """,
    """
    INSERT INTO journal (resident, id, offer, type, time, accepted)
    SELECT r.pseudonym, r.pseudonym || n, 'bench:' || n, 'view', :now, :now
    FROM residents r CROSS JOIN generate_series(1, :acts) n WHERE r.pseudonym LIKE 'bench%'
    """,
)


async def measure(ground: Ground) -> list[Figure]:
    """Fill the house with residents, and run the command once, as an operator does."""
    settings, stores, now = await ground.settings(), await ground.stores(), wiring.utc_now()
    residents = ground.size.scanned
    ground.say(f"Making {residents:,} residents")
    values = {"residents": residents, "since": now, "now": now, "purposes": list(_PURPOSES), "acts": ACTS_EACH}
    async with stores.database.begin() as connection:
        for statement in _MAKE:
            await connection.execute(text(statement), {n: v for n, v in values.items() if f":{n}" in statement})
    intake = wiring.intake(settings, stores)
    for first in range(1, residents + 1, _AT_ONCE):
        if first % (10 * _AT_ONCE) == 1:
            ground.say(f"Making their online state: {first - 1:,} of {residents:,}")
        some = range(first, min(first + _AT_ONCE, residents + 1))
        await intake.rebuild([f"bench{n:017d}" for n in some], now)
    began = time.monotonic()
    environment = {f"VINKKI_{name.upper()}": str(getattr(settings, name)) for name in ("kafka", "database", "redis")}
    log = Path(settings.home) / "leaks.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api", "audit", "leaks", "--home", str(settings.home),
            env={**os.environ, **environment}, stdout=out, stderr=out,
        )  # fmt: skip
        code = await process.wait()
    seconds = time.monotonic() - began
    if code:
        raise RuntimeError(f"The scan found something, or failed: {log.read_text('utf-8', 'replace')[-500:]}")
    reference = (
        f"{residents:,} residents, {len(_PURPOSES)} consents, interests and {ACTS_EACH} acts each, in SQL and Redis; "
        "topics and files of the measurements before; looked for in every encoding that is known"
    )
    return [SCAN.measured([seconds], reference)]
