"""What a title says of whether the thing takes place: "PERUTTU" in the title of an event that is "scheduled"."""

import re

from engine.offers import Status

_WORDS = {
    Status.CANCELLED: "peruttu|peruutettu|perutaan|peruuntunut|peruuntuu|inst[äa]ll(?:t|d|da|s)|cancell?ed",
    Status.RESCHEDULED: "siirretty|siirtyy|siirtynyt|(?:fram)?flytta[tds]|uppskjut(?:et|en)|postponed|rescheduled",
}
_WHERE_TO = (
    r"(?:\s+(?:verkkoon|myöhemmäksi|(?:uuteen|myöhempään)\s+(?:aikaan|ajankohtaan|päivään)|online|till\s+webben))?"
)
_MARK = re.compile(
    "|".join(rf"(?<!\w)(?P<{status.name}>(?:{words}){_WHERE_TO})(?!\w)" for status, words in _WORDS.items()),
    re.IGNORECASE,
)
_BEFORE = re.compile(r"[\s(\[*!\u2013\u2014:|/,-]*$")
_AFTER = re.compile(r"^[\s)\]*!\u2013\u2014:|/,.-]*")


def read_title(title: str) -> tuple[str, Status | None]:
    """Return a title without its marks, and what they say: cancelled, moved, or None.

    A mark is a whole word that is shouted, bracketed, or set apart by punctuation at either end; so neither a part of a
    word nor a play that is called "Peruttu häämatka" is one.

    Examples
    --------
    >>> read_title("PERUTTU / SIIRRETTY VERKKOON Diplomaatit ENSI-ILTA")
    ('Diplomaatit ENSI-ILTA', <Status.CANCELLED: 'cancelled'>)
    >>> read_title("Peruttu häämatka")
    ('Peruttu häämatka', None)
    """
    found: set[Status] = set()
    rest, at = title, 0
    while (mark := _MARK.search(rest, at)) is not None:
        if _is_mark(rest, mark):
            found.add(Status[str(mark.lastgroup)])
            rest, at = _without(rest, mark), 0
        else:
            at = mark.end()
    status = Status.CANCELLED if Status.CANCELLED in found else next(iter(found), None)
    return (rest or title), status


def _is_mark(title: str, mark: re.Match[str]) -> bool:
    before, after = title[: mark.start()], title[mark.end() :]
    others = before + after
    shouted = mark[0].split()[0].isupper() and not others.isupper()
    opens = not before.strip() and re.match(r"\s*[:!\u2013\u2014/|,.)\]*]|\s+-\s|\s*$", after) is not None
    closes = not after.strip(" !.)]*") and re.search(r"[:!\u2013\u2014/|,([*.-]\s*$", before) is not None
    bracketed = re.search(r"[(\[]\s*$", before) is not None and re.match(r"\s*!*[)\]]", after) is not None
    return shouted or opens or closes or bracketed


def _without(title: str, mark: re.Match[str]) -> str:
    before = _BEFORE.sub("", title[: mark.start()])
    after = _AFTER.sub("", title[mark.end() :])
    return f"{before} {after}".strip() if after else before
