"""Puts events on their topics and waits for the broker's word."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from engine.errors import BrokerUnavailable, InvalidInput
from engine.events import ConsentChange, Impression, InteractionBatch, Notification, OfferChange, Pseudonym, Refused
from stream.partitions import partitions
from stream.topics import CONSENTS, IMPRESSIONS, INTERACTIONS, NOTIFICATIONS, OFFERS, REFUSED, Topic

_encode = msgspec.json.Encoder().encode
_MEGABYTE = 1_048_576
_MOST_UNAWAITED = 1_000


class Publisher:
    """An idempotent producer that counts an event as taken when all in-sync replicas have it.

    Parameters
    ----------
    bootstrap
        ``host:port,...`` of Kafka.
    patience_seconds
        How long a publication may take before nothing of it counts as accepted.
    connect
        Makes the client of Kafka, not yet started.
    """

    def __init__(
        self,
        bootstrap: str,
        patience_seconds: float = 4.0,
        connect: Callable[..., AIOKafkaProducer] = AIOKafkaProducer,
    ) -> None:
        self._bootstrap = bootstrap
        self._connect = connect
        self._patience = patience_seconds
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._unawaited: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Connect; Kafka may also come later, then the first publication connects.

        Raises
        ------
        BrokerUnavailable
            Kafka does not answer in time; whoever waits for the same attempt waits no longer than that either.
        """
        try:
            async with asyncio.timeout(self._patience):
                await self._open()
        except TimeoutError as error:
            raise BrokerUnavailable from error

    async def _open(self) -> None:
        async with self._starting:
            if self._producer is not None:
                return
            producer = self._connect(
                bootstrap_servers=self._bootstrap,
                enable_idempotence=True,
                acks="all",
                # The default of 16 kB makes every waiting task wake for each small batch: 20 times slower.
                max_batch_size=_MEGABYTE,
                linger_ms=1,
                request_timeout_ms=int(self._patience * 1000),
                retry_backoff_ms=200,
                metadata_max_age_ms=30_000,
            )
            try:
                await producer.start()
            except (KafkaError, OSError) as error:
                raise BrokerUnavailable from error
            else:
                self._producer = producer
            finally:
                if self._producer is None:
                    self._behind(self._end(producer))

    async def interactions(self, batches: Sequence[InteractionBatch]) -> None:
        """Publish residents' interactions and return when Kafka has them all.

        Raises
        ------
        BrokerUnavailable
            Kafka did not acknowledge all in time: nothing counts as accepted; the same ids may be sent again.
        """
        await self._publish(INTERACTIONS, [(batch.resident, _encode(batch)) for batch in batches])

    async def offers(self, changes: Sequence[OfferChange]) -> None:
        """Publish what a source tells of its offers."""
        await self._publish(OFFERS, [(change.id, _encode(change)) for change in changes])

    async def consent_change(self, change: ConsentChange) -> None:
        """Publish the nudge that the ledger has a new entry."""
        await self._publish(CONSENTS, [(change.resident, _encode(change))])

    async def together(self, residents: Sequence[Pseudonym]) -> list[list[Pseudonym]]:
        """Return residents by the partition that their own events are in, in the order given.

        Raises
        ------
        BrokerUnavailable
            Kafka does not say how many partitions there are.
        """
        producer = await self._connected()
        try:
            async with asyncio.timeout(self._patience):
                count = len(await producer.partitions_for(NOTIFICATIONS.name))
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable from error
        groups: dict[int, list[Pseudonym]] = {}
        for partition, resident in zip(partitions([its.encode() for its in residents], count), residents, strict=True):
            groups.setdefault(partition, []).append(resident)
        return list(groups.values())

    async def notifications(self, some: Sequence[Notification]) -> None:
        """Publish whom a run means to speak to, each message in the partition of its residents (see `together`)."""
        await self._publish(NOTIFICATIONS, [(its.residents[0], _encode(its)) for its in some])

    async def refused(self, refusals: Sequence[Refused]) -> None:
        """Publish what could not be used, and why."""
        await self._publish(REFUSED, [(None, _encode(refusal)) for refusal in refusals])

    def impression(self, shown: Impression) -> None:
        """Publish what was shown, without waiting: an answer never waits for its own record."""
        if len(self._unawaited) < _MOST_UNAWAITED:
            self._behind(self._publish(IMPRESSIONS, [(shown.resident, _encode(shown))]))

    async def ping(self) -> None:
        """Raise BrokerUnavailable unless Kafka answers."""
        producer = await self._connected()
        try:
            await asyncio.wait_for(producer.client.fetch_all_metadata(), self._patience)
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable from error

    async def close(self) -> None:
        """Send what is on its way, as far as Kafka takes it in time, and disconnect."""
        await asyncio.gather(*self._unawaited, return_exceptions=True)
        if self._producer is not None:
            await self._end(self._producer)

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            await self.open()
        if self._producer is None:
            raise BrokerUnavailable
        return self._producer

    async def _publish(self, topic: Topic, messages: Iterable[tuple[str | None, bytes]]) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._send(await self._connected(), topic, messages)
        except TimeoutError as error:
            raise BrokerUnavailable from error

    async def _send(
        self, producer: AIOKafkaProducer, topic: Topic, messages: Iterable[tuple[str | None, bytes]]
    ) -> None:
        try:
            sent = [await producer.send(topic.name, value, key and key.encode()) for key, value in messages]
            await asyncio.gather(*sent)
        except MessageSizeTooLargeError as error:
            raise InvalidInput("This is too large for the event log; send less at once.") from error
        except (KafkaError, OSError) as error:
            # An idempotent producer numbers its batches; after one is lost, Kafka takes no later one from it any more.
            if self._producer is producer:
                self._producer = None
                self._behind(self._end(producer))
            raise BrokerUnavailable from error

    async def _end(self, producer: AIOKafkaProducer) -> None:
        try:
            await asyncio.wait_for(producer.stop(), self._patience)
        except TimeoutError:
            # It waits for Kafka without end; what was not acknowledged in time counts as refused already.
            await producer._sender.close()  # noqa: SLF001 - there is no other way to stop it
            await producer.client.close()

    def _behind(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._unawaited.add(task)
        task.add_done_callback(self._settled)

    def _settled(self, task: "asyncio.Task[None]") -> None:
        self._unawaited.discard(task)
        if not task.cancelled():
            task.exception()
