"""The sample catalogue: enough of everything, sensible on any day of the year, and the same for the same day."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.districts import PREFIX, Divisions, within_city
from engine.language import Language, Localized
from engine.offers import Kind, Offer, Status, decode, live
from stream.sources.sample_catalogue import sample_changes, sample_offers
from stream.sources.sample_dates import HELSINKI, HORIZON_DAYS, parse, spans

TODAY = date(2026, 11, 22)
DST_SPRING, DST_AUTUMN, LAST_DAY, LEAP_DAY = (
    date(2026, 3, 29),
    date(2026, 10, 25),
    date(2026, 12, 31),
    date(2028, 2, 29),
)
DAYS = [TODAY, DST_SPRING - timedelta(1), DST_SPRING, DST_AUTUMN - timedelta(1), DST_AUTUMN, LAST_DAY, LEAP_DAY]
MAJOR_DISTRICTS = {
    "eteläinen", "läntinen", "keskinen", "pohjoinen", "koillinen", "kaakkoinen", "itäinen", "östersundom",
}  # fmt: skip
SHARED = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture(scope="module")
def offers() -> list[Offer]:
    return sample_offers(TODAY)


def local_days(offer: Offer) -> list[date]:
    return [o.starts.astimezone(HELSINKI).date() for o in offer.dates]


def test_there_are_at_least_300_offers_of_all_kinds(offers):
    kinds = Counter(o.kind for o in offers)
    assert len(offers) >= 300
    assert all(kinds[kind] >= 40 for kind in Kind)


def test_every_major_district_has_its_share(offers):
    found = Counter(o.place.major_district.removeprefix(f"{PREFIX}major_district:") for o in offers)
    assert set(found) == MAJOR_DISTRICTS
    assert min(found.values()) >= 10


def test_most_offers_are_told_in_three_languages_and_all_in_finnish(offers):
    told = [o for o in offers if o.name.sv and o.name.en]
    assert len(told) / len(offers) > 0.95
    assert any(o.name.sv is None for o in offers)
    assert all(o.name.fi and o.summary.fi and o.description.fi for o in offers)


def test_a_language_has_all_three_texts_or_none(offers):
    for offer in offers:
        for code in Language:
            assert len({bool(getattr(t, code)) for t in (offer.name, offer.summary, offer.description)}) == 1, offer.id


def test_no_text_keeps_a_placeholder_or_stray_spaces(offers):
    for offer in offers:
        for text in (offer.name, offer.summary, offer.description):
            for words in filter(None, msgspec.structs.asdict(text).values()):
                assert not set("{}<>") & set(words)
                assert words == words.strip()
                assert "  " not in words


def test_summaries_keep_to_the_140_letters_that_linked_events_recommends(offers):
    assert max(len(t) for o in offers for t in msgspec.structs.asdict(o.summary).values() if t) <= 140


def test_every_concept_has_three_labels(offers):
    for offer in offers:
        assert 4 <= len(offer.keywords) <= 6, offer.id
        for concept in (*offer.keywords, *offer.audience):
            assert concept.label.fi, concept.id
            assert concept.label.sv, concept.id
            assert concept.label.en, concept.id


def test_concepts_are_those_of_the_ontology(offers):
    labels = {code: read_labels(SHARED / "yso" / f"yso-ysoplaces-cicero-{code}.tsv") for code in Language}
    for concept in {k for o in offers for k in (*o.keywords, *o.audience) if k.id.startswith("yso:")}:
        for code in Language:
            assert labels[code][concept.id].rsplit(" (", 1)[0] == getattr(concept.label, code)


def read_labels(path: Path) -> dict[str, str]:
    if not path.exists():
        pytest.skip(f"the ontology's labels are not at {path}")
    lines = (line.rstrip("\n").split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return {"yso:" + uri.rstrip(">").rsplit("/", 1)[1]: label for uri, label in lines if "/onto/yso/" in uri}


def test_swimming_is_one_concept_over_ages_and_halls(offers):
    swimming = [o for o in offers if any(k.id == "yso:p4330" for k in o.keywords)]
    assert len(swimming) >= 20
    assert len({o.place.id for o in swimming}) >= 8


def test_every_place_is_in_helsinki_and_in_its_divisions(offers):
    for offer in offers:
        place = offer.place
        assert within_city(place.lat, place.lon), place.id
        assert place.neighborhood.startswith(f"{PREFIX}neighborhood:")
        assert place.district.startswith(f"{PREFIX}district:")


def test_divisions_are_those_of_the_citys_polygons(offers):
    if not (SHARED / "districts").exists():
        pytest.skip(f"the city's polygons are not at {SHARED / 'districts'}")
    divisions = Divisions.read(SHARED / "districts")
    for place in {o.place for o in offers}:
        assert divisions.locate(place.lat, place.lon) == (place.neighborhood, place.district, place.major_district)


def test_a_place_has_one_id_and_one_point_wherever_it_is_used(offers):
    assert len({o.place for o in offers}) >= 60
    assert all(n == 1 for n in Counter(p.id for p in {o.place for o in offers}).values())


def test_ids_are_unique_and_an_offer_differs_from_all_others(offers):
    assert len({o.id for o in offers}) == len(offers)
    assert len({(o.name.fi, o.place.id) for o in offers}) == len(offers)


def test_no_name_crowds_a_single_day(offers):
    crowd = Counter((o.name.fi, day) for o in offers for day in set(local_days(o)))
    assert crowd.most_common(1)[0][1] <= 4


def test_the_catalogue_has_what_real_ones_have(offers):
    assert sum(o.status is Status.CANCELLED for o in offers) >= 3
    assert sum(o.seats_left == 0 for o in offers) >= 15
    assert sum(0 < (o.seats_left or 0) <= 3 for o in offers) >= 15
    assert {True, False, None} == {o.free for o in offers}
    assert any(o.access is None for o in offers)
    assert any(o.ongoing for o in offers)
    assert {"fi", "sv", "en", "ar", "so", "ru", "et", "uk"} <= {code for o in offers for code in o.languages}
    assert all(o.image is None for o in offers)


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_dates_are_in_order_and_not_over(today):
    begin = datetime.combine(today, time(0), HELSINKI).astimezone(UTC)
    for offer in sample_offers(today):
        if offer.kind is Kind.SPACE:
            assert (offer.starts, offer.ends, offer.dates) == (None, None, ())
            continue
        assert offer.ends > begin, offer.id
        assert all(o.starts < o.ends for o in offer.dates), offer.id
        assert list(offer.dates) == sorted(offer.dates, key=lambda o: o.starts)
        assert (offer.starts, offer.ends) == (offer.dates[0].starts, offer.dates[-1].ends)
        assert offer.ongoing or offer.starts >= begin


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_a_clock_time_stays_the_same_over_a_change_of_clocks(today):
    for offer in sample_offers(today):
        hours = {(o.starts.astimezone(HELSINKI).time(), o.ends.astimezone(HELSINKI).time()) for o in offer.dates}
        assert len(hours) <= 1, offer.id
        assert all(o.starts.tzinfo is UTC and o.ends.tzinfo is UTC for o in offer.dates)


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_one_can_enrol_before_it_starts_where_seats_are_counted(today):
    for offer in sample_offers(today):
        if offer.enrolment_opens:
            assert offer.enrolment_opens < offer.enrolment_closes < offer.starts
            assert 0 <= offer.seats_left <= offer.seats


@settings(deadline=None, max_examples=20)
@given(st.dates(date(2025, 1, 1), date(2036, 12, 31)))
def test_every_day_has_enough_today_tomorrow_and_on_the_weekend(today):
    found = sample_offers(today)
    days = Counter(day for o in found if not o.ongoing for day in set(local_days(o)))
    saturday = today + timedelta(days=(5 - today.weekday()) % 7)
    assert len(found) >= 300
    assert min(days[today], days[today + timedelta(1)], days[saturday]) >= 5


@settings(deadline=None, max_examples=8)
@given(st.dates(date(2025, 1, 1), date(2036, 12, 31)))
def test_a_catalogue_of_last_week_is_still_full(today):
    later = datetime.combine(today + timedelta(days=7), time(12), HELSINKI).astimezone(UTC)
    assert sum(live(o, later) for o in sample_offers(today)) >= 300


@settings(deadline=None, max_examples=8)
@given(st.dates(date(2025, 1, 1), date(2036, 12, 31)))
def test_a_date_once_announced_stays_until_it_has_passed(today):
    now = {o.id: o for o in sample_offers(today)}
    for offer in sample_offers(today + timedelta(days=1)):
        before = now.get(offer.id)
        if before and before.starts and len(before.dates) == 1 and local_days(before)[0] > today:
            assert offer.starts == before.starts


def test_the_same_day_gives_the_same_catalogue():
    assert sample_offers(TODAY) == sample_offers(TODAY)
    assert sample_offers(TODAY) != sample_offers(TODAY + timedelta(days=1))


def test_a_story_hour_is_on_its_weekday_at_ten_in_helsinki(offers):
    story = next(o for o in offers if o.id == "sample:story-hour-kallio-library")
    assert {day.weekday() for day in local_days(story)} == {1}
    assert story.dates[0].starts.astimezone(HELSINKI).time() == time(10)
    assert len(story.dates) >= 8


def test_texts_name_their_place_in_the_right_form(offers):
    story = next(o for o in offers if o.id == "sample:story-hour-kallio-library")
    assert "Kallion kirjastossa" in story.description.fi
    assert "på Berghälls bibliotek" in story.description.sv
    assert "at Kallio Library" in story.description.en


def test_changes_carry_the_same_offers(offers):
    now = datetime(2026, 11, 22, 9, tzinfo=UTC)
    changes = sample_changes(TODAY, now)
    assert {c.source for c in changes} == {"sample"}
    assert {c.time for c in changes} == {now}
    assert [decode(c.offer) for c in changes] == offers


def test_a_price_is_told_in_each_language(offers):
    course = next(o for o in offers if o.id == "sample:ceramics-stoa")
    assert course.free is False
    assert course.price == Localized(fi="120 €, alennettu 95 €", sv="120 €, nedsatt 95 €", en="€120, concessions €95")


@pytest.mark.parametrize("text", ["tuesday 10:00-11:00 weekly", "tue 9:00-10:00 weekly", "tue 10:00-11:00", ""])
def test_a_rule_that_cannot_be_read_says_how_to_write_one(text):
    with pytest.raises(ValueError, match="write it like 'tue 10:00-10:45 weekly'"):
        parse(text)


@given(st.dates(date(2025, 1, 1), date(2036, 12, 31)), st.integers(0, 2**32), st.integers(1, 9))
def test_a_weekly_series_reaches_to_the_horizon_and_a_gap_keeps_its_weeks(today, phase, gap):
    dates = [s.astimezone(HELSINKI).date() for s, _ in spans(parse(f"wed 10:00-11:00 every {gap} weeks"), today, phase)]
    assert all(d.weekday() == 2 and today <= d <= today + timedelta(days=HORIZON_DAYS) for d in dates)
    assert all(b - a == timedelta(weeks=gap) for a, b in pairwise(dates))


@given(st.dates(date(2025, 1, 1), date(2036, 12, 31)), st.integers(0, 2**32), st.integers(1, 200))
def test_an_exhibition_is_open_now_or_opens_within_its_pause(today, phase, length):
    ((start, end),) = spans(parse(f"open {length} days 11:00-17:00"), today, phase)
    first, last = start.astimezone(HELSINKI).date(), end.astimezone(HELSINKI).date()
    assert (last - first).days == length - 1
    assert last >= today
    assert first <= today + timedelta(days=20)
