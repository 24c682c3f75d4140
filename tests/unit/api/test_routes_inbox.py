"""A resident reads the messages that are allowed now, and nobody else does."""

import asyncio
import json
from contextlib import ExitStack
from datetime import timedelta

import pytest

from campaigns.records.inbox import Kept, Letter

PURPOSE = "marketing_library_inbox"
PATH = "/v1/residents/me/inbox"
LETTER = Letter("Uutta kirjastoissa", "Hei!", None, "fi", "library", "https://vinkki.example/stop/x")


@pytest.fixture
async def resident(door):
    resident = await door.grant(PURPOSE)
    for number in range(3):
        id_ = f"{number}" * 26
        door.memory.box.letters[id_] = resident, Kept(id_, PURPOSE, LETTER, door.now + timedelta(hours=number), None)
    return resident


async def inbox(door):
    got = await door.get(PATH)
    assert got.status_code == 200
    assert "no-store" in got.headers["cache-control"]
    return got.json()


async def test_messages_come_newest_first_and_say_how_to_end_them(door, resident):
    told = await inbox(door)
    assert [item["id"][0] for item in told["items"]] == ["2", "1", "0"]
    assert told["unread"] == 3
    assert told["items"][0]["stop"] == LETTER.stop
    assert resident not in str(told)


async def test_a_message_is_read_unread_and_deleted(door, resident):
    one = f"{PATH}/{'1' * 26}"
    assert (await door.put(one, {"read": True})).status_code == 204
    assert (await inbox(door))["unread"] == 2
    assert (await door.put(one, {"read": False})).status_code == 204
    assert (await inbox(door))["unread"] == 3
    assert (await door.delete(one)).status_code == 204
    assert len((await inbox(door))["items"]) == 2
    for got in (await door.delete(one), await door.put(one, {"read": True})):
        assert (got.status_code, got.json()["errors"][0]["field"]) == (404, "message")
    assert resident


async def test_after_a_withdrawal_nothing_is_shown_nor_after_a_new_grant_what_was_before(door, resident):
    door.memory.now += timedelta(hours=4)
    await door.grant(PURPOSE, granted=False)
    assert (await inbox(door))["items"] == []
    await door.grant(PURPOSE)
    assert (await inbox(door))["items"] == []
    assert len(door.memory.box.letters) == 3
    assert resident


async def test_somebody_without_any_word_has_an_empty_inbox(door):
    assert await inbox(door) == {"items": [], "unread": 0}


async def test_a_body_that_says_something_else_is_refused(door, resident):
    got = await door.put(f"{PATH}/x", {"read": "yes"})
    assert (got.status_code, got.json()["errors"][0]["field"]) == (422, "read")
    assert resident


async def test_nobody_else_reads_it(door, resident):
    assert (await door.client.get(PATH)).status_code == 401
    other = "7f1f2a44-5b8e-4df1-9d5f-0d5b1f6a2f10"
    assert (await door.get(f"/v1/residents/{other}/inbox")).status_code == 403
    assert resident


async def watch(door, after):
    """Watch the inbox, do something after each word of it, and return the words when the answer has ended."""
    headers = door.headers() | {"Accept": "text/event-stream"}
    asking = asyncio.create_task(door.client.get(PATH, headers=headers))
    for act in after:
        await asyncio.sleep(0.02)
        await act()
        await door.inbox_feed.hear("inboxes", f"other {door.memory.links.get(door.me, '')}")
    got = await asyncio.wait_for(asking, 5)
    assert "no-store" in got.headers["cache-control"]
    assert got.headers["content-type"].startswith("text/event-stream")
    assert "event: inbox" in got.text
    return [json.loads(line[6:])["unread"] for line in got.text.splitlines() if line.startswith("data: ")]


async def expire(door):
    door.memory.now += timedelta(days=1)


async def test_who_watches_is_told_what_is_unread_until_the_token_ends(door, resident):
    async def read():
        await door.put(f"{PATH}/{'1' * 26}", {"read": True})

    assert await watch(door, [read, read, lambda: expire(door)]) == [3, 2, 2]
    assert resident


async def test_after_a_withdrawal_who_watches_is_told_of_nothing(door, resident):
    async def withdraw():
        await door.grant(PURPOSE, granted=False)

    assert await watch(door, [withdraw, lambda: expire(door)]) == [3, 0]
    assert resident


async def test_while_too_many_watch_one_more_is_asked_to_come_back(door, resident):
    headers = door.headers() | {"Accept": "text/event-stream"}
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(door.inbox_feed.watching(resident))
        got = await door.client.get(PATH, headers=headers)
        assert (got.status_code, got.headers["retry-after"]) == (429, "60")
    assert await watch(door, [lambda: expire(door)]) == [3]


async def test_what_a_stranger_watches_needs_a_token_and_opens_nothing(door, resident):
    got = await door.client.get(PATH, headers={"Accept": "text/event-stream"})
    assert got.status_code == 401
    assert resident
