"""What the house says of itself: structured logs and metrics. Neither ever names a person, not even by pseudonym."""

import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import datetime
from types import TracebackType

import structlog
from prometheus_client import Counter, Gauge, Histogram

from engine.errors import VinkkiError

correlation: ContextVar[str | None] = ContextVar("correlation", default=None)
"""The id of the request or message being worked on, in every log line of it."""


def _add_correlation(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if (value := correlation.get()) is not None:
        event["correlation"] = value
    return event


def frames(error: BaseException | None) -> str:
    """Return what kinds of error led to `error` and where each was raised, without their words.

    Words may quote what they complain of: a key, a row, a person. Only our own errors are known not to.
    """
    told = []
    while error is not None:
        words = f": {error.detail}" if isinstance(error, VinkkiError) else ""
        told.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__ + words)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nbecause of\n".join(told)


def _add_frames(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if given := event.pop("exc_info", None):
        event["exception"] = frames(given if isinstance(given, BaseException) else sys.exc_info()[1])
    return event


class _Formatter(logging.Formatter):
    """Writes what libraries log, errors without their words."""

    def formatException(  # noqa: N802 - the library's name
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """Return where the error was raised."""
        return frames(ei[1])


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
            _add_frames,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
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
FORGETTING_OLDEST = Gauge("vinkki_forgetting_oldest_seconds", "Age of the oldest withdrawal that is not complete")
ERASURES_UNFINISHED = Gauge("vinkki_erasures_unfinished", "Erasures whose online state may not be gone yet")
DELIVERIES = Counter("vinkki_deliveries_total", "What became of messages to residents", ["channel", "outcome"])
RETURNS = Counter("vinkki_returns_total", "What was told of messages after they were accepted", ["channel", "outcome"])
PART_READY = Gauge("vinkki_part_ready", "Whether this API process reaches a part (1) or not (0)", ["part"])
OFFERS = Gauge("vinkki_offers_live", "Offers that this process can suggest")
MODELLED = Gauge("vinkki_offers_modelled", "Offers that this process's model knows; 0 while there is no model")


def tell_waiting(count: int, oldest: datetime | None, now: datetime) -> None:
    """Say in metrics how many withdrawals are not complete, and for how long the oldest has not been."""
    FORGETTING_BACKLOG.set(count)
    FORGETTING_OLDEST.set(0 if oldest is None else max(0.0, (now - oldest).total_seconds()))
