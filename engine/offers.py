"""Offers: what the city has on for its residents, and what makes one eligible.

Times are timezone-aware and in UTC; ``None`` means *unknown*, and for seats *unlimited*. Field names and the
three-language texts follow Linked Events where it has a word for the thing.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from engine.events import AwareTime
from engine.language import Localized


class Kind(StrEnum):
    """What sort of thing is offered."""

    EVENT = "event"
    COURSE = "course"
    VOLUNTEERING = "volunteering"
    SPACE = "space"


class Status(StrEnum):
    """Whether it takes place, as far as the source's own marks can be believed."""

    SCHEDULED = "scheduled"
    RESCHEDULED = "rescheduled"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"


class Access(StrEnum):
    """An access feature that a resident may need and a place or an offer may have."""

    STEP_FREE = "step_free"
    ACCESSIBLE_TOILET = "accessible_toilet"
    HEARING_LOOP = "hearing_loop"
    SIGN_LANGUAGE = "sign_language"
    PLAIN_LANGUAGE = "plain_language"
    QUIET = "quiet"


class Licence(StrEnum):
    """What an image may be used for: `EVENT_ONLY` is never shown apart from its offer."""

    CC_BY = "cc_by"
    EVENT_ONLY = "event_only"


class Keyword(msgspec.Struct, frozen=True, omit_defaults=True):
    """A concept, mostly of the General Finnish Ontology (``yso:p1278``), with its labels."""

    id: str
    label: Localized = Localized()


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where it is. Divisions are OCD ids (``ocd-division/country:fi/kunta:helsinki/neighborhood:kallio``)."""

    id: str
    name: Localized = Localized()
    address: Localized = Localized()
    lat: float | None = None
    lon: float | None = None
    neighborhood: str | None = None
    district: str | None = None
    major_district: str | None = None


class Occurrence(msgspec.Struct, frozen=True, omit_defaults=True):
    """One date of an offer; `id` is the source's record it came from."""

    starts: AwareTime
    ends: AwareTime | None = None
    id: str | None = None


class Image(msgspec.Struct, frozen=True, omit_defaults=True):
    """A picture with its licence and credit."""

    url: str
    licence: Licence
    alt: Localized = Localized()
    credit: str | None = None


class Offer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Something a resident can go to, take part in, help with or use.

    Attributes
    ----------
    id
        The source's own id (``kulke:52959``); `sources` names all records folded into this offer.
    starts, ends
        From the first date's start to the last date's end; both None for a space, which is always there.
    dates
        Its dates, earliest first; more than one for a series.
    ongoing
        True for an exhibition and the like, which one may visit on any day between `starts` and `ends`.
    age_min, age_max
        Years, inclusive; None is unknown, not "all ages".
    seats, seats_left
        None is unlimited.
    free
        None is unknown.
    languages
        ISO 639-1 codes of the languages spoken; empty is unknown.
    access
        Features it is known to have; None is unknown.
    city_wide, online
        True where the source names the whole city, or the internet, as the place.
    """

    id: str
    source: str
    kind: Kind
    name: Localized
    summary: Localized = Localized()
    description: Localized = Localized()
    keywords: tuple[Keyword, ...] = ()
    audience: tuple[Keyword, ...] = ()
    age_min: int | None = None
    age_max: int | None = None
    place: Place | None = None
    city_wide: bool = False
    online: bool = False
    starts: AwareTime | None = None
    ends: AwareTime | None = None
    dates: tuple[Occurrence, ...] = ()
    ongoing: bool = False
    series: str | None = None
    enrolment_opens: AwareTime | None = None
    enrolment_closes: AwareTime | None = None
    seats: int | None = None
    seats_left: int | None = None
    free: bool | None = None
    price: Localized = Localized()
    languages: tuple[str, ...] = ()
    access: tuple[Access, ...] | None = None
    image: Image | None = None
    status: Status = Status.SCHEDULED
    organiser: str | None = None
    link: Localized = Localized()
    enrolment_link: Localized = Localized()
    sources: tuple[str, ...] = ()
    modified: AwareTime | None = None


NO_END_MEANS = timedelta(hours=2)
"""How long a date without an end is taken to last."""


def over(offer: Offer, now: datetime) -> bool:
    """Say whether nothing of the offer is left to go to at `now`. A space is never over."""
    if offer.starts is None:
        return offer.ends is not None and offer.ends <= now
    return (offer.ends or offer.starts + NO_END_MEANS) <= now


def enrollable(offer: Offer, now: datetime) -> bool:
    """Say whether one can still get in: enrolment is not closed and a seat is left."""
    open_ = offer.enrolment_closes is None or offer.enrolment_closes > now
    return open_ and (offer.seats_left is None or offer.seats_left > 0)


def live(offer: Offer, now: datetime) -> bool:
    """Say whether the offer may be suggested to anybody at `now`.

    It is not over, neither cancelled nor postponed without a date, and one can still get in. What depends on who asks
    (age, language, access, distance) is decided in `engine.ranking`, over columns.
    """
    held = offer.status in (Status.SCHEDULED, Status.RESCHEDULED)
    return held and not over(offer, now) and enrollable(offer, now)


def card(offer: Offer) -> Offer:
    """Return the offer as lists show it: without the long description, at most 6 dates and a summary of 300 letters."""
    summary = Localized(**{k: _shorten(v) for k, v in msgspec.structs.asdict(offer.summary).items() if v})
    return msgspec.structs.replace(offer, description=Localized(), summary=summary, dates=offer.dates[:6])


def _shorten(text: str, letters: int = 300) -> str:
    return text if len(text) <= letters else text[: letters - 1].rsplit(" ", 1)[0] + "…"


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Offer).decode
