"""`vinkki audit`: whether what the house has promised about consents can be seen to hold."""

import asyncio
import sys
from datetime import UTC, datetime

from api.checkpoints import Checkpoints
from api.commands.parts import parts, say
from api.seal import Seal
from engine.chain import Verdict, verify
from engine.records.chain import ChainRecords
from engine.records.database import Database
from engine.settings import Settings


def run_verify(settings: Settings) -> None:
    """Check the ledger's chain; exit with 1 at the first entry that does not hold."""
    with parts(settings) as found:
        verdict = asyncio.run(_verify(found))
    if verdict.fault is not None:
        sys.exit(f"vinkki: the ledger does not hold at entry {verdict.fault.seq}: {verdict.fault.detail}.")
    say(f"The ledger holds: {verdict.entries:,} entries, the newest is {verdict.head.hash.hex()}")


async def _verify(settings: Settings) -> Verdict:
    database, checkpoints = (
        Database(settings.database or "", connections=1),
        Checkpoints(settings.home, Seal.of(settings)),
    )
    try:
        async with ChainRecords(database).snapshot() as snapshot:
            verdict = await verify(snapshot, checkpoints.read(), _progress)
    finally:
        await database.close()
    if verdict.fault is None:
        checkpoints.append(verdict.head, datetime.now(UTC))
    return verdict


def _progress(done: int, of: int) -> None:
    say(f"{done:,} of {of:,} entries checked")
