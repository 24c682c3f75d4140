import pytest
from aiokafka.errors import InvalidReplicationFactorError, KafkaConnectionError, TopicAlreadyExistsError

from engine.errors import BrokerUnavailable
from stream import topics
from stream.topics import TOPICS
from tests.unit.stream.kafka import ADDRESS, Broker

DAY_MS = 86_400_000


@pytest.fixture
def broker() -> Broker:
    return Broker()


async def test_what_residents_do_is_kept_a_week_and_written_to_disk_before_it_is_acknowledged(broker):
    assert await topics.create(ADDRESS, 4, broker.admin) == [topic.name for topic in TOPICS]
    days = {made.name: int(made.topic_configs["retention.ms"]) / DAY_MS for made in broker.made}
    assert days == {"interactions": 7, "impressions": 7, "consents": 7, "offers": 30, "notifications": 7, "refused": 7}
    for made in broker.made:
        assert (made.num_partitions, made.topic_configs["flush.messages"]) == (4, "1")
        assert made.topic_configs["cleanup.policy"] == "delete"


@pytest.mark.parametrize(("brokers", "copies"), [(1, 1), (2, 2), (3, 3), (7, 3)])
async def test_there_are_three_copies_where_there_are_so_many_brokers(broker, brokers, copies):
    broker.brokers = brokers
    await topics.create(ADDRESS, 1, broker.admin)
    assert {made.replication_factor for made in broker.made} == {copies}


async def test_only_what_is_missing_is_made_and_what_is_there_stays_as_it_is(broker):
    for name in ("interactions", "offers", "somebody-elses"):
        broker.holds(name)
    assert await topics.create(ADDRESS, 4, broker.admin) == ["impressions", "consents", "notifications", "refused"]
    for made in broker.made:
        broker.holds(made.name)
    assert await topics.create(ADDRESS, 8, broker.admin) == []
    assert len(broker.made) == 4


async def test_another_process_may_have_been_quicker(broker):
    broker.refused_topics = {"offers": TopicAlreadyExistsError.errno}
    await topics.create(ADDRESS, 4, broker.admin)


async def test_a_topic_that_kafka_does_not_make_is_named_with_the_reason(broker):
    broker.refused_topics = {"offers": InvalidReplicationFactorError.errno}
    with pytest.raises(BrokerUnavailable, match=r"the topic offers: InvalidReplicationFactorError\."):
        await topics.create(ADDRESS, 4, broker.admin)


@pytest.mark.parametrize("fault", [KafkaConnectionError(), ConnectionRefusedError()])
async def test_where_no_kafka_answers_the_address_is_named_and_nothing_stays_open(broker, fault):
    broker.fault = fault
    with pytest.raises(BrokerUnavailable, match=ADDRESS):
        await topics.create(ADDRESS, 4, broker.admin)
    assert [admin.stopped for admin in broker.admins] == [True]
