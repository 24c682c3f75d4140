"""Topics are read to their end, whatever is in them, and what should be gone is named."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from api.leaks import Leaks, Search
from engine.leaks import Finder
from stream import topics
from stream.everything import Message, everything, overdue

NOW = datetime.now(UTC)


@pytest.fixture
async def producer(addresses):
    await topics.create(addresses.kafka, 2)
    started = AIOKafkaProducer(bootstrap_servers=addresses.kafka)
    await started.start()
    yield started
    await started.stop()


async def test_an_id_in_a_message_is_found_in_value_key_and_header(addresses, producer):
    people = [uuid4() for _ in range(3)]
    await producer.send_and_wait("refused", f'{{"payload": "{people[0]}"}}'.encode())
    await producer.send_and_wait("impressions", b"{}", key=people[1].hex.encode())
    await producer.send_and_wait("consents", b"{}", headers=[("who", people[2].bytes)])
    for person, topic in zip(people, ("refused", "impressions", "consents"), strict=True):
        found = Leaks(lambda _: None)
        await Search(Finder([person]), Finder([person]), found).topics(addresses.kafka, NOW)
        assert len(found.places) == 1
        assert found.places[0].startswith(f"Kafka: topic {topic}, partition ")
    nobody = Leaks(lambda _: None)
    await Search(Finder([uuid4()]), Finder([uuid4()]), nobody).topics(addresses.kafka, NOW)
    assert nobody.places == []


async def test_every_message_is_read(addresses, producer):
    marks = {uuid4().hex.encode() for _ in range(300)}
    for mark in marks:
        await producer.send("refused", mark)
    await producer.flush()
    read = {message.content async for batch in everything(addresses.kafka) for message in batch}
    assert marks <= read


@pytest.mark.parametrize(
    ("topic", "days", "late"), [("refused", 13, False), ("refused", 15, True), ("offers", 30, False)]
)
def test_a_message_is_overdue_when_kafka_should_have_deleted_it(topic, days, late):
    message = Message(topic, 0, 0, NOW - timedelta(days=days), b"{}")
    assert overdue(message, NOW) is late


@pytest.mark.usefixtures("producer")
async def test_the_command_says_where_and_never_whom(own, run):
    person = uuid4()
    await own.residents.enrol(person)
    done = run("leaks")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Nobody was found where nobody may be.")
    await own.sql(f"CREATE TABLE side AS SELECT '{person}'::text AS note")
    for words in (("leaks",), ("leaks", "--person", str(person))):
        done = run(*words)
        assert done.returncode == 1
        assert done.stderr == "vinkki: somebody was found where nobody may be:\n  SQL: table public.side\n"
        assert str(person) not in done.stdout
