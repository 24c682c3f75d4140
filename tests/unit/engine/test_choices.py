"""What residents choose beside purposes, and that a pause stops every use of their data."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.choices import FAMILIES, FEATURES, PAUSE_LASTS, Choice, left_out
from engine.columns import FAMILY_NUMBERS
from engine.consent import Consents, Grant, Permit, Purpose, Refusal
from engine.reasons import OFF, Code
from tests.factories import NOW, in_force


def choosing(granted: bool = True, ago: timedelta = timedelta(0), choice: Choice = Choice.PAUSE) -> Consents:
    grants = {purpose: Grant(True, in_force(purpose), NOW - timedelta(days=90)) for purpose in Purpose}
    return Consents("someone", 3, grants, choices={choice: Grant(granted, 0, NOW - ago)})


@given(st.timedeltas(-timedelta(days=400), PAUSE_LASTS - timedelta(seconds=1)))
def test_while_a_pause_holds_nothing_is_allowed_also_where_the_clock_jumped_back(ago):
    assert {
        consents.reason
        for purpose in Purpose
        if isinstance(consents := choosing(ago=ago).permit(purpose, NOW), Refusal)
    } == {"paused"}


@pytest.mark.parametrize(
    "consents", [choosing(ago=PAUSE_LASTS), choosing(granted=False), choosing(choice=Choice.WITHOUT_AREA)]
)
def test_a_pause_ends_after_thirty_days_or_when_taken_back(consents):
    assert isinstance(consents.permit(Purpose.ACTIVITY, NOW), Permit)
    assert consents.paused_until(NOW) is None


def test_a_paused_partner_is_refused():
    granting = Consents("someone", 3, choosing().grants, partners={"p": Grant(True, 1, NOW - timedelta(days=1))})
    assert granting.grants_partner("p", NOW)
    paused = Consents("someone", 3, granting.grants, partners=granting.partners, choices=choosing().choices)
    assert not paused.grants_partner("p", NOW)
    assert paused.resumed().grants_partner("p", NOW)


def test_what_is_off_is_told_by_family_and_a_pause_is_none():
    assert choosing(choice=Choice.WITHOUT_AREA).off == {"area"}
    assert choosing().off == choosing(granted=False, choice=Choice.WITHOUT_AREA).off == frozenset()


def test_every_family_turns_off_features_that_there_are_and_reasons_that_are_said():
    assert set(FEATURES) == set(FAMILIES) == set(OFF.values())
    assert left_out(frozenset(FAMILIES)) == set(FAMILY_NUMBERS)
    assert OFF[Code.STATED_AREA] == OFF[Code.INTERESTED_AREA] == "area"
    assert not set(OFF) & {Code.NEAR, Code.SOON, Code.FREE, Code.SAME_TOPIC, Code.WHEN_AND_WHERE}
