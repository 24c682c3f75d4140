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
_APART_BEFORE = re.compile(r"(?:^|[:!?.,;|/(\[*\u2013\u2014]|\s-)\s*$")
_APART_AFTER = re.compile(r"\s*(?:$|[:!?.,;|/)\]*\u2013\u2014]|-\s)")
_AFTER = re.compile(r"^[\s)\]*!\u2013\u2014:|/,.-]*")


def read_title(title: str) -> tuple[str, Status | None]:
    """Return a title without its marks, and what they say: cancelled, moved, or None.

    A mark is a whole word that is shouted, or set apart on both sides by punctuation or the title's ends; so neither a
    part of a word nor a play that is called "Peruttu häämatka" is one.

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
    shouted = mark[0].split()[0].isupper() and not (before + after).isupper()
    # Where the whole title shouts, "PERUTTU" at its head is believed all the same: the other mistake costs a trip.
    shouted = shouted or (mark[0].isupper() and mark.lastgroup == Status.CANCELLED.name and not before)
    apart_before = _APART_BEFORE.search(before) is not None
    apart_after = _APART_AFTER.match(after) is not None
    return shouted or (apart_before and apart_after)


def _without(title: str, mark: re.Match[str]) -> str:
    before, after = title[: mark.start()], title[mark.end() :]
    if (opened := re.search(r"[(\[][^()\[\]]*$", before)) and (closed := re.match(r"[^()\[\]]*[)\]]", after)):
        # What stands in the brackets beside the mark, such as the new date, goes with it.
        before, after = before[: opened.start()], after[closed.end() :]
    return f"{_BEFORE.sub('', before)} {_AFTER.sub('', after)}".strip()
