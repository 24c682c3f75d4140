from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api import parameters
from engine.errors import InvalidInput
from engine.offers import Kind


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    kind: tuple[Kind, ...] = ()
    free: bool | None = None
    age: int | None = None
    from_: str | None = msgspec.field(default=None, name="from")


def fault(query: bytes) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as caught:
        parameters.read(query, Form)
    return caught.value.field, caught.value.detail


def test_a_list_may_be_repeated_or_written_with_commas():
    assert parameters.read(b"kind=event,course&kind=space", Form).kind == (Kind.EVENT, Kind.COURSE, Kind.SPACE)


def test_values_are_read_as_their_type_and_an_empty_one_counts_as_not_given():
    assert parameters.read(b"free=true&age=7&kind=", Form) == Form(free=True, age=7)
    assert parameters.read(b"age=&from=2026-11-22", Form) == Form(from_="2026-11-22")
    assert parameters.read(b"", Form) == Form()


def test_unknown_parameters_are_named_beside_those_there_are():
    field, detail = fault(b"colour=blue&age=7")
    assert field == "colour"
    assert "kind, free, age, from" in detail


def test_an_unusable_value_is_named_with_what_would_do():
    assert fault(b"kind=event&kind=party") == ("kind.1", "Use one of: event, course, volunteering, space.")
    assert fault(b"age=old")[0] == "age"
    assert fault(b"free=perhaps")[0] == "free"
    assert fault(b"free=null")[0] == "free"
    assert parameters.read(b"from=null", Form).from_ == "null"


def test_what_is_not_a_list_is_given_once():
    assert fault(b"age=7&age=8") == ("age", "Give this parameter once.")


def test_nul_bad_encoding_and_far_too_many_parameters_are_refused():
    assert fault(b"from=%00")[0] == "from"
    assert fault(b"age%00=1")[0] == "age"
    assert fault(b"from=%ff")[0] == "query"
    assert fault(b"from=\xc3\xa4")[0] == "query"
    assert fault(b"&".join([b"kind=event"] * 101))[0] == "query"


@given(st.binary(max_size=60))
@example(b"%=&%00=%")
def test_any_query_is_read_or_refused_by_name(query):
    with suppress(InvalidInput):
        parameters.read(query, Form)


def test_a_position_is_two_numbers_in_the_city():
    assert parameters.position("60.1699,24.9384") == (60.1699, 24.9384)
    assert parameters.position(None) is None
    for text in ("60.1699", "a,b", "nan,24.9", "60.1,24.9,1", "", "1e999,24.9"):
        with pytest.raises(InvalidInput, match=r"latitude,longitude"):
            parameters.position(text)
    for text in ("24.9384,60.1699", "0,0", "65.0,25.5"):
        with pytest.raises(InvalidInput, match="outside the city"):
            parameters.position(text)


def test_a_date_is_a_day_in_helsinki_and_daylight_saving_is_kept():
    assert parameters.moment("2026-07-01", "from") == datetime(2026, 6, 30, 21, tzinfo=UTC)
    assert parameters.moment("2026-11-22", "to", end=True) == datetime(2026, 11, 22, 22, tzinfo=UTC)
    spring, autumn = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)
    for day, hours in ((spring, 23), (autumn, 25)):
        text = f"{day:%Y-%m-%d}"
        length = parameters.moment(text, "to", end=True) - parameters.moment(text, "from")
        assert length == timedelta(hours=hours)


@given(
    st.datetimes(
        min_value=datetime(2000, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
        max_value=datetime(2199, 12, 30),  # noqa: DTZ001 - hypothesis adds the zone
        timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    )
)
def test_a_time_with_an_offset_is_that_moment_even_if_the_plus_was_not_encoded(moment):
    assert parameters.moment(moment.isoformat(), "from") == moment
    assert parameters.moment(moment.isoformat().replace("+", " "), "from") == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T10:00:00",
        "tomorrow",
        "2026-13-01",
        "9999-12-31",
        "0001-01-01",
        "1999-12-30",
        "2200-01-01",
        "26",
        "٢",
    ],
)
def test_what_is_no_moment_is_refused_with_an_example(text):
    with pytest.raises(InvalidInput, match="2026-11-22T18:00:00"):
        parameters.moment(text, "to", end=True)


def test_a_span_of_time_does_not_end_before_it_begins():
    starts, ends = parameters.span("2026-11-22", "2026-11-22")
    assert ends - starts == timedelta(days=1)
    assert parameters.span(None, None) == (None, None)
    with pytest.raises(InvalidInput) as caught:
        parameters.span("2026-11-22", "2026-11-21")
    assert caught.value.field == "to"


def test_languages_are_those_of_iso_639_1():
    assert parameters.languages(("fi", "sv", "so")) == ("fi", "sv", "so")
    with pytest.raises(InvalidInput, match="'xx'"):
        parameters.languages(("fi", "xx"))


@pytest.mark.parametrize("query", [b"=", b"colour=", b"colour", b"lang=&="])
def test_an_unknown_parameter_is_named_also_where_it_is_empty(query):
    class Form(msgspec.Struct):
        lang: str | None = None

    with pytest.raises(InvalidInput):
        parameters.read(query, Form)
    assert parameters.read(b"lang=&&", Form) == Form()
