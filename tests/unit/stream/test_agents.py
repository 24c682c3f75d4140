"""What becomes of a message: taken in, refused with its reason, or neither and then it comes again."""

import asyncio
import gc
from datetime import datetime
from typing import Any

import msgspec
import pytest

from engine.errors import BrokerUnavailable, InvalidInput, StoreUnavailable
from engine.events import ConsentChange, Interaction, InteractionBatch, InteractionType
from stream.agents import Reader
from stream.app import create_app
from stream.topics import CONSENTS, INTERACTIONS
from tests.factories import NOW
from tests.unit.stream.kafka import ADDRESS
from tests.unit.stream.waiting import until

MEGABYTE = 1_048_576


def batch(*ids: str, **changes: Any) -> InteractionBatch:
    events = tuple(Interaction(id_, "test:1", InteractionType.SAVE, NOW) for id_ in ids)
    return InteractionBatch("someone", NOW, events, **changes)


def wire(event: object) -> bytes:
    return msgspec.json.encode(event)


class Ground:
    """What stands behind a reader: it takes in events, except where a test has set otherwise."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.taken: list[str] = []
        self.refused: list[Any] = []
        self.stops: list[str] = []
        self.bad: set[str] = set()
        self.failures: list[Exception] = []
        self.deaf: list[Exception] = []
        self.away = False

    async def take_in(self, batches: list[InteractionBatch], now: datetime) -> None:
        assert now == NOW
        ids = [event.id for its in batches for event in its.events]
        self.calls.append(ids)
        if self.failures:
            raise self.failures.pop(0)
        if self.away:
            raise StoreUnavailable
        if self.bad & set(ids):
            raise ValueError("somebody's name")
        self.taken += ids

    async def refuse(self, refusals: Any) -> None:
        if self.deaf:
            raise self.deaf.pop(0)
        self.refused += refusals

    def reader(self, patience_seconds: float = 5.0) -> Reader[Any]:
        return Reader(
            INTERACTIONS, InteractionBatch, self.take_in, self.refuse, lambda: NOW,
            stop=self.stops.append, patience_seconds=patience_seconds,
        )  # fmt: skip


@pytest.fixture
def ground() -> Ground:
    return Ground()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x00\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"{" * 100_000,
        b'"' + b"\xf0\x9f\x8f\x8a" * 1_000,
        b'{"resident": "a", "accepted": "2026-01-01T00:00:00", "events": []}',
        wire(batch("a")).replace(b"save", b"eat"),
        wire(batch("a")).replace(b"Z", b""),
    ],
)
async def test_what_cannot_be_read_is_refused_with_its_reason_and_what_is_beside_it_is_taken_in(ground, message):
    await ground.reader().read([wire(batch("before")), message, wire(batch("after"))])
    assert ground.taken == ["before", "after"]
    (refusal,) = ground.refused
    assert (refusal.topic, refusal.code, refusal.time) == ("interactions", "unreadable", NOW)
    assert refusal.detail
    assert refusal.payload == message[:500].decode("utf-8", "replace")
    assert ground.stops == []


async def test_a_message_without_content_is_refused_like_any_other(ground):
    await ground.reader().read([None, wire(batch("a"))])
    assert [refusal.code for refusal in ground.refused] == ["unreadable"]
    assert ground.taken == ["a"]


async def test_what_a_later_vinkki_wrote_is_refused_whole_so_that_it_can_be_sent_again(ground):
    later = wire(batch(*map(str, range(500)), version=2))
    await ground.reader().read([later])
    (refusal,) = ground.refused
    assert (refusal.code, refusal.payload.encode()) == ("unknown_version", later)
    assert ground.taken == []


async def test_the_longest_refusal_fits_into_a_message(ground):
    longest = wire(batch('"\\' * 100_000, version=2)) + b"\n" * MEGABYTE
    await ground.reader().read([longest, b"\x01" * MEGABYTE])
    assert [refusal.code for refusal in ground.refused] == ["unknown_version", "unreadable"]
    assert max(len(wire(refusal)) for refusal in ground.refused) < MEGABYTE


async def test_one_event_that_nothing_can_take_in_costs_none_beside_it(ground):
    ground.bad = {"c"}
    await ground.reader().read([wire(batch("a", "b")), wire(batch("c", "d")), wire(batch("e"))])
    assert sorted(ground.taken) == ["a", "b", "d", "e"]
    (refusal,) = ground.refused
    assert (refusal.code, refusal.detail) == ("failed", "ValueError")
    assert [event.id for event in msgspec.json.decode(refusal.payload, type=InteractionBatch).events] == ["c"]


async def test_while_a_store_is_away_the_same_batch_is_tried_again(ground):
    ground.failures = [StoreUnavailable(), StoreUnavailable()]
    reader = ground.reader()
    await reader.read([wire(batch("a", "b"))])
    assert ground.calls == [["a", "b"]] * 3
    assert (ground.taken, ground.refused, ground.stops) == (["a", "b"], [], [])
    assert not reader.waiting


async def test_a_store_that_leaves_in_the_middle_of_a_split_batch_is_waited_for(ground):
    ground.failures = [ValueError(), StoreUnavailable()]
    await ground.reader().read([wire(batch("a")), wire(batch("b"))])
    assert sorted(ground.taken) == ["a", "b"]
    assert ground.refused == []


async def test_a_refusal_waits_for_kafka_like_an_event(ground):
    ground.deaf = [BrokerUnavailable()]
    await ground.reader().read([b"?"])
    assert [refusal.code for refusal in ground.refused] == ["unreadable"]


async def test_a_store_that_stays_away_ends_the_worker_with_the_reason(ground):
    ground.away = True
    with pytest.raises(StoreUnavailable):
        await ground.reader(patience_seconds=0.05).read([wire(batch("a"))])
    (why,) = ground.stops
    assert why.startswith("interactions: The store does not answer")
    assert ground.refused == []


async def test_what_can_neither_be_taken_in_nor_refused_ends_the_worker_with_the_reason(ground):
    ground.deaf = [InvalidInput("This is too large for the event log; send less at once.")]
    with pytest.raises(InvalidInput):
        await ground.reader().read([b"?", wire(batch("a"))])
    (why,) = ground.stops
    assert why == "interactions: What is refused cannot be told: InvalidInput."
    assert ground.taken == []


async def test_a_reader_says_that_it_waits(ground):
    reader, waited = ground.reader(), []

    async def handle(_events: Any, _now: datetime) -> None:
        waited.append(reader.waiting)
        if len(waited) < 3:
            raise StoreUnavailable

    reader._handle = handle
    await reader.read([wire(batch("a"))])
    assert waited == [False, True, True]


def agent_of(reader: Reader[Any]) -> Any:
    """Return an agent of Faust's with a reader of ours, as Faust lets it be tested."""
    return create_app(ADDRESS, 1, [reader], []).agents[reader.topic.name].test_context()


async def test_a_message_is_acknowledged_when_it_is_taken_in_or_refused(ground):
    async with agent_of(ground.reader()) as agent:
        events = [await agent.put(message, wait=False) for message in (wire(batch("a")), b"?", wire(batch("b")))]
        await until(lambda: all(event.message.acked for event in events))
        assert ground.taken == ["a", "b"]
        assert [refusal.code for refusal in ground.refused] == ["unreadable"]


async def test_nothing_is_acknowledged_while_a_store_is_away_and_the_worker_stops_loudly(ground):
    ground.away = True
    async with agent_of(ground.reader(patience_seconds=0.05)) as agent:
        events = [await agent.put(wire(batch(id_)), wait=False) for id_ in "ab"]
        await until(lambda: agent.crashed)
    # Streams of Faust's acknowledge at their very end, when what is left of them is collected.
    gc.collect()
    await asyncio.sleep(0.05)
    assert len(ground.stops) == 1
    assert not any(event.message.acked for event in events)


async def test_each_topic_is_read_as_what_it_carries(ground):
    told = ConsentChange("someone", "activity", granted=False, time=NOW)
    seen: list[Any] = []

    async def handle(changes: Any, _: datetime) -> None:
        seen.extend(changes)

    await Reader(CONSENTS, ConsentChange, handle, ground.refuse, lambda: NOW).read([wire(told), wire(batch("a"))])
    assert seen == [told]
    assert [refusal.topic for refusal in ground.refused] == ["consents"]
