"""Looks for people where none may be (SQL, Redis, files, metrics, topics) and for what a withdrawal should have ended.

Where something was found is told by table, kind of key, file or topic: never the value, and never a name that holds it.
"""

import lzma
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zipfile import BadZipFile

import httpx

from api.files import blocks, paths
from engine.consent import Consents, Purpose
from engine.leaks import Finder
from engine.online import Online
from engine.records.leaks import LeakRecords
from engine.records.ledger import LedgerRecords
from stream.everything import Message, everything, overdue

APART = b"\n\n"
_TELLING = 32 << 20
"""After how many bytes of a table progress is told."""
_UNDER_WAY = timedelta(seconds=10)
_STATE = {b"t": Purpose.ACTIVITY, b"i": Purpose.INTERESTS}
Said = Callable[[str], None]


@dataclass
class Leaks:
    """What is found, place by place.

    Parameters
    ----------
    said
        Told of progress, a sentence at a time.
    """

    said: Said
    places: list[str] = field(default_factory=list)

    def add(self, place: str) -> None:
        """Note a place, once."""
        if place not in self.places:
            self.places.append(place)


class Search:
    """One search.

    Parameters
    ----------
    finder
        Knows the people looked for.
    strict
        Knows their pseudonyms as well, for logs, metrics and files, where those may not be either.
    found
        Takes what is found.
    """

    def __init__(self, finder: Finder, strict: Finder, found: Leaks) -> None:
        self._finder, self._strict, self._found = finder, strict, found

    async def sql(self, records: LeakRecords, now: datetime) -> None:
        """Look through every row of every table, and for rows that a withdrawal should have deleted."""
        for table in await records.tables():
            size, told = 0, 0
            async for block in records.rows(table):
                size += len(block)
                if size - told > _TELLING:
                    told = size
                    self._found.said(f"SQL: {table.name}, {size / 1e6:,.1f} MB so far")
                if self._finder.finds(block):
                    self._found.add(f"SQL: table {table.name}")
                    break
            self._found.said(f"SQL: {table.name}, {size / 1e6:,.1f} MB")
        for name, count in (await records.withdrawn(now)).items():
            self._found.add(f"SQL: table {name}, {count:,} rows of residents who no longer allow it")
        for name, count in (await records.overdue(now)).items():
            self._found.add(f"SQL: table {name}, {count:,} rows that are older than promised")

    async def redis(self, online: Online, ledger: LedgerRecords, now: datetime) -> None:
        """Look through every key and value, and for state and flags that the ledger does not allow."""
        done = 0
        async for batch in online.everything():
            if self._finder.finds(APART.join(part for pair in batch for part in pair), binary=True):
                for key, value in batch:
                    if self._finder.finds(APART.join((key, value)), binary=True):
                        self._found.add(f"Redis: {self._kind(key)}")
            await self._withdrawn([key for key, _ in batch], online, ledger, now)
            done += len(batch)
            self._found.said(f"Redis: {done:,} keys")

    async def topics(self, bootstrap: str, now: datetime) -> None:
        """Look through every message, and for messages that should have been deleted by now."""
        done = 0
        async for batch in everything(bootstrap):
            if self._finder.finds(APART.join(message.content for message in batch), binary=True):
                for message in batch:
                    if self._finder.finds(message.content, binary=True):
                        self._found.add(f"Kafka: {_where(message)}")
            for message in batch:
                if overdue(message, now):
                    self._found.add(f"Kafka: topic {message.topic} keeps messages past their retention")
            done += len(batch)
            self._found.said(f"Kafka: {done:,} messages")

    def files(self, roots: Iterable[Path]) -> None:
        """Look through every file below `roots`: logs, artefacts, whatever lies there."""
        number = 0
        for root in roots:
            for path in paths(root):
                shown = self._shown(root, path)
                if path.is_file():
                    self._file(path, shown)
                number += 1
                if number % 100 == 0:
                    self._found.said(f"files: {number:,}")

    def _shown(self, root: Path, path: Path) -> Path:
        """Return the path as far as its names may be shown; note the place of a name that may not be."""
        shown = root
        for name in path.relative_to(root).parts:
            if self._strict.finds(name.encode("utf-8", "replace")):
                self._found.add(f"file: a name in {shown}")
                break
            shown /= name
        return shown

    def _file(self, path: Path, shown: Path) -> None:
        try:
            if any(self._strict.finds(block, binary=True) for block in blocks(path)):
                self._found.add(f"file: {shown}")
        except (OSError, EOFError, lzma.LZMAError, BadZipFile, zlib.error, RuntimeError) as error:
            self._found.said(f"file: {shown} cannot be read: {type(error).__name__}")

    async def metrics(self, urls: Iterable[str]) -> None:
        """Look through what processes tell Prometheus."""
        async with httpx.AsyncClient(timeout=5) as client:
            for url in urls:
                try:
                    answer = await client.get(url)
                except httpx.HTTPError:
                    self._found.said(f"metrics: nobody answers at {url}")
                    continue
                if self._strict.finds(answer.content):
                    self._found.add(f"metrics: {url}")
                self._found.said(f"metrics: {url}, {len(answer.content):,} bytes")

    def _kind(self, key: bytes) -> str:
        """Name a key's kind, as long as that does not name anybody."""
        kind, _, rest = key.partition(b":")
        told = rest and not self._finder.finds(kind, binary=True) and kind.isascii()
        return f"a key of the kind {kind.decode()}:" if told else "a key of no kind that is ours"

    async def _withdrawn(self, keys: Sequence[bytes], online: Online, ledger: LedgerRecords, now: datetime) -> None:
        named = [(key[:1], key[2:].decode("ascii", "replace")) for key in keys if key[:2] in (b"c:", b"t:", b"i:")]
        flags = {s.resident: s.consents for s in await online.sealed_many([r for kind, r in named if kind == b"c"])}
        consents = await ledger.consents_of(list({resident for _, resident in named})) if named else {}
        for kind, resident in named:
            if kind in _STATE and not _allowed(consents[resident], _STATE[kind], now):
                self._found.add(f"Redis: {kind.decode()}: of residents who no longer allow it")
            granted = (held.grants if (held := flags.get(resident)) else {}).items()
            if not all(_allowed(consents[resident], purpose, now) for purpose, grant in granted if grant.granted):
                self._found.add("Redis: c: allows what the ledger does not")


def _allowed(consents: Consents, purpose: Purpose, now: datetime) -> bool:
    """Say whether a purpose is granted, or was until a moment ago: a withdrawal may be under way."""
    word = consents.grants.get(purpose)
    return word is not None and (word.granted or now - word.since < _UNDER_WAY)


def _where(message: Message) -> str:
    return f"topic {message.topic}, partition {message.partition}, offset {message.offset}"
