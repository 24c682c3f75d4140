"""Watches that a worker gets on: Faust's consumers are known to die quietly (faust-streaming #175, #640)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from engine.errors import BrokerUnavailable
from engine.telemetry import LAG
from stream.topics import GROUP, REFUSED, TOPICS

Offsets = Mapping[TopicPartition, int]


@dataclass
class Watchdog:
    """Says when committed offsets stop while the log grows.

    Parameters
    ----------
    limit
        How long a partition may have messages and commit none.
    """

    limit: timedelta = timedelta(seconds=60)
    _seen: dict[TopicPartition, tuple[int, datetime]] = field(default_factory=dict)

    def stalled(self, committed: Offsets, end: Offsets, now: datetime) -> list[str]:
        """Return the topics that have not moved for longer than the limit though there is something to read."""
        stuck = set()
        for partition, last in end.items():
            at = committed.get(partition, 0)
            before, since = self._seen.get(partition, (-1, now))
            if at != before or at >= last:
                self._seen[partition] = (at, now)
            elif now - since > self.limit:
                stuck.add(partition.topic)
        return sorted(stuck)

    def excuse(self) -> None:
        """Count from anew: that nothing moved until now has a reason."""
        self._seen.clear()


class LagReader:
    """Reads how far the workers are and how long the log is, apart from any worker.

    Parameters
    ----------
    bootstrap
        ``host:port,...`` of Kafka.
    connect_admin, connect_consumer
        Make the clients of Kafka, not yet started.
    """

    def __init__(
        self,
        bootstrap: str,
        connect_admin: Callable[..., AIOKafkaAdminClient] = AIOKafkaAdminClient,
        connect_consumer: Callable[..., AIOKafkaConsumer] = AIOKafkaConsumer,
    ) -> None:
        self._bootstrap = bootstrap
        self._connect_admin = connect_admin
        self._connect_consumer = connect_consumer
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def offsets(self) -> tuple[Offsets, Offsets]:
        """Return the committed and the end offsets of every topic that workers read.

        What was deleted before anybody committed it counts as committed: nobody can read it any more.

        Raises
        ------
        BrokerUnavailable
            Kafka does not answer.
        """
        try:
            admin, consumer = await self._connected()
            described = await admin.describe_topics([topic.name for topic in TOPICS if topic is not REFUSED])
            partitions = [
                TopicPartition(topic["topic"], partition["partition"])
                for topic in described
                for partition in topic["partitions"]
            ]
            begin = await consumer.beginning_offsets(partitions)
            end = await consumer.end_offsets(partitions)
            held = await _held(admin)
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            raise BrokerUnavailable from error
        return {p: max(held[p].offset if p in held else 0, begin[p]) for p in partitions}, end

    async def lag(self) -> dict[str, int]:
        """Return, for each topic, how many messages no worker has committed; sets the metric too."""
        committed, end = await self.offsets()
        lag: dict[str, int] = {}
        for partition, last in end.items():
            lag[partition.topic] = lag.get(partition.topic, 0) + last - committed.get(partition, 0)
        for topic, messages in lag.items():
            LAG.labels(topic).set(messages)
        return lag

    async def close(self) -> None:
        """Disconnect."""
        admin, consumer, self._admin, self._consumer = self._admin, self._consumer, None, None
        if consumer is not None:
            await consumer.stop()
        if admin is not None:
            await admin.close()

    async def _connected(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        if self._admin is None or self._consumer is None:
            self._admin = self._connect_admin(bootstrap_servers=self._bootstrap)
            self._consumer = self._connect_consumer(bootstrap_servers=self._bootstrap)
            await self._admin.start()
            await self._consumer.start()
        return self._admin, self._consumer


async def _held(admin: AIOKafkaAdminClient) -> Mapping[TopicPartition, OffsetAndMetadata]:
    """Return what the group has committed: nothing before its first worker, whose joining makes Kafka's own topic."""
    try:
        held: Mapping[TopicPartition, OffsetAndMetadata] = await admin.list_consumer_group_offsets(GROUP)
    except GroupCoordinatorNotAvailableError:
        return {}
    return held


async def watch(
    reader: LagReader,
    watchdog: Watchdog,
    clock: Callable[[], datetime],
    stop: Callable[[str], None],
    *,
    excused: Callable[[], bool],
) -> None:
    """Look once; end the worker loudly if it has stopped getting on, so that whoever keeps it starts it again.

    Parameters
    ----------
    excused
        Whether there is a reason to stand still, which starting again would not mend: a store is away.
    """
    if excused():
        watchdog.excuse()
        return
    committed, end = await reader.offsets()
    if stuck := watchdog.stalled(committed, end, clock()):
        stop(f"No progress on {', '.join(stuck)} for {watchdog.limit.seconds} s while messages wait.")
