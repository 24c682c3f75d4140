"""Imports in SQL: their runs with a cursor to go on from, and what they refused."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import text

from engine.errors import Unavailable
from engine.records.database import Database
from engine.records.import_report import Counts, ImportReport, Mode, Refusal
from engine.records.source_records import SourceRecords

STILL_THE_SAME = timedelta(hours=6)
"""An interrupted run goes on where it stopped if it began within this; later, the pages have moved too far."""

_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtext('import ' || :system))")
_OPEN = text("""
    SELECT id, started, since, page, counts FROM import_runs
    WHERE source = :source AND mode = :mode AND finished IS NULL AND started > :oldest ORDER BY id DESC LIMIT 1
""")
_BEGIN = text("""
    INSERT INTO import_runs (system, source, mode, started, since, counts)
    VALUES (:system, :source, :mode, :started, :since, '{}') RETURNING id
""")
_LAST = text("""
    SELECT max(started) FROM import_runs
    WHERE source = :source AND finished IS NOT NULL AND mode = ANY(:modes)
""")
_ADVANCE = text("UPDATE import_runs SET page = :page, counts = CAST(:counts AS jsonb) WHERE id = :run")
_FINISH = text("UPDATE import_runs SET finished = :finished, counts = CAST(:counts AS jsonb) WHERE id = :run")
_REFUSE = text("""
    INSERT INTO import_refusals (run, record, code, detail)
    SELECT :run, e.record, e.code, e.detail
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS e(record text, code text, detail text)
""")
_REFUSALS = text("SELECT record, code, detail FROM import_refusals WHERE run = :run ORDER BY seq")
_REPORTS = text("""
    SELECT DISTINCT ON (source) id, system, source, mode, started, finished, since, counts
    FROM import_runs ORDER BY source, id DESC
""")


class Run(msgspec.Struct):
    """One import under way. `page` is the last page that is kept; from `since` on, changes are asked for."""

    id: int
    system: str
    source: str
    mode: Mode
    started: datetime
    since: datetime | None = None
    page: int = 0
    counts: Counts = msgspec.field(default_factory=Counts)


class Imports:
    """Reads and writes import runs; `records` holds what the sources said."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.records = SourceRecords(database)

    @asynccontextmanager
    async def alone(self, system: str) -> AsyncIterator[None]:
        """Make sure that no other import of the same system runs: two would miss each other's changes.

        Raises
        ------
        Unavailable
            Another one is running.
        """
        async with AsyncExitStack() as held:
            connection = await held.enter_async_context(self._database.begin())
            if not (await connection.execute(_ALONE, {"system": system})).scalar_one():
                raise Unavailable(f"Another import from {system} is running; repeat when it is done.")
            # The lock goes with its transaction, which sees nothing of what happens in the block.
            still_held = held.pop_all()
        try:
            yield
        finally:
            await still_held.aclose()

    async def begin(self, system: str, source: str, mode: Mode, now: datetime, since: datetime | None = None) -> Run:
        """Begin a run, or go on with the one of the same source and mode that was interrupted."""
        async with self._database.begin() as connection:
            if mode != Mode.FILES:
                values: dict[str, Any] = {"source": source, "mode": mode, "oldest": now - STILL_THE_SAME}
                if found := (await connection.execute(_OPEN, values)).one_or_none():
                    counts = msgspec.convert(found.counts, Counts)
                    return Run(found.id, system, source, mode, found.started, found.since, found.page, counts)
            values = {"system": system, "source": source, "mode": mode, "started": now, "since": since}
            id_ = (await connection.execute(_BEGIN, values)).scalar_one()
        return Run(id_, system, source, mode, now, since)

    async def last(self, source: str, modes: Sequence[Mode]) -> datetime | None:
        """Return when the last complete run of a source in one of the modes began."""
        async with self._database.begin() as connection:
            found: datetime | None = (
                await connection.execute(_LAST, {"source": source, "modes": [str(mode) for mode in modes]})
            ).scalar_one()
        return found

    async def keep(self, run: Run, refusals: Sequence[Refusal]) -> None:
        """Keep how far a run has come, and what it refused on the way there."""
        rows = msgspec.json.encode(refusals).decode()
        async with self._database.begin() as connection:
            if refusals:
                await connection.execute(_REFUSE, {"run": run.id, "rows": rows})
            await connection.execute(_ADVANCE, {"run": run.id, "page": run.page, "counts": _encode(run.counts)})

    async def finish(self, run: Run, now: datetime) -> ImportReport:
        """Close a run and return its report."""
        async with self._database.begin() as connection:
            await connection.execute(_FINISH, {"run": run.id, "finished": now, "counts": _encode(run.counts)})
        facts = {
            "id": run.id,
            **{name: getattr(run, name) for name in ("system", "source", "mode", "started", "since")},
        }
        return await self._report({**facts, "finished": now, "counts": run.counts})

    async def last_reports(self) -> list[ImportReport]:
        """Return the report of the last run of each source."""
        async with self._database.begin() as connection:
            found = [dict(row) for row in (await connection.execute(_REPORTS)).mappings()]
        return [await self._report(row) for row in found]

    async def _report(self, row: Mapping[str, Any]) -> ImportReport:
        async with self._database.begin() as connection:
            refused = (await connection.execute(_REFUSALS, {"run": row["id"]})).all()
        refusals = tuple(Refusal(r.record, r.code, r.detail) for r in refused)
        return ImportReport(
            system=row["system"],
            source=row["source"],
            mode=Mode(row["mode"]),
            started=row["started"],
            finished=row["finished"],
            since=row["since"],
            counts=msgspec.convert(row["counts"], Counts),
            refusals=refusals,
        )


def _encode(counts: Counts) -> str:
    return msgspec.json.encode(counts).decode()
