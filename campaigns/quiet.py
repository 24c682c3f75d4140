"""Quiet hours: what makes a sound waits for the morning, as clocks in Helsinki show it."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

HELSINKI = ZoneInfo("Europe/Helsinki")
SILENT = frozenset({"inbox"})
"""Channels that wake nobody."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one hour of the clock to another, over midnight where the second is the smaller; none where both are alike.

    A night in which clocks change is an hour longer or shorter; its ends are what the clock on the wall says.

    Parameters
    ----------
    begin, end
        Hours of the clock, 0 to 23.

    Examples
    --------
    >>> QuietHours().until(datetime(2026, 10, 24, 20, 0, tzinfo=UTC)).isoformat()
    '2026-10-25T06:00:00+00:00'
    """

    begin: int = 21
    end: int = 8

    def until(self, now: datetime) -> datetime | None:
        """Return when the quiet hours end that hold at `now`, in UTC; None where none hold."""
        here = now.astimezone(HELSINKI)
        if not self._holds(here.hour):
            return None
        day = here.date()
        if here.hour >= self.end:  # before midnight
            day += timedelta(days=1)
        # Built from the wall's clock, never by adding hours: that is what makes nights of 10 and of 12 hours right.
        return datetime.combine(day, time(self.end), HELSINKI).astimezone(UTC)

    def _holds(self, hour: int) -> bool:
        if self.begin <= self.end:
            return self.begin <= hour < self.end
        return hour >= self.begin or hour < self.end
