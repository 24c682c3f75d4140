"""What a partner is shown of a resident: decided at that moment, noted before it is shown, and nothing else.

Everything happens in one transaction. It holds the resident's words still, so that a withdrawal either comes before and
ends it, or waits and is answered after.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from engine.accesses import Accessed, Capacity, name
from engine.consent import Consents, Permit, Purpose, partner_purpose
from engine.errors import NotFound
from engine.events import Interaction
from engine.folding import Observation, fold
from engine.language import Localized
from engine.offers import Access, Keyword, Kind, Offer
from engine.partners import NEEDS, Field, Partner
from engine.residents import Interests
from engine.taste import Taste, features, key

HELSINKI = ZoneInfo("Europe/Helsinki")
BANDS = ((12, "0-12"), (17, "13-17"), (29, "18-29"), (49, "30-49"), (64, "50-64"))
OLDEST_BAND = "65+"
MOST_TOPICS = 20


class Told(msgspec.Struct, frozen=True):
    """Topics (YSO) and kinds of offers that a resident has told."""

    keywords: tuple[str, ...]
    kinds: tuple[Kind, ...]


class Topic(msgspec.Struct, frozen=True):
    """A topic that behaviour tells of."""

    id: str
    name: Localized


class Shared(msgspec.Struct, frozen=True):
    """What is known by the partner's fields. Null is what is not known or not allowed; which of the two is not told."""

    interests: Told | msgspec.UnsetType | None = msgspec.UNSET
    districts: tuple[str, ...] | msgspec.UnsetType | None = msgspec.UNSET
    languages: tuple[str, ...] | msgspec.UnsetType | None = msgspec.UNSET
    access: tuple[Access, ...] | msgspec.UnsetType | None = msgspec.UNSET
    age_band: str | msgspec.UnsetType | None = msgspec.UNSET
    taste: tuple[Topic, ...] | msgspec.UnsetType | None = msgspec.UNSET


class Reading(Protocol):
    """One transaction (`engine.records.partners`)."""

    consents: Consents

    async def interests(self, permit: Permit) -> Interests | None:
        """Return what the resident told under the consent they give now."""

    async def deeds(self, permit: Permit) -> tuple[Sequence[Interaction], Mapping[str, Offer]]:
        """Return what the resident did under the consent they give now, and the offers that it was about."""

    async def note(self, access: Accessed) -> None:
        """Write the access log."""


class PartnerRecords(Protocol):
    """Where transactions are opened (`engine.records.partners`)."""

    def reading(self, partner: Partner, handle: str, now: datetime) -> AbstractAsyncContextManager[Reading | None]:
        """Open a transaction in which a partner may be shown a resident; None where it may be shown nobody."""


async def show(records: PartnerRecords, partner: Partner, handle: str, what: str, now: datetime) -> Shared:
    """Return what a partner may know of the resident with this handle. It is in the access log by then.

    Raises
    ------
    NotFound
        The handle is nobody's, another partner's, or of somebody who no longer grants it: all are told alike.
    StoreUnavailable
        The ledger cannot be read, or the access log not written.
    """
    async with records.reading(partner, handle, now) as reading:
        if reading is None or not reading.consents.grants_partner(partner.id, now):
            raise NotFound("Nobody who grants you this has that handle.", field="handle")
        found = {field: await _value(field, partner, reading, now) for field in partner.fields}
        given = tuple(field for field, value in found.items() if value is not None)
        await reading.note(
            Accessed(now, name(partner.name), Capacity.PARTNER, partner_purpose(partner.id), what, given)
        )
    return Shared(**found)


async def _value(field: Field, partner: Partner, reading: Reading, now: datetime) -> Any:  # noqa: ANN401 - see `Shared`
    permits = [reading.consents.partner_permit(partner.id, purpose, now) for purpose in NEEDS[field]]
    allowed = [permit for permit in permits if isinstance(permit, Permit)]
    if len(allowed) < len(permits):
        return None
    if allowed[0].purpose is Purpose.ACTIVITY:
        return topics(*await reading.deeds(allowed[0]), now)
    told = await reading.interests(allowed[0])
    return None if told is None else _told(field, told, now)


def _told(field: Field, told: Interests, now: datetime) -> Any:  # noqa: ANN401 - see `Shared`
    if field is Field.INTERESTS:
        return Told(told.keywords, told.kinds)
    if field is Field.AGE_BAND:
        return None if told.birth_year is None else age_band(told.birth_year, now)
    return {Field.DISTRICTS: told.districts, Field.LANGUAGES: told.languages, Field.ACCESS: told.access}[field]


def age_band(birth_year: int, now: datetime) -> str:
    """Return the band of the age that somebody turns this year.

    Examples
    --------
    >>> age_band(2009, datetime.fromisoformat("2026-11-22T12:00:00Z"))
    '13-17'
    """
    age = now.astimezone(HELSINKI).year - birth_year
    return next((band for last, band in BANDS if age <= last), OLDEST_BAND)


def topics(deeds: Sequence[Interaction], offers: Mapping[str, Offer], now: datetime) -> tuple[Topic, ...] | None:
    """Return the topics that somebody's acts speak for, strongest first; no place is among them."""
    seen = [Observation(d, (of := offers[d.offer]).kind, features(of)) for d in deeds if d.offer in offers]
    keys, weights = fold(Taste(), seen, located=False).weights(now, located=False)
    strength = defaultdict(float, zip(keys.tolist(), weights.tolist(), strict=True))
    named = {keyword.id: keyword for offer in offers.values() for keyword in offer.keywords}
    liked = [(strength[key(f"keyword:{id_}")], id_) for id_ in named]
    best = sorted((-weight, id_) for weight, id_ in liked if weight > 0)[:MOST_TOPICS]
    return tuple(_topic(named[id_]) for _, id_ in best) or None


def _topic(keyword: Keyword) -> Topic:
    return Topic(keyword.id, keyword.label)
