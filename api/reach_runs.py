"""Countings of who would want an offer, under way and done: one at a time in a process, known to all through Redis.

What is kept there for some minutes is the very answer that anybody with the scope gets: coarse counts, and no person.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Protocol

import msgspec

from api.seal import Seal
from campaigns.audience import Wants
from engine.counts import LEAST, Counts
from engine.errors import Unavailable, VinkkiError
from engine.events import AwareTime
from engine.reach import LANGUAGES, Found, Out, Reach, Wish
from engine.telemetry import logger

AUDIENCE = "vinkki-audience+jws"
"""The `typ` of a handle's header (`api.seal`)."""
KEPT = timedelta(minutes=10)
"""How long an answer is given again before it is counted anew."""
MOST_WAITING = 8
"""Countings that a process takes on at once."""
_ALIVE = timedelta(seconds=60)
"""What has said nothing for so long has died with its process, and is begun anew."""
log = logger("api")


class Counting(msgspec.Struct, frozen=True):
    """A counting under way, and the share of residents that is looked at."""

    offer: str
    progress: float = 0.0


class Counted(msgspec.Struct, frozen=True):
    """About how many would want an offer; null for a group so small that it is not told.

    Attributes
    ----------
    wanting
        Residents who have it among their first suggestions.
    reached
        As many of them as there are seats for, those whom it suits best.
    languages
        The `reached` by the first language that they told.
    left_out
        Everybody else, by why.
    handle
        Who is meant, signed: the offer, the consent, and when it was asked. It names nobody; whoever is sent to by it
        is asked for permits anew.
    tree
        The same as a tree: put as it is into `POST /v1/audiences`, or among others, it makes an audience of them.
    """

    offer: str
    topic: str
    channel: str | None
    top: int
    counted_at: AwareTime
    valid_until: AwareTime
    everybody: int | None
    wanting: int | None
    reached: int | None
    languages: Mapping[str, int | None]
    left_out: Mapping[str, int | None]
    handle: str
    tree: Wants
    at_least: int = LEAST


class Notes(Protocol):
    """What processes tell each other (`engine.online`)."""

    async def note(self, name: str, value: bytes, life: timedelta, *, anew: bool = False) -> bool:
        """Keep something for a while; with `anew` only where nothing is kept by that name. Say whether it is."""

    async def noted(self, name: str) -> bytes | None:
        """Return what is kept by a name."""

    async def unnote(self, name: str) -> None:
        """Keep it no longer."""


class ReachRuns:
    """Begins countings, tells how far they are, and keeps what came of them.

    Parameters
    ----------
    reach, counts, seal
        What counts, what tells counts, and what signs handles.
    notes
        Where processes tell each other.
    clock
        The time.
    """

    def __init__(self, reach: Reach, counts: Counts, seal: Seal, notes: Notes, clock: Callable[[], datetime]) -> None:
        self._reach = reach
        self._counts = counts
        self._seal = seal
        self._notes = notes
        self._clock = clock
        self._turn = asyncio.Semaphore(1)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def topic(self, offer: str) -> str:
        """Return the topic of marketing that an offer is of.

        Raises
        ------
        Over
            It can be taken up no more.
        """
        return self._reach.topic(offer, self._clock())

    async def ask(self, wish: Wish) -> Counting | Counted:
        """Return the answer, or how far it is; whoever asks first begins it.

        Raises
        ------
        Unavailable
            Redis is away, or this process is at too many others.
        """
        name = f"reach:{blake2b(wish.name.encode(), digest_size=16).hexdigest()}"
        if (held := await self._notes.noted(name)) is not None:
            return _read(held)
        if name not in self._tasks:
            if len(self._tasks) >= MOST_WAITING:
                raise Unavailable("Many offers are being counted for; ask again in a moment.")
            begun = Counting(wish.offer)
            if await self._notes.note(name, _encode(begun), _ALIVE, anew=True):
                self._tasks[name] = asyncio.create_task(self._run(name, wish))
        return Counting(wish.offer)

    async def close(self) -> None:
        """Give up what is under way; another process begins it anew."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, name: str, wish: Wish) -> None:
        async def tell(progress: float) -> None:
            await self._notes.note(name, _encode(Counting(wish.offer, round(progress, 2))), _ALIVE)

        try:
            async with self._turn:
                found = await self._reach.count(wish, self._clock, tell)
            await self._notes.note(name, _encode(self._told(wish, found)), KEPT)
        except VinkkiError as error:
            # Nobody waits for it: who asks again begins anew, and is told then what stands in the way.
            log.warning("reach not counted", code=error.code)
            await self._give_up(name)
        finally:
            self._tasks.pop(name, None)

    async def _give_up(self, name: str) -> None:
        try:
            await self._notes.unnote(name)
        except VinkkiError:
            log.warning("a note of reach stays until it is too old")

    def _told(self, wish: Wish, found: Found) -> Counted:
        def told(count: int, group: str) -> int | None:
            return self._counts.disclose(count, f"reach {wish.offer}", f"{group} of {wish.name}")

        def split(counts: Mapping[str, int], names: Sequence[str], what: str) -> dict[str, int | None]:
            return {name: told(counts.get(name, 0), f"{what} {name}") for name in names}

        now = self._clock()
        return Counted(
            offer=wish.offer,
            topic=wish.topic,
            channel=wish.channel,
            top=wish.top,
            counted_at=now,
            valid_until=now + KEPT,
            everybody=told(found.everybody, "everybody"),
            wanting=told(found.wanting, "wanting"),
            reached=told(found.reached, "reached"),
            languages=split(found.languages, LANGUAGES, "language"),
            left_out=split({str(out): n for out, n in found.out.items()}, [str(out) for out in Out], "out"),
            handle=self._seal.sign(_encode(wish), AUDIENCE),
            tree=Wants(offer=wish.offer, top=wish.top),
        )


_encode = msgspec.json.Encoder().encode


def _read(held: bytes) -> Counting | Counted:
    if b'"handle"' in held:
        return msgspec.json.decode(held, type=Counted)
    return msgspec.json.decode(held, type=Counting)
