"""Birthdays at midnight in Helsinki: on both sides, at changes of the clock, on 29 February; and what they end."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ages import Stage, age, birthday, outgrown, stage, today
from engine.consent import Consents, Grant, Permit, Purpose, Refusal
from engine.flags import pack, unpack
from tests.factories import in_force

HELSINKI = ZoneInfo("Europe/Helsinki")
MOMENT = timedelta(microseconds=1)
BORN = st.dates(date(1990, 1, 1), date(2030, 12, 31))
LIFE = st.datetimes(datetime(2003, 1, 1), datetime(2049, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - beside


@pytest.mark.parametrize(
    ("born", "midnight"),
    [
        (date(2013, 1, 15), "2026-01-14T22:00Z"),  # winter
        (date(2013, 7, 15), "2026-07-14T21:00Z"),  # summer
        (date(2013, 3, 29), "2026-03-28T22:00Z"),  # the day on which summer time begins, at 3
        (date(2013, 3, 30), "2026-03-29T21:00Z"),  # the day after
        (date(2013, 10, 25), "2026-10-24T21:00Z"),  # the day on which it ends, at 4
        (date(2013, 10, 26), "2026-10-25T22:00Z"),
        (date(2012, 2, 29), "2025-02-28T22:00Z"),  # 1 March: no protection ends a day early
        (date(2012, 2, 28), "2025-02-27T22:00Z"),
        (date(2012, 12, 31), "2025-12-30T22:00Z"),
    ],
)
def test_the_thirteenth_birthday_begins_at_midnight_in_helsinki(born, midnight):
    turn = datetime.fromisoformat(midnight)
    assert birthday(born, 13) == turn
    assert (stage(born, turn - MOMENT), age(born, turn - MOMENT)) == (Stage.CHILD, 12)
    assert (stage(born, turn), age(born, turn)) == (Stage.TEEN, 13)
    assert turn.astimezone(HELSINKI).hour == 0


def test_who_was_born_on_the_29th_of_february_has_that_birthday_in_a_leap_year():
    assert birthday(date(2012, 2, 29), 16) == datetime(2028, 2, 28, 22, tzinfo=UTC)
    assert birthday(date(2008, 2, 29), 18) == datetime(2026, 2, 28, 22, tzinfo=UTC)


def test_the_day_is_that_of_helsinki():
    assert today(datetime(2026, 11, 22, 22, 30, tzinfo=UTC)) == date(2026, 11, 23)


@given(BORN, LIFE)
def test_an_age_changes_on_birthdays_alone(born, now):
    years = age(born, now)
    assert birthday(born, years) <= now or years == 0
    assert now < birthday(born, years + 1)
    assert stage(born, now) == max((its for its in Stage if its <= years), default=Stage.CHILD)


@given(BORN, LIFE, LIFE)
def test_a_grant_does_not_outlive_the_age_it_was_given_at(born, since, now):
    consents = Consents("child", 1, {Purpose.ACTIVITY: Grant(True, 1, since)}, born=born)
    answer = consents.permit(Purpose.ACTIVITY, now)
    if since > now:
        assert isinstance(answer, Refusal)
    elif stage(born, since) == stage(born, now):
        assert isinstance(answer, Permit)
        assert outgrown(born, since, now) is None
    else:
        assert answer == Refusal(Purpose.ACTIVITY, "asked_again")
        assert since < outgrown(born, since, now) <= now


@given(BORN, LIFE, LIFE)
def test_nobody_under_18_gets_marketing_and_nobody_of_18_gets_it_without_being_asked(born, since, now):
    purpose = next(purpose for purpose in Purpose if purpose.marketing)
    answer = Consents("child", 1, {purpose: Grant(True, in_force(purpose), since)}, born=born).permit(purpose, now)
    grown = birthday(born, 18)
    assert isinstance(answer, Permit) is (grown <= since <= now)
    if now < grown:
        assert answer == Refusal(purpose, "minor")


@given(BORN, LIFE)
def test_a_withdrawal_by_birthday_says_that_it_is_asked_again(born, now):
    turn = birthday(born, 13)
    consents = Consents("child", 1, {Purpose.ACTIVITY: Grant(False, 1, turn)}, born=born)
    assert consents.permit(Purpose.ACTIVITY, now).reason == "asked_again"
    withdrawn = Consents("child", 1, {Purpose.ACTIVITY: Grant(False, 1, turn + MOMENT)}, born=born)
    assert withdrawn.permit(Purpose.ACTIVITY, now).reason == "withdrawn"


@given(BORN, LIFE)
def test_the_flags_hold_the_birth_date_in_one_entry(born, since):
    plain = Consents("child", 7, {Purpose.ACTIVITY: Grant(True, 1, since)})
    known = Consents("child", 7, plain.grants, born=born)
    assert unpack("child", pack(known)) == known
    assert len(pack(known)) == len(pack(plain)) + 14
    assert pack(known)[: len(pack(plain))] == pack(plain)


def test_a_clock_that_jumps_back_before_the_grant_gives_no_leave():
    born, since = date(2010, 1, 1), datetime(2026, 11, 22, tzinfo=UTC)
    consents = Consents("teen", 1, {Purpose.ACTIVITY: Grant(True, 1, since)}, born=born)
    assert isinstance(consents.permit(Purpose.ACTIVITY, since), Permit)
    assert consents.permit(Purpose.ACTIVITY, since - MOMENT).reason == "never_granted"
