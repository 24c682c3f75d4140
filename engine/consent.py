"""The only door to personal data: purposes, notices, the ledger, and the permit that every personal read takes.

A `Permit` names the resident, the purpose and the moment. It is built in this module alone, asked for at the moment of
use, and never stored. What cannot be read is refused.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from engine.ages import Stage, birthday, outgrown, stage
from engine.choices import PAUSE_LASTS, Choice
from engine.errors import NotFound, UnknownNotice
from engine.events import AwareTime, Pseudonym
from engine.language import Localized
from engine.marketing import compose, identifiers

NOTICES = Path(__file__).parent / "notices"


class Purpose(StrEnum):
    """What personal data may be used for; each has a notice in `engine/notices`.

    Of marketing there is one for each topic on each channel, such as `marketing_library_email`.
    """

    ACTIVITY = "activity"
    INTERESTS = "interests"
    LOCATION = "location"
    LEARNING = "learning"
    MEASUREMENT = "measurement"
    _ignore_ = ["_purpose"]  # noqa: RUF012 - the name is the enum's own
    for _purpose in [purpose for purpose, _, _ in identifiers()]:
        vars()[_purpose.upper()] = _purpose

    @property
    def marketing(self) -> bool:
        """Whether it is leave to send messages."""
        return self.startswith("marketing_")


class Notice(msgspec.Struct, frozen=True):
    """The wording a resident agrees to, in all languages.

    Attributes
    ----------
    plain
        The same in plain language (selkosuomi).
    widens
        Whether it allows more than the version before: then grants of that one are suspended until asked again.
    """

    version: int
    title: Localized
    text: Localized
    plain: Localized = Localized()
    widens: bool = False


Basis = Literal["consent", "contract", "public_task", "legal_obligation"]
"""The legal bases of the GDPR, article 6 (1) a, b, e and c."""


class Terms(msgspec.Struct, frozen=True):
    """What a resident decides on: the legal basis, the notice in force, and what becomes of the data.

    Attributes
    ----------
    data, kept, recipients, forgotten
        What data it uses, how long that is kept, who sees it, and what a withdrawal deletes.
    retention
        How long at most, as an ISO 8601 duration; None where the resident alone ends it.
    earlier
        The notices before the one in force, oldest first: what older grants were given to.
    """

    basis: Basis
    notice: Notice
    data: Localized = Localized()
    kept: Localized = Localized()
    recipients: Localized = Localized()
    forgotten: Localized = Localized()
    retention: str | None = None
    earlier: tuple[Notice, ...] = ()

    @property
    def least(self) -> int:
        """The oldest notice version whose grants hold: no later one widens the purpose."""
        notices = (*self.earlier, self.notice)
        return max((notice.version for notice in notices if notice.widens), default=notices[0].version)

    def wording(self, version: int) -> Notice | None:
        """Return the notice of that version."""
        return next((notice for notice in (*self.earlier, self.notice) if notice.version == version), None)


class Declaration(Terms, frozen=True, kw_only=True):
    """A purpose as it is declared to residents.

    Attributes
    ----------
    topic, channel
        Of a purpose of marketing: what the messages are about, and how they come.
    """

    id: Purpose
    topic: str | None = None
    channel: str | None = None


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """A resident's latest word on one purpose; `since` is when a grant began or a withdrawal took effect."""

    granted: bool
    notice: int
    since: AwareTime


class Entry(msgspec.Struct, frozen=True):
    """One line of the ledger: a word on a `Purpose`, on a partner (see `partner_purpose`), or on a `Choice`."""

    seq: int
    purpose: str
    granted: bool
    notice: int
    time: AwareTime


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to use one resident's data for one purpose, now; nothing from before `since` may be used."""

    resident: Pseudonym
    purpose: Purpose
    at: datetime
    since: datetime


SERVICE = "service"
"""What messages are kept under that a service sends on a legal basis of its own; nobody grants or withdraws it."""


@dataclass(frozen=True, slots=True)
class ServicePermit:
    """Leave to send one resident what a contract, a public task or a law asks for, and to show it to them, now.

    It opens where they get messages, and nothing that is known of them.
    """

    resident: Pseudonym
    at: datetime
    since: datetime
    purpose: str = SERVICE


@dataclass(frozen=True, slots=True)
class Refusal:
    """No leave, and why.

    `paused`, `never_granted`, `withdrawn`, `notice_outdated` or `unreadable`; of somebody who has, or had, guardians
    also `asked_again` (the grant is from before the 13th or 18th birthday) and `minor` (no marketing before 18).
    """

    purpose: Purpose
    reason: str


PARTNER = "partner:"
PARTNER_NOTICE = 1
"""The version of every partner's notice: what a partner was registered with never changes."""


def partner_purpose(partner: str) -> str:
    """Return what the ledger calls a word on a partner."""
    return PARTNER + partner


_NONE_OFF: frozenset[str] = frozenset()
_NO_FAMILY = frozenset({Choice.PAUSE.family})


def _least() -> Mapping[Purpose, int]:
    return declared().least


class Consents(msgspec.Struct, frozen=True):
    """What one resident has allowed, as of ledger entry `seq`. The one decision of the house is `permit`.

    Attributes
    ----------
    least
        The oldest notice version whose grants hold, by purpose: that of the house's register.
    partners
        The latest words on partners, by the partner's id. The ledger alone tells them: the flags do not hold them.
    choices
        What the resident chose beside: a choice is on where its word is granted.
    born
        The birth date of a dependant; None for everybody else.
    """

    resident: Pseudonym
    seq: int = 0
    grants: Mapping[Purpose, Grant] = msgspec.field(default_factory=dict)
    least: Mapping[Purpose, int] = msgspec.field(default_factory=_least)
    partners: Mapping[str, Grant] = msgspec.field(default_factory=dict)
    choices: Mapping[Choice, Grant] = msgspec.field(default_factory=dict)
    born: date | None = None

    def permit(self, purpose: Purpose, now: datetime) -> Permit | Refusal:
        """Give leave to use the resident's data for `purpose` at `now`, or say why not."""
        if self.choices and self.paused_until(now) is not None:
            return Refusal(purpose, "paused")
        grant = self.grants.get(purpose)
        if grant is None:
            return Refusal(purpose, "never_granted")
        if self.born is not None and (reason := _too_young(self.born, purpose, grant, now)) is not None:
            return Refusal(purpose, reason)
        if not grant.granted or grant.since > now:
            return Refusal(purpose, "withdrawn" if not grant.granted else "never_granted")
        if grant.notice < self.least.get(purpose, 0):
            return Refusal(purpose, "notice_outdated")
        return Permit(self.resident, purpose, now, grant.since)

    def service_permit(self, now: datetime) -> ServicePermit | None:
        """Give leave for a message on a legal basis of its own; None of a child under 13, whose guardian is written to.

        Neither a consent nor a pause is asked for: such a message is due whatever the resident thinks of others.
        """
        if self.born is not None and stage(self.born, now) < Stage.TEEN:
            return None
        return ServicePermit(self.resident, now, datetime.min.replace(tzinfo=UTC))

    def grants_partner(self, partner: str, now: datetime) -> bool:
        """Say whether the resident grants a partner at `now`, and has not paused everything."""
        word = self.partners.get(partner)
        if word is None or not word.granted or word.since > now or self.paused_until(now) is not None:
            return False
        return self.born is None or outgrown(self.born, word.since, now) is None

    def partner_permit(self, partner: str, purpose: Purpose, now: datetime) -> Permit | Refusal:
        """Give leave to show a partner what is used for `purpose`: it takes both the partner's grant and that one."""
        if not self.grants_partner(partner, now):
            return Refusal(purpose, "withdrawn" if partner in self.partners else "never_granted")
        return self.permit(purpose, now)

    def paused_until(self, now: datetime) -> datetime | None:
        """Return when the pause ends that holds at `now`, or None; one that has yet to begin holds: clocks jump."""
        pause = self.choices.get(Choice.PAUSE)
        if pause is None or not pause.granted or now >= pause.since + PAUSE_LASTS:
            return None
        return pause.since + PAUSE_LASTS

    def resumed(self) -> "Consents":
        """Return the consents as they are without a pause: to keep copies complete, and for the resident's own eyes.

        Never for a use: that asks `permit` of the consents as they are.
        """
        kept = {choice: word for choice, word in self.choices.items() if choice is not Choice.PAUSE}
        return self if len(kept) == len(self.choices) else msgspec.structs.replace(self, choices=kept)

    @property
    def off(self) -> frozenset[str]:
        """The families of reasons (`engine.choices.FAMILIES`) that are turned off."""
        if not self.choices:
            return _NONE_OFF
        return frozenset(choice.family for choice, word in self.choices.items() if word.granted) - _NO_FAMILY


def _too_young(born: date, purpose: Purpose, grant: Grant, now: datetime) -> str | None:
    """Say why a dependant's age, or a birthday since the word was said, refuses; None where it does not.

    The withdrawal of a grant that was outgrown bears the very moment of the birthday.
    """
    if purpose.marketing and stage(born, now) < Stage.ADULT:
        return "minor"
    if grant.granted:
        return "asked_again" if outgrown(born, grant.since, now) else None
    return "asked_again" if grant.since in (birthday(born, Stage.TEEN), birthday(born, Stage.ADULT)) else None


class Register:
    """The declared purposes, read from the notice files.

    Examples
    --------
    >>> Register.read().declaration("activity").basis
    'consent'
    """

    def __init__(self, declarations: Sequence[Declaration]) -> None:
        self.declarations = tuple(declarations)
        self.least = {d.id: d.least for d in declarations}
        self._by_id = {d.id: d for d in declarations}

    @classmethod
    def read(cls, folder: Path = NOTICES) -> "Register":
        """Read every purpose's notice from `folder`."""
        ours = [purpose for purpose in Purpose if not purpose.marketing]
        texts = {purpose: tomllib.loads((folder / f"{purpose}.toml").read_text("utf-8")) for purpose in ours}
        texts |= {Purpose(purpose): said for purpose, said in compose(folder / "marketing").items()}
        return cls([msgspec.convert({"id": p, **text}, Declaration) for p, text in texts.items()])

    def declaration(self, purpose: str) -> Declaration:
        """Return the declaration of `purpose`.

        Raises
        ------
        NotFound
            There is no such purpose.
        """
        if purpose not in self._by_id:
            known = ", ".join(self._by_id)
            raise NotFound(f"There is no purpose of that name; the purposes are {known}.", field="purpose")
        return self._by_id[Purpose(purpose)]

    def check(self, purpose: str, *, granted: bool, notice: int | None) -> Declaration:
        """Return the declaration that a decision is about, if the decision can be recorded.

        Raises
        ------
        NotFound
            There is no such purpose.
        UnknownNotice
            A grant must name the wording that the resident has read: the version in force. A withdrawal needs none.
        """
        declaration = self.declaration(purpose)
        if granted and notice != declaration.notice.version:
            raise UnknownNotice(
                f"The notice in force for {purpose} is version {declaration.notice.version}; "
                "show that text to the resident and send its version.",
                field="notice",
            )
        return declaration


@cache
def declared() -> Register:
    """Return the house's own register; its files are read once a process."""
    return Register.read()
