"""The pages' own words: one JSON file a language in ``static/texts``, read by the templates and by the browser."""

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import negotiate_locale
from babel.dates import format_date

from engine.language import Language

FOLDER = Path(__file__).parent / "static" / "texts"
HELSINKI = ZoneInfo("Europe/Helsinki")

Text = str | dict[str, str]
"""A text, or its plural forms by CLDR category (`one`, `other`); ``{name}`` stands for what is put in."""


@cache
def texts(language: Language) -> dict[str, Text]:
    """Return all texts of a language by key."""
    found: dict[str, Text] = json.loads((FOLDER / f"{language}.json").read_text("utf-8"))
    return found


def negotiate(asked: str | None, remembered: str | None, accepted: str) -> Language:
    """Return the language to answer in.

    Parameters
    ----------
    asked, remembered
        What the address says, and what was chosen earlier; anything that is no language of ours counts as nothing.
    accepted
        The header Accept-Language.

    Examples
    --------
    >>> negotiate(None, "sv", "en")
    <Language.SV: 'sv'>
    >>> negotiate("xx", None, "de, sv-FI;q=0.8, en;q=0.9")
    <Language.EN: 'en'>
    """
    for code in (asked, remembered):
        if code in list(Language):
            return Language(code)
    found = negotiate_locale(_preferred(accepted), list(Language), sep="-")
    return Language(found) if found else Language.FI


def _preferred(accepted: str) -> list[str]:
    """Return the plain language codes of an Accept-Language header, most wanted first."""
    weighed = []
    for part in accepted.split(",")[:20]:
        code, _, quality = part.strip().partition(";q=")
        try:
            weighed.append((-float(quality or 1), code.partition("-")[0].lower()))
        except ValueError:
            continue
    return [code for _, code in sorted(weighed, key=lambda pair: pair[0])]


def day(now: datetime, language: Language) -> str:
    """Return the day in Helsinki in words, with a capital first letter.

    Examples
    --------
    >>> day(datetime.fromisoformat("2026-11-22T10:00:00+00:00"), Language.FI)
    'Sunnuntai 22. marraskuuta'
    """
    local = now.astimezone(HELSINKI)
    written = format_date(local, str(texts(language)["day_pattern"]), locale=language)
    return written[:1].upper() + written[1:]
