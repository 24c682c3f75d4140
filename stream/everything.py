"""Reads topics from their first message to their last, whoever wrote them: for whoever looks for leaks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from engine.errors import BrokerUnavailable
from stream.topics import TOPICS

_AT_ONCE, _WAIT_MS, _PATIENCE_SECONDS = 2_000, 1_000, 15.0
SEGMENT = timedelta(days=7)
"""Kafka deletes whole segments, which it closes after 7 days: so much later than its retention a message may go."""


class Message(msgspec.Struct, frozen=True):
    """One message: where it is, when it was written, and all of its bytes."""

    topic: str
    partition: int
    offset: int
    time: datetime
    content: bytes


async def everything(
    bootstrap: str,
    connect_admin: Callable[..., AIOKafkaAdminClient] = AIOKafkaAdminClient,
    connect_consumer: Callable[..., AIOKafkaConsumer] = AIOKafkaConsumer,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> AsyncIterator[Sequence[Message]]:
    """Yield every message of every topic of ours that is there at this moment, in batches.

    Parameters
    ----------
    bootstrap
        ``host:port,...`` of Kafka.
    connect_admin, connect_consumer
        Make the clients of Kafka, not yet started.
    patience_seconds
        How long Kafka may be silent.

    Raises
    ------
    BrokerUnavailable
        Kafka cannot be reached, or stops answering.
    """
    consumer = connect_consumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        async with asyncio.timeout(patience_seconds):
            await consumer.start()
            ends = await _ends(consumer, await _partitions(connect_admin(bootstrap_servers=bootstrap)))
        async for batch in _read(consumer, ends, patience_seconds):
            yield batch
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(f"Kafka does not answer at {bootstrap}.") from error
    finally:
        await consumer.stop()


def overdue(message: Message, now: datetime) -> bool:
    """Say whether a message should have been deleted by now."""
    days = next((topic.retention_days for topic in TOPICS if topic.name == message.topic), 7)
    return now - message.time > timedelta(days=days) + SEGMENT


async def _partitions(admin: AIOKafkaAdminClient) -> list[TopicPartition]:
    try:
        await admin.start()
        present = set(await admin.list_topics())
        told = await admin.describe_topics([topic.name for topic in TOPICS if topic.name in present])
    finally:
        await admin.close()
    return [TopicPartition(topic["topic"], part["partition"]) for topic in told for part in topic["partitions"]]


async def _ends(consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
    """Assign every partition that has messages, from its beginning, and return where each ends now."""
    first, last = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    full = {partition: end for partition, end in last.items() if end > first[partition]}
    if full:
        consumer.assign(list(full))
        for partition in full:
            consumer.seek(partition, first[partition])
    return full


async def _read(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], patience_seconds: float
) -> AsyncIterator[Sequence[Message]]:
    left, idle = dict(ends), 0.0
    while left:
        found = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_AT_ONCE)
        for partition in [p for p, end in left.items() if await consumer.position(p) >= end]:
            del left[partition]
            consumer.pause(partition)
        idle = 0.0 if found else idle + _WAIT_MS / 1000
        if idle > patience_seconds:
            raise TimeoutError
        if found:
            yield [_message(record) for records in found.values() for record in records]


def _message(record: Any) -> Message:  # noqa: ANN401 - aiokafka leaves it untyped
    parts = (record.key, record.value, *(part for name, value in record.headers for part in (name.encode(), value)))
    time = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    return Message(record.topic, record.partition, record.offset, time, b"\n".join(part for part in parts if part))
