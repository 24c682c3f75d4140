"""What stands around an author's words in each channel: the mail's tables and styles, the why, the way to stop it.

Styles are put into the elements once a form, since many clients read no style sheet; what only newer clients know, the
colours of the dark, stays in one.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import overload

import css_inline
import nh3
from markupsafe import Markup

from campaigns import templating
from campaigns.cards import Card
from campaigns.html_check import ATTRIBUTES, SCHEMES, TAGS
from campaigns.plain import plain_of
from campaigns.templating import OFFERS, PICKS, SLOTS, STOP, WHY
from campaigns.wording import WORDS, Words

_FOLDER = Path(__file__).parent / "templates"
_INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
_NAME, _URL, _FACTS, _BECAUSE = "\ue004", "\ue005", "\ue006", "\ue007"
Fill = Callable[[Sequence[Card]], str]


class Block(Sequence[Card]):
    """The offers that everybody is shown: a text goes through them, or places them as a whole: ``{{ offers }}``."""

    def __init__(self, cards: Sequence[Card]) -> None:
        self._cards = cards

    @overload
    def __getitem__(self, index: int) -> Card: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Card]: ...
    def __getitem__(self, index: int | slice) -> Card | Sequence[Card]:
        """Return one, or some."""
        return self._cards[index]

    def __len__(self) -> int:
        return len(self._cards)

    def __html__(self) -> str:
        return OFFERS

    def __str__(self) -> str:
        return OFFERS


def body(own: str, offers: Sequence[Card], language: str, *, picks: bool, service: bool = False) -> str:
    """Return an author's rendered HTML, cleaned, with the blocks that it has not placed itself.

    Parameters
    ----------
    offers
        What stands where it says `offers`, or at its end.
    picks
        Whether there is a place for personal picks.
    service
        Whether the link at its end is to choose messages, since this one cannot be stopped.
    """
    words = WORDS[language]
    clean = nh3.clean(own, tags=set(TAGS), attributes={tag: set(its) for tag, its in ATTRIBUTES.items()},
                      url_schemes=set(SCHEMES), link_rel=None)  # fmt: skip
    if offers and OFFERS not in clean:
        clean += OFFERS
    if picks and PICKS not in clean:
        clean += PICKS
    if not picks:
        clean = clean.replace(PICKS, "")
    clean = clean.replace(OFFERS, rows(offers))
    if WHY not in clean:
        clean += f'<p class="vk-small"><strong>{escape(words.why)}:</strong> {WHY}</p>'
    if f'href="{STOP}"' not in clean:
        clean = (
            clean.replace(STOP, "")
            + f'<p class="vk-small"><a href="{STOP}">{escape(_end(words, service=service))}</a></p>'
        )
    return clean


def mail(content: str, subject: str, preheader: str, language: str, sender: str | None) -> str:
    """Return the whole mail in HTML, its styles in its elements."""
    words = WORDS[language]
    given = {
        "content": Markup(content),  # noqa: S704 - cleaned in `body`
        "subject": subject,
        "preheader": preheader,
        "language": language,
        "direction": "ltr" if words.left_to_right else "rtl",
        "sender": sender or words.sender,
        "city": words.sender,
    }
    source = (_FOLDER / "email.html").read_text("utf-8")
    return _INLINER.inline(templating.render(source, given, html=True))


def fragment(content: str, language: str) -> str:
    """Return what the inbox shows, without a frame of its own."""
    direction = "ltr" if WORDS[language].left_to_right else "rtl"
    return f'<div lang="{language}" dir="{direction}">{content}</div>'


def plain(content: str) -> str:
    """Return the same as plain text."""
    return plain_of(content)


def short(text: str, language: str, *, service: bool = False) -> str:
    """Return a text message with its why and the way to stop it."""
    words = WORDS[language]
    text = text.replace(PICKS, "")
    if WHY not in text:
        text += f"\n{words.why}: {WHY}"
    return text if STOP in text else f"{text}\n{_end(words, service=service)}: {STOP}"


def _end(words: Words, *, service: bool) -> str:
    return words.choose if service else words.stop


def rows(cards: Sequence[Card]) -> str:
    """Return offers as rows of a table, without styles in them."""
    return _table("".join(_row(card, _bare) for card in cards)) if cards else ""


def picks_text(language: str) -> Fill:
    """Return what writes picks as plain text."""
    title = WORDS[language].for_you

    def fill(cards: Sequence[Card]) -> str:
        return "\n".join([f"{title}:", *map(_lines, cards)])

    return fill


def picks_html(language: str, channel: str) -> Fill:
    """Return what writes picks as HTML, in a mail with the styles in its elements."""
    skeleton = _styled if channel == "email" else _bare
    head = f"<h2>{escape(WORDS[language].for_you)}</h2>"
    before, after = _wrapping(head) if channel == "email" else _table_parts(head)

    def fill(cards: Sequence[Card]) -> str:
        return f"{before}{''.join([_row(card, skeleton) for card in cards])}{after}"

    return fill


def _table(content: str) -> str:
    return f'<table role="presentation" class="vk-offers" width="100%"><tbody>{content}</tbody></table>'


def _table_parts(head: str) -> tuple[str, str]:
    before, _, after = (head + _table(OFFERS)).partition(OFFERS)
    return before, after


@lru_cache(maxsize=64)
def _wrapping(head: str) -> tuple[str, str]:
    # A row must stand in the table meanwhile: no text may, and a reader of HTML would move it out.
    marked = _inlined(head + _table(f"<tr><td>{OFFERS}</td></tr>"))
    before, _, after = marked.partition(OFFERS)
    return before.rpartition("<tr")[0], after.partition("</tr>")[2]


def _row(card: Card, skeleton: Callable[[bool, bool], list[str]]) -> str:
    facts = " · ".join([fact for fact in (card.when, card.where, card.price) if fact])
    parts = skeleton(bool(card.url), bool(card.why)).copy()
    values = {_NAME: card.name, _URL: card.url, _FACTS: facts, _BECAUSE: card.why}
    parts[1::2] = [escape(values[slot]) for slot in parts[1::2]]
    return "".join(parts)


@lru_cache(maxsize=4)
def _bare(url: bool, because: bool) -> list[str]:  # noqa: FBT001 - which of four
    return SLOTS.split(_cell(url=url, because=because))


@lru_cache(maxsize=4)
def _styled(url: bool, because: bool) -> list[str]:  # noqa: FBT001 - which of four
    whole = _inlined(_table(_cell(url=url, because=because)))
    start, end = whole.index("<tr"), whole.rindex("</tr>") + len("</tr>")
    return SLOTS.split(whole[start:end])


def _cell(*, url: bool, because: bool) -> str:
    name = f'<a href="{_URL}">{_NAME}</a>' if url else _NAME
    reason = f'<p class="vk-small">{_BECAUSE}</p>' if because else ""
    return f'<tr><td class="vk-offer"><h3>{name}</h3><p class="vk-facts">{_FACTS}</p>{reason}</td></tr>'


def _inlined(content: str) -> str:
    """Return a part of a mail with its styles in its elements."""
    whole = mail(content, "", "", "en", None)
    start = whole.index("<!--content-->") + len("<!--content-->")
    return whole[start : whole.index("<!--/content-->")]


def _lines(card: Card) -> str:
    facts = ", ".join([fact for fact in (card.when, card.where, card.price) if fact])
    return "\n".join([f"- {card.name}", *[f"  {line}" for line in (facts, card.why, card.url) if line]])
