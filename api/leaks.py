"""Looks for people where none may be (SQL, Redis, files, metrics, topics) and for what a withdrawal should have ended.

Where something was found is told by table, kind of key, file or topic: never the value, and never a name that holds it.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from engine.consent import Consents, Purpose
from engine.leaks import Finder
from engine.online import Online
from engine.records.leaks import LeakRecords
from engine.records.ledger import LedgerRecords
from stream.everything import Message, everything, overdue

APART = b"\n\n"
SERVERS_OWN = frozenset({"postgres/data", "kafka/data", "valkey/data", "jars"})
"""Folders of the embedded servers in a home: what they hold is looked through by asking the servers."""
INVENTED = "personas.json"
"""The demo's log-in page knows the residents that it has made up."""
_BLOCK, _OVERLAP = 1 << 20, 1 << 12
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
            size = 0
            async for block in records.rows(table):
                size += len(block)
                if self._finder.finds(block):
                    self._found.add(f"SQL: table {table.name}")
                    break
            self._found.said(f"SQL: {table.name}, {size / 1e6:,.1f} MB")
        for name, count in (await records.withdrawn(now)).items():
            self._found.add(f"SQL: table {name}, {count:,} rows of residents who no longer allow it")

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
        for number, path in enumerate(_files(roots), start=1):
            shown = path
            if self._strict.finds(path.name.encode()):
                self._found.add(f"file: a name in {path.parent}")
                shown = path.parent
            try:
                if any(self._strict.finds(block, binary=True) for block in _blocks(path)):
                    self._found.add(f"file: {shown}")
            except (OSError, EOFError) as error:
                self._found.said(f"file: {shown} cannot be read: {type(error).__name__}")
            if number % 100 == 0:
                self._found.said(f"files: {number:,}")

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


def _files(roots: Iterable[Path]) -> Iterator[Path]:
    for root in roots:
        for path in (root, *sorted(root.rglob("*"))):
            own = path.relative_to(root).as_posix() if path != root else path.name
            if path.is_file() and not path.is_symlink() and not _servers(own) and own != INVENTED:
                yield path


def _servers(path: str) -> bool:
    return any(path.startswith(f"{folder}/") for folder in SERVERS_OWN)


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield a file in blocks that overlap, so that nothing is cut."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        kept = b""
        while block := file.read(_BLOCK):
            yield kept + block
            kept = block[-_OVERLAP:]
