"""Nothing that was accepted is lost and nothing counts twice, whatever is killed; all with real processes."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from uuid import uuid4

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from api import wiring
from api.embedded import Parts, start
from engine.errors import BrokerUnavailable
from engine.events import GONE, Interaction, InteractionBatch, InteractionType, OfferChange, Refused
from engine.offers import encode
from stream.publisher import Publisher
from stream.topics import GROUP
from stream.watchdog import LagReader
from tests.integration.crowd import Crowd, Workers, settings, until

pytestmark = pytest.mark.integration
BACK_SECONDS = 15
"""How soon after a part's return work goes on."""
STOP_SECONDS = 15
"""How soon a worker ends that is asked to: 8 s is what it allows itself, the rest is for a busy machine."""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, jars: Path | None) -> Iterator[Parts]:
    """Parts of this module's own, to be killed."""
    started = start(tmp_path_factory.mktemp("breakable") / "home", say=print, jars=jars)
    yield started
    started.stop()


@pytest.fixture(scope="module")
async def stores(parts) -> AsyncIterator[wiring.Stores]:
    its = settings(parts.addresses)
    opened = wiring.connect(its)
    await wiring.prepare(its, opened, datetime.now(UTC))
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def lag(parts) -> AsyncIterator[LagReader]:
    reader = LagReader(parts.addresses.kafka)
    yield reader
    await reader.close()


@pytest.fixture
def workers(parts, tmp_path) -> Iterator[Workers]:
    started = Workers(parts.addresses, tmp_path)
    yield started
    started.end()


@pytest.fixture
async def crowd(stores) -> Crowd:
    return await Crowd.gather(stores, 40)


@asynccontextmanager
async def away(parts: Parts, name: str) -> AsyncIterator[None]:
    """Kill a part, and bring it back at the end of the block."""
    parts.kill(name)
    try:
        yield
    finally:
        await asyncio.to_thread(parts.restart, name)


async def members(parts: Parts) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=parts.addresses.kafka)
    await admin.start()
    try:
        (described,) = await admin.describe_consumer_groups([GROUP])
        (group,) = described.groups
        return len(group[5]) if group[2] == "Stable" else 0
    finally:
        await admin.close()


async def nothing_waits(lag: LagReader) -> bool:
    return not any((await lag.lag()).values())


async def all_journalled(crowd: Crowd, batches: Sequence[InteractionBatch]) -> bool:
    ids = {event.id for batch in batches for event in batch.events}
    return await crowd.journalled(ids) == len(ids)


async def under_way(crowd: Crowd) -> None:
    """Come to the middle of the work: something was taken in since, and much still waits."""
    before = await crowd.journalled()

    async def taken_in() -> bool:
        await crowd.publish_at_last(crowd.act(5))
        return await crowd.journalled() > before

    async def behind() -> bool:
        # More than a worker takes at once, so that some of it waits whenever the answer to this question comes.
        await crowd.publish_at_last(crowd.act(100))
        return await crowd.journalled() < len(crowd.accepted)

    await until(taken_in, 60)
    await until(behind, 60)


async def tastes_are_those_of_the_journal(crowd: Crowd, parts: Parts) -> None:
    held = await crowd.tastes()
    assert set(held) == crowd.active
    await wiring.intake(settings(parts.addresses), crowd.stores).rebuild(crowd.people, datetime.now(UTC))
    rebuilt = await crowd.tastes()
    for person, its in held.items():
        assert its == pytest.approx(rebuilt[person], abs=0.05)


async def nothing_lost_nothing_doubled(crowd: Crowd, lag: LagReader, parts: Parts) -> None:
    await until(crowd.complete, 120)
    await until(lambda: nothing_waits(lag), 60)
    rows = await crowd.rows()
    assert (len(rows), set(rows)) == (len(crowd.accepted), crowd.accepted)
    await tastes_are_those_of_the_journal(crowd, parts)


async def test_20_000_events_survive_two_killed_workers_and_each_part_killed_once(stores, parts, workers, lag):
    crowd = await Crowd.gather(stores, 200)
    worker = workers.start()
    back: dict[str, float] = {}
    to_kill = {12: "worker", 18: "kafka", 24: "postgres", 30: "valkey", 36: "worker"}
    for step in range(50):
        batches = crowd.act(50)
        name = to_kill.get(step)
        if name == "worker":
            await under_way(crowd)
            workers.kill(worker)
            worker = workers.start()
        elif name:
            await under_way(crowd)
            async with away(parts, name):
                began = monotonic()
                assert await crowd.publish(batches) is (name != "kafka")
                assert monotonic() - began < 8
        await crowd.publish_at_last(batches)
        if name and name != "worker":
            back[name] = await until(lambda its=batches: all_journalled(crowd, its), 60)
    await nothing_lost_nothing_doubled(crowd, lag, parts)
    assert len(crowd.accepted) >= 20_000
    assert max(back.values()) < BACK_SECONDS, back


async def test_while_the_broker_is_away_nothing_is_accepted_and_whoever_asks_is_told_soon(stores, parts, lag, workers):
    crowd = await Crowd.gather(stores, 20)
    newcomer = Publisher(parts.addresses.kafka)
    batches = crowd.act(20)
    async with away(parts, "kafka"):
        began = monotonic()
        asked = [stores.publisher, stores.publisher, newcomer, newcomer, newcomer]
        answers = await asyncio.gather(*(its.interactions(batches) for its in asked), return_exceptions=True)
        assert [type(answer) for answer in answers] == [BrokerUnavailable] * 5
        # Four seconds of patience, plus what a busy machine needs.
        assert monotonic() - began < 8
        closing = monotonic()
        await newcomer.close()
        assert monotonic() - closing < 12
    workers.start()
    await crowd.publish_at_last(batches)
    await nothing_lost_nothing_doubled(crowd, lag, parts)


async def test_a_publisher_that_kafka_no_longer_follows_recovers_by_itself(stores, parts):
    crowd = await Crowd.gather(stores, 5)
    publisher = Publisher(parts.addresses.kafka)
    await publisher.interactions(crowd.act(1))
    # As after a batch that was numbered and given up: Kafka waits for it and takes no later one.
    for partition in range(4):
        publisher._producer._txn_manager.increment_sequence_number(TopicPartition("interactions", partition), 5)
    with pytest.raises(BrokerUnavailable):
        await publisher.interactions(crowd.act(20))
    await publisher.interactions(crowd.act(20))
    await publisher.close()


async def test_of_two_workers_one_is_killed_and_the_other_finishes_everything(stores, parts, workers, lag):
    crowd = await Crowd.gather(stores, 100)
    first, _ = workers.start(), workers.start()
    await until(lambda: have(parts, 2), 60)
    for step in range(10):
        assert await crowd.publish(crowd.act(50))
        if step == 5:
            await under_way(crowd)
            workers.kill(first)
    await nothing_lost_nothing_doubled(crowd, lag, parts)


async def have(parts: Parts, workers: int) -> bool:
    return await members(parts) == workers


async def test_an_emptied_valkey_is_filled_again_by_the_worker_alone_and_by_vinkki_rebuild(
    stores, crowd, parts, workers, lag
):
    worker = workers.start()
    assert await crowd.publish(crowd.act(80))
    await nothing_lost_nothing_doubled(crowd, lag, parts)
    before = await crowd.tastes()
    await stores.online._redis.flushall()
    await until(lambda: the_same(crowd, before), 20)
    async with away(parts, "valkey"):
        pass
    await until(lambda: the_same(crowd, before), 20)
    await workers.stop(worker)
    await stores.online._redis.flushall()
    assert not await crowd.tastes()
    assert await asyncio.to_thread(workers.run("rebuild").wait, 60) == 0
    assert await the_same(crowd, before)
    assert "residents restored" in workers.log("rebuild")


async def the_same(crowd: Crowd, before: Mapping[str, Mapping[int, float]]) -> bool:
    now = await crowd.tastes()
    return all(now.get(person) == pytest.approx(its, abs=0.05) for person, its in before.items())


async def test_a_worker_stops_on_sigterm_within_seconds_and_has_committed_what_it_took_in(stores, parts, workers, lag):
    crowd = await Crowd.gather(stores, 50)
    for _ in range(2):
        worker = workers.start()
        await crowd.publish(crowd.act(100))
        await under_way(crowd)
        code, seconds = await workers.stop(worker)
        assert (code, seconds < STOP_SECONDS) == (0, True)
    worker = workers.start()
    await nothing_lost_nothing_doubled(crowd, lag, parts)
    await workers.stop(worker)
    assert await nothing_waits(lag)


async def test_while_postgresql_is_away_workers_end_loudly_wait_or_stop_as_asked_and_nothing_is_lost(
    crowd, parts, workers, lag
):
    impatient = workers.start(VINKKI_STORE_PATIENCE_SECONDS="2")
    await crowd.publish(crowd.act(5))
    await until(crowd.complete, 60)
    async with away(parts, "postgres"):
        await crowd.publish(crowd.act(5))
        assert await asyncio.to_thread(impatient.wait, 40) == os.EX_TEMPFAIL
        assert "worker stops" in workers.log()
        patient = workers.start()
        await asyncio.sleep(4)
        assert patient.poll() is None
    await nothing_lost_nothing_doubled(crowd, lag, parts)
    async with away(parts, "postgres"):
        await crowd.publish(crowd.act(20))
        await asyncio.sleep(1)
        _, seconds = await workers.stop(patient)
        assert seconds < STOP_SECONDS
    workers.start()
    await nothing_lost_nothing_doubled(crowd, lag, parts)


GARBAGE = {
    b"": "unreadable",
    b"not json": "unreadable",
    b"\xff\xfe\x00": "unreadable",
    b"null": "unreadable",
    b"[]": "unreadable",
    b'{"resident": 7}': "unreadable",
    b"[" * 100_000: "unreadable",
    b'{"resident": "r", "accepted": "2026-01-01T00:00:00", "events": []}': "unreadable",
    b'{"resident": "r", "accepted": "2026-01-01T00:00:00Z", "events": [], "version": 2}': "unknown_version",
    b'{"resident": "' + b"r" * 1_000_000 + b'", "accepted": "2026-01-01T00:00:00Z", "events": [], "version": 9}': (
        "unknown_version"
    ),
}


async def test_what_cannot_be_used_goes_to_refused_with_its_reason_and_stops_nobody(crowd, parts, workers, lag):
    refused = await listen(parts, "refused")
    await put(parts, "interactions", [*GARBAGE, None], key=crowd.people[0].encode())
    for topic in ("impressions", "consents", "offers"):
        await put(parts, topic, [b"junk"])
    spoilt = poison(crowd)
    await put(parts, "interactions", [msgspec.json.encode(batch) for batch in spoilt], key=crowd.people[0].encode())
    assert await crowd.publish(crowd.act(40))
    workers.start()
    await until(crowd.complete, 60)
    await until(lambda: nothing_waits(lag), 60)
    found = [msgspec.json.decode(message, type=Refused) for message in await read(refused)]
    codes = Counter((its.topic, its.code) for its in found)
    assert codes["interactions", "unreadable"] == Counter(GARBAGE.values())["unreadable"] + 1
    assert codes["interactions", "unknown_version"] == 2
    assert codes["interactions", "wrong_purpose"] == codes["interactions", "in_future"] == 1
    assert codes["interactions", "failed"] == 3
    assert [codes[topic, "unreadable"] for topic in ("impressions", "consents", "offers")] == [1, 1, 1]
    assert all(its.detail for its in found)
    # Of the batches with a poisonous event, the good ones were taken in, and the others can be sent again.
    good = {event.id for batch in spoilt for event in batch.events if event.id.startswith("good")}
    assert await crowd.journalled(good) == len(good) == 3
    again = [msgspec.json.decode(its.payload, type=InteractionBatch) for its in found if its.code == "failed"]
    assert sorted(batch.events[0].id[:3] for batch in again) == ["\x00ni", "big", "hug"]
    assert not any(person in workers.log() for person in crowd.people)


def poison(crowd: Crowd) -> list[InteractionBatch]:
    """Events that PostgreSQL cannot hold, each with a good one beside it; and two that nobody may use."""
    at, offer, person = datetime.now(UTC), crowd.offers[0], crowd.people[0]

    def event(id_: str, value: int | None = None, time: datetime = at) -> Interaction:
        return Interaction(id_, offer, InteractionType.VIEW, time, value)

    name = uuid4().hex
    bad = [event(f"big{name}", value=10**6), event(f"\x00ni{name}"), event(f"huge{name}" + "x" * 300_000)]
    batches = [InteractionBatch(person, at, (event(f"good{n}{name}"), its)) for n, its in enumerate(bad)]
    batches.append(InteractionBatch(person, at, (event(f"other{name}"),), purpose="learning"))
    batches.append(InteractionBatch(person, at, (event(f"later{name}", time=at + timedelta(days=2)),)))
    return batches


async def put(parts: Parts, topic: str, messages: Sequence[bytes | None], key: bytes = b"key") -> None:
    producer = AIOKafkaProducer(bootstrap_servers=parts.addresses.kafka)
    await producer.start()
    for message in messages:
        await producer.send_and_wait(topic, message, key)
    await producer.stop()


async def listen(parts: Parts, topic: str) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=parts.addresses.kafka, auto_offset_reset="latest")
    await consumer.start()
    await consumer.seek_to_end()
    for partition in consumer.assignment():
        await consumer.position(partition)
    return consumer


async def read(consumer: AIOKafkaConsumer) -> list[bytes]:
    """Read what there is, and stop."""
    messages: list[bytes] = []
    while found := await consumer.getmany(timeout_ms=2000):
        messages += [message.value for its in found.values() for message in its]
    await consumer.stop()
    return messages


async def test_an_offer_that_changes_on_kafka_reaches_the_database_with_a_new_version(stores, crowd, workers):
    workers.start()
    now, (first, second) = datetime.now(UTC), crowd.offers[:2]
    newest = max([version async for version, *_ in stores.offers.since(0, now)])
    offer = msgspec.structs.replace((await stores.offers.get(first)), free=True)
    await stores.publisher.offers(
        [OfferChange(first, "crowd", now, msgspec.Raw(encode(offer))), OfferChange(second, "crowd", now, GONE)]
    )
    told: dict[str, object] = {}

    async def arrived() -> bool:
        told.update({id_: its async for _, id_, its in stores.offers.since(newest, now)})
        return len(told) == 2

    await until(arrived, 60)
    assert told == {first: offer, second: None}
