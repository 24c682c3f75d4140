"""The import of Linked Events: read everything, group it, fold each group into an offer, publish what changed."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from engine.districts import Divisions
from engine.errors import InvalidInput
from engine.events import OfferChange
from engine.records.import_report import ImportReport, Mode
from engine.records.imports import Imports, Run
from stream.sources.linked_events.client import LIVE, LinkedEvents
from stream.sources.linked_events.files import Files
from stream.sources.linked_events.mapping import SYSTEM
from stream.sources.linked_events.progress import Progress
from stream.sources.linked_events.publishing import Publishing
from stream.sources.linked_events.reading import Reading
from stream.sources.linked_events.source import Source

EVERYTHING_AGAIN = timedelta(days=7)
"""A full run after this long puts right whatever the runs over changes may have missed."""
OVERLAP = timedelta(minutes=10)
"""Changes are asked for from this much before the last run began: its clock and the source's may differ."""

Publish = Callable[[Sequence[OfferChange]], Awaitable[None]]


async def import_catalogue(  # noqa: PLR0913 - what an import needs, each by name
    source: str | Path = LIVE,
    *,
    imports: Imports,
    publish: Publish,
    divisions: Divisions,
    now: datetime,
    say: Callable[[str], None],
    full: bool = False,
) -> ImportReport:
    """Import events, courses and volunteering tasks; publish each offer that is new, changed or gone.

    Nothing is published before all pages are read, as the records of one offer may be far apart. Interrupted at any
    point, the next call goes on there; repeated, it publishes nothing.

    Events that are wholly over are asked of no live interface. From a file they are taken all the same, so that their
    ids can be looked up; they are never suggested (`engine.offers.live`).

    Parameters
    ----------
    source
        An address, or a file or folder (`stream.sources.linked_events.files`). A file is the truth of what it holds;
        only the live interface can take away what it no longer lists.
    publish
        Puts changes where offers are folded into the catalogue; it returns when they are safe there.
    say
        Takes progress, a line at a time; the report says itself (`ImportReport.tell`).
    full
        Read everything from a live interface, even if a run over what changed would do.

    Raises
    ------
    InvalidInput
        The source is not one: no such file, not JSON, or the address answers that there is nothing.
    Unavailable
        The interface, the database or the broker is away, and what has been read is kept; or another import runs.
    """
    address = str(source)
    if "://" in address and not address.startswith(("http://", "https://")):
        raise InvalidInput(f"{address} is neither an http address nor a file.", field="source")
    async with imports.alone(SYSTEM):
        if "://" not in address:
            files = Files(Path(address))
            run = await imports.begin(SYSTEM, files.origin, Mode.FILES, now)
            return await _run(files, run, imports, publish, divisions, now, say)
        async with LinkedEvents(address, say) as client:
            run = await _begin(client.origin, imports, now, full=full)
            return await _run(client, run, imports, publish, divisions, now, say)


async def _begin(origin: str, imports: Imports, now: datetime, *, full: bool) -> Run:
    everything = await imports.last(origin, [Mode.FULL])
    if full or everything is None or now - everything > EVERYTHING_AGAIN:
        return await imports.begin(SYSTEM, origin, Mode.FULL, now)
    last = await imports.last(origin, [Mode.FULL, Mode.CHANGES]) or everything
    return await imports.begin(SYSTEM, origin, Mode.CHANGES, now, last - OVERLAP)


async def _run(  # noqa: PLR0913 - as above
    source: Source,
    run: Run,
    imports: Imports,
    publish: Publish,
    divisions: Divisions,
    now: datetime,
    say: Callable[[str], None],
) -> ImportReport:
    if run.page:
        say(f"Going on after page {run.page} of the import that began at {run.started:%Y-%m-%d %H:%M} UTC.")
    progress = Progress(say)
    reading = Reading(source, run, imports, now, say)
    await reading.take_pages(progress)
    await reading.take_references()
    publishing = Publishing(run, imports, publish, divisions, now)
    await publishing.group()
    await publishing.fold(progress)
    await publishing.withdraw()
    return await imports.finish(run, now)
