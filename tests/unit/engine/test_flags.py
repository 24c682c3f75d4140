from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.choices import Choice
from engine.consent import Consents, Grant, Purpose
from engine.flags import BORN, CODES, pack, unpack
from tests.factories import in_force

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone is given beside
GRANTS = st.builds(Grant, st.booleans(), st.integers(0, 30_000), MOMENTS)
CONSENTS = st.builds(
    lambda seq, grants, choices: Consents("somebody", seq, grants, choices=choices),
    st.integers(0, 2**63),
    st.dictionaries(st.sampled_from(Purpose), GRANTS),
    st.dictionaries(st.sampled_from(Choice), GRANTS),
)


@given(CONSENTS)
def test_packing_loses_nothing(consents):
    assert unpack("somebody", pack(consents)) == consents


@given(CONSENTS, CONSENTS)
def test_the_forms_begin_with_what_orders_them(one, other):
    assert (pack(one)[:8] < pack(other)[:8]) is (one.seq < other.seq)


def test_no_two_words_share_a_number():
    assert len({*CODES.values(), BORN}) == len(Purpose) + len(Choice) + 1


def test_the_five_purposes_of_suggestions_take_less_than_a_hundred_bytes():
    five = list(Purpose)[:5]
    grants = {purpose: Grant(True, in_force(purpose), datetime(2026, 11, 22, tzinfo=UTC)) for purpose in five}
    assert len(pack(Consents("somebody", 7, grants))) == 78


@pytest.mark.parametrize("foreign", [None, b"", bytes(7), bytes(9), bytes(22), bytes(8) + b"\x81\xa8activity"])
def test_what_is_missing_or_of_another_form_is_nothing(foreign):
    assert unpack("somebody", foreign) is None


def test_somebody_who_decided_nothing_is_told_from_nothing():
    assert unpack("somebody", pack(Consents("somebody"))) == Consents("somebody")
