"""What an import did, in numbers and in words."""

from collections import Counter
from collections.abc import Callable, Iterator
from enum import StrEnum

import msgspec

from engine.events import AwareTime

FIRST, A_LINE = 10, 5
"""How many refused records a short report names of each reason, and how many stand on a line."""


class Mode(StrEnum):
    """How much of a source a run reads: all there is, what changed since the last run, or the given files."""

    FULL = "full"
    CHANGES = "changes"
    FILES = "files"


_SCOPES = {Mode.FULL: "everything", Mode.CHANGES: "what changed", Mode.FILES: "all that is in it"}


class Refusal(msgspec.Struct, frozen=True):
    """A record that could not be used: its id as far as it has one, a reason's code, and the reason in a sentence."""

    record: str
    code: str
    detail: str


class Counts(msgspec.Struct, omit_defaults=True):
    """What a run did so far; `refused` and `repaired` are by reason."""

    pages: int = 0
    read: int = 0
    deleted: int = 0
    past: int = 0
    published: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    refused: dict[str, int] = {}
    repaired: dict[str, int] = {}


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one import did: read, published, unchanged, deleted, refused; and each refusal."""

    system: str
    source: str
    mode: Mode
    started: AwareTime
    finished: AwareTime | None
    since: AwareTime | None
    counts: Counts
    refusals: tuple[Refusal, ...] = ()

    def tell(self, say: Callable[[str], None], *, refusals: bool = False) -> None:
        """Say the report, a line at a time; with `refusals`, each refused record, else the first ten of a reason."""
        for line in self._lines():
            say(line)
        for code, number in Counter(self.counts.refused).most_common():
            for line in self._reason(code, number, every=refusals):
                say(line)

    def _lines(self) -> Iterator[str]:
        counts = self.counts
        scope = f"what changed since {self.since:%Y-%m-%d %H:%M} UTC" if self.since else _SCOPES[self.mode]
        state = f"{self.finished:%Y-%m-%d %H:%M} UTC" if self.finished else "not finished; import again to go on"
        yield f"{self.system} from {self.source} ({scope}), {state}"
        yield f"  read      {counts.read:>7,} records on {counts.pages:,} pages, {counts.deleted:,} of them deleted"
        yield f"  published {counts.published:>7,} offers new or changed, {counts.withdrawn:,} taken away"
        yield f"  unchanged {counts.unchanged:>7,} offers"
        if counts.past:
            yield f"  passed by {counts.past:>7,} records that were over long ago"
        if counts.repaired:
            mended = ", ".join(f"{number:,} {code}" for code, number in sorted(counts.repaired.items()))
            yield f"  repaired  {sum(counts.repaired.values()):>7,} times: {mended}"
        yield f"  refused   {sum(counts.refused.values()):>7,} records"

    def _reason(self, code: str, number: int, *, every: bool) -> Iterator[str]:
        refused = [refusal for refusal in self.refusals if refusal.code == code]
        yield f"  {number:>9,}   {code}: {refused[0].detail if refused else ''}"
        listed = [refusal.record or "(no id)" for refusal in (refused if every else refused[:FIRST])]
        for start in range(0, len(listed), A_LINE):
            yield " " * 14 + ", ".join(listed[start : start + A_LINE])
        if len(listed) < number:
            yield " " * 14 + f"... and {number - len(listed):,} more"
