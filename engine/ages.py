"""Ages in Helsinki: when somebody becomes 13 and 18, and what may no longer hold from then on.

A birthday begins at 00:00 in Helsinki. Who was born on 29 February has it on 1 March in a year without that day: the
years are full then, and no protection ends a day early.
"""

from datetime import UTC, date, datetime, time
from enum import IntEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

_HELSINKI = ZoneInfo("Europe/Helsinki")


class Stage(IntEnum):
    """Who decides, by the age from which it is so: the guardians, the young person, the adult."""

    CHILD = 0
    TEEN = 13
    ADULT = 18


@lru_cache(maxsize=1 << 12)
def birthday(born: date, age: int) -> datetime:
    """Return the moment, in UTC, at which somebody becomes `age` years old.

    Examples
    --------
    >>> birthday(date(2013, 6, 1), 13)
    datetime.datetime(2026, 5, 31, 21, 0, tzinfo=datetime.timezone.utc)
    >>> birthday(date(2012, 2, 29), 13)
    datetime.datetime(2025, 2, 28, 22, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        day = born.replace(year=born.year + age)
    except ValueError:
        day = date(born.year + age, 3, 1)
    return datetime.combine(day, time.min, _HELSINKI).astimezone(UTC)


def age(born: date, now: datetime) -> int:
    """Return how many years old somebody is, 0 for who is not born yet."""
    years = now.astimezone(_HELSINKI).year - born.year
    return max(years if birthday(born, years) <= now else years - 1, 0) if years > 0 else 0


def stage(born: date, now: datetime) -> Stage:
    """Return who decides for somebody at `now`."""
    return next(its for its in reversed(Stage) if its is Stage.CHILD or birthday(born, its) <= now)


def outgrown(born: date, since: datetime, now: datetime) -> datetime | None:
    """Return the latest of the 13th and 18th birthdays after `since` and up to `now`: what was said before is over."""
    past = (birthday(born, its) for its in (Stage.ADULT, Stage.TEEN))
    return next((day for day in past if since < day <= now), None)


def today(now: datetime) -> date:
    """Return the date in Helsinki."""
    return now.astimezone(_HELSINKI).date()
