"""The files of a split, line by line; what cannot be read is told with its file and line."""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import msgspec

from engine.errors import InvalidInput
from models.item import NO_LANGUAGE, Item


class _Record(msgspec.Struct):
    """A line of ``items.jsonl.gz``; null and a missing key say the same, and more keys are passed over."""

    item_id: str | int
    title: str | None = None
    text: str | None = None
    bow: dict[str, float] | None = None
    tags: list[str | int] | None = None
    organiser: str | int | None = None
    organiser_text: str | None = None
    venue: str | int | None = None
    city: str | int | None = None
    lat: float | None = None
    lon: float | None = None
    start_ts: float | None = None

    def item(self) -> Item:
        return Item(
            id=str(self.item_id),
            title={NO_LANGUAGE: self.title} if self.title else {},
            text={NO_LANGUAGE: self.text} if self.text else {},
            terms=self.bow or {},
            tags=tuple(dict.fromkeys(map(str, self.tags or ()))),
            organiser=_name(self.organiser),
            organiser_text=self.organiser_text or None,
            venue=_name(self.venue),
            area=_name(self.city),
            lat=self.lat,
            lon=self.lon,
            starts=self.start_ts,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a CSV file."""

    path: Path
    line: int
    cells: Mapping[str, str]

    def text(self, column: str, default: str | None = None) -> str:
        """Return what stands in a column, or a default where that is given and nothing stands there."""
        if found := self.cells.get(column):
            return found
        if default is None:
            raise self.wrong(f"{column} is empty")
        return default

    def decimal(self, column: str, default: float | None = None) -> float:
        """Return the number in a column, which may be infinite."""
        found = self.text(column, None if default is None else "")
        try:
            return float(found) if found or default is None else default
        except ValueError as error:
            raise self.wrong(f"{column} is {found!r}, which is no number") from error

    def number(self, column: str) -> int:
        """Return the whole number in a column."""
        found = self.text(column)
        try:
            return int(found)
        except ValueError as error:
            raise self.wrong(f"{column} is {found!r}, which is no whole number") from error

    def wrong(self, why: str) -> InvalidInput:
        """Return the error that names this line."""
        return _wrong(self.path, self.line, why)


def rows(path: Path, needed: Sequence[str]) -> Iterator[Row]:
    """Read a CSV file with a header, gzipped if its name says so.

    Raises
    ------
    InvalidInput
        The file or a needed column is missing, a line has more or fewer cells than the header, or it is no such file;
        lines with nothing in them are passed over.
    """
    with opened(path) as file:
        reader = csv.reader(file)
        try:
            header = next(reader, [])
            if missing := [column for column in needed if column not in header]:
                raise _wrong(path, 1, f"the column {missing[0]} is missing")
            for cells in filter(None, reader):
                if len(cells) != len(header):
                    raise _wrong(path, reader.line_num, f"{len(header)} cells are due, and {len(cells)} are there")
                yield Row(path, reader.line_num, dict(zip(header, cells, strict=True)))
        except csv.Error as error:
            raise _wrong(path, reader.line_num, str(error)) from error


def items(path: Path) -> Iterator[Item]:
    """Read what is told of each offer.

    Raises
    ------
    InvalidInput
        The file is missing, or a line is not JSON, lacks its id, has a value of a wrong type or an id for the second
        time.
    """
    decoder, seen = msgspec.json.Decoder(_Record), set[str]()
    with opened(path) as file:
        for line, text in enumerate(file, 1):
            try:
                item = _decoded(decoder, text).item()
            except (msgspec.MsgspecError, ValueError) as error:
                raise _wrong(path, line, str(error)) from error
            if item.id in seen:
                raise _wrong(path, line, f"the offer {item.id} stands there twice")
            seen.add(item.id)
            yield item


def _decoded(decoder: msgspec.json.Decoder[_Record], text: str) -> _Record:
    try:
        return decoder.decode(text)
    except msgspec.DecodeError:  # NaN is no JSON, but what some tools write for what they do not know
        return msgspec.convert(json.loads(text, parse_constant=lambda _: None), _Record)


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open a text file for reading, gzipped if its name says so.

    Raises
    ------
    InvalidInput
        It is missing, not gzipped, cut short, or not UTF-8.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            yield file
    except FileNotFoundError as error:
        raise InvalidInput(f"The file {path} is missing.", field=str(path)) from error
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InvalidInput(f"The file {path} cannot be read: {error}.", field=str(path)) from error


def _name(found: str | int | None) -> str | None:
    return None if found in (None, "") else str(found)


def _wrong(path: Path, line: int, why: str) -> InvalidInput:
    return InvalidInput(f"{path}, line {line}: {why}.", field=f"{path}:{line}")
