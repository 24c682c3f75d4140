"""One record of Linked Events -> what it says of an offer, or the reason why it cannot be used.

Whatever JSON comes in any field, nothing here raises: each field has a reader that answers None to what it cannot use.
"""

import html
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from engine.events import AwareTime
from engine.language import Language, Localized
from engine.offers import Kind, Occurrence, Offer, Status
from engine.records.import_report import Refusal
from stream.sources.linked_events.concepts import read_access, read_keywords, read_languages
from stream.sources.linked_events.fields import flag, identifier, objects, reference, whole
from stream.sources.linked_events.links import read_enrolment_link, read_image, read_link
from stream.sources.linked_events.places import is_city_wide, is_online, read_place
from stream.sources.linked_events.prices import read_price
from stream.sources.linked_events.texts import (
    SUMMARY_LETTERS,
    fill,
    localized,
    plain,
    rich,
    texts,
)
from stream.sources.linked_events.times import ONGOING_FROM, Span, read_span, read_time
from stream.sources.linked_events.titles import read_title

SYSTEM = "linked-events"
OLDEST = 120
KINDS = {"General": Kind.EVENT, "Course": Kind.COURSE, "Volunteering": Kind.VOLUNTEERING}
REASONS = {
    "not_a_record": "It is not a JSON object.",
    "no_id": "It has no usable id.",
    "no_name": "It has no name in Finnish, Swedish or English.",
    "no_start": "It has no start and is neither postponed nor cancelled.",
    "unreadable_time": "Its start is not a date or time.",
    "impossible_year": "Its start lies in an impossible year and its end does not tell which was meant.",
    "draft": "It is a draft that is not published.",
    "unknown_type": "Its type is none of General, Course and Volunteering.",
}
"""Why a record can be refused: code and plain sentence."""
_STATUSES = {
    "EventCancelled": Status.CANCELLED,
    "EventPostponed": Status.POSTPONED,
    "EventRescheduled": Status.RESCHEDULED,
}


class Role(StrEnum):
    """What a record is among others: on its own, the head of a series, or a festival around different things."""

    SINGLE = "single"
    SERIES = "series"
    UMBRELLA = "umbrella"


class Draft(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one record says: an offer as far as this record knows it, and what is needed to fold it with others.

    `parent` is the id of its super event, `publisher` that of its organisation, `repairs` what had to be mended.
    """

    offer: Offer
    role: Role = Role.SINGLE
    parent: str | None = None
    publisher: str | None = None
    created: AwareTime | None = None
    repairs: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The record's id."""
        return self.offer.id


class Gone(msgspec.Struct, frozen=True):
    """A record that the source has deleted or replaced by another."""

    id: str


def read_record(record: object) -> Draft | Gone | Refusal:
    """Return what a record says, that it is gone, or why it cannot be used."""
    if not isinstance(record, dict):
        return _refusal(plain(str(record), 60) or "", "not_a_record")
    id_ = identifier(record.get("id")) or reference(record.get("@id"))
    if id_ is None:
        return _refusal(plain(str(record.get("id") or record.get("name")), 60) or "", "no_id")
    if flag(record.get("deleted")) or reference(record.get("replaced_by")):
        return Gone(id_)
    return _draft(id_, record)


def _draft(id_: str, record: Mapping[str, object]) -> Draft | Refusal:
    name, mark = _name(record)
    span = read_span(
        record.get("start_time"),
        record.get("end_time"),
        has_start_time=record.get("has_start_time") is not False,
        has_end_time=record.get("has_end_time") is not False,
    )
    status = _status(id_, record, mark, dated=span.starts is not None)
    if (problem := _problem(record, name, span, status)) is not None:
        return _refusal(id_, problem)
    role = _role(record)
    return Draft(
        offer=_offer(id_, record, name, span, status, role),
        role=role,
        parent=parent if (parent := reference(record.get("super_event"))) != id_ else None,
        publisher=reference(record.get("publisher")),
        created=read_time(record.get("created_time")),
        repairs=span.repairs,
    )


def _problem(record: Mapping[str, object], name: Localized, span: Span, status: Status) -> str | None:
    if record.get("publication_status") == "draft":
        return "draft"
    if record.get("type_id") is not None and _kind(record) is None:
        return "unknown_type"
    if not name:
        return "no_name"
    if span.starts is None and status not in (Status.POSTPONED, Status.CANCELLED):
        return span.problem or "no_start"
    return None


def _kind(record: Mapping[str, object]) -> Kind | None:
    type_id = record.get("type_id", "General")
    return KINDS.get(type_id) if isinstance(type_id, str) else None


def _role(record: Mapping[str, object]) -> Role:
    said = record.get("super_event_type")
    if said == "umbrella":
        return Role.UMBRELLA
    return Role.SERIES if said == "recurring" or record.get("sub_events") else Role.SINGLE


def _name(record: Mapping[str, object]) -> tuple[Localized, Status | None]:
    titles = {lang: read_title(text) for lang in Language if (text := getattr(localized(record.get("name")), lang))}
    marks = {mark for _, mark in titles.values()}
    mark = next((m for m in (Status.CANCELLED, Status.RESCHEDULED) if m in marks), None)
    return Localized(**{lang: title for lang, (title, _) in titles.items()}), mark


def _status(id_: str, record: Mapping[str, object], mark: Status | None, *, dated: bool) -> Status:
    said = record.get("event_status")
    status = _STATUSES.get(said, Status.SCHEDULED) if isinstance(said, str) else Status.SCHEDULED
    # The importer of the source kulke marks all of its events as rescheduled, so there it says nothing.
    if status == Status.RESCHEDULED and "kulke" in (record.get("data_source"), id_.partition(":")[0]):
        status = Status.SCHEDULED
    if status in (Status.SCHEDULED, Status.RESCHEDULED) and mark is not None:
        status = mark
    return Status.POSTPONED if status == Status.RESCHEDULED and not dated else status


def _offer(  # noqa: PLR0913 - what has been read of the record so far
    id_: str, record: Mapping[str, object], name: Localized, span: Span, status: Status, role: Role
) -> Offer:
    kind = _kind(record) or Kind.EVENT
    keywords = read_keywords(record.get("keywords"))
    description = _description(record)
    summary = localized(record.get("short_description"), lambda text: plain(text, SUMMARY_LETTERS))
    languages = record.get("in_language")
    free, price = read_price(record.get("offers"))
    return Offer(
        id=id_,
        source=SYSTEM,
        kind=kind,
        name=name,
        summary=fill(summary, localized(record.get("description"), lambda text: plain(text, 200))),
        description=description,
        keywords=keywords,
        audience=read_keywords(record.get("audience")),
        starts=span.starts,
        ends=span.ends,
        dates=() if span.starts is None else (Occurrence(span.starts, span.ends, id_),),
        ongoing=_ongoing(kind, span, role),
        free=free,
        price=price,
        languages=read_languages(languages, keywords),
        access=read_access(languages, keywords),
        image=read_image(record.get("images")),
        status=status,
        organiser=next(iter(texts(localized(record.get("provider")))), None),
        link=read_link(record.get("info_url")),
        enrolment_link=read_enrolment_link(dict(record)),
        sources=(id_,),
        modified=read_time(record.get("last_modified_time")),
        **_where(record),
        **_who(record),
    )


def _ongoing(kind: Kind, span: Span, role: Role) -> bool:
    # A course that lasts from January to April meets once a week, and so does a series: neither is there on any day.
    if kind == Kind.COURSE or role == Role.SERIES or span.starts is None or span.ends is None:
        return False
    return span.ends - span.starts >= ONGOING_FROM


def _description(record: Mapping[str, object]) -> Localized:
    """Read the long text, with the words on how to find the place ("eastern door of the station") as last paragraph."""
    text = localized(record.get("description"), rich)
    extra = localized(record.get("location_extra_info"), lambda value: plain(value, 400))
    joined = {
        lang: f"{getattr(text, lang) or ''}<p>{html.escape(words, quote=False)}</p>"
        for lang in Language
        if (words := getattr(extra, lang))
    }
    return fill(Localized(**joined), text)


def _where(record: Mapping[str, object]) -> dict[str, Any]:
    place = read_place(record.get("location"))
    if is_online(place):
        return {"online": True}
    if place is not None and is_city_wide(place):
        return {"city_wide": True}
    return {"place": place}


def _who(record: Mapping[str, object]) -> dict[str, Any]:
    """Read ages, enrolment window and seats, which a course of the older API keeps in an object of their own."""
    told = [record, *objects(record.get("registration")), *objects(record.get("extension_course"))]
    age_min, age_max = (_first(told, f"audience_{end}_age", OLDEST) for end in ("min", "max"))
    if age_min is not None and age_max is not None and age_max < age_min:
        age_min = age_max = None
    return {
        "age_min": age_min,
        "age_max": age_max,
        "seats": _first(told, "maximum_attendee_capacity"),
        "seats_left": _first(told[::-1], "remaining_attendee_capacity"),
        "enrolment_opens": next((t for r in told[::-1] if (t := read_time(r.get("enrolment_start_time")))), None),
        "enrolment_closes": next((t for r in told[::-1] if (t := read_time(r.get("enrolment_end_time")))), None),
    }


def _first(told: list[Mapping[str, object]], field: str, most: int = 2**31 - 1) -> int | None:
    return next((n for record in told if (n := whole(record.get(field), most=most)) is not None), None)


def _refusal(id_: str, code: str) -> Refusal:
    return Refusal(id_, code, REASONS[code])
