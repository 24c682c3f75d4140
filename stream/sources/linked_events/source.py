"""What an import reads from: pages of records, and single things that records refer to."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import msgspec

from engine.errors import VinkkiError

PAGE_SIZE = 100
"""Records a page: the most that Linked Events gives."""


class Unreadable(VinkkiError):
    """What the source sent is not a page of Linked Events."""

    code = "unreadable"


class Page(msgspec.Struct, frozen=True):
    """One page: its number from 1, how many pages and records there are in all, and its items of whatever type."""

    number: int
    pages: int
    records: int
    items: list[object]


class Source(Protocol):
    """Where records come from."""

    origin: str

    def pages(self, after: int, since: str | None) -> AsyncIterator[Page]:
        """Yield the pages after number `after`; with `since`, only what changed from that moment on."""
        ...

    def listed(self, kind: str) -> AsyncIterator[Mapping[str, object]]:
        """Yield all `place`, `keyword` or `organization` objects that coming events use."""
        ...

    async def one(self, kind: str, id_: str) -> Mapping[str, object] | None:
        """Return one of them, or None where it is gone."""
        ...


def parse(content: bytes) -> object:
    """Return what JSON holds. Letters that are not UTF-8 are replaced: one bad letter must not cost a page.

    Raises
    ------
    Unreadable
        It is not JSON.
    """
    try:
        return json.loads(content.decode("utf-8", errors="replace"))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"What came is not JSON: {error}.") from error


def page_items(content: object) -> list[object]:
    """Return the records in a page, a list, or a single record.

    Raises
    ------
    Unreadable
        It is none of these.
    """
    if isinstance(content, dict):
        content = content.get("data", [content])
    if not isinstance(content, list):
        raise Unreadable("This is neither a page with `data`, nor a list of records, nor a record.")
    return content


def shape(item: object) -> str:
    """Say whether an item is an `event`, a `place` or a `keyword`, by its `@type` or else by its fields."""
    if not isinstance(item, dict):
        return "event"
    named = {"Place": "place", "Keyword": "keyword"}.get(str(item.get("@type")))
    if named or "start_time" in item or "type_id" in item or "event_status" in item:
        return named or "event"
    if "position" in item or "street_address" in item:
        return "place"
    return "keyword" if "alt_labels" in item or "aggregate" in item else "event"
