"""The first half of an import: pages -> records kept in SQL, refusals, and what the records refer to."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from engine.records.import_report import Mode, Refusal
from engine.records.imports import Imports, Run
from engine.records.source_records import SourceRecord
from stream.sources.linked_events import references
from stream.sources.linked_events.mapping import SYSTEM, Draft, Gone, read_record
from stream.sources.linked_events.progress import Progress
from stream.sources.linked_events.source import Page, Source, shape

LONG_OVER = timedelta(days=30)
"""A change of an event that is unknown here and over for longer than this is of no use."""
FEWEST_TO_DOUBT = 50


class Reading:
    """Takes all that a source gives for one run."""

    def __init__(self, source: Source, run: Run, imports: Imports, now: datetime, say: Callable[[str], None]) -> None:
        self._source, self._run, self._imports, self._now, self._say = source, run, imports, now, say

    async def take_pages(self, progress: Progress) -> None:
        """Keep each page before the next is asked for; after everything, drop what is listed no more."""
        since = self._run.since.strftime("%Y-%m-%dT%H:%M:%SZ") if self._run.since else None
        async for page in self._source.pages(self._run.page, since):
            await self._take(page)
            progress.page(page, self._run.counts.read)
        if self._run.mode == Mode.FULL:
            await self._drop_vanished()

    async def take_references(self) -> None:
        """Fetch the places, keywords and organisations that the new records name and nobody told of yet."""
        if self._run.mode == Mode.FILES:
            return
        ids: dict[str, set[str]] = {}
        after = ""
        while batch := await self._imports.records.stale(SYSTEM, after):
            after = batch[-1].id
            for kind, named in references.wanted(decode(record.content) for record in batch).items():
                ids.setdefault(kind, set()).update(named)
        await references.fetch(self._source, self._imports, ids, self._say, renew=self._run.mode == Mode.FULL)

    async def _take(self, page: Page) -> None:
        counts, items = self._run.counts, [item for item in page.items if shape(item) == "event"]
        read = [read_record(item) for item in items]
        refusals = [outcome for outcome in read if isinstance(outcome, Refusal)]
        gone = [outcome.id for outcome in read if isinstance(outcome, Gone)]
        drafts = await self._of_use([outcome for outcome in read if isinstance(outcome, Draft)])
        await self._refer(page, drafts)
        await self._store(drafts)
        # What was usable and no longer is, is gone as well: to suggest it as it was would be wrong.
        await self._imports.records.remove(SYSTEM, [*gone, *(refusal.record for refusal in refusals)])
        counts.pages, counts.read, counts.deleted = (
            counts.pages + 1,
            counts.read + len(items),
            counts.deleted + len(gone),
        )
        _count(counts.refused, (refusal.code for refusal in refusals))
        _count(counts.repaired, (code for draft in drafts for code in draft.repairs))
        self._run.page = page.number
        await self._imports.keep(self._run, refusals)

    async def _of_use(self, drafts: Sequence[Draft]) -> Sequence[Draft]:
        if self._run.mode != Mode.CHANGES:
            return drafts
        kept = await self._imports.records.known(SYSTEM, [draft.id for draft in drafts])
        used = [d for d in drafts if d.id in kept or (until := _until(d)) is None or until > self._now - LONG_OVER]
        self._run.counts.past += len(drafts) - len(used)
        return used

    async def _store(self, drafts: Iterable[Draft]) -> None:
        records = [SourceRecord(d.id, msgspec.Raw(msgspec.json.encode(d)), d.parent, _until(d)) for d in drafts]
        run, refresh = self._run, self._run.mode == Mode.FULL
        await self._imports.records.store(SYSTEM, run.source, run.id, records, refresh=refresh)

    async def _refer(self, page: Page, drafts: Sequence[Draft]) -> None:
        await references.keep_told(self._imports, drafts)
        for kind in (references.PLACE, references.KEYWORD):
            found = [references.read(kind, i) for i in page.items if isinstance(i, dict) and shape(i) == kind]
            await self._imports.records.refer(SYSTEM, kind, dict(pair for pair in found if pair is not None))

    async def _drop_vanished(self) -> None:
        run, records = self._run, self._imports.records
        vanished = await records.vanished(SYSTEM, run.source, run.id, self._now)
        if len(vanished) > max(FEWEST_TO_DOUBT, run.counts.read / 2):
            self._say(f"{len(vanished):,} offers are not listed any more; that many cannot be true, so they are kept.")
            return
        run.counts.deleted += await records.remove(SYSTEM, vanished)


def decode(content: str) -> Draft:
    """Return a draft from the store."""
    return msgspec.json.decode(content, type=Draft)


def _until(draft: Draft) -> datetime | None:
    return draft.offer.ends or draft.offer.starts


def _count(counts: dict[str, int], codes: Iterable[str]) -> None:
    for code in codes:
        counts[code] = counts.get(code, 0) + 1
