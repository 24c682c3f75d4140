"""How many messages a resident gets in a week by a channel, whichever department sends them.

The count is kept nowhere beside the deliveries themselves: a claim counts, in the transaction that makes it, and
under a lock on the resident, what of that week is there already. So two departments at once cannot both take the last
place, and nothing has to be rebuilt, or forgotten in a second place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from campaigns.quiet import HELSINKI

MOST = {"email": 3, "sms": 1, "push": 5, "inbox": 10}
"""Messages a week, by channel."""
URGENT, USUAL, MINOR = 1, 5, 9
"""Priorities: the smaller number goes first."""


@dataclass(frozen=True, slots=True)
class Room:
    """What there is room for: `most` messages of everybody in a week, and `share` of them of one department."""

    most: int
    share: int


@dataclass(frozen=True, slots=True)
class Caps:
    """The limits of the city, over all departments.

    Where there are at least two places a week, one department takes all but one at most, so that whoever comes first
    does not silence the others; and what is of minor priority leaves one to what is to come. What is urgent may fill
    the week.
    """

    most: Mapping[str, int] = field(default_factory=lambda: MOST)

    def room(self, channel: str, priority: int) -> Room:
        """Return the room that a campaign of that priority finds."""
        most = self.most.get(channel, 0)
        if most < 2 or priority <= URGENT:  # noqa: PLR2004 - of one place nothing can be left to others
            return Room(most, most)
        return Room(most - 1 if priority >= MINOR else most, most - 1)


def week(now: datetime) -> date:
    """Return the Monday of the week that it is in Helsinki."""
    today = now.astimezone(HELSINKI).date()
    return today - timedelta(days=today.weekday())
