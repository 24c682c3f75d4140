"""Keywords, audiences, languages and access: the controlled words of a record."""

import re

from engine.language import Language
from engine.offers import Access, Keyword
from stream.sources.linked_events.fields import items, reference
from stream.sources.linked_events.texts import localized

MOST = 40
LABELLED = "label:"
"""How the id of a keyword begins that has none of its own."""
_LANGUAGE_OF_KEYWORD = {"kulke:53": "fi", "kulke:54": "sv", "kulke:55": "en"}
"""The source kulke gives the languages spoken as keywords of its own: Suomi, Ruotsi, Englanti."""
_ACCESS_OF_KEYWORD = {
    "yso:p6834": Access.SIGN_LANGUAGE,  # viittomakieli
    "yso:p21310": Access.SIGN_LANGUAGE,  # suomalainen viittomakieli
    "yso:p26915": Access.SIGN_LANGUAGE,  # suomenruotsalainen viittomakieli
    "yso:p15356": Access.PLAIN_LANGUAGE,  # selkokieli
    "yso:p37821": Access.HEARING_LOOP,  # induktiosilmukat
}
_OTHER_CODES = {"zh_hans": "zh", "zh_hant": "zh", "se": "se", "sme": "se"}
_SIGNED = {"sign_language", "sgn", "fse", "fss"}


def read_keyword(value: object) -> Keyword | None:
    """Return a keyword with the labels it carries; one without an id is known by its Finnish label."""
    label = localized(value.get("name")) if isinstance(value, dict) else localized(None)
    id_ = reference(value)
    if id_ is None and (text := label.pick(Language.FI)):
        id_ = LABELLED + "_".join(re.findall(r"\w+", text.lower()))[:80]
    return Keyword(id=id_, label=label) if id_ and id_ != LABELLED else None


def read_keywords(value: object) -> tuple[Keyword, ...]:
    """Return the keywords of a list, each once, at most 40."""
    found: dict[str, Keyword] = {}
    for item in items(value):
        if (keyword := read_keyword(item)) is not None and (keyword.id not in found or not found[keyword.id].label):
            found[keyword.id] = keyword
    return tuple(found.values())[:MOST]


def read_languages(value: object, keywords: tuple[Keyword, ...]) -> tuple[str, ...]:
    """Return the ISO 639-1 codes of the languages spoken, as the record or its keywords tell."""
    codes = [(reference(item) or "").lower() for item in items(value)]
    codes += [_LANGUAGE_OF_KEYWORD.get(keyword.id, "") for keyword in keywords]
    named = (_OTHER_CODES.get(code, code) for code in codes if code not in _SIGNED)
    return tuple(dict.fromkeys(code for code in named if re.fullmatch("[a-z]{2,3}", code)))


def read_access(languages: object, keywords: tuple[Keyword, ...]) -> tuple[Access, ...] | None:
    """Return the access features that the record names, or None: silence is not a lack."""
    found = {_ACCESS_OF_KEYWORD[keyword.id] for keyword in keywords if keyword.id in _ACCESS_OF_KEYWORD}
    if any(reference(item) in _SIGNED for item in items(languages)):
        found.add(Access.SIGN_LANGUAGE)
    return tuple(sorted(found)) or None
