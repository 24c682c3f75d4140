"""Reads query strings into typed forms, and says every unknown or unusable parameter by name."""

import math
from collections.abc import Hashable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import msgspec
from babel import Locale
from msgspec import inspect

from api.errors import Faults, FieldError
from api.faults import END, NUL_REMEDY, bare, explain
from engine.districts import within_city
from engine.errors import InvalidInput

HELSINKI = ZoneInfo("Europe/Helsinki")
MOST_PARAMETERS = 100
SANE_YEARS = range(2000, 2200)
"""Offers of other years are slips of the pen, and stores and columns need a bound."""
Text = Annotated[str, msgspec.Meta(max_length=200)]
LanguageCode = Annotated[str, msgspec.Meta(pattern="^[a-z]{2}" + END, description="ISO 639-1 code", examples=["fi"])]

_T = TypeVar("_T")


def read(query: bytes, form: type[_T]) -> _T:
    """Read a query string into `form`, a msgspec Struct that forbids unknown fields.

    A list may be given by repeating the parameter or with commas; an empty value counts as not given.

    Raises
    ------
    InvalidInput
        A parameter is unknown, given twice or unusable; the error names it.
    """
    given = _pairs(query)
    fields = _fields(form)  # type: ignore[arg-type]  # mypy: a class is hashable after all
    if unknown := [name for name in given if name not in fields]:
        known = ", ".join(fields)
        raise Faults(
            [FieldError(name[:64] or "query", f"There is no such parameter; there are {known}.") for name in unknown]
        )
    values = {name: _value(name, texts, fields[name]) for name, texts in given.items() if texts}
    try:
        return msgspec.convert(values, form, strict=False)
    except msgspec.ValidationError as error:
        raise Faults([explain(error, form).error("query")]) from error


def _pairs(query: bytes) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError as error:
        raise InvalidInput("The query string is not percent-encoded UTF-8, or too long.", field="query") from error
    given: dict[str, list[str]] = {}
    for name, text in pairs:
        if "\0" in name or "\0" in text:
            raise InvalidInput(NUL_REMEDY, field=name.replace("\0", "")[:64] or "query")
        its = given.setdefault(name, [])
        its += [text] if text else []
    return given


def _value(name: str, texts: list[str], kind: inspect.Type) -> list[str] | str:
    if isinstance(kind, inspect.VarTupleType):
        return [part for text in texts for part in text.split(",") if part]
    if len(texts) > 1:
        raise InvalidInput("Give this parameter once.", field=name)
    if texts[0].lower() == "null" and not isinstance(kind, inspect.StrType):
        raise InvalidInput("Leave the parameter out where nothing is asked.", field=name)
    return texts[0]


@lru_cache(maxsize=64)
def _fields(form: Hashable) -> Mapping[str, inspect.Type]:
    """Return the parameters of a form by name, each with its bare type."""
    info = inspect.type_info(form)
    return {one.encode_name: bare(one.type) for one in info.fields} if isinstance(info, inspect.StructType) else {}


def position(text: str | None, field: str = "near") -> tuple[float, float] | None:
    """Return the (latitude, longitude) in degrees that ``lat,lon`` names.

    Raises
    ------
    InvalidInput
        It is not two numbers, or not in the city.
    """
    if text is None:
        return None
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        lat = lon = math.nan
    if not (math.isfinite(lat) and math.isfinite(lon)):
        raise InvalidInput("Give the position as latitude,longitude in degrees, as in 60.1699,24.9384.", field=field)
    if not within_city(lat, lon):
        raise InvalidInput("The position is outside the city; give latitude first, as in 60.1699,24.9384.", field=field)
    return lat, lon


def moment(text: str | None, field: str, *, end: bool = False) -> datetime | None:
    """Return the moment in UTC that a time with an offset, or a date in Helsinki, names.

    Parameters
    ----------
    end
        A date means its end, not its beginning.

    Raises
    ------
    InvalidInput
        It is neither, or a time without an offset.

    Examples
    --------
    >>> moment("2026-11-22", "from")
    datetime.datetime(2026, 11, 21, 22, 0, tzinfo=datetime.timezone.utc)
    """
    if text is None:
        return None
    try:
        if len(text) == len("2026-11-22"):
            day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
            named = datetime.combine(day, time.min, HELSINKI)
        else:
            # A plus sign that was not percent-encoded arrives as a space.
            named = datetime.fromisoformat(text.replace(" ", "+"))
        if named.tzinfo is not None and named.year in SANE_YEARS:
            return named.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidInput(
        "Give a date as in 2026-11-22, or a time with its offset as in 2026-11-22T18:00:00+02:00 (%2B for the plus).",
        field=field,
    )


def span(first: str | None, last: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the moments that the parameters `from` and `to` name.

    Raises
    ------
    InvalidInput
        One is no moment, or the last is before the first.
    """
    starts, ends = moment(first, "from"), moment(last, "to", end=True)
    if starts is not None and ends is not None and starts >= ends:
        raise InvalidInput("The time asked for ends before it begins; give `to` after `from`.", field="to")
    return starts, ends


def languages(codes: tuple[str, ...], field: str = "languages") -> tuple[str, ...]:
    """Return the codes if each is a language.

    Raises
    ------
    InvalidInput
        One is not in ISO 639-1.
    """
    for code in codes:
        if code not in _iso_639_1():
            raise InvalidInput(f"{code!r} is no code of ISO 639-1; use codes such as fi, sv, en, ru, ar.", field=field)
    return codes


@lru_cache(maxsize=1)
def _iso_639_1() -> frozenset[str]:
    return frozenset(str(code) for code in Locale("en").languages if len(str(code)) == len("fi"))
