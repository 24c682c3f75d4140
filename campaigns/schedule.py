"""When a campaign speaks: once, again and again by a rule of RFC 5545 in Helsinki's time, or when something happens.

A rule is of the wall clock: 9:00 stays 9:00 when clocks change. A time that a night of spring leaves out is meant an
hour later; one that a night of autumn has twice is meant the first time, and once.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice, pairwise
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from dateutil.rrule import rrule, rrulestr

from campaigns.fault import Fault
from engine.events import AwareTime, InteractionType
from engine.rules import Target

HELSINKI = ZoneInfo("Europe/Helsinki")
LONGEST = timedelta(days=2 * 366)
"""How far ahead a campaign may reach; what should last is looked at anew."""
SHORTEST_BREAK = timedelta(hours=20)
"""At most once a day, also when a day has 23 hours."""
_ALLOWED = {
    "DAILY": {"INTERVAL"},
    "WEEKLY": {"INTERVAL", "BYDAY", "WKST"},
    "MONTHLY": {"INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"},
    "YEARLY": {"INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"},
}
"""What a rule may say by its frequency: never a time of day, nor what dateutil would look for day by day for ever."""
_ENDS = ("COUNT", "UNTIL")
MOST_TIMES = 1000
_NUMBER = re.compile(r"[1-9]\d{0,2}")
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")
_RULE = "schedule.rrule"
Hour = Annotated[int, msgspec.Meta(ge=0, le=23)]


class OfferEvent(StrEnum):
    """What may happen to an offer."""

    ENROLMENT_OPENS = "enrolment_opens"
    SEAT_FREED = "seat_freed"
    CANCELLED = "cancelled"
    MOVED = "moved"


class Triggered(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, tag_field="event"
):
    """What every trigger has: how many minutes later the message goes."""

    delay_minutes: Annotated[int, msgspec.Meta(ge=0, le=7 * 24 * 60)] = 0


class OfferChanged(Triggered, frozen=True, tag="offer_changed"):
    """Something happens to an offer: to one of `target`, or to any."""

    changes: Annotated[tuple[OfferEvent, ...], msgspec.Meta(min_length=1, max_length=len(OfferEvent))]
    target: Target = Target()


class NewOffer(Triggered, frozen=True, tag="new_offer"):
    """A new offer that fits a target comes up."""

    target: Target


class SavedOfferTomorrow(Triggered, frozen=True, tag="saved_offer_tomorrow"):
    """An offer that the resident saved starts tomorrow; the message goes at `hour` in Helsinki."""

    hour: Hour = 16


class Birthday(Triggered, frozen=True, tag="birthday"):
    """A dependant reaches one of `ages`, in years; the guardian hears so many days before."""

    ages: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, le=18)], ...], msgspec.Meta(min_length=1, max_length=19)]
    days_before: Annotated[int, msgspec.Meta(ge=0, le=60)] = 0


class JournalEvent(Triggered, frozen=True, tag="journal_event"):
    """The resident did something with an offer: with one of `target`, or with any."""

    interaction: InteractionType
    target: Target = Target()


class Webhook(Triggered, frozen=True, tag="webhook"):
    """A system of the city says so, under a name that it is known by."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,62}$(?!\n)")]


Trigger = OfferChanged | NewOffer | SavedOfferTomorrow | Birthday | JournalEvent | Webhook


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """When a campaign speaks.

    Attributes
    ----------
    starts, ends
        From when, and until when at the latest.
    rrule
        The rule of RFC 5545, without `RRULE:` and `DTSTART`, such as ``FREQ=WEEKLY;BYDAY=TH``; read in Helsinki's
        time, beginning at `starts`.
    trigger
        What has to happen.
    """

    starts: AwareTime | None = None
    ends: AwareTime | None = None
    rrule: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    trigger: Trigger | None = None


def occurrences(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Yield the moments after `after`, in UTC, at which a one-off or recurring campaign speaks, earliest first."""
    if schedule.starts is None:
        return
    if schedule.rrule is None:
        moments: Iterator[datetime] = iter((schedule.starts.astimezone(UTC),))
    else:
        moments = map(_moment, _rule(schedule.rrule, schedule.starts, schedule.ends))
    last = datetime.min.replace(tzinfo=UTC)
    for moment in moments:
        if schedule.ends is not None and moment > schedule.ends:
            return
        # Two wall times may be one moment: 3:30 does not exist in spring, and 4:30 does.
        if moment > max(after, last):
            last = moment
            yield moment


def faults(schedule: Schedule, now: datetime) -> Iterator[Fault]:
    """Yield what is wrong with the times of a schedule."""
    starts, ends = schedule.starts, schedule.ends
    if starts is not None and not now < starts <= now + LONGEST:
        yield Fault("schedule.starts", None, "It starts in the past, or in more than two years; give a time to come.")
        return
    if ends is not None and not (starts or now) < ends <= (starts or now) + LONGEST:
        yield Fault("schedule.ends", None, "Give an end after the start, at most two years later.")
    elif schedule.rrule is not None and starts is not None:
        yield from _faults_of_rule(schedule.rrule, starts, ends)


def _faults_of_rule(text: str, starts: datetime, ends: datetime | None) -> Iterator[Fault]:
    try:
        parts = _parts(text)
    except ValueError:
        yield Fault(_RULE, None, "This is no rule of RFC 5545; write as in FREQ=WEEKLY;BYDAY=TH;COUNT=10.")
        return
    allowed = _ALLOWED.get(parts["FREQ"])
    if allowed is None:
        yield Fault(_RULE, None, f"A message goes once a day at most; use FREQ={', '.join(_ALLOWED)}.")
    elif unknown := sorted(set(parts) - allowed - {"FREQ", *_ENDS}):
        yield Fault(_RULE, None, f"There is no {unknown[0][:20]} with FREQ={parts['FREQ']} here; leave it out.")
    elif ends is None and not set(_ENDS) & set(parts):
        yield Fault(_RULE, None, "The rule never ends; add COUNT or UNTIL, or give `schedule.ends`.")
    else:
        yield from _faults_of_times(text, starts, ends)


def _faults_of_times(text: str, starts: datetime, ends: datetime | None) -> Iterator[Fault]:
    try:
        moments = [_moment(one) for one in _rule(text, starts, ends)]
    except (ValueError, TypeError, OverflowError, LookupError):
        yield Fault(_RULE, None, "This is no rule of RFC 5545; write as in FREQ=WEEKLY;BYDAY=TH;COUNT=10.")
        return
    if not moments:
        yield Fault(_RULE, None, "The rule names no time between the start and the end.")
    if any(later - one < SHORTEST_BREAK for one, later in pairwise(moments)):
        yield Fault(_RULE, None, "A message goes once a day at most; this rule names several times of one day.")


def _parts(text: str) -> dict[str, str]:
    pairs = [part.split("=") for part in text.upper().split(";")]
    found = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}  # noqa: PLR2004 - name and value
    numbers = [found[name] for name in ("COUNT", "INTERVAL") if name in found]
    if len(found) < len(pairs) or "FREQ" not in found or not all(_NUMBER.fullmatch(number) for number in numbers):
        raise ValueError(text)
    return found


def _rule(text: str, starts: datetime, ends: datetime | None) -> Iterator[datetime]:
    """Return the wall times of a rule; it always has an end, so that looking for the next one ends too."""
    parts = _parts(text)
    last = _wall(min(ends or starts + LONGEST, starts + LONGEST))
    if "UNTIL" in parts:
        last = min(last, _until(parts["UNTIL"]))
    core = ";".join(f"{name}={value}" for name, value in parts.items() if name not in _ENDS)
    read = rrulestr(core, dtstart=_wall(starts))
    if not isinstance(read, rrule):
        raise TypeError
    return islice(read.replace(until=last), int(parts.get("COUNT", MOST_TIMES)))


def _wall(moment: datetime) -> datetime:
    return moment.astimezone(HELSINKI).replace(tzinfo=None)


def _until(text: str) -> datetime:
    given = _UNTIL.fullmatch(text)
    if given is None:
        raise ValueError(text)
    day, time, zulu = given.groups()
    moment = datetime.strptime(f"{day}{time or '235959'}", "%Y%m%d%H%M%S")  # noqa: DTZ007 - a wall time
    return _wall(moment.replace(tzinfo=UTC)) if zulu else moment


def _moment(wall: datetime) -> datetime:
    """Return the moment that a wall time of Helsinki means."""
    return wall.replace(tzinfo=HELSINKI, fold=0).astimezone(UTC)
