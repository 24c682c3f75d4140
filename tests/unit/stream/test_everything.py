"""Whoever looks for leaks sees every message of ours that is there, and is told when Kafka does not answer."""

from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from engine.errors import BrokerUnavailable
from stream.everything import SEGMENT, Message, everything, overdue
from tests.factories import NOW
from tests.unit.stream.kafka import ADDRESS, Broker, record


@pytest.fixture
def broker() -> Broker:
    return Broker()


async def found(broker: Broker, patience_seconds: float = 5.0) -> list[Message]:
    batches = everything(ADDRESS, broker.admin, broker.consumer, patience_seconds)
    return [message async for batch in batches for message in batch]


async def test_every_message_of_every_partition_is_read_from_the_first_to_the_last(broker):
    broker.holds("interactions", b"a", b"b", b"c")
    broker.holds("interactions", b"d", partition=1)
    broker.holds("refused", b"e", b"f")
    broker.holds("offers")
    broker.holds("somebody-elses", b"g")
    seen = await found(broker)
    assert sorted(message.content for message in seen) == [b"a", b"b", b"c", b"d", b"e", b"f"]
    assert {(m.topic, m.partition, m.offset) for m in seen if m.content == b"c"} == {("interactions", 0, 2)}


async def test_a_message_is_its_key_its_content_and_its_headers(broker):
    at = TopicPartition("interactions", 0)
    broker.logs[at].append(
        record("interactions", 0, 0, b"content", b"key", headers=(("name", b"value"), ("bare", None)))
    )
    broker.logs[at].append(record("interactions", 0, 1, None, b"gone"))  # type: ignore[arg-type]
    seen = await found(broker)
    assert [message.content for message in seen] == [b"key\ncontent\nname\nvalue\nbare", b"gone"]
    assert seen[0].time == datetime.fromtimestamp(1_800_000_000, UTC)


async def test_what_comes_while_one_reads_is_left_for_the_next_time(broker):
    broker.holds("interactions", b"a", b"b")
    seen = []
    async for batch in everything(ADDRESS, broker.admin, broker.consumer):
        seen += batch
        if len(seen) < 10:
            broker.holds("interactions", b"late")
    assert [message.content for message in seen] == [b"a", b"b"]


async def test_nothing_is_found_where_nothing_is(broker):
    assert await found(broker) == []
    broker.holds("interactions")
    assert await found(broker) == []


@pytest.mark.parametrize("fault", [KafkaConnectionError(), ConnectionRefusedError()])
async def test_where_no_kafka_answers_the_address_is_named_and_nothing_stays_open(broker, fault):
    broker.holds("interactions", b"a")
    broker.fault = fault
    with pytest.raises(BrokerUnavailable, match=ADDRESS):
        await found(broker)
    assert all(client.stopped for client in (*broker.admins, *broker.consumers))


async def test_a_kafka_that_falls_silent_in_the_middle_is_not_waited_for_without_end(broker):
    broker.holds("interactions", b"a", b"b")
    batches = everything(ADDRESS, broker.admin, broker.consumer, 1.0)
    await anext(batches)
    broker.silent = True
    with pytest.raises(BrokerUnavailable):
        await anext(batches)
    assert broker.consumers[0].stopped


async def test_a_kafka_that_never_answers_is_not_waited_for_without_end(broker):
    broker.silent = True
    with pytest.raises(BrokerUnavailable):
        await found(broker, 0.02)


@pytest.mark.parametrize(("topic", "days"), [("interactions", 7), ("offers", 30), ("refused", 7)])
def test_a_message_is_overdue_when_its_segment_should_be_gone(topic, days):
    written = Message(topic, 0, 0, NOW, b"")
    due = NOW + timedelta(days=days) + SEGMENT
    assert not overdue(written, due)
    assert overdue(written, due + timedelta(seconds=1))
