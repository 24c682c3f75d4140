"""Texts as people typed them -> texts one can show: no HTML tricks, no control characters, no absurd length."""

import html
import re
import unicodedata
from collections.abc import Callable

import msgspec
import nh3

from engine.language import Language, Localized

NAME_LETTERS = 300
SUMMARY_LETTERS = 600
DESCRIPTION_LETTERS = 20_000

_TAGS = {"p", "br", "ul", "li", "strong", "em", "a"}
# Older tags and headings become the nearest of the kept ones, so that paragraphs do not run together.
_RENAMED = {"b": "strong", "i": "em", "ol": "ul", "div": "p", **{f"h{n}": "p" for n in range(1, 7)}}
_RENAME = re.compile(rf"<(/?)({'|'.join(_RENAMED)})(?=[\s>/])[^<>]*>", re.IGNORECASE)
_BREAK = re.compile(r"</?(?:p|br|li|ul|ol|div|h[1-6]|tr|td)\b[^<>]*>", re.IGNORECASE)
# Controls save tab and newline, soft hyphens and invisible marks that break search, and marks that turn text around.
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_EMPTY_PARAGRAPH = re.compile(r"<p>(?:\s|&nbsp;|<br>)*</p>")


def tidy(value: str, letters: int) -> str:
    """Return the first `letters` of a text, composed (NFC), without lone surrogates and unseen characters."""
    whole = value[: letters * 2].encode("utf-8", "ignore").decode()
    return _UNSEEN.sub("", unicodedata.normalize("NFC", whole))[:letters]


def plain(value: object, letters: int = NAME_LETTERS) -> str | None:
    r"""Return a value as one line of plain text, or None where it holds none.

    Examples
    --------
    >>> plain("The jour\u00adney of&nbsp;the <b>cello</b><br>tonight")
    'The journey of the cello tonight'
    """
    if not isinstance(value, str):
        return None
    spaced = _BREAK.sub(" ", tidy(value, DESCRIPTION_LETTERS))
    bare = html.unescape(nh3.clean(spaced, tags=set())) if "<" in spaced or "&" in spaced else spaced
    line = " ".join(tidy(bare, DESCRIPTION_LETTERS).split())
    return _cut(line, letters) or None


def rich(value: object, letters: int = DESCRIPTION_LETTERS) -> str | None:
    """Return a value as harmless HTML (p, br, ul, li, strong, em, a with a web address), or None where it holds none.

    Examples
    --------
    >>> rich('<h2>Tule!</h2><script>x</script><p onclick="y">Hei <b>sinä</b></p><p>&nbsp;</p>')
    '<p>Tule!</p><p>Hei <strong>sinä</strong></p>'
    """
    if not isinstance(value, str):
        return None
    renamed = _RENAME.sub(lambda tag: f"<{tag[1]}{_RENAMED[tag[2].lower()]}>", tidy(value, letters))
    safe = nh3.clean(
        renamed,
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener",
    )
    kept = _EMPTY_PARAGRAPH.sub("", safe).strip()
    return kept if plain(kept, 10) else None


def localized(value: object, read: Callable[[object], str | None] = plain) -> Localized:
    """Return a text in those of fi, sv and en that exist; one that names no language is taken as Finnish."""
    if isinstance(value, str):
        return Localized(fi=read(value))
    if not isinstance(value, dict):
        return Localized()
    return Localized(**{language: read(value.get(language)) for language in Language})


def fill(first: Localized, second: Localized) -> Localized:
    """Return `first` with the languages it lacks taken from `second`."""
    return Localized(**{code: getattr(first, code) or getattr(second, code) for code in Language})


def texts(value: Localized) -> list[str]:
    """Return the texts that exist, Finnish first."""
    return [text for text in msgspec.structs.astuple(value) if text]


def _cut(line: str, letters: int) -> str:
    return line if len(line) <= letters else line[: letters - 1].rsplit(" ", 1)[0].rstrip(" ,.;:-") + "…"
