"""Offers as messages show them: a name, when, where, and an address to read more at."""

from datetime import datetime

import msgspec
from babel.dates import format_date, format_time

from campaigns.schedule import HELSINKI
from campaigns.wording import WORDS
from engine.language import Language, Localized
from engine.offers import Offer


class Card(msgspec.Struct, frozen=True):
    """An offer in one language; what is not known is empty. `why` says why it was picked for somebody."""

    id: str
    name: str
    when: str = ""
    where: str = ""
    price: str = ""
    url: str = ""
    why: str = ""

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of(cls, offer: Offer, language: str, why: str = "") -> "Card":
        """Return an offer as a message in `language` shows it."""
        place = "" if offer.place is None else _pick(offer.place.name, language)
        price = WORDS[language].free if offer.free else _pick(offer.price, language)
        link = _pick(offer.link, language) or _pick(offer.enrolment_link, language)
        url = link if link.startswith("https://") else ""
        return cls(offer.id, _pick(offer.name, language), _moment(offer.starts, language), place, price, url, why)


def _pick(text: Localized, language: str) -> str:
    return text.pick(Language(language) if language in list(Language) else Language.EN)


def _moment(at: datetime | None, language: str) -> str:
    if at is None:
        return ""
    local = at.astimezone(HELSINKI)
    return f"{format_date(local, 'EEE d.M.yyyy', locale=language)} {format_time(local, 'HH.mm', locale=language)}"
