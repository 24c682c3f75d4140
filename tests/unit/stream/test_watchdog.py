"""A worker that no longer gets on is ended; one that has nothing to do, or a reason to wait, is left alone."""

from datetime import timedelta

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from engine.errors import BrokerUnavailable
from engine.telemetry import LAG
from stream.topics import TOPICS
from stream.watchdog import LagReader, Watchdog, watch
from tests.factories import NOW
from tests.unit.stream.kafka import ADDRESS, Broker

FIRST, SECOND = TopicPartition("interactions", 0), TopicPartition("interactions", 1)
OFFERS = TopicPartition("offers", 0)


class Watched:
    """A worker under a watchdog: the time goes on by itself, and what ends the worker is kept."""

    def __init__(self, broker: Broker) -> None:
        self.reader = LagReader(ADDRESS, broker.admin, broker.consumer)
        self.watchdog, self.now, self.excused = Watchdog(timedelta(seconds=60)), NOW, False
        self.stops: list[str] = []

    async def after(self, seconds: float) -> list[str]:
        self.now += timedelta(seconds=seconds)
        await watch(self.reader, self.watchdog, lambda: self.now, self.stops.append, excused=lambda: self.excused)
        return self.stops


@pytest.fixture
def broker() -> Broker:
    made = Broker()
    for topic in TOPICS:
        made.holds(topic.name)
    made.holds("interactions", partition=1)
    return made


@pytest.fixture
def worker(broker) -> Watched:
    return Watched(broker)


async def test_a_worker_that_commits_nothing_while_the_log_grows_is_ended_with_the_reason(broker, worker):
    broker.committed = {FIRST: 2}
    broker.holds("interactions", b"1", b"2", b"3")
    assert await worker.after(0) == []
    assert await worker.after(59) == []
    broker.holds("interactions", b"4")
    assert await worker.after(2) == ["No progress on interactions for 60 s while messages wait."]


async def test_one_partition_that_stands_is_seen_beside_one_that_moves(broker, worker):
    broker.holds("interactions", *[b"."] * 100)
    broker.holds("interactions", b".", partition=1)
    for committed in range(7):
        broker.committed = {FIRST: committed}
        await worker.after(11)
    assert len(worker.stops) == 1


async def test_a_worker_that_has_never_committed_anything_is_ended_too(broker, worker):
    broker.committed = None
    broker.holds("offers", b"1")
    await worker.after(0)
    assert "offers" in (await worker.after(61))[0]


async def test_a_worker_that_gets_on_is_left_alone_however_far_behind_it_is(broker, worker):
    broker.holds("interactions", *[b"."] * 100)
    for committed in range(10):
        broker.committed = {FIRST: committed}
        assert await worker.after(50) == []


async def test_a_worker_with_nothing_to_read_is_left_alone(broker, worker):
    broker.holds("interactions", b"1")
    broker.committed = {FIRST: 1}
    for _ in range(5):
        assert await worker.after(3600) == []
    # What comes after a silence does not inherit the silence.
    broker.holds("interactions", b"2")
    assert await worker.after(5) == []
    assert await worker.after(55) == []
    assert len(await worker.after(6)) == 1


async def test_while_a_store_is_away_nobody_is_ended_and_the_time_counts_from_its_return(broker, worker):
    broker.holds("interactions", b"1")
    await worker.after(0)
    worker.excused = True
    assert await worker.after(300) == []
    worker.excused = False
    assert await worker.after(5) == []
    assert await worker.after(59) == []
    assert len(await worker.after(2)) == 1


async def test_what_was_deleted_unread_counts_as_read(broker, worker):
    broker.holds("interactions", b"1", b"2")
    broker.begins = {FIRST: 2}
    await worker.after(0)
    assert await worker.after(120) == []
    assert (await worker.reader.lag())["interactions"] == 0


async def test_what_is_refused_has_no_reader_and_is_not_waited_for(broker, worker):
    broker.holds("refused", b"1")
    await worker.after(0)
    assert await worker.after(120) == []
    assert "refused" not in await worker.reader.lag()


async def test_lag_adds_up_the_partitions_of_each_topic_and_sets_the_metric(broker, worker):
    broker.holds("interactions", *[b"."] * 5)
    broker.holds("interactions", *[b"."] * 7, partition=1)
    broker.holds("offers", b"1")
    broker.committed = {FIRST: 4, SECOND: 5, OFFERS: 1}
    assert await worker.reader.lag() == {
        "interactions": 3,
        "impressions": 0,
        "consents": 0,
        "offers": 0,
        "notifications": 0,
    }
    assert LAG.labels("interactions")._value.get() == 3


async def test_a_broker_that_is_away_ends_no_worker_and_is_asked_anew(broker, worker):
    await worker.after(0)
    broker.fault = KafkaConnectionError()
    with pytest.raises(BrokerUnavailable):
        await worker.after(61)
    broker.fault = None
    assert await worker.after(61) == []
    assert [client.stopped for client in (*broker.admins, *broker.consumers)] == [True, False, True, False]


async def test_who_asks_often_keeps_one_connection_and_gives_it_back(broker, worker):
    for _ in range(3):
        await worker.reader.lag()
    await worker.reader.close()
    await worker.reader.close()
    assert [client.stopped for client in (*broker.admins, *broker.consumers)] == [True, True]
