"""The topics: what each carries, how it is keyed and how long it is kept. Missing ones are created, never changed."""

from collections.abc import Callable
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, NoError, TopicAlreadyExistsError, for_code

from engine.errors import BrokerUnavailable

GROUP = "vinkki"
"""The consumer group of the workers."""

_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Topic:
    """One topic of one event type.

    Attributes
    ----------
    retention_days
        Events of residents are kept 7 days; Kafka is not the archive.
    """

    name: str
    retention_days: int = 7


INTERACTIONS = Topic("interactions")
"""`InteractionBatch`, keyed by resident."""
IMPRESSIONS = Topic("impressions")
"""`Impression`, keyed by resident."""
CONSENTS = Topic("consents")
"""`ConsentChange`, keyed by resident: a nudge; the ledger is the truth."""
OFFERS = Topic("offers", retention_days=30)
"""`OfferChange`, keyed by offer."""
NOTIFICATIONS = Topic("notifications")
"""`Notification`, by its residents' partition: whom a run of a campaign means to speak to."""
REFUSED = Topic("refused")
"""`Refused`, without a key: what was unusable, and whole where it may be sent again."""
TOPICS = (INTERACTIONS, IMPRESSIONS, CONSENTS, OFFERS, NOTIFICATIONS, REFUSED)


async def create(
    bootstrap: str, partitions: int, connect: Callable[..., AIOKafkaAdminClient] = AIOKafkaAdminClient
) -> list[str]:
    """Create the topics that are missing and return their names.

    ``flush.messages=1`` lets even a single node write to disk before it acknowledges. `connect` makes the client of
    Kafka, not yet started.

    Raises
    ------
    BrokerUnavailable
        Kafka cannot be reached at `bootstrap`.
    """
    admin = connect(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        present = set(await admin.list_topics())
        missing = [topic for topic in TOPICS if topic.name not in present]
        if missing:
            await _create(admin, missing, partitions)
    except (KafkaConnectionError, KafkaError, OSError) as error:
        raise BrokerUnavailable(f"Kafka does not answer at {bootstrap}.") from error
    else:
        return [topic.name for topic in missing]
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, missing: list[Topic], partitions: int) -> None:
    brokers = len((await admin.describe_cluster())["brokers"])
    answer = await admin.create_topics([_new(topic, partitions, min(3, brokers)) for topic in missing])
    for name, code, _ in answer.topic_errors:
        # Another process may have been quicker.
        if code not in (NoError.errno, TopicAlreadyExistsError.errno):
            raise BrokerUnavailable(f"Kafka did not create the topic {name}: {for_code(code).__name__}.")


def _new(topic: Topic, partitions: int, replicas: int) -> NewTopic:
    configs = {"retention.ms": str(topic.retention_days * _DAY_MS), "flush.messages": "1", "cleanup.policy": "delete"}
    return NewTopic(topic.name, partitions, replication_factor=replicas, topic_configs=configs)
