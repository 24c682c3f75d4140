"""A catalogue of made-up offers at real Helsinki venues, written for trying Vinkki out without a network.

The texts are the project's own and lie as TOML in ``sample/`` (`stream.sources.sample_entries`). An activity names its
venues, each with a rule of dates (`stream.sources.sample_dates`); every pair becomes one offer.
"""

from datetime import date, datetime, time, timedelta
from zlib import crc32

import msgspec

from engine.events import OfferChange
from engine.language import Localized
from engine.offers import Access, Kind, Occurrence, Offer, encode
from stream.sources.sample_dates import HELSINKI, Span, parse, spans, to_utc
from stream.sources.sample_entries import Activity, Held, Venue, entries, fill, keyword, place, venues

SOURCE = "sample"
ENROLMENT_OPENS = timedelta(days=35)
ENROLMENT_CLOSES = timedelta(days=1)
"""How long before the first meeting one can enrol, where seats are counted."""


def sample_offers(today: date) -> list[Offer]:
    """Return the sample catalogue as it looks on `today`: the same offers for the same day, sorted by id.

    Times are in UTC. What is out of season is left out, so the number of offers differs a little over the year.
    """
    made = (_offer(kind, activity, held, today) for kind, activity, held in entries())
    return sorted((offer for offer in made if offer is not None), key=lambda offer: offer.id)


def sample_changes(today: date, now: datetime) -> list[OfferChange]:
    """Return the sample catalogue as a source tells it: one change for each offer, all at the moment `now`."""
    return [OfferChange(o.id, SOURCE, now, msgspec.Raw(encode(o))) for o in sample_offers(today)]


def _offer(kind: Kind, activity: Activity, held: Held, today: date) -> Offer | None:
    """Return the offer that one line of the catalogue stands for, or None out of its season."""
    offer = _described(kind, activity, held)
    if held.when is None:
        return offer
    dates = _dates(offer.id, activity, held.when, today)
    if not dates:
        return None
    timed = msgspec.structs.replace(
        offer,
        starts=dates[0][0],
        ends=dates[-1][1],
        dates=tuple(Occurrence(*span) for span in dates),
        ongoing=held.when.startswith("open"),
        series=offer.id if len(dates) > 1 else None,
    )
    return _seated(timed, held.left, today)


def _described(kind: Kind, activity: Activity, held: Held) -> Offer:
    """Return the offer without its dates."""
    venue, own_id = venues()[held.venue], f"{SOURCE}:{activity.id}-{held.venue}"
    return Offer(
        id=own_id,
        source=SOURCE,
        kind=kind,
        name=fill(activity.name, venue),
        summary=fill(activity.summary, venue),
        description=fill(activity.more, venue),
        keywords=tuple(map(keyword, activity.keywords)),
        audience=tuple(map(keyword, activity.audience)),
        age_min=activity.age_min,
        age_max=activity.age_max,
        place=place(held.venue, venue),
        seats=held.seats or activity.seats,
        free=None if activity.price else not activity.euros,
        price=activity.price or _price(activity.euros),
        languages=activity.languages if held.languages is None else held.languages,
        access=_access(venue, activity),
        status=held.status,
        organiser=venue.organiser,
        sources=(own_id,),
    )


def _dates(own_id: str, activity: Activity, when: str, today: date) -> list[Span]:
    """Return its dates: of a standing series those in season, of a course all or none."""
    rule = parse(when)
    dates = spans(rule, today, crc32(own_id.encode()))
    fitting = [span for span in dates if span[0].astimezone(HELSINKI).month in activity.months]
    return fitting if rule.gap_weeks else dates if dates[0] in fitting else []


def _seated(offer: Offer, left: int | None, today: date) -> Offer:
    """Add the enrolment and the seats left, where seats are counted."""
    if offer.seats is None or offer.starts is None:
        return offer
    first = offer.starts.astimezone(HELSINKI).date()
    opens = first - ENROLMENT_OPENS
    if left is None:
        left = _left(offer.id, offer.seats) if opens <= today else offer.seats
    return msgspec.structs.replace(
        offer,
        enrolment_opens=to_utc(opens, time(9)),
        enrolment_closes=to_utc(first - ENROLMENT_CLOSES, time(16)),
        seats_left=left,
    )


def _left(own_id: str, seats: int) -> int:
    """Return how many seats are left where the catalogue does not say: from a quarter of them to all."""
    return seats - crc32(own_id.encode()) % (3 * seats // 4 + 1)


def _price(euros: tuple[int, ...]) -> Localized:
    """Return a price in words: nothing, one sum, or a full and a reduced one."""
    if not euros:
        return Localized()
    fi, sv, en = f"{euros[0]} €", f"{euros[0]} €", f"€{euros[0]}"
    for reduced in euros[1:]:
        fi, sv, en = f"{fi}, alennettu {reduced} €", f"{sv}, nedsatt {reduced} €", f"{en}, concessions €{reduced}"
    return Localized(fi=fi, sv=sv, en=en)


def _access(venue: Venue, activity: Activity) -> tuple[Access, ...] | None:
    """Return what is known: of the place, and of the offer itself; None where neither tells."""
    if venue.access is None and not activity.access:
        return None
    return tuple(dict.fromkeys((*(venue.access or ()), *activity.access)))
