"""What a campaign says: texts side by side in each language, and what becomes of them in each channel.

A `Form` is made once for a language and channel, which may take milliseconds; `fill` puts a person's own into it, and
takes microseconds.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from html import escape
from typing import Annotated

import msgspec

from campaigns import frame, templating
from campaigns.cards import Card
from campaigns.templating import PICKS, SLOTS, STOP, WHY, slot_of
from campaigns.wording import WORDS
from engine.marketing import CHANNELS
from engine.offers import Kind, Offer
from engine.rules import Named
from engine.scenario import Scenario

__all__ = [
    "CHANNELS", "LANGUAGES", "SCREEN", "WAYS", "Card", "Fallback", "Form", "Message", "Picks", "Rendered", "Text",
]  # fmt: skip
LANGUAGES = tuple(WORDS)
SCREEN = "screen"
"""The way to whoever passes a screen by: to nobody in particular, so that no resident can allow or refuse it."""
WAYS = (*CHANNELS, SCREEN)
LONGEST_SUBJECT = 150
LONGEST_BODY = 20_000
LONGEST_SHORT = 600
MOST_PICKS = 10
Line = Annotated[str, msgspec.Meta(max_length=LONGEST_SUBJECT)]


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What is said in one language, as templates (`campaigns.templating`).

    Attributes
    ----------
    subject, preheader
        Of one line; the preheader is what a list of mails shows beside the subject.
    body
        HTML of a few elements (`campaigns.html_check`).
    short
        Plain text, for SMS, push and screens.
    """

    subject: Line = ""
    preheader: Line = ""
    body: Annotated[str, msgspec.Meta(max_length=LONGEST_BODY)] = ""
    short: Annotated[str, msgspec.Meta(max_length=LONGEST_SHORT)] = ""


class Fallback(StrEnum):
    """What stands where there is nothing to pick for somebody: what is popular, nothing, or no message at all."""

    POPULAR = "popular"
    LEAVE_OUT = "leave_out"
    SKIP = "skip"


class Picks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Up to `n` suggestions of each resident's own, of some kinds or of all."""

    scenario: Scenario = Scenario.EMAIL
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(max_length=len(Kind))] = ()
    n: Annotated[int, msgspec.Meta(ge=1, le=MOST_PICKS)] = 3
    fallback: Fallback = Fallback.POPULAR


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What a campaign says.

    Attributes
    ----------
    texts
        By language.
    offers
        Ids of offers that everybody is shown.
    picks
        What is picked for each resident.
    data
        Names that a caller of a transactional message gives values for, read as ``{{ data.name }}``.
    """

    texts: dict[Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(LANGUAGES)})$(?!\n)")], Text] = {}
    offers: Annotated[tuple[Named, ...], msgspec.Meta(max_length=10)] = ()
    picks: Picks | None = None
    data: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$(?!\n)")], ...], msgspec.Meta(max_length=20)
    ] = ()


class Rendered(msgspec.Struct, frozen=True):
    """What one person is sent. `html` is None where the channel has none; in the inbox it is a fragment."""

    subject: str
    text: str
    html: str | None = None


class Form:
    """A message in one language for one channel, complete but for what is a person's own; made by `Form.of`."""

    def __init__(
        self, subject: str, text: str, html: str | None, fills: tuple[frame.Fill, frame.Fill], data: Sequence[str]
    ) -> None:
        self.subject = subject
        self._text, self._html = SLOTS.split(text), None if html is None else SLOTS.split(html)
        self._slots = {slot_of(index): name for index, name in enumerate(data)}
        self._lines, self._rows = fills

    @classmethod
    def of(  # noqa: PLR0913 - what a form is made of
        cls,
        message: Message,
        language: str,
        channel: str,
        offers: Sequence[Offer],
        sender: str | None = None,
        *,
        service: bool = False,
    ) -> "Form":
        """Render a message that `campaigns.checking.faults` has found good.

        Parameters
        ----------
        offers
            Those that everybody is shown.
        sender
            The department's name; otherwise the city's.
        service
            Whether it is due on a legal basis of its own, so that there is nothing to stop.

        Raises
        ------
        KeyError
            It has no text in this language.
        jinja2.TemplateError
            It is not good.
        """
        its = message.texts[language]
        cards = [Card.of(offer, language) for offer in offers]
        plain = templating.values(cards, message.data, language, html=False)
        subject = " ".join(templating.render(its.subject, plain, html=False).split())
        fills = frame.picks_text(language), frame.picks_html(language, channel)
        if channel in ("sms", "push", SCREEN):
            short = templating.render(its.short, plain, html=False).strip()
            if channel == SCREEN:
                return cls(subject, short, None, fills, message.data)
            return cls(subject, frame.short(short, language, service=service), None, fills, message.data)
        rich = templating.values(frame.Block(cards), message.data, language, html=True)
        own = templating.render(its.body, rich, html=True)
        shown = cards if "offers" not in templating.names(its.body) or templating.OFFERS in own else []
        body = frame.body(own, shown, language, picks=message.picks is not None, service=service)
        preheader = templating.render(its.preheader, plain, html=False)
        whole = (
            frame.mail(body, subject, preheader, language, sender)
            if channel == "email"
            else frame.fragment(body, language)
        )
        return cls(subject, frame.plain(body), whole, fills, message.data)

    def fill(
        self, *, stop: str, why: str, picks: Sequence[Card] = (), data: Mapping[str, str] | None = None
    ) -> Rendered:
        """Put in what is a person's own.

        Parameters
        ----------
        stop
            The address that ends these messages.
        why
            One sentence, in the form's language.
        picks
            What was picked for them, best first.
        data
            A value for each of the message's names.

        Raises
        ------
        KeyError
            A value of `data` is missing.
        """
        own = {slot: _line((data or {})[name]) for slot, name in self._slots.items()} if self._slots else {}
        own[STOP], own[WHY] = stop, why
        own[PICKS] = self._lines(picks) if picks else ""
        text = _filled(self._text, own.__getitem__)
        if self._html is None:
            return Rendered(self.subject, text)
        escaped = {slot: escape(value) for slot, value in own.items() if slot != PICKS}
        escaped[PICKS] = self._rows(picks) if picks else ""
        return Rendered(self.subject, text, _filled(self._html, escaped.__getitem__))


def _filled(parts: list[str], own: Callable[[str], str]) -> str:
    """Join parts of which every second one is a slot."""
    whole = parts.copy()
    whole[1::2] = map(own, parts[1::2])
    return "".join(whole)


def _line(text: str) -> str:
    return " ".join(text.split())
