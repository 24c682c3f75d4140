"""Campaigns over HTTP: what is asked and answered, and examples that run."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from campaigns.audit import Detail, Entry
from campaigns.campaign import Campaign, Draft, Id, LanguageCode, State, Way
from campaigns.fault import Fault
from campaigns.message import WAYS, Message
from campaigns.sample import MadeUp, Preview
from engine.events import AwareTime
from engine.rules import Sentence


class CampaignsAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which campaigns to tell."""

    department: Annotated[str, msgspec.Meta(max_length=64, description="Those of one department")] | None = None
    state: Annotated[State, msgspec.Meta(description="Those in one state")] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="How many at most")] = 50
    after: Annotated[int, msgspec.Meta(ge=1, le=2**53, description="The `next` of the page before")] | None = None


class CampaignVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign in its last version.

    Attributes
    ----------
    missing
        What it still needs before it can go to review.
    doubtful
        What may be a slip, such as a place that no offer names; nothing is refused for it.
    """

    id: str
    version: int
    state: State
    draft: Draft
    author: str
    editor: str
    approver: str | None
    created: AwareTime
    changed: AwareTime
    missing: Sequence[Fault] = ()
    doubtful: Sequence[Fault] = ()


class CampaignLine(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as a list tells it."""

    id: str
    version: int
    name: str
    department: str
    programme: str | None
    state: State
    author: str
    changed: AwareTime


class CampaignPage(msgspec.Struct, frozen=True):
    """Campaigns, the last created first; `next` is what to send as `after` for older ones, null at the end."""

    items: Sequence[CampaignLine]
    next: int | None = None


class Rejection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a campaign goes back to its author."""

    reason: Sentence


class PreviewAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message to look at, whether it is kept or not, as somebody of the department."""

    department: Id
    message: Message
    channels: Annotated[tuple[Way, ...], msgspec.Meta(min_length=1, max_length=len(WAYS))]
    languages: Annotated[tuple[LanguageCode, ...], msgspec.Meta(min_length=1, max_length=6)] = ("fi", "sv", "en")
    residents: Annotated[tuple[MadeUp, ...], msgspec.Meta(min_length=1, max_length=len(MadeUp))] = tuple(MadeUp)


class Previews(msgspec.Struct, frozen=True):
    """What each would get."""

    items: Sequence[Preview]


class TrailEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An act: `hash` is what the next one is chained to."""

    seq: int
    time: AwareTime
    who: str
    what: str
    version: int
    changed: Sequence[str]
    reason: str | None
    hash: str


class TrailPage(msgspec.Struct, frozen=True):
    """What was done with a campaign, the oldest act first."""

    items: Sequence[TrailEntry]


def line(its: Campaign) -> CampaignLine:
    """Return a campaign as a list tells it."""
    return CampaignLine(
        id=its.id, version=its.version, name=its.draft.name, department=its.draft.department,
        programme=its.draft.programme, state=its.state, author=its.author, changed=its.changed,
    )  # fmt: skip


def version(its: Campaign, missing: Sequence[Fault], doubtful: Sequence[Fault]) -> CampaignVersion:
    """Return a campaign as it is read."""
    return CampaignVersion(
        id=its.id, version=its.version, state=its.state, draft=its.draft, author=its.author, editor=its.editor,
        approver=its.approver, created=its.created, changed=its.changed, missing=missing,
        doubtful=doubtful,
    )  # fmt: skip


def entry(its: Entry) -> TrailEntry:
    """Return an act as it is read."""
    detail = msgspec.json.decode(its.detail, type=Detail)
    return TrailEntry(
        seq=its.seq, time=its.time, who=its.who, what=its.what, version=its.version, changed=detail.changed,
        reason=detail.reason, hash=its.hash.hex(),
    )  # fmt: skip


_TEXTS = {
    "fi": {
        "subject": "Talven uimakurssit alkavat",
        "preheader": "Ilmoittautuminen on auki",
        "body": (
            "<p>Uimahallien talven kurssit alkavat tammikuussa.</p>\n"
            '<p><a href="https://www.hel.fi/uinti">Kaikki uimakurssit</a></p>\n{{ picks }}'
        ),
    },
    "sv": {
        "subject": "Vinterns simkurser börjar",
        "preheader": "Anmälan är öppen",
        "body": (
            "<p>Simhallarnas vinterkurser börjar i januari.</p>\n"
            '<p><a href="https://www.hel.fi/simning">Alla simkurser</a></p>\n{{ picks }}'
        ),
    },
    "en": {
        "subject": "The winter's swimming courses begin",
        "preheader": "Enrolment is open",
        "body": (
            "<p>The swimming halls' winter courses begin in January.</p>\n"
            '<p><a href="https://www.hel.fi/swimming">All swimming courses</a></p>\n{{ picks }}'
        ),
    },
}
MESSAGE = {"texts": _TEXTS, "picks": {"scenario": "email", "kinds": ["course"], "n": 3, "fallback": "popular"}}
EXAMPLE = {
    "name": "Swimming in the winter",
    "department": "sport",
    "kind": "recurring",
    "topic": "new_courses",
    "channels": ["inbox", "email"],
    "audience": "b41c7a3f0d925e68",
    "message": MESSAGE,
    "schedule": {"starts": "2027-12-01T09:00:00+02:00", "rrule": "FREQ=WEEKLY;BYDAY=WE;COUNT=4"},
}
EXAMPLE_VERSION = {
    "id": "5d0c9a1be37f4266",
    "version": 1,
    "state": "draft",
    "draft": EXAMPLE,
    "author": "maija.meikalainen@example.fi",
    "editor": "maija.meikalainen@example.fi",
    "approver": None,
    "created": "2026-11-26T10:00:00Z",
    "changed": "2026-11-26T10:00:00Z",
    "missing": [],
    "doubtful": [],
}
EXAMPLE_LINE = {
    "id": "5d0c9a1be37f4266", "version": 1, "name": "Swimming in the winter", "department": "sport", "programme": None,
    "state": "draft", "author": "maija.meikalainen@example.fi", "changed": "2026-11-26T10:00:00Z",
}  # fmt: skip
EXAMPLE_ENTRY = {
    "seq": 12, "time": "2026-11-26T10:05:00Z", "who": "ville.virtanen@example.fi", "what": "reject", "version": 3,
    "changed": [], "reason": "The Swedish text speaks of another hall.", "hash": "9c1e…",
}  # fmt: skip
PREVIEW_EXAMPLE = {"department": "sport", "message": MESSAGE, "channels": ["email"], "residents": ["family"]}
PREVIEW_ANSWER = {
    "items": [
        {
            "resident": "family", "channel": "email", "language": "en", "size": None,
            "rendered": {"subject": "The winter's swimming courses begin", "text": "…", "html": "<!DOCTYPE html>…"},
        }
    ]
}  # fmt: skip
