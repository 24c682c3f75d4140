"""What happens to offers that is worth a word: told by what an offer was before, what it is now, and the clock."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from engine.events import AwareTime
from engine.offers import Occurrence, Offer, Place, Status, live, over

NEW_OFFER = "new_offer"
ENROLMENT_OPENS = "enrolment_opens"
SEAT_FREED = "seat_freed"
CANCELLED = "cancelled"
MOVED = "moved"
OF_OFFERS = (NEW_OFFER, ENROLMENT_OPENS, SEAT_FREED, CANCELLED, MOVED)


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened.

    Attributes
    ----------
    kind, source
        What, and by what it is known again: of one kind and source there is one.
    offers
        Ids of the offers that it is about.
    named
        Whether it is about residents who are named to it, be they none.
    """

    kind: str
    source: str
    offers: tuple[str, ...] = ()
    named: bool = False
    time: AwareTime


def changes(before: Offer | None, after: Offer, now: datetime) -> Iterator[Happening]:
    """Yield what has happened to an offer that is now written.

    What is over tells nothing, neither does one that comes back after it was cancelled. What is called off is not
    told as moved as well.

    Parameters
    ----------
    before
        As it was; None where it was never known.
    """
    if before is None:
        if live(after, now):
            yield _of(NEW_OFFER, after, after.id, now)
    elif over(before, now) or before.status is Status.CANCELLED:
        return
    elif after.status is Status.CANCELLED:
        yield _of(CANCELLED, after, f"{after.id}@{now.isoformat()}", now)
    elif not over(after, now):
        if _moved(before, after, now):
            yield _of(MOVED, after, f"{after.id}@{now.isoformat()}", now)
        if live(after, now):
            yield from _openings(before, after, now)


def opened(id_: str, opens: datetime) -> Happening:
    """Return that an offer's enrolment has opened at a moment: the same, whoever notices it."""
    return Happening(kind=ENROLMENT_OPENS, source=f"{id_}@{opens.timestamp():.0f}", offers=(id_,), time=opens)


def _openings(before: Offer, after: Offer, now: datetime) -> Iterator[Happening]:
    was_full = before.seats_left is not None and before.seats_left <= 0
    if was_full and _open(after, now):
        # Seats come and go within minutes where many wait; once an hour is enough.
        yield _of(SEAT_FREED, after, f"{after.id}@{now:%Y%m%dT%H}", now)
    # That a moment to come has passed is the clock's to see; here it is brought forward.
    opens = before.enrolment_opens
    if opens is not None and opens > now and after.enrolment_opens is not None and _open(after, now):
        yield msgspec.structs.replace(opened(after.id, after.enrolment_opens), time=now)


def _open(offer: Offer, now: datetime) -> bool:
    return offer.enrolment_opens is None or offer.enrolment_opens <= now


def _moved(before: Offer, after: Offer, now: datetime) -> bool:
    """Say whether what is to come is at another time or place than it was said to be."""
    if after.status is Status.POSTPONED:
        return before.status is not Status.POSTPONED
    was, is_ = _to_come(before, now), _to_come(after, now)
    if was and is_ and not set(was) <= set(is_):
        return True
    return before.online != after.online or _elsewhere(before.place, after.place)


def _to_come(offer: Offer, now: datetime) -> Sequence[datetime]:
    dates: Sequence[Occurrence] = offer.dates or (() if offer.starts is None else (Occurrence(offer.starts),))
    return [date.starts for date in dates if date.starts > now]


def _elsewhere(was: Place | None, is_: Place | None) -> bool:
    """Say whether a place is another one; sources rename places, and give them new ids, where they are."""
    return was is not None and is_ is not None and was.id != is_.id and was.name != is_.name


def _of(kind: str, offer: Offer, source: str, now: datetime) -> Happening:
    return Happening(kind=kind, source=source, offers=(offer.id,), time=now)
