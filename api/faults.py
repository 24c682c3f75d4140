"""What is wrong with an input, in words: the field, a static code to count by, and the remedy."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import inspect

from api.errors import FieldError, MalformedBody

_AT = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>[^`]*)`)?$", re.DOTALL)
_NAMED = re.compile(r"^Object (?P<how>contains unknown|missing required) field `(?P<name>.*)`", re.DOTALL)
_PATTERN = re.compile(r"^Expected `str` matching regex '(?P<pattern>.*)'$", re.DOTALL)
_STEP = re.compile(r"\[(\d+)\]")
END = r"$(?!\n)"
"""The end of a pattern; in Python `$` alone lets a line feed pass."""

UNKNOWN_FIELD = "There is no such field; leave it out."
MISSING_FIELD = "This field is needed; add it."
NUL_REMEDY = "The character NUL (U+0000) cannot be kept; leave it out."

# What msgspec says begins with one of these; the first that fits names the code and the remedy.
_REMEDIES = (
    ("Expected `datetime` with a timezone", "naive_time", "Give the offset too, as in 2026-11-22T18:00:00+02:00."),
    ("Invalid RFC3339", "bad_time", "Give the time in RFC 3339 with its offset, as in 2026-11-22T18:00:00+02:00."),
    ("Number out of range", "out_of_range", "Use a smaller number."),
)


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong: `field` as a path with dots, empty for the whole."""

    field: str
    code: str
    detail: str

    def error(self, whole: str = "body") -> FieldError:
        """Return it as a problem names it; `whole` is what to call the whole."""
        return FieldError(self.field or whole, self.detail)


def explain(error: msgspec.ValidationError, form: Any) -> Fault:  # noqa: ANN401 - any type that msgspec reads
    """Turn msgspec's words about an input that should have been of type `form` into a fault.

    Examples
    --------
    >>> explain(msgspec.ValidationError("Object contains unknown field `x` - at `$.events[3]`"), dict)
    Fault(field='events.3.x', code='unknown_field', detail='There is no such field; leave it out.')
    >>> explain(msgspec.ValidationError("Expected `int`, got `str`"), int).detail
    'Expected `int`, got `str`.'
    """
    parts = _AT.match(str(error))
    what, at = (parts["what"], parts["path"] or "") if parts else (str(error), "")
    field = _STEP.sub(r".\1", at.replace("[...]", "")).strip(".")
    if named := _NAMED.match(what):
        code, detail = (
            ("unknown_field", UNKNOWN_FIELD) if "unknown" in named["how"] else ("missing_field", MISSING_FIELD)
        )
        return Fault(_join(field, named["name"][:64]), code, detail)
    if what.startswith(("Invalid enum value", "Invalid value")) and (values := _values(form, field)):
        return Fault(field, "unknown_value", f"Use one of: {', '.join(values)}.")
    if pattern := _PATTERN.match(what):
        return Fault(field, "bad_value", f"It must have the form {_readable(pattern['pattern'])}.")
    for beginning, code, remedy in _REMEDIES:
        if what.startswith(beginning):
            return Fault(field, code, remedy)
    return Fault(field, "wrong_type" if ", got" in what else "bad_value", what + ".")


def _readable(pattern: str) -> str:
    return pattern.replace("\\\\", "\\").replace(END, "$")


@lru_cache(maxsize=256)
def _values(form: Any, field: str) -> tuple[str, ...]:  # noqa: ANN401 - as above
    """Return the values that may stand at a path of `form`: those of an enumeration, or what tells structs apart."""
    kinds, told = _kinds(inspect.type_info(form)), list[str]()
    for step in field.split("."):
        told = [str(kind.tag) for kind in kinds if isinstance(kind, inspect.StructType) and kind.tag_field == step]
        kinds = [found for kind in kinds for found in _below(kind, step)]
    for kind in kinds:
        if isinstance(kind, inspect.EnumType):
            told += [str(value.value) for value in kind.cls]
        elif isinstance(kind, inspect.LiteralType):
            told += map(str, kind.values)
    return tuple(dict.fromkeys(told))


def _below(kind: inspect.Type, step: str) -> list[inspect.Type]:
    """Return what may stand at a step of a path; where a key itself is wrong, the path ends in dots."""
    if isinstance(kind, inspect.StructType):
        return [one for known in kind.fields if known.encode_name == step for one in _kinds(known.type)]
    if isinstance(kind, inspect.ListType | inspect.VarTupleType):
        return _kinds(kind.item_type)
    if isinstance(kind, inspect.DictType):
        return [*_kinds(kind.value_type), *_kinds(kind.key_type)]
    return []


def _kinds(kind: inspect.Type) -> list[inspect.Type]:
    """Return what a type may be, stripped of metadata."""
    if isinstance(kind, inspect.Metadata):
        return _kinds(kind.type)
    return [one for each in kind.types for one in _kinds(each)] if isinstance(kind, inspect.UnionType) else [kind]


def bare(kind: inspect.Type) -> inspect.Type:
    """Strip metadata and the possibility of null."""
    if isinstance(kind, inspect.Metadata):
        return bare(kind.type)
    if isinstance(kind, inspect.UnionType):
        return next(bare(one) for one in kind.types if not isinstance(one, inspect.NoneType))
    return kind


def malformed(error: Exception) -> MalformedBody:
    """Say where the JSON breaks, without repeating what was sent."""
    if isinstance(error, RecursionError):
        return MalformedBody("The body is nested too deeply; send it flat, as /docs shows.", field="body")
    place = re.search(r"\(byte \d+\)", str(error))
    where = f" {place[0]}" if place else ""
    return MalformedBody(f"The body is not JSON in UTF-8{where}; send one JSON object.", field="body")


def nul_in(value: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield the paths of all texts that hold the character NUL, which no store can keep.

    Examples
    --------
    >>> list(nul_in({"events": [{"id": "a"}, {"id": chr(0)}]}))
    ['events.1.id']
    """
    if isinstance(value, str) and "\0" in value:
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from nul_in(key, _join(path, key.replace("\0", "")))
            yield from nul_in(inner, _join(path, key.replace("\0", "")))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from nul_in(inner, _join(path, str(index)))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
