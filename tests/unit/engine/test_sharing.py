"""What a partner is shown, over a transaction in memory."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.accesses import Capacity, name
from engine.consent import Consents, Grant, Permit, Purpose
from engine.errors import NotFound, StoreUnavailable
from engine.language import Localized
from engine.partners import KEY_PREFIX, NEEDS, Field, Partner, key_hash, new_id, new_key, terms
from engine.residents import Interests
from engine.sharing import age_band, show

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PARTNER = Partner("p1", "Vesipedot ry", Localized("a", "b", "c"), tuple(Field), NOW + timedelta(days=30))
TOLD = Interests(keywords=("yso:p965",), languages=("fi",), districts=("kallio",), birth_year=1984)
ALL = {Purpose.INTERESTS, Purpose.LOCATION, Purpose.ACTIVITY}


class Records:
    """One resident with some consents, and what was noted; `broken` loses the note."""

    def __init__(self, purposes, partner="p1", granted=True, broken=False):
        words = {purpose: Grant(granted=True, notice=1, since=NOW) for purpose in purposes}
        word = {partner: Grant(granted=granted, notice=1, since=NOW)}
        self.consents = Consents("r1", 9, words, partners=word, least={})
        self.noted, self.asked, self.broken = [], [], broken

    @asynccontextmanager
    async def reading(self, _, handle, __):
        yield self if handle == "h1" else None

    async def interests(self, permit):
        self.asked.append(permit)
        return TOLD

    async def deeds(self, permit):
        self.asked.append(permit)
        return [], {}

    async def note(self, access):
        if self.broken:
            raise StoreUnavailable
        self.noted.append(access)


async def shown(records, partner=PARTNER, handle="h1"):
    return msgspec.to_builtins(await show(records, partner, handle, "read", NOW))


@given(st.sets(st.sampled_from(sorted(ALL))), st.sets(st.sampled_from(list(Field)), min_size=1))
async def test_nothing_is_shown_but_the_partners_fields_and_of_these_only_what_a_permit_allows(purposes, fields):
    records = Records(purposes)
    partner = msgspec.structs.replace(PARTNER, fields=tuple(sorted(fields)))
    told = await shown(records, partner)
    assert set(told) == set(fields)
    for field, value in told.items():
        if not set(NEEDS[field]) <= purposes:
            assert value is None
    assert all(isinstance(permit, Permit) and permit.purpose in purposes for permit in records.asked)


async def test_each_showing_is_noted_with_what_was_given():
    records = Records({Purpose.INTERESTS})
    await shown(records)
    (access,) = records.noted
    assert (access.time, access.who, access.capacity, access.purpose) == (
        NOW,
        "Vesipedot ry",
        Capacity.PARTNER,
        "partner:p1",
    )
    assert set(access.fields) == {"interests", "languages", "access", "age_band"}


async def test_what_cannot_be_noted_is_not_shown():
    with pytest.raises(StoreUnavailable):
        await shown(Records(ALL, broken=True))


@pytest.mark.parametrize(
    ("records", "handle"), [(Records(ALL), "h2"), (Records(ALL, granted=False), "h1"), (Records(ALL, "p2"), "h1")]
)
async def test_nobody_withdrawn_and_anothers_are_told_alike_and_not_noted(records, handle):
    with pytest.raises(NotFound) as caught:
        await shown(records, handle=handle)
    assert (caught.value.detail, caught.value.field) == ("Nobody who grants you this has that handle.", "handle")
    assert (records.noted, records.asked) == ([], [])


@given(st.integers(1900, 2026))
def test_an_age_band_covers_every_age(year):
    assert age_band(year, NOW) in {"0-12", "13-17", "18-29", "30-49", "50-64", "65+"}


def test_an_age_band_follows_the_year_of_helsinki():
    eve = datetime(2026, 12, 31, 22, 30, tzinfo=UTC)
    assert [age_band(2009, moment) for moment in (eve - timedelta(hours=1), eve)] == ["13-17", "18-29"]


def test_keys_and_ids_are_random_and_a_key_is_known_by_its_hash_alone():
    keys = {new_key() for _ in range(100)}
    assert len(keys) == len({key_hash(key) for key in keys}) == len({new_id() for _ in range(100)}) == 100
    assert all(key.startswith(KEY_PREFIX) and key.encode() not in key_hash(key) for key in keys)


def test_the_terms_of_a_partner_name_it_what_it_sees_and_what_for_in_three_languages():
    said = terms(PARTNER)
    assert said.notice.text == PARTNER.purpose
    for code in ("fi", "sv", "en"):
        assert PARTNER.name in getattr(said.notice.title, code)
        assert len(getattr(said.data, code).split("; ")) == len(Field)


@given(st.text())
def test_a_name_in_the_log_is_short_and_printable(text):
    assert len(name(text)) <= 200
    assert name(text).isprintable()
