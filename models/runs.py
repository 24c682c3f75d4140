"""A run: what a ranker lists for each query of a split, in a text file of ``query<TAB>offer offer offer ...``."""

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidInput
from models.split_files import opened
from models.splits import Numbers, Split

MOST = 100
"""How many offers of a query are read and written."""

Lists = Mapping[tuple[int, int], Numbers]
"""Number of a fold and person -> offers, best first; a query that is missing has an empty list."""
Odds = Mapping[tuple[int, int], NDArray[np.float64]]
"""Number of a fold and person -> the log-odds of each offer of their list; nan where none are told."""


def write_run(path: Path, split: Split, lists: Lists) -> None:
    """Write a run, gzipped if its name says so; the same lists make the same bytes.

    Raises
    ------
    ValueError
        A list holds a number below 0.
    """
    lines = sorted(
        f"{query}\t{' '.join(split.items[offer].id for offer in named(lists, fold, person))}\n"
        for query, (fold, person) in _queries(split).items()
    )
    with path.open("wb") as raw:
        _write(raw, "".join(lines).encode(), zipped=path.suffix == ".gz")


def read_run(path: Path, split: Split) -> dict[tuple[int, int], Numbers]:
    """Read a run; queries that the split does not ask are passed over.

    Raises
    ------
    InvalidInput
        The file is missing, or a line names a query twice, an offer twice or one that the split does not know; it
        names file and line.
    """
    queries, offers = _queries(split), {item.id: number for number, item in enumerate(split.items)}
    lists, seen = dict[tuple[int, int], Numbers](), set[str]()
    for line, query, listed in _lines(path):
        where = f"{path}:{line}"
        if query in seen:
            raise InvalidInput(f"{path}, line {line}: the query {query} stands there twice.", field=where)
        seen.add(query)
        if query not in queries:
            continue
        if strange := [own_id for own_id in listed if own_id not in offers]:
            raise InvalidInput(f"{path}, line {line}: the split knows no offer {strange[0]}.", field=where)
        if len(set(listed)) < len(listed):
            raise InvalidInput(f"{path}, line {line}: an offer is listed twice for {query}.", field=where)
        lists[queries[query]] = np.array([offers[own_id] for own_id in listed], np.int32)
    return lists


def named(lists: Lists, fold: int, person: int) -> Numbers:
    """Return what a run lists for a query, as far as it counts.

    Raises
    ------
    ValueError
        It holds a number below 0, which would silently stand for one of the last offers.
    """
    found = lists.get((fold, person), _NOTHING)[:MOST]
    if found.min(initial=0) < 0:
        raise ValueError("A list holds numbers of offers alone; leave out what fills it up.")
    return found


def _queries(split: Split) -> dict[str, tuple[int, int]]:
    return {
        query: (fold.number, int(person))
        for fold in split.folds
        for query, person in zip(fold.queries, fold.people, strict=True)
    }


def _lines(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    with opened(path) as file:
        for line, text in enumerate(file, 1):
            query, _, listed = text.rstrip("\n").partition("\t")
            yield line, query, listed.split()[:MOST]


def _write(raw: BinaryIO, content: bytes, *, zipped: bool) -> None:
    if not zipped:
        raw.write(content)
        return
    with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=1) as file:
        file.write(content)


_NOTHING: Numbers = np.zeros(0, np.int32)
