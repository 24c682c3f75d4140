"""Times as Linked Events gives them -> UTC, with limits on what a year can be."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

HELSINKI = ZoneInfo("Europe/Helsinki")
FIRST_YEAR, LAST_YEAR = 1950, 2100
"""Years that a date of the city's catalogue may lie in; an exhibition "until 2050" is real."""
TWO_DIGITS = 100
LONGEST = 40
"""A year below the first was typed with two digits; an ISO time has at most 35 letters."""
ONGOING_FROM = timedelta(days=7)
"""An event that lasts this long without a break is one to visit on any day, such as an exhibition."""


class Span(msgspec.Struct, frozen=True):
    """When one record takes place, in UTC; `problem` says why a start could not be used, `repairs` what was mended."""

    starts: datetime | None = None
    ends: datetime | None = None
    problem: str | None = None
    repairs: tuple[str, ...] = ()


def read_span(start: object, end: object, *, has_start_time: bool, has_end_time: bool) -> Span:
    """Return when a record takes place.

    A date without a time is that day in Helsinki: from its first moment, to the end of the last day (Linked Events
    names the last day itself). A year such as 0026 is taken for 2026 where the end confirms it, and refused otherwise.
    An end before the start, and an end that cannot be read, are dropped.
    """
    starts, ends = _moment(start), _moment(end)
    if starts is None:
        return Span(problem="unreadable_time" if start not in (None, "") else None)
    repairs = ["end_dropped"] if ends is None and end not in (None, "") else []
    if starts.year < TWO_DIGITS:
        starts, ends = _century(starts, ends)
        repairs.append("year_repaired")
    if starts is None or not FIRST_YEAR <= starts.year <= LAST_YEAR:
        return Span(problem="impossible_year")
    if ends is not None and ends.year > LAST_YEAR:
        ends = datetime(LAST_YEAR, 12, 31, tzinfo=UTC)
        repairs.append("end_shortened")
    starts_bare = _is_date(start) or not has_start_time
    starts = _day_begins(starts) if starts_bare else starts
    ends = _end(starts, ends, whole_days=starts_bare, last_day_named=_is_date(end), bare=not has_end_time)
    if ends is not None and ends < starts:
        ends = None
        repairs.append("end_dropped")
    return Span(starts.astimezone(UTC), ends and ends.astimezone(UTC), None, tuple(repairs))


def read_time(value: object) -> datetime | None:
    """Return a time in UTC, or None where it is none or of an impossible year."""
    found = _moment(value)
    return found.astimezone(UTC) if found is not None and FIRST_YEAR <= found.year <= LAST_YEAR else None


def _is_date(value: object) -> bool:
    return isinstance(value, str) and len(value.strip()) <= len("2026-11-22")


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str) or len(value) > LONGEST:
        return None
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=HELSINKI)


def _century(starts: datetime, ends: datetime | None) -> tuple[datetime | None, datetime | None]:
    if ends is None or (ends.year >= TWO_DIGITS and ends.year - starts.year not in (2000, 2001)):
        return None, None
    try:
        moved = starts.replace(year=starts.year + 2000)
        return moved, ends if ends.year >= TWO_DIGITS else ends.replace(year=ends.year + 2000)
    except ValueError:  # 29 February
        return None, None


def _day_begins(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(HELSINKI).date(), time(), HELSINKI)


def _end(
    starts: datetime, ends: datetime | None, *, whole_days: bool, last_day_named: bool, bare: bool
) -> datetime | None:
    if ends is None:
        return starts + timedelta(days=1) if whole_days else None
    midnight = _day_begins(ends)
    # A bare date names the last day itself; a full timestamp at midnight is already the end of the day before.
    if last_day_named or (bare and (ends != midnight or ends <= starts)):
        return midnight + timedelta(days=1)
    return ends
