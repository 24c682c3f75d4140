"""What is told of lists of residents, and taken in: never anybody by name."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec

from campaigns.lists import FEWEST, MOST, ListDraft, ResidentList
from engine.counts import LEAST
from engine.events import AwareTime


class Ids(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ids of residents, as the city's sign-in has them."""

    ids: Annotated[tuple[UUID, ...], msgspec.Meta(min_length=FEWEST, max_length=MOST)]


class ImportTold(msgspec.Struct, frozen=True, kw_only=True):
    """About how many ids are of residents and on the list now, how many are of nobody, and how many hear nothing.

    Attributes
    ----------
    without_consent
        Of the known, those who allow no message on any topic by any channel at this moment.
    """

    list: str
    known: int | None
    unknown: int | None
    without_consent: int | None
    at_least: int = LEAST


class ListTold(msgspec.Struct, frozen=True, kw_only=True):
    """A list: what it is for, until when it is kept, and about how many are on it; null for ten or fewer."""

    id: str
    version: int
    department: str
    name: str
    purpose: str
    basis: str
    days: int
    author: str
    created: AwareTime
    renewed: AwareTime
    until: AwareTime
    size: int | None
    at_least: int = LEAST


class ListPage(msgspec.Struct, frozen=True):
    """Lists."""

    items: Sequence[ListTold]


def told(its: ResidentList, size: int | None) -> ListTold:
    """Return a list as it is told."""
    draft: ListDraft = its.draft
    return ListTold(
        id=its.id,
        version=its.version,
        department=draft.department,
        name=draft.name,
        purpose=draft.purpose,
        basis=draft.basis,
        days=draft.days,
        author=its.author,
        created=its.created,
        renewed=its.renewed,
        until=its.until,
        size=size,
    )


EXAMPLE_DRAFT = {
    "department": "sport",
    "name": "Swimming school, spring 2026",
    "purpose": "Participants hear of the next course first.",
    "basis": "GDPR 6 (1) e, Act on Culture and Sport Services; told at enrolment",
    "days": 365,
}
EXAMPLE = EXAMPLE_DRAFT | {
    "id": "5d0c1be2a4f36879",
    "version": 1,
    "author": "maija@example.fi",
    "created": "2026-11-26T09:00:00Z",
    "renewed": "2026-11-26T09:00:00Z",
    "until": "2027-11-26T09:00:00Z",
    "size": None,
    "at_least": 10,
}
EXAMPLE_PAGE = {"items": [EXAMPLE]}
EXAMPLE_IDS = {"ids": [str(UUID(int=n, version=4)) for n in range(FEWEST)]}
EXAMPLE_IMPORT = {"list": EXAMPLE["id"], "known": 40, "unknown": None, "without_consent": None, "at_least": 10}
