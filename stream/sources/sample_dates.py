"""When the offers of the sample catalogue take place: short rules such as ``tue 10:00-10:45 weekly`` -> dates.

A rule is worked out from a day, so that the catalogue is always about the next two months, and a date once announced
stays until it has passed: single dates and courses come round every nine weeks, each in its own week of the nine.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HELSINKI = ZoneInfo("Europe/Helsinki")
HORIZON_DAYS = 60
CYCLE_WEEKS = 9
"""Nine weeks are just longer than the horizon, so a single date is never in sight twice."""
PAUSE_DAYS = 20
"""An exhibition's room is empty this long before the next round of it opens."""
MONDAY = date(2024, 1, 1)
"""The Monday from which weeks are counted."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Span = tuple[datetime, datetime]
"""Start and end, both timezone-aware and in UTC."""

_HOURS = r"(?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d)"
_HELD = re.compile(
    rf"(?P<days>\w\w\w(?:,\w\w\w)*) {_HOURS} (?:(?P<how>once|weekly)|every (?P<gap>\d) weeks|x(?P<times>\d+))"
)
_OPEN = re.compile(rf"open (?P<length>\d+) days {_HOURS}")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule says: weekdays (Monday is 0), hours, and either weeks and a number of times, or an open season.

    Attributes
    ----------
    gap_weeks
        Weeks from one date to the next; None for a single round of `times` weeks.
    length_days
        How long an exhibition is open; 0 for everything else.
    """

    opens: time
    closes: time
    days: tuple[int, ...] = ()
    gap_weeks: int | None = None
    times: int = 1
    length_days: int = 0


def parse(text: str) -> Rule:
    """Read a rule.

    Raises
    ------
    ValueError
        The text is none of the forms ``fri 19:00-21:00 once`` (or ``weekly``, ``every 2 weeks``, ``x10``) and
        ``open 90 days 11:00-18:00``.

    Examples
    --------
    >>> parse("mon,wed 17:00-18:00 x8").days
    (0, 2)
    """
    if match := _OPEN.fullmatch(text):
        return Rule(*_hours(match), length_days=int(match["length"]))
    if not (match := _HELD.fullmatch(text)):
        raise ValueError(f"{text!r} is not a rule; write it like 'tue 10:00-10:45 weekly'.")
    gap = 1 if match["how"] == "weekly" else int(match["gap"]) if match["gap"] else None
    days = tuple(WEEKDAYS.index(day) for day in match["days"].split(","))
    return Rule(*_hours(match), days=days, gap_weeks=gap, times=int(match["times"] or 1))


def spans(rule: Rule, today: date, phase: int) -> list[Span]:
    """Return when it takes place as seen on `today`, earliest first; `phase` tells rules with the same words apart."""
    if rule.length_days:
        first = _season(rule.length_days, today, phase)
        return [(to_utc(first, rule.opens), to_utc(first + timedelta(days=rule.length_days - 1), rule.closes))]
    return [(to_utc(day, rule.opens), to_utc(day, rule.closes)) for day in _days(rule, today, phase)]


def _days(rule: Rule, today: date, phase: int) -> list[date]:
    if rule.gap_weeks is None:
        monday = _monday(today, rule.days[0], phase % CYCLE_WEEKS, CYCLE_WEEKS)
        return [monday + timedelta(weeks=week, days=day) for week in range(rule.times) for day in rule.days]
    ahead = (today + timedelta(days=n) for n in range(HORIZON_DAYS + 1))
    return [d for d in ahead if d.weekday() in rule.days and _week(d) % rule.gap_weeks == phase % rule.gap_weeks]


def _monday(today: date, weekday: int, phase: int, cycle: int) -> date:
    """Return the Monday of the next week of this phase whose `weekday` has not passed."""
    monday = today - timedelta(days=today.weekday())
    monday += timedelta(weeks=(phase - _week(today)) % cycle)
    return monday if monday + timedelta(days=weekday) >= today else monday + timedelta(weeks=cycle)


def _season(length_days: int, today: date, phase: int) -> date:
    """Return the first day of the season that is open on `today`, else of the next one."""
    cycle = length_days + PAUSE_DAYS
    into = (today.toordinal() + phase) % cycle
    return today - timedelta(days=into) if into < length_days else today + timedelta(days=cycle - into)


def _week(day: date) -> int:
    return (day - MONDAY).days // 7


def _hours(match: re.Match[str]) -> tuple[time, time]:
    return time.fromisoformat(match["opens"]), time.fromisoformat(match["closes"])


def to_utc(day: date, hour: time) -> datetime:
    """Return the moment at which Helsinki's clocks show `hour` on `day`, in UTC."""
    return datetime.combine(day, hour, HELSINKI).astimezone(UTC)
