"""Whether a message can be sent: what is wrong with its texts, and what is still to be written."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from campaigns import html_check, sms, templating
from campaigns.cards import Card
from campaigns.fault import Fault
from campaigns.frame import Block
from campaigns.message import LONGEST_SUBJECT, SCREEN, Form, Message, Text
from engine.language import Localized
from engine.offers import Kind, Offer, Place

SAMPLE_OFFER = Offer(
    id="sample:1",
    source="sample",
    kind=Kind.COURSE,
    name=Localized("Uintikurssi & vesijumppa", "Simkurs", "Swimming course"),
    place=Place("sample:place", Localized("Uimahalli", "Simhallen", "Swimming hall")),
    starts=datetime(2027, 1, 12, 15, tzinfo=UTC),
    free=True,
    link=Localized("https://example.org/uinti", "https://example.org/simning", "https://example.org/swimming"),
)
"""An offer that there is not, for looking at texts."""
LONGEST_ON_SCREEN = 220
"""Some ten seconds of reading."""
_BARE_OFFER = Offer(id="sample:2", source="sample", kind=Kind.SPACE, name=Localized("Tila", "Lokal", "Space"))


def faults(message: Message, languages: Sequence[str], channels: Sequence[str]) -> list[Fault]:
    """Return what is wrong with what is written; what is not written yet is no fault (see `missing`)."""
    found: list[Fault] = []
    if len(set(message.data)) < len(message.data):
        found.append(Fault("message.data", None, "Name each value once."))
    for language, text in message.texts.items():
        if language not in languages:
            found.append(
                Fault(
                    f"message.texts.{language}", None, "The campaign is not in this language; add it, or leave it out."
                )
            )
        found += _faults_of(message, language, text)
    if not found and "sms" in channels:
        found += _too_long(message)
    if not found and SCREEN in channels:
        found += _unfit_for_screens(message)
    return found


def missing(message: Message, languages: Sequence[str], channels: Sequence[str]) -> list[Fault]:
    """Return which texts are still to be written, language by language."""
    return [
        Fault(f"message.texts.{language}.{field}", None, f"The text in `{language}` is missing; write it.")
        for language in languages
        for field in _needed(channels)
        if not getattr(message.texts.get(language, Text()), field).strip()
    ]


def _needed(channels: Sequence[str]) -> Iterator[str]:
    if set(channels) & {"email", "push", "inbox", SCREEN}:
        yield "subject"
    if set(channels) & {"email", "inbox"}:
        yield "body"
    if set(channels) & {"sms", "push", SCREEN}:
        yield "short"


def _faults_of(message: Message, language: str, text: Text) -> Iterator[Fault]:
    # One of them has all there is to know, the other no more than a name: a text must do for both.
    cards = [Card.of(SAMPLE_OFFER, language), Card.of(_BARE_OFFER, language)]
    plain = templating.values(cards, message.data, language, html=False)
    at = f"message.texts.{language}"
    for field in ("subject", "preheader", "short"):
        yield from _faults_of_line(f"{at}.{field}", getattr(text, field), plain, one_line=field != "short")
    rich = templating.values(Block(cards), message.data, language, html=True)
    found = templating.faults(f"{at}.body", text.body, rich, html=True)
    yield from found or html_check.faults(f"{at}.body", text.body, templating.render(text.body, rich, html=True))


def _faults_of_line(where: str, source: str, given: dict[str, object], *, one_line: bool) -> Iterator[Fault]:
    if one_line and any(not letter.isprintable() for letter in source if not templating.SLOTS.match(letter)):
        yield Fault(where, None, "It is one line, without line breaks or other control characters; leave them out.")
        return
    if found := templating.faults(where, source, given, html=False):
        yield from found
        return
    rendered = templating.render(source, given, html=False)
    if one_line and templating.SLOTS.search(rendered):
        yield Fault(where, None, "It is the same for everybody: `stop`, `why`, `picks` and `data` have no place here.")
    elif one_line and (len(rendered) > LONGEST_SUBJECT or not rendered.isprintable()):
        yield Fault(where, None, f"It is one line of {LONGEST_SUBJECT} characters at most.")
    elif templating.OFFERS in rendered or templating.PICKS in rendered:
        yield Fault(where, None, "Offers as a whole have no place here; go through them: `for offer in offers`.")


def _too_long(message: Message) -> Iterator[Fault]:
    for language in message.texts:
        filled = sample(Form.of(message, language, "sms", [SAMPLE_OFFER]), message)
        if (parts := sms.measure(filled, 0).parts) > sms.MOST_PARTS:
            says = f"It takes {parts} parts of SMS with its link; {sms.MOST_PARTS} at most."
            yield Fault(f"message.texts.{language}.short", None, says)


def _unfit_for_screens(message: Message) -> Iterator[Fault]:
    for language in message.texts:
        text = Form.of(message, language, SCREEN, [SAMPLE_OFFER]).fill(stop=templating.STOP, why=templating.WHY).text
        where = f"message.texts.{language}.short"
        if templating.SLOTS.search(text):
            yield Fault(where, None, "A screen speaks to nobody in particular: `stop` and `why` have no place on it.")
        elif len(text) > LONGEST_ON_SCREEN:
            yield Fault(where, None, f"Who passes by reads {LONGEST_ON_SCREEN} characters at most; say it shorter.")


def sample(form: Form, message: Message) -> str:
    """Return a text as somebody made up would read it, with links as long as real ones."""
    return form.fill(stop=SAMPLE_STOP, why=SAMPLE_WHY, data=dict.fromkeys(message.data, "…")).text


SAMPLE_STOP = "https://example.org/stop/" + "x" * 60
SAMPLE_WHY = "You asked for tips of your area"
