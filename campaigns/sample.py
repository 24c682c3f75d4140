"""Residents that there are not, for previews: one of each kind that a message should be read by before it goes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from campaigns import sms, templating
from campaigns.cards import Card
from campaigns.message import Fallback, Form, Message, Rendered
from engine.language import Language, Localized
from engine.offers import Kind, Offer, Place


class MadeUp(StrEnum):
    """Somebody made up: new and known by nothing; with small children; a pensioner; who needs to get in step-free."""

    NEWCOMER = "newcomer"
    FAMILY = "family"
    PENSIONER = "pensioner"
    STEP_FREE = "step_free"


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody made up would get; `rendered` is null where they would get nothing. `size` is that of an SMS."""

    resident: MadeUp
    channel: str
    language: str
    rendered: Rendered | None
    size: sms.Size | None = None


STOP = "https://example.org/stop/made-up-link-of-about-the-length-that-real-ones-have-0123456789"
_WHYS = {
    MadeUp.NEWCOMER: Localized(
        "Olet tilannut tämän aiheen viestit",
        "Du har beställt meddelanden om detta ämne",
        "You asked for messages on this topic",
    ),
    MadeUp.FAMILY: Localized(
        "Olet tilannut lapsiperheiden vinkit",
        "Du har beställt tips för barnfamiljer",
        "You asked for tips for families",
    ),
    MadeUp.PENSIONER: Localized(
        "Olet tilannut alueesi vinkit", "Du har beställt tips om ditt område", "You asked for tips of your area"
    ),
    MadeUp.STEP_FREE: Localized(
        "Olet tilannut esteettömien paikkojen vinkit",
        "Du har beställt tips om tillgängliga platser",
        "You asked for tips of step-free places",
    ),
}
_NAMES: tuple[tuple[Kind, Localized], ...] = (
    (Kind.EVENT, Localized("Satutunti kirjastossa", "Sagostund på biblioteket", "Story time at the library")),
    (Kind.COURSE, Localized("Uintikurssi aloittelijoille", "Simkurs för nybörjare", "Swimming for beginners")),
    (Kind.EVENT, Localized("Konsertti puistossa", "Konsert i parken", "Concert in the park")),
    (Kind.VOLUNTEERING, Localized("Ystäväksi yksinäiselle", "Bli vän med en ensam", "Be a friend to somebody alone")),
    (Kind.COURSE, Localized("Tasapainojumppa", "Balansgymnastik", "Balance training")),
    (Kind.SPACE, Localized("Askarteluhuone", "Pysselrum", "Craft room")),
)
_PLACE = Place("sample:place", Localized("Kaupunginosan talo", "Kvartershuset", "The neighbourhood house"))
_REASON = Localized("Lähellä sinua", "Nära dig", "Near you")


def offers(n: int) -> list[Offer]:
    """Return offers that there are not."""
    return [
        Offer(
            id=f"sample:{index}",
            source="sample",
            kind=kind,
            name=name,
            place=_PLACE,
            starts=datetime(2027, 1, 12, 15, tzinfo=UTC) + timedelta(days=index),
            free=index % 2 == 0,
            link=Localized("https://example.org/fi", "https://example.org/sv", "https://example.org/en"),
        )
        for index, (kind, name) in enumerate(_NAMES * (n // len(_NAMES) + 1))
    ][:n]


def shown(message: Message) -> list[Offer]:
    """Return offers that there are not for those that a message names, or for the one that will have happened."""
    texts = [part for its in message.texts.values() for part in (its.subject, its.preheader, its.body, its.short)]
    speaks = any("offers" in templating.names(part) for part in texts)
    return offers(len(message.offers) or int(speaks))


def preview(
    message: Message,
    residents: Sequence[MadeUp],
    channels: Sequence[str],
    languages: Sequence[str],
    fixed: Sequence[Offer],
) -> list[Preview]:
    """Return what each of the residents would get by each channel in each language; prices of SMS are in `size`.

    Parameters
    ----------
    message
        One that `campaigns.checking` finds neither faults in nor anything missing.
    fixed
        The offers that everybody is shown.
    """
    return [
        _preview(message, form, resident, channel, language)
        for language in languages
        for channel in channels
        for form in [Form.of(message, language, channel, fixed)]
        for resident in residents
    ]


PART_EUROS = 0.05
"""What a part of an SMS costs about; the city's contract says it exactly."""


def _preview(message: Message, form: Form, resident: MadeUp, channel: str, language: str) -> Preview:
    picks = _picks(message, resident, language)
    if picks is None:
        return Preview(resident=resident, channel=channel, language=language, rendered=None)
    why = _WHYS[resident].pick(_near(language))
    data = {name: f"[{name}]" for name in message.data}
    rendered = form.fill(stop=STOP, why=why, picks=picks, data=data)
    size = sms.measure(rendered.text, PART_EUROS) if channel == "sms" else None
    return Preview(resident=resident, channel=channel, language=language, rendered=rendered, size=size)


def _picks(message: Message, resident: MadeUp, language: str) -> list[Card] | None:
    """Return what is picked for somebody; None where they get no message."""
    asked = message.picks
    if asked is None:
        return []
    if resident is MadeUp.NEWCOMER and asked.fallback is not Fallback.POPULAR:
        return None if asked.fallback is Fallback.SKIP else []
    why = "" if resident is MadeUp.NEWCOMER else _REASON.pick(_near(language))
    fitting = [offer for offer in offers(60) if not asked.kinds or offer.kind in asked.kinds]
    first = list(MadeUp).index(resident)
    return [Card.of(offer, language, why) for offer in fitting[first : first + asked.n]]


def _near(language: str) -> Language:
    return Language(language) if language in list(Language) else Language.EN
