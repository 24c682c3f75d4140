"""What an import says to the person who waits: progress lines while it runs, and its report."""

import time
from collections import Counter
from collections.abc import Callable, Iterator

from engine.records.imports import ImportReport, Mode
from stream.sources.linked_events.source import Page

MOST_LISTED = 10
_MODES = {Mode.FULL: "everything", Mode.CHANGES: "what changed since {since:%Y-%m-%d %H:%M} UTC", Mode.FILES: "files"}


class Progress:
    """Says how far an import is, at most once a second.

    Parameters
    ----------
    say
        Takes one line of text.
    clock
        Seconds that only grow; for the time left, never for what is stored.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._began = self._said = clock()
        self._first: int | None = None

    def page(self, page: Page, read: int) -> None:
        """Tell of a page that is done; `read` records are, in all."""
        self._first = page.number - 1 if self._first is None else self._first
        now, last = self._clock(), page.number >= page.pages
        if page.number - 1 > self._first and not last and now - self._said < 1:
            return
        left = (now - self._began) / (page.number - self._first) * (page.pages - page.number)
        rest = "" if last else f", about {_duration(left)} left"
        self._said = now
        self._say(f"page {page.number} of {page.pages}, {read:,} records{rest}")

    def folded(self, groups: int) -> None:
        """Tell how many groups of records have been folded."""
        if (now := self._clock()) - self._said >= 1:
            self._said = now
            self._say(f"{groups:,} offers compared with what is published")


def describe(report: ImportReport, *, every: bool = False) -> Iterator[str]:
    """Yield the lines of a report; each refused record with `every`, else the first ten of each reason."""
    counts = report.counts
    scope = _MODES[report.mode].format(since=report.since) if report.since else _MODES[Mode(report.mode)]
    state = f"{report.finished:%Y-%m-%d %H:%M} UTC" if report.finished else "not finished; import again to go on"
    yield f"{report.system} from {report.source} ({scope}), {state}"
    yield f"  read       {counts.read:>7,} records on {counts.pages:,} pages, {counts.deleted:,} of them deleted ones"
    yield f"  published  {counts.published:>7,} offers new or changed, {counts.withdrawn:,} taken away"
    yield f"  unchanged  {counts.unchanged:>7,} offers"
    if counts.past:
        yield f"  passed by  {counts.past:>7,} records that were over long ago"
    if counts.repaired:
        mended = ", ".join(f"{n:,} {code}" for code, n in sorted(counts.repaired.items()))
        yield f"  repaired   {sum(counts.repaired.values()):>7,} records: {mended}"
    yield f"  refused    {sum(counts.refused.values()):>7,} records"
    for code, n in Counter(counts.refused).most_common():
        yield from _reason(report, code, n, every=every)


def _reason(report: ImportReport, code: str, n: int, *, every: bool) -> Iterator[str]:
    of_code = [refusal for refusal in report.refusals if refusal.code == code]
    yield f"    {n:>6,}  {code}: {of_code[0].detail if of_code else ''}"
    listed = of_code if every else of_code[:MOST_LISTED]
    for start in range(0, len(listed), 5):
        yield "            " + ", ".join(refusal.record or "(no id)" for refusal in listed[start : start + 5])
    if len(listed) < n:
        yield f"            ... and {n - len(listed):,} more"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - what reads well
