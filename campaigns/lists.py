"""Lists of residents that a department holds: members of a club, participants of a course, customers of a library.

A list is a predicate like others (`campaigns.audience.Member`), so it only ever narrows: who has no leave for the topic
and channel is not spoken to. Whoever is on it is known here by pseudonym, and leaves no department again.
"""

import secrets
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple

import msgspec

from engine.events import AwareTime
from engine.rules import Sentence, Title

FEWEST, MOST = 50, 10_000
"""Ids of one import: fewer would ask of single people; more come in parts."""
MOST_IMPORTS = 30
"""Imports into a list on a day: each tells counts, and those of groups that differ by one are for nobody to collect."""
MOST_LISTS = 50
"""Lists of a department, for the same reason."""
LONGEST_DAYS = 400


class ListDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A list as a department writes it.

    Attributes
    ----------
    purpose, basis
        What it is held for, and by which legal basis: shown to whoever is on it.
    days
        How long it is kept after it was written or renewed.
    """

    department: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[a-z0-9_-]+$(?!\n)")]
    name: Title
    purpose: Sentence
    basis: Sentence
    days: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_DAYS)] = 365


class ResidentList(msgspec.Struct, frozen=True, kw_only=True):
    """A list in one version; it names nobody."""

    id: str
    version: int
    draft: ListDraft
    author: str
    created: AwareTime
    renewed: AwareTime
    until: AwareTime

    def again(self, draft: ListDraft, author: str, now: datetime) -> "ResidentList":
        """Return it as it is written anew, which renews it."""
        until = now + timedelta(days=draft.days)
        return msgspec.structs.replace(
            self, version=self.version + 1, draft=draft, author=author, renewed=now, until=until
        )


class Imported(NamedTuple):
    """Exact counts of one import, which no door may tell but through `engine.counts`.

    Attributes
    ----------
    known, unknown
        Ids of residents, who are on the list now, and others, which are not kept.
    silent
        Of the known, those who allow no message on any topic by any channel.
    """

    known: int
    unknown: int
    silent: int


def new(draft: ListDraft, author: str, now: datetime) -> ResidentList:
    """Return a new list, with nobody on it."""
    return ResidentList(
        id=secrets.token_hex(8),
        version=1,
        draft=draft,
        author=author,
        created=now,
        renewed=now,
        until=now + timedelta(days=draft.days),
    )
