import asyncio

import msgspec
import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError, OutOfOrderSequenceNumber

from engine.errors import BrokerUnavailable, InvalidInput
from engine.events import (
    GONE,
    ConsentChange,
    Impression,
    Interaction,
    InteractionBatch,
    InteractionType,
    OfferChange,
    Refused,
)
from stream.publisher import Publisher
from tests.factories import NOW
from tests.unit.stream.kafka import ADDRESS, Broker

SOON = 0.02
"""Patience with a broker that will not answer."""
BATCH = InteractionBatch("someone", NOW, (Interaction("e", "test:1", InteractionType.SAVE, NOW),))
CHANGE = OfferChange("test:1", "test", NOW, GONE)
CONSENT = ConsentChange("someone", "activity", True, NOW)
REFUSAL = Refused("offers", "unreadable", "It is no JSON.", NOW)
SHOWN = Impression("s", "someone", NOW, "popular", ("test:1",))


@pytest.fixture
def broker() -> Broker:
    return Broker()


def publisher(broker: Broker, patience_seconds: float = 5.0) -> Publisher:
    return Publisher(ADDRESS, patience_seconds, broker.producer)


@pytest.mark.parametrize(
    ("topic", "key", "event", "publish"),
    [
        ("interactions", b"someone", BATCH, lambda its: its.interactions([BATCH])),
        ("offers", b"test:1", CHANGE, lambda its: its.offers([CHANGE])),
        ("consents", b"someone", CONSENT, lambda its: its.consent_change(CONSENT)),
        ("refused", None, REFUSAL, lambda its: its.refused([REFUSAL])),
    ],
)
async def test_each_event_goes_to_its_topic_under_its_key_and_reads_back_as_it_was(broker, topic, key, event, publish):
    await publish(publisher(broker))
    ((its_key, value),) = broker.sent(topic)
    assert its_key == key
    assert msgspec.json.decode(value, type=type(event)) == event
    assert {at.topic for at in broker.logs} == {topic}


async def test_an_event_is_taken_when_all_replicas_have_it_and_never_twice(broker):
    await publisher(broker, 4.0).interactions([BATCH])
    (producer,) = broker.producers
    asked = {name: producer.settings[name] for name in ("acks", "enable_idempotence", "bootstrap_servers")}
    assert asked == {"acks": "all", "enable_idempotence": True, "bootstrap_servers": ADDRESS}
    assert producer.settings["request_timeout_ms"] == 4_000


async def test_nothing_counts_as_taken_before_kafka_has_said_so(broker):
    broker.going.clear()
    taken = asyncio.create_task(publisher(broker).interactions([BATCH, BATCH]))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not taken.done()
    broker.going.set()
    await taken
    assert len(broker.sent("interactions")) == 2


async def test_a_broker_that_never_says_so_has_taken_nothing(broker):
    its = publisher(broker, SOON)
    await its.open()
    broker.going.clear()
    with pytest.raises(BrokerUnavailable):
        await its.interactions([BATCH])


async def test_where_one_of_many_is_lost_none_counts_and_the_next_go_through_a_new_producer(broker):
    its = publisher(broker)
    await its.open()
    broker.refusals = [OutOfOrderSequenceNumber()]
    with pytest.raises(BrokerUnavailable):
        await its.interactions([BATCH, BATCH])
    await its.interactions([BATCH])
    await its.close()
    assert len(broker.sent("interactions")) == 1
    assert [producer.stopped for producer in broker.producers] == [True, True]


async def test_what_is_too_large_is_the_senders_matter_and_costs_no_connection(broker):
    its = publisher(broker)
    broker.refusals = [MessageSizeTooLargeError()]
    with pytest.raises(InvalidInput):
        await its.offers([CHANGE])
    await its.offers([CHANGE])
    assert len(broker.producers) == 1


@pytest.mark.parametrize("fault", [KafkaConnectionError(), ConnectionRefusedError()])
async def test_kafka_may_come_later_than_we(broker, fault):
    its = publisher(broker)
    broker.fault = fault
    for ask in (its.open, its.ping, lambda: its.interactions([BATCH])):
        with pytest.raises(BrokerUnavailable):
            await ask()
    broker.fault = None
    await its.interactions([BATCH])
    await its.ping()
    await its.close()
    assert len(broker.sent("interactions")) == 1
    assert all(producer.stopped for producer in broker.producers)


async def test_while_kafka_is_silent_whoever_asks_is_told_so_in_time(broker):
    broker.silent, its = True, publisher(broker, SOON)
    asked = [its.open(), its.ping(), its.interactions([BATCH]), its.consent_change(CONSENT)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers] == [BrokerUnavailable] * 4


async def test_a_broker_that_falls_silent_fails_the_ping(broker):
    its = publisher(broker, SOON)
    await its.ping()
    broker.silent = True
    with pytest.raises(BrokerUnavailable):
        await its.ping()


async def test_those_who_come_first_at_once_share_one_connection(broker):
    its = publisher(broker)
    await asyncio.gather(*(its.interactions([BATCH]) for _ in range(20)))
    assert (len(broker.producers), len(broker.sent("interactions"))) == (1, 20)


async def test_an_answer_never_waits_for_its_own_record_and_closing_does(broker):
    broker.going.clear()
    its = publisher(broker)
    its.impression(SHOWN)
    assert broker.sent("impressions") == []
    asyncio.get_running_loop().call_later(SOON, broker.going.set)
    await its.close()
    ((key, value),) = broker.sent("impressions")
    assert (key, msgspec.json.decode(value, type=Impression)) == (b"someone", SHOWN)


async def test_records_of_answers_pile_up_to_a_thousand_and_their_loss_harms_nobody(broker):
    broker.going.clear()
    its = publisher(broker)
    for _ in range(1_500):
        its.impression(SHOWN)
    asyncio.get_running_loop().call_later(SOON, broker.going.set)
    await its.close()
    assert len(broker.sent("impressions")) == 1_000
    broker.fault = KafkaConnectionError()
    its.impression(SHOWN)
    await its.close()
    assert len(broker.sent("impressions")) == 1_000


async def test_a_producer_that_waits_for_kafka_without_end_is_cut_off(broker):
    its = publisher(broker, SOON)
    await its.open()
    (producer,) = broker.producers
    producer.endless = True
    await its.close()
    assert (producer.stopped, producer.cut_off) == (False, True)


async def test_who_never_opened_closes_in_peace(broker):
    await publisher(broker).close()
    assert broker.producers == []
