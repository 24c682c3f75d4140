import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.bodies import ESCAPED_NUL
from api.errors import MalformedBody
from api.faults import Fault
from api.interaction_forms import MOST_EVENTS, IncomingEvent, Window, nul_fault, read
from engine.errors import InvalidInput
from engine.events import InteractionType

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WINDOW = Window.at(NOW, late_limit_days=7, future_limit_seconds=300)


def event(**changed):
    usual = {"id": "a-1", "resident": "me", "offer": "kulke:1", "type": "save", "time": "2026-11-22T12:00:00Z"}
    return {name: value for name, value in {**usual, **changed}.items() if value != "leave out"}


def body(*events, **more):
    return json.dumps({"events": events, **more}).encode()


def codes(*events):
    return [found.code if isinstance(found, Fault) else "ok" for found in read(body(*events))]


def test_a_good_body_is_read_whole():
    (found,) = read(body(event(type="rate", value=5, suggestion="s", context={"screen": "home", "n": 1, "b": True})))
    assert found.type is InteractionType.RATE
    assert (found.time, found.value, found.context) == (NOW, 5, {"screen": "home", "n": 1, "b": True})


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"time": "2026-11-22T12:00:00"}, "time", "naive_time"),
        ({"time": "yesterday"}, "time", "bad_time"),
        ({"time": 1795348800}, "time", "wrong_type"),
        ({"time": "leave out"}, "time", "missing_field"),
        ({"type": "like"}, "type", "unknown_type"),
        ({"type": 7}, "type", "unknown_type"),
        ({"id": ""}, "id", "bad_id"),
        ({"id": "a" * 65}, "id", "bad_id"),
        ({"id": "a\n"}, "id", "bad_id"),
        ({"id": "ä"}, "id", "bad_id"),
        ({"id": 7}, "id", "bad_id"),
        ({"offer": ""}, "offer", "bad_value"),
        ({"offer": "x" * 10_000}, "offer", "bad_value"),
        ({"resident": "x" * 37}, "resident", "bad_value"),
        ({"value": 6}, "value", "bad_value"),
        ({"value": 2.5}, "value", "bad_value"),
        ({"value": "5"}, "value", "bad_value"),
        ({"colour": "blue"}, "colour", "unknown_field"),
        ({"context": {"a": [1]}}, "context", "wrong_type"),
        ({"context": {"a" * 65: 1}}, "context", "bad_value"),
        ({"context": {str(n): n for n in range(21)}}, "context", "bad_value"),
        ({"context": "home"}, "context", "wrong_type"),
        ({"suggestion": "s" * 65}, "suggestion", "bad_value"),
    ],
)
def test_a_fault_of_one_event_names_its_field_and_spares_the_others(changed, field, code):
    good, bad, also_good = read(body(event(), event(**changed), event(id="a-2")))
    assert (bad.field, bad.code) == (field, code)
    assert bad.detail.endswith(".")
    assert (good.id, also_good.id) == ("a-1", "a-2")


def test_an_event_that_is_no_object_is_a_fault_of_its_own():
    assert codes(5, None, [], "x", event()) == ["wrong_type"] * 4 + ["ok"]


def test_emoji_and_markup_are_text_like_any_other():
    assert codes(event(offer="🎷<script>' OR 1=1 --")) == ["ok"]


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (body(), "events"),
        (body(*[event()] * (MOST_EVENTS + 1)), "events"),
        (body(event(), colour="blue"), "colour"),
        (b"{}", "events"),
        (b'{"events": {}}', "events"),
        (b"[]", "body"),
        (b"null", "body"),
    ],
)
def test_a_fault_of_the_whole_names_the_field(raw, field):
    with pytest.raises(InvalidInput) as caught:
        read(raw)
    assert caught.value.errors[0].field == field


HALF_A_PAIR = body(event(offer="HERE")).replace(b"HERE", b"\\ud83d")


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b'{"events": [' + b"[" * 100_000, b'{"events": [NaN]}', HALF_A_PAIR]
)
def test_what_is_no_json_is_malformed(raw):
    with pytest.raises(MalformedBody):
        read(raw)


def test_exactly_the_most_events_are_taken():
    assert codes(*[event()] * MOST_EVENTS) == ["ok"] * MOST_EVENTS


@given(
    st.binary(max_size=80) | st.recursive(st.none() | st.text() | st.floats(allow_nan=False), st.lists).map(json.dumps)
)
def test_any_body_is_read_or_refused(raw):
    with suppress(InvalidInput):
        read(raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass"))


def taken(**changed):
    kind = InteractionType(changed.pop("type", "save"))
    return WINDOW.fault(IncomingEvent("a", "me", "o", kind, changed.pop("time", NOW), **changed))


def test_the_window_is_from_the_late_limit_to_a_little_ahead():
    for ahead in (timedelta(0), timedelta(seconds=300), timedelta(days=-7)):
        assert taken(time=NOW + ahead) is None
    assert taken(time=NOW + timedelta(seconds=301)).code == "in_future"
    assert taken(time=NOW - timedelta(days=7, microseconds=1)).code == "too_late"
    assert taken(time=datetime.max.replace(tzinfo=UTC)).code == "in_future"
    assert taken(time=datetime.min.replace(tzinfo=UTC)).code == "too_late"


def test_stars_belong_to_ratings_and_ratings_have_stars():
    assert taken(type="rate", value=1) is None
    assert taken(type="rate").code == "bad_value"
    assert taken(type="save", value=1).code == "bad_value"


def test_nul_is_found_wherever_it_hides():
    for changed in ({"offer": "a\0"}, {"suggestion": "\0"}, {"context": {"a": "\0"}}, {"context": {"\0": 1}}):
        raw = body(event(**changed))
        (found,) = read(raw)
        assert ESCAPED_NUL in raw
        assert nul_fault(found).field.startswith(next(iter(changed)))
    raw = body(event(offer="\\u0000"))  # a backslash and letters, not NUL
    (found,) = read(raw)
    assert ESCAPED_NUL in raw
    assert nul_fault(found) is None
