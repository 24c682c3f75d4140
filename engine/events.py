"""The vocabulary on the wire: frozen, versioned, timezone-aware. Every event says for which purpose it may be used.

People appear by pseudonym only (`engine.residents`). Topics, keys and retention are in `stream.topics`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

Pseudonym = str
"""A resident inside the house: 22 URL-safe random characters that mean nothing outside."""

AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]
Context = dict[
    Annotated[str, msgspec.Meta(max_length=64)], Annotated[str, msgspec.Meta(max_length=200)] | int | float | bool
]


class InteractionType(StrEnum):
    """What a resident did with an offer."""

    VIEW = "view"
    OPEN = "open"
    SAVE = "save"
    UNSAVE = "unsave"
    SHARE = "share"
    REGISTER = "register"
    CANCEL = "cancel"
    ATTEND = "attend"
    DISMISS = "dismiss"
    RATE = "rate"


class Interaction(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing a resident did: `value` is the stars of a rating (1-5), `suggestion` the answer that led to it."""

    id: str
    offer: str
    type: InteractionType
    time: AwareTime
    value: int | None = None
    suggestion: str | None = None
    context: Context | None = None


class InteractionBatch(msgspec.Struct, frozen=True):
    """Several interactions of one resident, accepted together: what one Kafka message carries."""

    resident: Pseudonym
    accepted: AwareTime
    events: tuple[Interaction, ...]
    purpose: str = "activity"
    version: int = 1


class Chance(msgspec.Struct, frozen=True):
    """With what probability the offer in a place, from 1 on, was shown there: a place where new ones are tried."""

    place: int
    propensity: float


class Impression(msgspec.Struct, frozen=True):
    """What one answer showed, best first; with the chance of what chance had a part in, and the model that answered."""

    suggestion: str
    resident: Pseudonym
    time: AwareTime
    basis: str
    offers: tuple[str, ...]
    purpose: str = "measurement"
    version: int = 1
    chance: Chance | None = None
    model: str | None = None


class ConsentChange(msgspec.Struct, frozen=True):
    """A nudge that the ledger has a new entry; the ledger itself is the truth."""

    resident: Pseudonym
    purpose: str
    granted: bool
    time: AwareTime
    version: int = 1


class Notification(msgspec.Struct, frozen=True):
    """Some residents of one partition whom a run of a campaign means to speak to; whether it may is asked when it does.

    Attributes
    ----------
    number
        Of the message within its run.
    planned
        When the run was begun: nobody who has decided on these messages since hears of it.
    """

    run: str
    number: int
    planned: AwareTime
    residents: tuple[Pseudonym, ...]
    version: int = 1


GONE = msgspec.Raw(b"null")


class OfferChange(msgspec.Struct, frozen=True):
    """An offer as a source now tells it, or `GONE` where the source has taken it away.

    `offer` is an `engine.offers.Offer` in JSON, left undecoded here so that the vocabulary knows no room above it.
    """

    id: str
    source: str
    time: AwareTime
    offer: msgspec.Raw = GONE
    version: int = 1

    @property
    def gone(self) -> bool:
        """Say whether the source has taken the offer away."""
        return bytes(self.offer) == bytes(GONE)


class Refused(msgspec.Struct, frozen=True):
    """What could not be used, and why; `payload` is cut, and holds no person where the reason is a missing consent."""

    topic: str
    code: str
    detail: str
    time: AwareTime
    payload: str = ""
    version: int = 1
