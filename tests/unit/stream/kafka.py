"""Kafka as a test sets it: what our code hands to it and asks of it goes to a broker in memory."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import OffsetAndMetadata

ADDRESS = "kafka.test:9092"


@dataclass
class Broker:
    """Logs by topic and partition.

    Attributes
    ----------
    fault
        What every question to it ends with.
    refusals
        What sends end with, one after another, before any is taken.
    silent
        It never answers.
    going
        Clears to let nothing be acknowledged for the time being.
    refused_topics
        Error codes by the topics that it does not create.
    """

    logs: dict[TopicPartition, list[Any]] = field(default_factory=lambda: defaultdict(list))
    begins: dict[TopicPartition, int] = field(default_factory=dict)
    committed: dict[TopicPartition, int] | None = field(default_factory=dict)
    made: list[NewTopic] = field(default_factory=list)
    refused_topics: dict[str, int] = field(default_factory=dict)
    brokers: int = 1
    fault: Exception | None = None
    refusals: list[Exception] = field(default_factory=list)
    silent: bool = False
    going: asyncio.Event = field(default_factory=asyncio.Event)
    producers: list["Producer"] = field(default_factory=list)
    admins: list["Admin"] = field(default_factory=list)
    consumers: list["Consumer"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.going.set()

    def holds(self, topic: str, *messages: bytes, partition: int = 0) -> None:
        """Write messages to a log, as somebody else does."""
        log = self.logs[TopicPartition(topic, partition)]
        for message in messages:
            log.append(record(topic, partition, len(log), message))

    def sent(self, topic: str) -> list[tuple[bytes | None, bytes]]:
        """Return key and value of each message of a topic."""
        return [(its.key, its.value) for at, log in self.logs.items() if at.topic == topic for its in log]

    async def answer(self) -> None:
        """Do as a test has set it."""
        if self.silent:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault

    def producer(self, **settings: Any) -> "Producer":
        self.producers.append(made := Producer(self, settings))
        return made

    def admin(self, **settings: Any) -> "Admin":
        self.admins.append(made := Admin(self, settings))
        return made

    def consumer(self, **settings: Any) -> "Consumer":
        self.consumers.append(made := Consumer(self, settings))
        return made


def record(topic: str, partition: int, offset: int, value: bytes, key: bytes | None = None, **more: Any) -> Any:
    """Return a message as aiokafka gives it."""
    given = {"key": key, "value": value, "timestamp": 1_800_000_000_000, "headers": ()} | more
    return SimpleNamespace(topic=topic, partition=partition, offset=offset, **given)


class Client:
    """What all clients have: the broker, what they were set to, and whether they were started and stopped."""

    def __init__(self, broker: Broker, settings: dict[str, Any]) -> None:
        self.broker, self.settings = broker, settings
        self.started = self.stopped = False

    async def start(self) -> None:
        await self.broker.answer()
        self.started = True

    async def stop(self) -> None:
        self.stopped = True

    close = stop


class Producer(Client):
    """As `aiokafka.AIOKafkaProducer`."""

    def __init__(self, broker: Broker, settings: dict[str, Any]) -> None:
        super().__init__(broker, settings)
        self.endless = self.cut_off = False
        self.client = SimpleNamespace(fetch_all_metadata=broker.answer, close=self._cut_off)
        self._sender = SimpleNamespace(close=self._cut_off)

    async def send(self, topic: str, value: bytes, key: bytes | None) -> "asyncio.Future[None]":
        if self.broker.refusals:
            raise self.broker.refusals.pop(0)
        return asyncio.ensure_future(self._acknowledge(topic, value, key))

    async def stop(self) -> None:
        if self.endless:
            await asyncio.Event().wait()
        await super().stop()

    async def _acknowledge(self, topic: str, value: bytes, key: bytes | None) -> None:
        await self.broker.going.wait()
        await self.broker.answer()
        log = self.broker.logs[TopicPartition(topic, 0)]
        log.append(record(topic, 0, len(log), value, key))

    async def _cut_off(self) -> None:
        self.cut_off = True


class Admin(Client):
    """As `aiokafka.admin.AIOKafkaAdminClient`."""

    async def list_topics(self) -> list[str]:
        await self.broker.answer()
        return sorted({at.topic for at in self.broker.logs})

    async def describe_cluster(self) -> dict[str, Any]:
        return {"brokers": [{"node_id": n} for n in range(self.broker.brokers)]}

    async def create_topics(self, topics: list[NewTopic]) -> Any:
        self.broker.made += topics
        codes = self.broker.refused_topics
        return SimpleNamespace(topic_errors=[(topic.name, codes.get(topic.name, 0), None) for topic in topics])

    async def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        held = [(name, [at.partition for at in self.broker.logs if at.topic == name]) for name in names]
        return [{"topic": name, "partitions": [{"partition": n} for n in numbers]} for name, numbers in held]

    async def list_consumer_group_offsets(self, group: str) -> dict[TopicPartition, OffsetAndMetadata]:
        assert group == "vinkki"
        if self.broker.committed is None:
            raise GroupCoordinatorNotAvailableError
        return {at: OffsetAndMetadata(offset, "") for at, offset in self.broker.committed.items()}


class Consumer(Client):
    """As `aiokafka.AIOKafkaConsumer`; gives at most one message of each partition at a time."""

    def __init__(self, broker: Broker, settings: dict[str, Any]) -> None:
        super().__init__(broker, settings)
        self.at: dict[TopicPartition, int] = {}
        self.paused: set[TopicPartition] = set()

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        await self.broker.answer()
        return {at: self.broker.begins.get(at, 0) for at in partitions}

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {at: len(self.broker.logs[at]) for at in partitions}

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.at = dict.fromkeys(partitions, -1)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.at[partition] = offset

    def pause(self, partition: TopicPartition) -> None:
        self.paused.add(partition)

    async def position(self, partition: TopicPartition) -> int:
        return self.at[partition]

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[Any]]:
        if self.broker.silent:
            await asyncio.sleep(0)
            return {}
        await self.broker.answer()
        found = {p: self.broker.logs[p][n : n + 1] for p, n in self.at.items() if p not in self.paused}
        for partition, records in found.items():
            self.at[partition] += len(records)
        return {partition: records for partition, records in found.items() if records}
