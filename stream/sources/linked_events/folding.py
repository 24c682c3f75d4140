"""Records that are the same thing -> one offer with its dates. Pure: no store, no clock."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from engine.language import Language, Localized
from engine.offers import NO_END_MEANS, Keyword, Kind, Occurrence, Offer, Status
from stream.sources.linked_events.concepts import MOST
from stream.sources.linked_events.mapping import Draft, Role
from stream.sources.linked_events.places import place_key
from stream.sources.linked_events.texts import fill, texts
from stream.sources.linked_events.times import HELSINKI, ONGOING_FROM

MOST_DATES = 366
_HELD = (Status.SCHEDULED, Status.RESCHEDULED)
_TEXTS = ("name", "summary", "description", "price", "link", "enrolment_link")
_FIRST_KNOWN = ("place", "image", "organiser", "free", "age_min", "age_max", "access")


def group_key(draft: Draft, parent: Draft | None) -> str:
    """Return the key that records of one offer share: kind, title and place.

    - The dates of a series have the title of its head, whatever they are called themselves; the parts of a festival
      (umbrella) and of a parent that is not known go by their own.
    - The same title at the same place is the same offer, from whichever source: kulke:31042 is matko:21991.
    - Two courses are the same only if they also start on the same day: each has its own seats and enrolment.
    - Online and city-wide, publishers are kept apart; without any place at all, only the dates of a series fold.
    - The dates of a series that are held elsewhere than its head says are an offer of their own.
    """
    head = parent if parent is not None and parent.role == Role.SERIES else draft
    offer, slot = head.offer, ""
    if offer.place is not None:
        where = place_key(draft.offer.place or offer.place)
    elif offer.online or offer.city_wide:
        where = f"by:{head.publisher or offer.organiser}"
    else:
        where = f"of:{head.id}"
    if offer.kind == Kind.COURSE or head.role == Role.UMBRELLA:
        slot = f"{head.role} {offer.starts.astimezone(HELSINKI).date() if offer.starts else head.id}"
    told = "|".join((offer.kind, _title(offer.name) or head.id, where, slot))
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def offer_id(members: Sequence[tuple[int, Draft]], kept: str | None) -> str:
    """Return the id of a group's offer: the one it has, else its series' head, else the record known earliest.

    Parameters
    ----------
    members
        Pairs of the run that first met a record, and the record.
    kept
        The id that the group has been published under, if it still may use it.
    """
    if kept is not None:
        return kept
    far = "9999"
    order = [
        (draft.role != Role.SERIES, run, draft.offer.starts.isoformat() if draft.offer.starts else far, draft.id)
        for run, draft in members
    ]
    return min(order)[-1]


def fold(drafts: Sequence[Draft], id_: str, umbrellas: Iterable[str] = ()) -> Offer:
    """Return one offer made of its records.

    The head of the series speaks for all, else the most complete record; what it does not say is taken from the others.
    A cancelled date is left out while others are held. Seats are those of the date that has most left.

    Parameters
    ----------
    umbrellas
        Ids of those parents that are festivals, so that `series` names the festival first.
    """
    ranked = sorted(drafts, key=_rank)
    lead = ranked[0]
    heads = [draft for draft in ranked if draft.role == Role.SERIES]
    leaves = [draft for draft in ranked if draft.role != Role.SERIES] or heads
    status = _status(heads, leaves)
    dates = _dates(leaves, status)[-MOST_DATES:]
    offer = msgspec.structs.replace(
        lead.offer,
        id=id_,
        status=status,
        dates=dates,
        starts=dates[0].starts if dates else lead.offer.starts,
        ends=_ends(dates) if dates else lead.offer.ends,
        ongoing=lead.offer.ongoing and len(dates) <= 1,
        series=_series(ranked, heads, set(umbrellas)),
        sources=tuple(sorted(draft.id for draft in drafts)),
        modified=max((d.offer.modified for d in drafts if d.offer.modified), default=None),
        **_gathered([draft.offer for draft in ranked]),
    )
    return offer if len(leaves) == 1 and not heads else msgspec.structs.replace(offer, **_entry(heads, leaves))


def _rank(draft: Draft) -> tuple[object, ...]:
    """Order records by how well they can speak for all; the id decides at last, so that the answer never varies."""
    offer = draft.offer
    said = sum(
        bool(part) for part in (offer.description, offer.image, offer.keywords, offer.place, offer.enrolment_link)
    )
    modified = offer.modified.timestamp() if offer.modified else 0.0
    return draft.role != Role.SERIES, -len(texts(offer.name)), -said, -modified, draft.id


def _status(heads: Sequence[Draft], leaves: Sequence[Draft]) -> Status:
    if heads and all(head.offer.status == Status.CANCELLED for head in heads):
        return Status.CANCELLED
    said = [draft.offer.status for draft in leaves]
    if any(status in _HELD for status in said):
        return Status.RESCHEDULED if all(status != Status.SCHEDULED for status in said) else Status.SCHEDULED
    return Status.CANCELLED if Status.CANCELLED in said else Status.POSTPONED


def _dates(leaves: Sequence[Draft], status: Status) -> tuple[Occurrence, ...]:
    """Return the dates by start, one for each moment. A date that one of two sources has cancelled is cancelled."""
    off = {d.offer.starts for d in leaves if d.offer.status not in _HELD} if status in _HELD else set()
    found: dict[datetime, Occurrence] = {}
    for date in (date for draft in leaves for date in draft.offer.dates if date.starts not in off):
        known = found.get(date.starts)
        if known is None or (known.ends is None and date.ends is not None):
            found[date.starts] = date
    return tuple(sorted((d for d in found.values() if not _spans(d, found)), key=lambda date: date.starts))


def _spans(date: Occurrence, starts: Iterable[datetime]) -> bool:
    """Say whether a date is really the span of a series: it lasts for weeks, and other dates begin within it."""
    if date.ends is None or date.ends - date.starts < ONGOING_FROM:
        return False
    return any(date.starts < start < date.ends for start in starts)


def _ends(dates: Sequence[Occurrence]) -> datetime | None:
    # One date without an end leaves the end unknown; of several, the offer must not seem over before the last.
    return dates[0].ends if len(dates) == 1 else max(date.ends or date.starts + NO_END_MEANS for date in dates)


def _series(ranked: Sequence[Draft], heads: Sequence[Draft], umbrellas: set[str]) -> str | None:
    parents = [draft.parent for draft in ranked if draft.parent]
    festival = [parent for parent in parents if parent in umbrellas]
    own = [draft.id for draft in ranked if draft.role == Role.UMBRELLA]
    return next(iter([*festival, *own, *sorted(head.id for head in heads), *parents]), None)


def _gathered(offers: Sequence[Offer]) -> dict[str, object]:
    """Take from each record in turn what those before it do not say."""
    told: dict[str, object] = {}
    for field in _TEXTS:
        text = Localized()
        for offer in offers:
            text = fill(text, getattr(offer, field))
        told[field] = text
    for field in _FIRST_KNOWN:
        told[field] = next((value for offer in offers if (value := getattr(offer, field)) is not None), None)
    for field in ("keywords", "audience"):
        told[field] = merged(keyword for offer in offers for keyword in getattr(offer, field))
    told["languages"] = next((offer.languages for offer in offers if offer.languages), ())
    return told


def merged(keywords: Iterable[Keyword]) -> tuple[Keyword, ...]:
    """Return each keyword once, in order, with the labels that any of its mentions carries."""
    found: dict[str, Keyword] = {}
    for keyword in keywords:
        known = found.get(keyword.id)
        found[keyword.id] = keyword if known is None else Keyword(keyword.id, fill(known.label, keyword.label))
    return tuple(found.values())[:MOST]


def _entry(heads: Sequence[Draft], leaves: Sequence[Draft]) -> Mapping[str, object]:
    """Return the enrolment window and the seats of a series: its head's own, else what its dates allow together."""
    own = [head.offer for head in heads if _knows_entry(head.offer)]
    offers = own[:1] or _by_date([leaf.offer for leaf in leaves])
    return {
        "enrolment_opens": _unless_open([o.enrolment_opens for o in offers], least=True),
        "enrolment_closes": _unless_open([o.enrolment_closes for o in offers], least=False),
        "seats": _unless_open([o.seats for o in offers], least=False),
        "seats_left": _unless_open([o.seats_left for o in offers], least=False),
    }


def _knows_entry(offer: Offer) -> bool:
    return offer.enrolment_closes is not None or offer.seats is not None or offer.seats_left is not None


def _by_date(offers: Sequence[Offer]) -> list[Offer]:
    """Return one record for each moment that is held; of two sources', the one that knows of enrolment."""
    held = [offer for offer in offers if offer.status in _HELD] or offers
    return list({offer.starts: offer for offer in sorted(held, key=_knows_entry)}.values())


def _unless_open(values: Sequence[object], *, least: bool) -> object:
    if any(value is None for value in values):
        return None
    return (min if least else max)(values, default=None)  # type: ignore[type-var]


def _title(name: Localized) -> str:
    return " ".join(re.findall(r"\w+", name.pick(Language.FI).casefold()))
