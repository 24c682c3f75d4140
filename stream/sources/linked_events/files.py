"""Linked Events records from a file or a folder of files, as the live interface's pages were saved."""

import gzip
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

from engine.errors import InvalidInput
from stream.sources.linked_events.source import PAGE_SIZE, Page, Unreadable, page_items, parse


class Files:
    """A page, a list of records or a single record, in one ``.json`` or ``.json.gz`` file or in each of a folder's.

    Events, courses, volunteering tasks, places and keywords may be mixed; each is known by its shape. A file is the
    truth of the records that it holds only: what it does not hold stays as it was.

    Parameters
    ----------
    path
        The file or folder; sub-folders are not read.

    Raises
    ------
    InvalidInput
        There is no such file or folder, or nothing in it can be read.
    """

    def __init__(self, path: Path) -> None:
        self.origin = str(path.resolve())
        self._files = sorted(f for f in path.iterdir() if _is_data(f)) if path.is_dir() else [path]
        if not path.exists() or not self._files:
            raise InvalidInput(f"There is no .json or .json.gz file at {path}; name a file, a folder or a URL.")

    async def pages(self, after: int, since: str | None) -> AsyncIterator[Page]:  # noqa: ARG002 - files have no history
        """Yield all records, a hundred at a time."""
        items = [item for file in self._files for item in self._items(file)]
        count = -(-len(items) // PAGE_SIZE)
        for number in range(after + 1, count + 1):
            yield Page(number, count, len(items), items[(number - 1) * PAGE_SIZE : number * PAGE_SIZE])

    async def listed(self, kind: str) -> AsyncIterator[Mapping[str, object]]:  # noqa: ARG002 - they come with the pages
        """Yield nothing: the places and keywords of the files came with the pages."""
        nothing: tuple[Mapping[str, object], ...] = ()
        for item in nothing:
            yield item

    async def one(self, kind: str, id_: str) -> Mapping[str, object]:
        """Refuse: what is in the files has been read."""
        raise Unreadable(f"The files hold no {kind} {id_}.")

    def _items(self, file: Path) -> Iterator[object]:
        try:
            content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
            yield from page_items(parse(content))
        except (OSError, EOFError, Unreadable) as error:
            why = error.detail if isinstance(error, Unreadable) else str(error)
            raise InvalidInput(f"{file} cannot be read: {why}", field="source") from error


def _is_data(file: Path) -> bool:
    return file.is_file() and file.name.endswith((".json", ".json.gz"))
