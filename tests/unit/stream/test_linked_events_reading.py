"""What an import reads from and what it says while it waits."""

import gzip
import json

import httpx
import pytest

from engine.errors import InvalidInput
from stream.sources.linked_events.client import _retry_after
from stream.sources.linked_events.files import Files
from stream.sources.linked_events.progress import Progress
from stream.sources.linked_events.source import Page, Unreadable, shape


def test_progress_tells_pages_records_and_the_time_left_once_a_second():
    said: list[str] = []
    seconds = iter([0.0, 2.0, 2.5, 6.0, 500.0])
    progress = Progress(said.append, lambda: next(seconds))
    for number, read in ((10, 930), (11, 1030), (12, 1130), (142, 14130)):
        progress.page(Page(number, 142, 14130, []), read)
    assert said == [
        "page 10 of 142, 930 records, about 4 min left",
        "page 12 of 142, 1,130 records, about 4 min left",
        "page 142 of 142, 14,130 records",
    ]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Sun, 22 Nov 2026 08:00:30 GMT", "Date": "Sun, 22 Nov 2026 08:00:00 GMT"}, 30.0),
        ({"Retry-After": "Sun, 22 Nov 2026 07:00:00 GMT", "Date": "Sun, 22 Nov 2026 08:00:00 GMT"}, 0.0),
        ({"Retry-After": "Sun, 22 Nov 2026 08:00:30 GMT"}, None),
        ({"Retry-After": "in a while"}, None),
        ({}, None),
    ],
)
def test_a_servers_wish_to_wait_is_read_as_seconds_or_against_its_own_clock(headers, seconds):
    assert _retry_after(httpx.Response(429, headers=headers)) == seconds


def test_things_are_known_by_type_else_by_shape():
    assert shape({"@type": "Place"}) == shape({"id": "x", "position": None}) == "place"
    assert shape({"@type": "Keyword"}) == shape({"id": "x", "alt_labels": []}) == "keyword"
    assert shape({"id": "x", "start_time": None, "position": 1}) == shape({"id": "x", "name": 1}) == shape(5) == "event"


async def test_files_come_in_pages_of_a_hundred(tmp_path):
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(json.dumps([{"id": n} for n in range(150)]).encode()))
    (tmp_path / "a.json").write_text(json.dumps({"meta": {}, "data": [{"id": "first"}]}))
    pages = [page async for page in Files(tmp_path).pages(0, None)]
    assert [(page.number, page.pages, page.records, len(page.items)) for page in pages] == [
        (1, 2, 151, 100),
        (2, 2, 151, 51),
    ]
    assert pages[0].items[0] == {"id": "first"}
    assert [page.number async for page in Files(tmp_path).pages(1, None)] == [2]
    assert [item async for item in Files(tmp_path).listed("place")] == []
    with pytest.raises(Unreadable, match="hold no place x:1"):
        await Files(tmp_path).one("place", "x:1")


async def test_a_broken_archive_is_named(tmp_path):
    (tmp_path / "b.json.gz").write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(InvalidInput, match=r"b\.json\.gz cannot be read"):
        [page async for page in Files(tmp_path).pages(0, None)]
    with pytest.raises(InvalidInput, match="name a file, a folder or a URL"):
        Files(tmp_path / "nothing.json")
