"""Whole records: what they become, and why some are refused. Nothing that comes in raises."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.language import Localized
from engine.offers import Kind, Occurrence, Status
from engine.records.import_report import Refusal
from stream.sources.linked_events.folding import fold, group_key
from stream.sources.linked_events.mapping import REASONS, Draft, Gone, Role, read_record
from stream.sources.linked_events.source import Unreadable, page_items, parse, shape

API = "https://api.hel.fi/linkedevents/v1"
RECORD = {
    "id": "kulke:1",
    "@id": f"{API}/event/kulke:1/",
    "@type": "Event/LinkedEvent",
    "type_id": "Course",
    "name": {"fi": "Uimakoulu &amp; leikki"},
    "short_description": {"fi": "Opi uimaan."},
    "description": {"fi": "<p>Opi <b>uimaan</b>.</p>"},
    "start_time": "2026-12-01T15:00:00Z",
    "end_time": "2026-12-01T16:00:00Z",
    "has_start_time": True,
    "has_end_time": True,
    "event_status": "EventScheduled",
    "publication_status": "public",
    "super_event": {"@id": f"{API}/event/kulke:0/"},
    "super_event_type": None,
    "sub_events": [],
    "location": {"@id": f"{API}/place/tprek:1/"},
    "location_extra_info": {"fi": "Ovi B & C"},
    "keywords": [{"@id": f"{API}/keyword/yso:p965/"}],
    "audience": [{"@id": f"{API}/keyword/yso:p4354/"}],
    "audience_min_age": 5,
    "audience_max_age": None,
    "in_language": [{"@id": f"{API}/language/fi/"}],
    "offers": [{"is_free": False, "price": {"fi": "20 €"}}],
    "images": [{"url": "https://x.fi/a.jpg", "license": "cc_by"}],
    "external_links": [],
    "info_url": {"fi": "https://x.fi"},
    "provider": {"fi": "Uimaseura"},
    "publisher": "ahjo:u1",
    "data_source": "kulke",
    "enrolment_start_time": "2026-11-01T08:00:00+02:00",
    "enrolment_end_time": "2026-11-30T08:00:00+02:00",
    "maximum_attendee_capacity": 12,
    "registration": {
        "remaining_attendee_capacity": 3,
        "audience_max_age": 7,
        "enrolment_end_time": "2026-11-29T08:00:00Z",
    },
    "extension_course": None,
    "created_time": "2026-10-01T08:00:00Z",
    "last_modified_time": "2026-10-02T08:00:00Z",
    "deleted": False,
    "replaced_by": None,
}


def changed(**fields):
    return read_record({**RECORD, **fields})


def test_every_field_of_a_record_finds_its_place():
    draft = read_record(RECORD)
    offer = draft.offer
    assert (draft.id, draft.parent, draft.publisher, draft.role) == ("kulke:1", "kulke:0", "ahjo:u1", Role.SINGLE)
    assert (offer.kind, offer.name, offer.summary) == (
        Kind.COURSE,
        Localized(fi="Uimakoulu & leikki"),
        Localized(fi="Opi uimaan."),
    )
    assert offer.description == Localized(fi="<p>Opi <strong>uimaan</strong>.</p><p>Ovi B &amp; C</p>")
    starts, ends = datetime(2026, 12, 1, 15, tzinfo=UTC), datetime(2026, 12, 1, 16, tzinfo=UTC)
    assert (offer.starts, offer.ends, offer.dates) == (starts, ends, (Occurrence(starts, ends, "kulke:1"),))
    assert (offer.age_min, offer.age_max, offer.seats, offer.seats_left) == (5, 7, 12, 3)
    assert offer.enrolment_closes == datetime(2026, 11, 29, 8, tzinfo=UTC)
    assert (offer.free, offer.price.fi, offer.languages, offer.organiser) == (False, "20 €", ("fi",), "Uimaseura")
    assert (offer.place.id, offer.image.url, offer.link.fi) == ("tprek:1", "https://x.fi/a.jpg", "https://x.fi")
    assert ([k.id for k in offer.keywords], [k.id for k in offer.audience]) == (["yso:p965"], ["yso:p4354"])
    assert (offer.sources, offer.status, offer.ongoing) == (("kulke:1",), Status.SCHEDULED, False)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": {"ru": "Плавание"}}, "no_name"),
        ({"name": None}, "no_name"),
        ({"start_time": None}, "no_start"),
        ({"start_time": "soon"}, "unreadable_time"),
        ({"start_time": "0026-09-23T11:20:11Z", "end_time": None}, "impossible_year"),
        ({"publication_status": "draft"}, "draft"),
        ({"type_id": "Recipe"}, "unknown_type"),
        ({"type_id": ["General"]}, "unknown_type"),
        ({"id": " ", "@id": None}, "no_id"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(fields, code):
    refusal = changed(**fields)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.detail) == (code, REASONS[code])


def test_what_is_not_an_object_is_refused():
    for item in (None, 5, "x", [1], True):
        assert read_record(item).code == "not_a_record"


def test_deleted_and_replaced_records_are_gone():
    assert changed(deleted=True, name={"fi": "POISTETTU"}, start_time=None) == Gone("kulke:1")
    assert changed(replaced_by=f"{API}/event/kulke:2/") == Gone("kulke:1")


def test_kulke_marks_everything_as_rescheduled_so_there_it_says_nothing():
    assert changed(event_status="EventRescheduled").offer.status == Status.SCHEDULED
    moved = changed(event_status="EventRescheduled", id="helsinki:1", data_source="helsinki")
    assert moved.offer.status == Status.RESCHEDULED


def test_a_mark_in_any_title_counts_and_is_taken_out_of_all():
    offer = changed(name={"fi": "Uimakoulu", "sv": "INSTÄLLT: Simskola"}).offer
    assert (offer.status, offer.name) == (Status.CANCELLED, Localized(fi="Uimakoulu", sv="Simskola"))


def test_cancelled_and_postponed_things_need_no_date():
    assert changed(event_status="EventPostponed", start_time=None, end_time=None).offer.status == Status.POSTPONED
    assert changed(name={"fi": "SIIRRETTY: Uimakoulu"}, start_time=None).offer.status == Status.POSTPONED
    assert changed(name={"fi": "PERUTTU: Uimakoulu"}, start_time=None).offer.status == Status.CANCELLED


def test_an_exhibition_is_ongoing_and_a_long_course_is_not():
    long = {"start_time": "2001-05-01", "end_time": "2050-12-31"}
    assert changed(type_id="General", **long).offer.ongoing
    assert not changed(type_id="Course", **long).offer.ongoing
    assert not changed(type_id="General", super_event_type="recurring", **long).offer.ongoing


def test_online_and_city_wide_offers_have_no_place():
    online = changed(location={"@id": f"{API}/place/helsinki:internet/"}).offer
    assert (online.online, online.city_wide, online.place) == (True, False, None)
    wide = changed(location={"@id": f"{API}/place/matko:732/"}).offer
    assert (wide.online, wide.city_wide, wide.place) == (False, True, None)


def test_ages_are_unknown_when_null_and_when_they_contradict():
    assert changed(audience_min_age=None, registration=None).offer.age_min is None
    assert changed(audience_min_age=12, audience_max_age=7).offer.age_max is None
    assert changed(audience_min_age=4000).offer.age_min is None


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["2026-12-01", "fi", "\x00\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["fi", "sv", "en", "@id", "id", "name", "url", "coordinates", "x"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


@settings(max_examples=400)
@given(st.dictionaries(st.sampled_from([*RECORD, "super_event_type"]), json_values, min_size=1, max_size=8))
def test_any_json_in_any_fields_never_raises_and_what_comes_out_can_be_stored(fields):
    outcome = changed(**fields)
    assert isinstance(outcome, Draft | Gone | Refusal)
    stored = msgspec.json.encode(outcome)
    assert b"\\u0000" not in stored  # PostgreSQL takes no NUL
    if isinstance(outcome, Draft):
        assert msgspec.json.decode(stored, type=Draft) == outcome
        offer = fold([outcome], outcome.id)
        assert group_key(outcome, outcome)
        assert offer.name
        assert offer.starts is not None or offer.status in (Status.CANCELLED, Status.POSTPONED)


@given(json_values)
def test_any_json_in_a_page_is_read_or_refused_as_a_whole(value):
    try:
        items = page_items(parse(json.dumps(value).encode()))
    except Unreadable:
        return
    for item in items:
        assert shape(item) in ("event", "place", "keyword")
        assert isinstance(read_record(item), Draft | Gone | Refusal)


def test_letters_that_are_not_utf8_do_not_cost_the_page():
    assert page_items(parse(b'{"data": [{"id": "a:\xff"}]}')) == [{"id": "a:\ufffd"}]
    for bad in (b"{", b"[" * 100_000, b"<html>"):
        with pytest.raises(Unreadable):
            parse(bad)
    with pytest.raises(Unreadable, match="neither a page"):
        page_items(5)
