"""The agents: a few lines each around what the engine does with a batch. An agent never raises.

Faust acknowledges an event even when its agent raises, which would lose it. So: what cannot be read, or cannot be taken
in though the stores are well, goes to `refused` with the reason; while a store is away the batch is tried again and
nothing is acknowledged; and if that lasts too long, the worker stops loudly, and the batch comes again to the next one.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import faust
import msgspec
import stamina

from engine.errors import Unavailable
from engine.events import ConsentChange, Impression, InteractionBatch, Notification, OfferChange, Refused
from engine.intake import Intake
from engine.telemetry import REFUSED, logger
from stream.topics import CONSENTS, IMPRESSIONS, INTERACTIONS, NOTIFICATIONS, OFFERS, Topic

_T = TypeVar("_T")
Refuse = Callable[[Sequence[Refused]], Awaitable[None]]
Clock = Callable[[], datetime]

log = logger("stream")
VERSION = 1
"""Of the vocabulary that this worker reads."""
MOST_AT_ONCE = 500
WITHIN_SECONDS = 0.02
"""A batch waits this long to fill: it buys many times the throughput for 20 ms."""
_GLANCE, _WHOLE = 500, 400_000
"""How much of a message `refused` carries: enough to see what it was, or enough to send it again."""


def stop_process(why: str) -> None:
    """End this process at once, without acknowledging anything."""
    log.critical("worker stops", why=why)
    os._exit(os.EX_TEMPFAIL)


class Reader(Generic[_T]):
    """Reads one topic's messages and hands them on, so that none is lost and none stops the others.

    Parameters
    ----------
    topic, event
        The topic, and the type of what it carries.
    handle
        Takes in a batch; may be called again with the same events.
    refuse
        Where unusable messages go.
    clock, stop
        The time, and what ends the process.
    patience_seconds
        How long a store may be away before the process ends.
    at_once
        How many messages make a batch at most.
    slow
        Says whether its handler is getting on, though a batch takes long.
    """

    def __init__(  # noqa: PLR0913 - each is one of the ways out of a batch
        self,
        topic: Topic,
        event: type[_T],
        handle: Callable[[Sequence[_T], datetime], Awaitable[None]],
        refuse: Refuse,
        clock: Clock,
        *,
        stop: Callable[[str], None] = stop_process,
        patience_seconds: float = 600.0,
        at_once: int = MOST_AT_ONCE,
        slow: Callable[[], bool] = lambda: False,
    ) -> None:
        self.topic = topic
        self.at_once = at_once
        self._decode = msgspec.json.Decoder(event).decode
        self._handle = handle
        self._refuse = refuse
        self._clock = clock
        self._stop = stop
        self._patience = patience_seconds
        self._slow = slow
        self._again = False

    @property
    def waiting(self) -> bool:
        """Whether there is a reason that no batch is done: a store is away, or the handler says that it is slow."""
        return self._again or self._slow()

    async def read(self, messages: Sequence[bytes]) -> None:
        """Take in a batch of messages; when this returns, each is taken in or refused."""
        events: list[_T] = []
        refused: list[Refused] = []
        for message in messages:
            try:
                event = self._decode(message)
            except Exception as error:  # noqa: BLE001 - bytes may be anything, and so may what they provoke
                refused.append(self._refusal("unreadable", str(error), message, _GLANCE))
                continue
            if getattr(event, "version", VERSION) == VERSION:
                events.append(event)
            else:
                refused.append(self._refusal("unknown_version", f"This worker reads version {VERSION}.", message))
        if refused:
            log.warning("messages refused", topic=self.topic.name, messages=len(refused))
            await self._tell(refused)
        if events:
            await self._take(events)

    async def _take(self, events: Sequence[_T]) -> None:
        try:
            await self._persist(lambda its: self._handle(its, self._clock()), events)
        except Unavailable:
            raise
        except Exception as error:  # whatever it is, it must not cost the events beside it
            log.exception("batch failed", topic=self.topic.name, events=len(events))
            if smaller := _split(events):
                for some in smaller:
                    await self._take(some)
            else:
                refusal = self._refusal("failed", type(error).__name__, msgspec.json.encode(events[0]))
                await self._tell([refusal])

    async def _tell(self, refused: Sequence[Refused]) -> None:
        try:
            await self._persist(self._refuse, refused)
        except Unavailable:
            raise
        except Exception as error:
            self._stop(f"{self.topic.name}: What is refused cannot be told: {type(error).__name__}.")
            raise

    async def _persist(self, do: Callable[[Sequence[Any]], Awaitable[None]], with_what: Sequence[Any]) -> None:
        try:
            async for attempt in stamina.retry_context(
                on=Unavailable, attempts=None, timeout=self._patience, wait_initial=0.1, wait_max=2.0
            ):
                self._again = attempt.num > 1
                with attempt:
                    await do(with_what)
        except Unavailable as error:
            self._stop(f"{self.topic.name}: {error.detail} Tried for {self._patience:.0f} s.")
            raise
        finally:
            self._again = False

    def _refusal(self, code: str, detail: str, message: bytes | None, most: int = _WHOLE) -> Refused:
        REFUSED.labels("stream", code).inc()
        payload = (message or b"")[:most].decode("utf-8", "replace")
        return Refused(self.topic.name, code, detail[:300], self._clock(), payload)


def _split(events: Sequence[_T]) -> list[list[_T]]:
    """Return smaller batches of the same, down to a batch of one interaction; nothing where that is what it is."""
    if len(events) > 1:
        return [[event] for event in events]
    event = events[0]
    if isinstance(event, InteractionBatch) and len(event.events) > 1:
        return [[msgspec.structs.replace(event, events=(one,))] for one in event.events]
    return []


def readers(intake: Intake, refuse: Refuse, clock: Clock, patience_seconds: float) -> list[Reader[Any]]:
    """Return the reader of each topic that the engine takes in."""

    async def impressions(shown: Sequence[Impression], _: datetime) -> None:
        await intake.impressions(shown)

    pairs: list[tuple[Topic, type, Callable[..., Awaitable[None]]]] = [
        (INTERACTIONS, InteractionBatch, intake.interactions),
        (IMPRESSIONS, Impression, impressions),
        (CONSENTS, ConsentChange, intake.consents_changed),
        (OFFERS, OfferChange, intake.offers),
    ]
    return [Reader(t, e, handle, refuse, clock, patience_seconds=patience_seconds) for t, e, handle in pairs]


def notifications(
    take: Callable[[Sequence[Notification], datetime], Awaitable[None]],
    refuse: Refuse,
    clock: Clock,
    patience_seconds: float,
    slow: Callable[[], bool],
) -> Reader[Notification]:
    """Return the reader of whom campaigns mean to speak to; a message is some hundred residents, hence few at once."""
    return Reader(
        NOTIFICATIONS, Notification, take, refuse, clock, patience_seconds=patience_seconds, at_once=4, slow=slow
    )


def attach(app: faust.App, reader: Reader[Any]) -> None:
    """Give `reader` an agent of its own in `app`."""
    topic = app.topic(reader.topic.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    @app.agent(topic, name=reader.topic.name)
    async def agent(stream: Any) -> None:  # noqa: ANN401 - Faust leaves it untyped
        # `take` would acknowledge a batch whatever becomes of it, even where the agent is cancelled in the middle.
        async for batch in stream.noack_take(reader.at_once, within=WITHIN_SECONDS):
            await reader.read([event.value for event in batch])
            for event in batch:
                await stream.ack(event)
