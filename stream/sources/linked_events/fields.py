"""Reading single JSON values that may be of any type: each reader answers None where it finds nothing it can use."""

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

ID_LETTERS, URL_LETTERS = 200, 2_000
_ID = re.compile(r"[^\s\x00-\x1f\x7f\ud800-\udfff]+")
_URL = re.compile(r"https?://[^\s/?#\"'<>\\]+\.[^\s\"'<>\\]+|https?://localhost\S*", re.IGNORECASE)
_HOST = re.compile(r"(?:www\.)?[\w-]+(?:\.[\w-]+)*\.[a-z]{2,6}(?:[/?#][^\s\"'<>\\]*)?", re.IGNORECASE)


def identifier(value: object) -> str | None:
    """Return a usable record id: text without white space and control characters, of at most 200 letters."""
    if not isinstance(value, str):
        return None
    found = value.strip()
    return found if len(found) <= ID_LETTERS and _ID.fullmatch(found) else None


def reference(value: object) -> str | None:
    """Return the id that a reference means, given as object, as address or as plain id.

    Examples
    --------
    >>> reference({"@id": "https://api.hel.fi/linkedcourses/v1/place/tprek:7254/?format=json"})
    'tprek:7254'
    """
    if isinstance(value, dict):
        return identifier(value.get("id")) or reference(value.get("@id"))
    if isinstance(value, str) and "://" in value:
        try:
            path = urlsplit(value).path
        except ValueError:
            return None
        return identifier(unquote(path.rstrip("/").rpartition("/")[2]))
    return identifier(value)


def whole(value: object, least: int = 0, most: int = 2**31 - 1) -> int | None:
    """Return a whole number within bounds; JSON's true and false are none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most else None


def flag(value: object) -> bool | None:
    """Return true or false, and None for all else."""
    return value if isinstance(value, bool) else None


def objects(value: object) -> Iterator[dict[str, object]]:
    """Yield the objects in a list, or the one object that stands where a list should."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item


def items(value: object) -> list[object]:
    """Return a list's items; all else counts as none."""
    return value if isinstance(value, list) else []


def web_address(value: object) -> str | None:
    """Return an http or https address of at most 2,000 letters; one that begins with its host gets https.

    Examples
    --------
    >>> web_address("www.amosrex.fi"), web_address("javascript:alert(1)")
    ('https://www.amosrex.fi', None)
    """
    if not isinstance(value, str) or len(value) > URL_LETTERS or not value.isprintable():
        return None
    found = value.strip()
    if _URL.fullmatch(found):
        return found
    return f"https://{found}" if _HOST.fullmatch(found) else None
