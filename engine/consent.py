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
from typing import Literal, Protocol

import msgspec

from engine.ages import Stage, birthday, outgrown, stage
from engine.errors import NotFound, StoreUnavailable, UnknownNotice
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


class Declaration(msgspec.Struct, frozen=True):
    """A purpose as it is declared to residents, with its legal basis and the notice in force.

    Attributes
    ----------
    data, kept, recipients, forgotten
        What data it uses, how long that is kept, who sees it, and what a withdrawal deletes.
    retention
        How long at most, as an ISO 8601 duration; None where the resident alone ends it.
    earlier
        The notices before the one in force, oldest first: what older grants were given to.
    topic, channel
        Of a purpose of marketing: what the messages are about, and how they come.
    """

    id: Purpose
    basis: Basis
    notice: Notice
    data: Localized = Localized()
    kept: Localized = Localized()
    recipients: Localized = Localized()
    forgotten: Localized = Localized()
    retention: str | None = None
    earlier: tuple[Notice, ...] = ()
    topic: str | None = None
    channel: str | None = None

    @property
    def least(self) -> int:
        """The oldest notice version whose grants hold: no later one widens the purpose."""
        notices = (*self.earlier, self.notice)
        return max((notice.version for notice in notices if notice.widens), default=notices[0].version)

    def wording(self, version: int) -> Notice | None:
        """Return the notice of that version."""
        return next((notice for notice in (*self.earlier, self.notice) if notice.version == version), None)


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """A resident's latest word on one purpose; `since` is when a grant began or a withdrawal took effect."""

    granted: bool
    notice: int
    since: AwareTime


class Entry(msgspec.Struct, frozen=True):
    """One line of the ledger."""

    seq: int
    purpose: Purpose
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


@dataclass(frozen=True, slots=True)
class Refusal:
    """No leave, and why.

    `never_granted`, `withdrawn`, `notice_outdated` or `unreadable`; of somebody who has, or had, guardians also
    `asked_again` (the grant is from before the 13th or 18th birthday) and `minor` (no marketing before 18).
    """

    purpose: Purpose
    reason: str


def _least() -> Mapping[Purpose, int]:
    return declared().least


class Consents(msgspec.Struct, frozen=True):
    """What one resident has allowed, as of ledger entry `seq`. The one decision of the house is `permit`.

    Attributes
    ----------
    least
        The oldest notice version whose grants hold, by purpose: that of the house's register.
    born
        The birth date of a dependant; None for everybody else.
    """

    resident: Pseudonym
    seq: int = 0
    grants: Mapping[Purpose, Grant] = msgspec.field(default_factory=dict)
    least: Mapping[Purpose, int] = msgspec.field(default_factory=_least)
    born: date | None = None

    def permit(self, purpose: Purpose, now: datetime) -> Permit | Refusal:
        """Give leave to use the resident's data for `purpose` at `now`, or say why not."""
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


class LedgerRecords(Protocol):
    """The ledger's durable home (`engine.records.ledger`)."""

    async def append(  # noqa: PLR0913 - an entry has so many parts
        self,
        resident: Pseudonym,
        purpose: Purpose,
        *,
        granted: bool,
        notice: int,
        time: datetime,
        guardian: Pseudonym | None = None,
    ) -> Consents:
        """Write one entry and what it changes, in one transaction; an unchanged word writes nothing.

        A guardian's word is kept as that guardian's own, and written is what all guardians' words come to: a grant
        if nobody said no.
        """

    async def consents(self, resident: Pseudonym) -> Consents:
        """Return what the ledger says now."""

    async def history(self, resident: Pseudonym) -> Sequence[Entry]:
        """Return every entry of a resident, oldest first."""


class OnlineConsents(Protocol):
    """The flags that every use reads (`engine.online`)."""

    async def enforce(self, consents: Consents) -> None:
        """Put `consents` in force for every process, and drop the online state that they no longer allow."""

    async def consents(self, resident: Pseudonym) -> Consents | None:
        """Return the flags, or None where they are not held."""


class ConsentLedger:
    """Records what residents decide, puts it in force, and answers what is allowed now.

    Parameters
    ----------
    records, online
        The durable ledger and the flags in front of it.
    register
        The purposes and the notices in force.
    """

    def __init__(self, records: LedgerRecords, online: OnlineConsents, register: Register) -> None:
        self._records = records
        self._online = online
        self.register = register

    async def record(  # noqa: PLR0913 - a decision has so many parts
        self,
        resident: Pseudonym,
        purpose: str,
        *,
        granted: bool,
        notice: int | None,
        now: datetime,
        guardian: Pseudonym | None = None,
    ) -> Consents:
        """Write a grant or a withdrawal. When this returns it is durable and in force everywhere.

        Parameters
        ----------
        guardian
            Who says it for a child; what holds is what all guardians' words come to.

        Raises
        ------
        NotFound, UnknownNotice
            The decision cannot be recorded (see `Register.check`).
        StoreUnavailable
            A store is away. A withdrawal may be durable already; the sweeper then puts it in force.
        """
        declaration = self.register.check(purpose, granted=granted, notice=notice)
        version = notice or declaration.notice.version
        consents = await self._records.append(
            resident, declaration.id, granted=granted, notice=version, time=now.astimezone(UTC), guardian=guardian
        )
        await self._online.enforce(consents)
        return consents

    async def refresh(self, resident: Pseudonym) -> Consents:
        """Put in force what the ledger says now: of somebody whose birth date has become known."""
        consents = await self._records.consents(resident)
        await self._online.enforce(consents)
        return consents

    async def consents(self, resident: Pseudonym) -> Consents:
        """Return what is allowed now: from the flags, else from the ledger, whose answer becomes the flags again."""
        try:
            held = await self._online.consents(resident)
        except StoreUnavailable:
            return await self._records.consents(resident)
        if held is None:
            held = await self._records.consents(resident)
            await self._online.enforce(held)
        return held

    async def permit(self, resident: Pseudonym, purpose: Purpose, now: datetime) -> Permit | Refusal:
        """Give leave, or say why not; what cannot be read is refused."""
        try:
            return (await self.consents(resident)).permit(purpose, now)
        except StoreUnavailable:
            return Refusal(purpose, "unreadable")

    async def history(self, resident: Pseudonym) -> Sequence[Entry]:
        """Return the resident's own ledger entries, oldest first."""
        return await self._records.history(resident)
