"""What triggers listen for, in Helsinki's days, and whom what happened concerns: rules alone, nothing is read here."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec

from campaigns.facts import Act
from campaigns.schedule import (
    HELSINKI,
    Birthday,
    JournalEvent,
    NewOffer,
    OfferChanged,
    OfferEvent,
    SavedOfferTomorrow,
    Trigger,
    Webhook,
)
from engine.ages import birthday, today
from engine.consent import Purpose
from engine.events import AwareTime, InteractionType
from engine.happenings import NEW_OFFER, Happening
from engine.offers import Offer
from engine.rules import Target

MORNING = 9
"""The hour in Helsinki at which guardians hear of a birthday."""
KEYWORDS_THAT_COUNT = 10
SAVED, BIRTHDAY, ACTED, CALLED = "saved_offer_tomorrow", "birthday", "journal_event", "webhook"
_FOR_ALL = frozenset({NEW_OFFER, OfferEvent.ENROLMENT_OPENS, OfferEvent.SEAT_FREED})
"""What concerns everybody in an audience; of what is called off or moved, those alone who meant to go."""
_OPENINGS = frozenset({OfferEvent.ENROLMENT_OPENS, OfferEvent.SEAT_FREED})


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a run of a triggered campaign is for.

    Attributes
    ----------
    happening, kind, offers, named, time
        What happened (`engine.happenings`); the number is that of its row.
    audience
        The tree of the campaign's audience, if it has one.
    born
        Birth dates of the dependants whose birthday it is.
    """

    happening: int
    kind: str
    offers: tuple[str, ...]
    named: bool
    time: AwareTime
    audience: Any = None
    born: tuple[date, ...] = ()

    @property
    def what(self) -> str:
        """The kind without what is added to it, such as the hour or a webhook's name."""
        return self.kind.partition(":")[0]

    @property
    def rests_on(self) -> tuple[str, ...]:
        """The purposes of what makes it somebody's: of what they did, or told of their family."""
        if self.what == CALLED or self.for_all:
            return ()
        return (Purpose.INTERESTS,) if self.what == BIRTHDAY else (Purpose.ACTIVITY,)

    @property
    def for_all(self) -> bool:
        """Whether it concerns everybody in the audience, whatever they did."""
        return self.audience is not None and not self.named and self.what in {*_FOR_ALL, CALLED}


def heard(trigger: Trigger, campaign: str) -> tuple[str, ...]:
    """Return the kinds of happenings that a trigger listens for."""
    match trigger:
        case OfferChanged(changes=changes):
            return tuple(dict.fromkeys(map(str, changes)))
        case NewOffer():
            return (NEW_OFFER,)
        case SavedOfferTomorrow(hour=hour):
            return (f"{SAVED}:{hour}",)
        case Birthday():
            return (f"{BIRTHDAY}:{campaign}",)
        case JournalEvent(interaction=interaction):
            return (f"{ACTED}:{interaction}",)
        case Webhook(name=name):
            return (f"{CALLED}:{name}",)


def eve(now: datetime, hour: int) -> tuple[datetime, date] | None:
    """Return the moment of today at which `hour` has struck, and the date of tomorrow; None before it has."""
    day = today(now)
    struck = _at(day, hour)
    return None if now < struck else (struck, day + timedelta(days=1))


def bounds(day: date) -> tuple[datetime, datetime]:
    """Return when a day begins and ends; it has 23 or 25 hours twice a year."""
    return _at(day, 0), _at(day + timedelta(days=1), 0)


def starts_on(offer: Offer, day: date) -> bool:
    """Say whether one of an offer's dates begins on a day."""
    first, last = bounds(day)
    dates = [its.starts for its in offer.dates] or ([] if offer.starts is None else [offer.starts])
    return any(first <= starts < last for starts in dates)


def birth_dates(trigger: Birthday, now: datetime) -> tuple[datetime, tuple[date, ...]] | None:
    """Return the moment of today at which guardians hear, and who is meant by birth date; None before it has come.

    As `engine.ages` says it: 29 February is 1 March in a year without it.
    """
    struck = _at(today(now), MORNING)
    if now < struck:
        return None
    day = today(now) + timedelta(days=trigger.days_before)
    return struck, tuple(sorted({born for age in trigger.ages for born in _born(day, age)}))


def _born(day: date, age: int) -> Iterator[date]:
    for month, of_month in {(day.month, day.day), (2, 29)}:
        try:
            born = date(day.year - age, month, of_month)
        except ValueError:
            continue
        if today(birthday(born, age)) == day:
            yield born


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), HELSINKI).astimezone(UTC)


def target_of(trigger: Trigger) -> Target | None:
    """Return which offers a trigger is about; None where that is no matter."""
    return trigger.target if isinstance(trigger, OfferChanged | NewOffer | JournalEvent) else None


def meant(target: Target, offer: Offer, at_its_place: int) -> bool:
    """Say whether a target means an offer, as `engine.matching` does it over columns.

    Parameters
    ----------
    at_its_place
        How many offers there are at the offer's place now.
    """
    place = offer.place
    districts = () if place is None else (place.district, place.neighborhood)
    asked: Sequence[tuple[Collection[Any], Collection[Any]]] = (
        (target.offers, (offer.id,)),
        (target.sources, (offer.source,)),
        (target.organisers, (offer.organiser,)),
        (target.places, () if place is None else (place.id,)),
        (target.keywords, [keyword.id for keyword in offer.keywords[:KEYWORDS_THAT_COUNT]]),
        (target.kinds, (offer.kind,)),
        (target.districts, districts),
        (target.languages, offer.languages),
    )
    small = target.small_venues is None or (place is not None and at_its_place <= target.small_venues)
    return small and all(not named or set(named) & set(its) for named, its in asked)


def concerned(acts: Sequence[Act], concern: Concern) -> bool:
    """Say whether what somebody did, within what they allow, makes a happening theirs.

    Who saved or enrolled and took it back does not mean to go; who is enrolled needs no word of a free seat.
    """
    return any(_concerned([act for act in acts if act.offer == id_], concern) for id_ in concern.offers)


def _concerned(acts: Sequence[Act], concern: Concern) -> bool:
    if concern.what == ACTED:
        return any(act.type == concern.kind.partition(":")[2] for act in acts)
    saved = _last(acts, InteractionType.SAVE, InteractionType.UNSAVE)
    enrolled = _last(acts, InteractionType.REGISTER, InteractionType.CANCEL)
    if concern.what in _OPENINGS:
        return saved and not enrolled
    return saved if concern.what == SAVED else saved or enrolled


def _last(acts: Sequence[Act], does: InteractionType, undoes: InteractionType) -> bool:
    """Say whether the last of two acts is the one that does; `acts` are the oldest first."""
    return next((act.type == does for act in reversed(acts) if act.type in (does, undoes)), False)


def note_of(kind: str, source: str, offers: tuple[str, ...], moment: datetime) -> Happening:
    """Return a happening of the clock's."""
    return Happening(kind=kind, source=source, offers=offers, time=moment)
