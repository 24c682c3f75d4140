"""`vinkki audit replay`: ends once more, in a restored database, what residents had ended since the backup."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from api import wiring
from api.checkpoints import Checkpoints
from api.commands.parts import parts, say
from api.endings import Ending, Endings
from api.seal import Seal
from campaigns.records.runs import RunRecords
from campaigns.records.trail import TrailRecords
from engine.errors import InvalidInput
from engine.events import Pseudonym
from engine.records.chain import ChainRecords
from engine.records.endings import EndingRecords
from engine.settings import Settings


def run(settings: Settings, file: Path | None) -> None:
    """Replay the endings in the home, or in a copy of the file.

    Raises
    ------
    InvalidInput
        There is no such file, or it cannot be read.
    """
    with parts(settings) as found:
        erased, withdrawn, runs = asyncio.run(_replay(found, file))
    say(f"Replayed: {erased:,} erasures and {withdrawn:,} withdrawals that the database did not know of.")
    if runs:
        say(f"Cancelled: {runs:,} runs of campaigns. To whom they spoke since the backup nobody knows.")


async def _replay(settings: Settings, file: Path | None) -> tuple[int, int, int]:
    endings = Endings(settings.home, Seal.of(settings).secret)
    if not (file or endings.path).exists():
        raise InvalidInput(f"There is no file {file or endings.path}; give the copy that is kept elsewhere.")
    told = endings.read(file)
    stores = wiring.connect(settings, patience_seconds=wiring.COMMAND_PATIENCE_SECONDS)
    try:
        records = EndingRecords(stores.database)
        links = await records.links()
        known = {endings.digest(pseudonym): (pseudonym, person) for pseudonym, person in links.items()}
        # First of all: a worker must not send once more what the restored database does not know was sent.
        runs = await RunRecords(stores.database).end_open()
        erased, withdrawn = await _end(settings, stores, told, known)
        head = await ChainRecords(stores.database).head()
        if head is None or head.seq < max((ending.seq for ending in told), default=0):
            # The restored ledger counts on from an earlier entry: these tell of another one's.
            for path in (endings.path, Checkpoints(settings.home, Seal.of(settings)).path):
                _set_aside(path)
        await _pass_over(Checkpoints(settings.home, Seal.of(settings), "trail"), TrailRecords(stores.database))
        return erased, withdrawn, runs
    finally:
        await stores.close()


async def _pass_over(points: Checkpoints, acts: TrailRecords) -> None:
    """Set checkpoints of the desk's trail aside where the restored one counts on from an earlier act."""
    head = await acts.head()
    if head is None or head.seq < max((point.seq for point in points.read()), default=0):
        _set_aside(points.path)


def _set_aside(path: Path) -> None:
    if path.exists():
        aside = path.with_name(f"{path.stem}-{wiring.utc_now():%Y%m%dT%H%M%S}{path.suffix}")
        path.rename(aside)
        say(f"{path.name} tells of the ledger before the backup was restored; it is kept as {aside.name}")


async def _end(
    settings: Settings, stores: wiring.Stores, told: Sequence[Ending], known: Mapping[str, tuple[Pseudonym, UUID]]
) -> tuple[int, int]:
    eraser, intake, records = (
        wiring.eraser(settings, stores),
        wiring.intake(settings, stores),
        EndingRecords(stores.database),
    )
    now, erased, withdrawn = wiring.utc_now(), 0, 0
    for number, ending in enumerate(told, 1):
        if (found := known.get(ending.resident)) is None:
            continue
        resident, person = found
        if ending.purpose is None:
            erased += await eraser.erase(person, now)
        elif await records.holds(resident, ending.purpose, ending.time):
            await stores.ledger.append(resident, ending.purpose, granted=False, notice=1, time=now)
            withdrawn += 1
        if number % 1_000 == 0:
            say(f"{number:,} of {len(told):,} endings")
    # What the words order is done before anybody is told that it is.
    while await stores.ledger.backlog():
        await intake.sweep(wiring.utc_now(), after=timedelta(0))
    await intake.rebuild_all(wiring.utc_now())
    return erased, withdrawn
