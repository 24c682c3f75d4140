"""What the house says of itself: structured logs and metrics. Neither ever names a person, not even by pseudonym."""

import logging
import sys
from contextvars import ContextVar

import structlog
from prometheus_client import Counter, Gauge, Histogram

correlation: ContextVar[str | None] = ContextVar("correlation", default=None)
"""The id of the request or message being worked on, in every log line of it."""


def _add_correlation(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if (value := correlation.get()) is not None:
        event["correlation"] = value
    return event


def configure_logging(*, json: bool, level: str = "INFO") -> None:
    """Send log lines to standard error, as JSON for machines or as text for people."""
    renderer = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_correlation,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s", force=True)
    for noisy in ("httpx", "alembic", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def logger(room: str) -> structlog.stdlib.BoundLogger:
    """Return a logger whose lines carry the room's name. Event names are static; data goes into keywords."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger(room=room)
    return bound


ACCEPTED = Counter("vinkki_interactions_accepted_total", "Interactions that Kafka has acknowledged")
REFUSED = Counter("vinkki_refused_total", "Events refused at the door or in the stream", ["where", "reason"])
WITHOUT_PERMIT = Counter("vinkki_without_permit_total", "Uses that found no permit", ["purpose", "reason"])
FOLDED = Counter("vinkki_interactions_folded_total", "Interactions journalled and folded into taste")
DUPLICATES = Counter("vinkki_interactions_duplicate_total", "Interactions that had been journalled before")
SUGGESTIONS = Counter("vinkki_suggestions_total", "Answers given", ["basis"])
LATENCY = Histogram(
    "vinkki_request_seconds",
    "Time to answer, by route",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
LAG = Gauge("vinkki_stream_lag_messages", "Messages on a topic that no worker has committed", ["topic"])
FORGETTING_BACKLOG = Gauge("vinkki_forgetting_backlog", "Withdrawals whose forgetting is not complete")
OFFERS = Gauge("vinkki_offers_live", "Offers that this process can suggest")
