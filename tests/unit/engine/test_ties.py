"""Who may do what for whom, by age, guardianship and help; what is not said is not allowed."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ages import Stage, birthday
from engine.ties import Action, Help, Tie

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CHILD, TEEN, ADULT = date(2016, 5, 4), date(2012, 5, 4), date(2000, 5, 4)
ALL = (*Action, "family:read", "family:write", "data:read", "made:up")


@pytest.mark.parametrize("action", ALL)
def test_a_guardian_acts_for_a_child_in_everything(action):
    assert Tie(CHILD, guardian=True).allows(action, NOW)


@pytest.mark.parametrize("action", ALL)
def test_a_guardian_of_a_teenager_sees_consents_and_receipts_and_no_more(action):
    assert Tie(TEEN, guardian=True).allows(action, NOW) is (action == "consents:read")


@pytest.mark.parametrize("action", ALL)
def test_a_guardian_is_none_any_more_from_the_eighteenth_birthday(action):
    tie, turn = Tie(TEEN, guardian=True), birthday(TEEN, 18)
    assert not tie.allows(action, turn)
    assert not Tie(ADULT, guardian=True).allows(action, NOW)


@given(st.sampled_from(ALL), st.sampled_from([None, CHILD, TEEN, ADULT]))
def test_a_stranger_may_nothing(action, born):
    assert not Tie(born).allows(action, NOW)


@given(st.sets(st.sampled_from(Action), min_size=1), st.sampled_from(ALL), st.integers(-3, 5))
def test_a_helper_may_what_is_named_from_the_leave_until_its_end(actions, action, days):
    tie = Tie(help=Help(frozenset(actions), NOW, NOW + 3 * DAY))
    assert tie.allows(action, NOW + days * DAY) is (action in actions and 0 <= days < 3)


def test_a_helper_of_a_child_gives_no_consents():
    given_all = Help(frozenset(Action), NOW, NOW + 3 * DAY)
    assert not Tie(CHILD, help=given_all).allows(Action.CONSENTS_WRITE, NOW)
    assert Tie(CHILD, help=given_all).allows(Action.INTERESTS_WRITE, NOW)
    assert Tie(TEEN, help=given_all).allows(Action.CONSENTS_WRITE, NOW)


def test_a_helper_whom_guardians_named_is_none_after_the_birthday():
    turn = birthday(CHILD, 13)
    tie = Tie(CHILD, help=Help(frozenset(Action), turn - DAY, turn + DAY))
    assert tie.allows(Action.SUGGESTIONS_READ, turn - timedelta(microseconds=1))
    assert not tie.allows(Action.SUGGESTIONS_READ, turn)


@given(st.sampled_from(Stage), st.integers(-4000, 4000))
def test_an_age_that_was_reached_is_not_lost_when_the_clock_jumps_back(reached, days):
    tie, now = Tie(CHILD, grown=reached, guardian=True), NOW + days * DAY
    assert tie.stage(now) >= reached
    if reached is Stage.ADULT:
        assert not any(tie.allows(action, now) for action in ALL)
