from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.caps import Caps, Room, week
from campaigns.quiet import QuietHours

HELSINKI = ZoneInfo("Europe/Helsinki")
NIGHT = QuietHours()


def here(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HELSINKI, fold=fold)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-26T20:59:59", None),
        ("2026-11-26T21:00:00", "2026-11-27T08:00"),
        ("2026-11-27T00:00:00", "2026-11-27T08:00"),
        ("2026-11-27T07:59:59", "2026-11-27T08:00"),
        ("2026-11-27T08:00:00", None),
        # Clocks go forward at 3:00 on 28 March 2027 and back at 4:00 on 25 October 2026.
        ("2027-03-27T22:00:00", "2027-03-28T08:00"),
        ("2027-03-28T04:30:00", "2027-03-28T08:00"),
        ("2026-10-24T22:00:00", "2026-10-25T08:00"),
    ],
)
def test_the_night_ends_by_the_clock_on_the_wall(now, until):
    assert NIGHT.until(here(now)) == (until and here(until))


def test_nights_in_which_clocks_change_are_an_hour_shorter_or_longer():
    for day, hours in (("2027-03-27", 10), ("2026-10-24", 12), ("2026-11-24", 11)):
        began = here(f"{day}T21:00").astimezone(UTC)
        assert NIGHT.until(began) - began == timedelta(hours=hours)


def test_the_hour_that_comes_twice_is_quiet_both_times():
    for fold in (0, 1):
        assert NIGHT.until(here("2026-10-25T03:30", fold)) == here("2026-10-25T08:00")


@given(st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)), st.integers(0, 23), st.integers(0, 23))  # noqa: DTZ001
def test_what_waits_is_woken_outside_the_quiet_hours_within_a_day(moment, begin, end):
    now, hours = moment.replace(tzinfo=UTC), QuietHours(begin, end)
    if (until := hours.until(now)) is not None:
        assert now < until <= now + timedelta(hours=25)
        assert hours.until(until) is None or end == begin
        assert until.astimezone(HELSINKI).hour == end


def test_no_hours_are_quiet_where_both_ends_are_alike():
    assert all(QuietHours(8, 8).until(here(f"2026-11-26T{hour:02}:00")) is None for hour in range(24))


def test_a_department_leaves_a_place_to_others_and_what_is_minor_one_to_what_is_to_come():
    caps = Caps({"email": 3, "sms": 1})
    assert caps.room("email", 1) == Room(3, 3)
    assert caps.room("email", 5) == Room(3, 2)
    assert caps.room("email", 9) == Room(2, 2)
    assert caps.room("sms", 9) == Room(1, 1)
    assert caps.room("push", 5) == Room(0, 0)


def test_a_week_begins_on_monday_in_helsinki():
    assert week(here("2026-11-29T23:59")).isoformat() == "2026-11-23"
    assert week(datetime(2026, 11, 29, 22, 30, tzinfo=UTC)).isoformat() == "2026-11-30"
