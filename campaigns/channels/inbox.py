"""The inbox as a channel: what is delivered waits in the service."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from campaigns.channels import Accepted, Busy, Note, Outcome, Refused
from campaigns.records.inbox import Item, Letter
from engine.errors import Unavailable


class Boxes(Protocol):
    """Where inboxes are kept (`campaigns.records.inbox`)."""

    async def put(self, items: Sequence[Item], now: datetime) -> set[str]:
        """Put messages in; return the ids that are there now."""


class InboxChannel:
    """Puts messages in inboxes.

    Parameters
    ----------
    boxes, clock
        Where they are kept, and the time.
    """

    def __init__(self, boxes: Boxes, clock: Callable[[], datetime]) -> None:
        self._boxes = boxes
        self._clock = clock

    async def deliver(self, notes: Sequence[Note]) -> Sequence[Outcome]:
        """Deliver (see `campaigns.channels.Channel`). What is put in twice is there once."""
        items = [Item(note.id, note.to, note.purpose, _letter(note)) for note in notes]
        try:
            there = await self._boxes.put(items, self._clock())
        except Unavailable:
            return [Busy("away", 10.0)] * len(notes)
        return [Accepted() if note.id in there else Refused("no_leave") for note in notes]

    async def close(self) -> None:
        """Nothing is kept open."""


def _letter(note: Note) -> Letter:
    its = note.rendered
    return Letter(its.subject, its.text, its.html, note.language, note.topic, note.stop)
