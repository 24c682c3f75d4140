"""Who acts for whom: guardians for dependants, helpers for whoever allowed it, everybody for themselves.

=============  ==================================================================================================
stage          who decides
=============  ==================================================================================================
under 13       the guardians alone, in everything; of two words the more protective one holds
13 to 17       the young person; guardians see the consents and receipts, and are told of invitations
18             the adult; the guardianship is over
=============  ==================================================================================================

What somebody else may do was allowed at an age, too: a helper named before the 13th or 18th birthday ends with it.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from engine.ages import Stage, outgrown, stage
from engine.events import Pseudonym


class Action(StrEnum):
    """What a helper may be allowed; named like the scopes of services."""

    SUGGESTIONS_READ = "suggestions:read"
    INTERACTIONS_WRITE = "interactions:write"
    INTERESTS_READ = "interests:read"
    INTERESTS_WRITE = "interests:write"
    CONSENTS_READ = "consents:read"
    CONSENTS_WRITE = "consents:write"


DECIDED_BY_GUARDIANS = frozenset(
    {"consents:write", "interests:write", "addresses:write", "family:write", "data:write", "gdprdelete"}
)
"""What a child under 13 may not do alone."""
SEEN_BY_GUARDIANS = frozenset({"consents:read"})
"""What guardians may of somebody of 13 to 17: consents and receipts."""


class Help(msgspec.Struct, frozen=True):
    """What a helper may, from when until when."""

    actions: frozenset[str]
    since: datetime
    until: datetime


class Tie(msgspec.Struct, frozen=True):
    """How one resident stands to another.

    Attributes
    ----------
    born, grown
        Of a dependant: the birth date, and the age that was reached already, whatever a clock says.
    guardian
        Whether the one is the other's guardian.
    help
        What the other allows the one.
    """

    born: date | None = None
    grown: int = 0
    guardian: bool = False
    help: Help | None = None

    def stage(self, now: datetime) -> Stage:
        """Return who decides for the other; of whom no birth date is known decides alone."""
        return Stage.ADULT if self.born is None else max(stage(self.born, now), Stage(self.grown))

    def allows(self, action: str, now: datetime) -> bool:
        """Say whether the one may do something for the other."""
        its = self.stage(now)
        if self.guardian and its is not Stage.ADULT and (its is Stage.CHILD or action in SEEN_BY_GUARDIANS):
            return True
        given = self.help
        if given is None or action not in given.actions or not given.since <= now < given.until:
            return False
        if its is Stage.CHILD and action == Action.CONSENTS_WRITE:
            return False
        return self.born is None or outgrown(self.born, given.since, now) is None


class Word(msgspec.Struct, frozen=True):
    """One guardian's own word on a purpose; `you` is whoever asks."""

    you: bool
    granted: bool
    notice: int
    since: datetime


class Dependant(msgspec.Struct, frozen=True):
    """Somebody that a guardian acts for."""

    id: UUID
    birth_date: date
    since: datetime
    guardians: int


class Guardian(msgspec.Struct, frozen=True):
    """Somebody who acts for one; `you` is whoever asks."""

    you: bool
    since: datetime


class Helper(msgspec.Struct, frozen=True):
    """Somebody who may do some things for another: `id` is the helper, or whom one helps."""

    id: UUID
    actions: Sequence[Action]
    since: datetime
    until: datetime


class Ties(msgspec.Struct, frozen=True):
    """Everybody that a resident acts for, and who acts for them."""

    dependants: Sequence[Dependant] = ()
    guardians: Sequence[Guardian] = ()
    helpers: Sequence[Helper] = ()
    helping: Sequence[Helper] = ()


class Code(msgspec.Struct, frozen=True):
    """What makes one more guardian, once."""

    code: str
    until: datetime


class FamilyRecords(Protocol):
    """The durable home of ties (`engine.records.family`)."""

    async def tie(self, actor: Pseudonym | None, subject: Pseudonym) -> Tie:
        """Return how `actor` stands to `subject`; with no actor, what is known of the subject."""

    async def ties(self, resident: Pseudonym, viewer: Pseudonym | None, now: datetime) -> Ties:
        """Return the ties of a resident that hold now, as `viewer` sees them."""

    async def words(self, dependant: Pseudonym, viewer: Pseudonym | None) -> Mapping[str, Sequence[Word]]:
        """Return each guardian's own word by purpose, as `viewer` sees them."""

    async def add(  # noqa: PLR0913 - a tie has so many parts
        self, guardian: Pseudonym, dependant: Pseudonym, born: date, grown: int, now: datetime, most: int
    ) -> bool:
        """Make a guardian; False where there are too many, or the birth date is another than is known."""

    async def untold(self, limit: int) -> Sequence[Pseudonym]:
        """Return dependants whose birth date may not be in force online."""

    async def tell(self, dependant: Pseudonym) -> None:
        """Note that a birth date is in force online."""

    async def put_code(self, digest: bytes, guardian: Pseudonym, dependant: Pseudonym, until: datetime) -> None:
        """Keep a code's digest in the place of what that guardian made for the dependant before."""

    async def use_code(self, digest: bytes, guardian: Pseudonym, now: datetime, most: int) -> UUID | None:
        """Make `guardian` one more guardian of the child that a code is for; the code is used then."""

    async def leave(self, guardian: Pseudonym, dependant: Pseudonym, now: datetime) -> bool:
        """End a guardianship; False where a child under 13 would be left without any."""

    async def put_helper(self, resident: Pseudonym, helper: Pseudonym, given: Help, most: int) -> bool:
        """Allow a helper; False where there are too many."""

    async def end_help(self, resident: Pseudonym, helper: Pseudonym) -> None:
        """End a helper's leave."""

    async def grown(self, now: datetime, limit: int) -> Sequence[tuple[Pseudonym, date, int]]:
        """Return dependants with a birthday behind them of which not all is done: who, born when, and up to which."""

    async def grow(self, resident: Pseudonym, reached: int) -> None:
        """Note that all is done of a birthday: guardians' words, codes and helpers, or the guardianship, are over."""

    async def tidy(self, now: datetime) -> None:
        """Drop what is over: codes and helpers of the past, and birth dates of people who have been 18 for a year."""
