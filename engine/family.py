"""Makes and ends ties, asks them who may act for whom, and ends at birthdays what those end."""

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

from engine.ages import Stage, birthday, outgrown, stage, today
from engine.consent import Consents
from engine.errors import InvalidInput, LastGuardian, NotForMinors, NotFound, NotYours
from engine.events import Pseudonym
from engine.residents import Residents
from engine.ties import Action, Code, FamilyRecords, Help, Helper, Ties, Word

CODE_LIFE = timedelta(days=7)
HELP_LIFE = timedelta(days=366)
MOST = 20
"""Dependants of a guardian, guardians of a dependant, and helpers of a resident, at most."""


class Ledger(Protocol):
    """What records consents (`engine.consent.ConsentLedger`)."""

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
        """Write a grant or a withdrawal."""

    async def record_partner(self, resident: Pseudonym, partner: str, *, granted: bool, now: datetime) -> Consents:
        """Write a grant of a partner, or its withdrawal."""

    async def refresh(self, resident: Pseudonym) -> Consents:
        """Put in force what the ledger says now."""


@dataclass(frozen=True, slots=True)
class Family:
    """Knows who may act for whom, and makes and ends ties.

    Parameters
    ----------
    records, residents, ledger
        Where ties are kept, who is who, and where consents are recorded.
    """

    records: FamilyRecords
    residents: Residents
    ledger: Ledger

    async def may_act(self, actor: UUID, subject: UUID, action: str, now: datetime) -> bool:
        """Say whether a person may do something for another, or what a child's guardians decide for themself."""
        resident = await self.residents.pseudonym(subject)
        if actor == subject:
            return resident is None or not await self._is(resident, Stage.CHILD, now)
        by = await self.residents.pseudonym(actor)
        if by is None or resident is None:
            return False
        return (await self.records.tie(by, resident)).allows(action, now)

    async def guardian(self, actor: UUID, subject: UUID, now: datetime) -> Pseudonym | None:
        """Return the guardian's pseudonym where `actor` decides for a child as one."""
        by, resident = await self.residents.pseudonym(actor), await self.residents.pseudonym(subject)
        if by is None or resident is None or by == resident:
            return None
        tie = await self.records.tie(by, resident)
        return by if tie.guardian and tie.stage(now) is Stage.CHILD else None

    async def check_grant(self, subject: UUID, now: datetime, *, guardian: bool, marketing: bool = False) -> None:
        """Refuse leave for marketing of somebody who is known to be under 18, and any of a child but by a guardian.

        Raises
        ------
        NotForMinors, NotYours
            They are.
        """
        if (resident := await self.residents.pseudonym(subject)) is None:
            return
        its = (await self.records.tie(None, resident)).stage(now)
        if marketing and its is not Stage.ADULT:
            raise NotForMinors(field="purpose")
        if its is Stage.CHILD and not guardian:
            raise NotYours("Of a child under 13 a guardian alone allows anything; use a guardian's own token.")

    async def register(self, guardian: UUID, born: date, now: datetime, dependant: UUID | None = None) -> UUID:
        """Make somebody a guardian, and return the dependant: a new child, or a person that a service names.

        Raises
        ------
        InvalidInput
            The birth date is to come, or of somebody too old, or not the one that is known; or there are too many.
        NotForMinors
            The guardian is known to be under 18.
        """
        if born > today(now) or (its := stage(born, now)) is Stage.ADULT:
            raise InvalidInput("A dependant is under 18: give the birth date of a child.", field="birth_date")
        if dependant is None and its is Stage.TEEN:
            raise InvalidInput(
                "From 13 on, young people decide for themselves: only the city's own service can name them.",
                field="birth_date",
            )
        if dependant == guardian:
            raise InvalidInput("Nobody is their own guardian; name another person.", field="dependant")
        child = dependant or uuid4()
        by = await self._adult(guardian, now)
        if len((await self.records.ties(by, by, now)).dependants) >= MOST:
            raise InvalidInput(f"There are {MOST} dependants already.", field="dependant")
        resident = await self.residents.enrol(child)
        if not await self.records.add(by, resident, born, its, now, MOST):
            raise InvalidInput("It is not the birth date that is known, or there are too many.", field="birth_date")
        consents = await self._tell(resident)
        if its is Stage.CHILD and not await self.records.words(resident, None):
            # What was said without a guardian never held of a child.
            for purpose in [purpose for purpose, grant in consents.grants.items() if grant.granted]:
                await self.ledger.record(resident, purpose, granted=False, notice=None, now=now)
        return child

    async def invite(self, guardian: UUID, dependant: UUID, now: datetime) -> Code:
        """Return a code by which somebody else becomes a guardian of the child, once, within a week.

        Raises
        ------
        NotYours
            It is no child under 13 of that guardian's.
        """
        if (by := await self.guardian(guardian, dependant, now)) is None:
            raise NotYours
        code = secrets.token_urlsafe(16)
        await self.records.put_code(_digest(code), by, await self.residents.enrol(dependant), now + CODE_LIFE)
        return Code(code, now + CODE_LIFE)

    async def accept(self, person: UUID, code: str, now: datetime) -> UUID:
        """Make a person a guardian by an invitation's code, and return the child.

        Raises
        ------
        NotFound
            The code is unknown, used or too old, or not for this person.
        NotForMinors
            The person is known to be under 18.
        """
        child = await self.records.use_code(_digest(code), await self._adult(person, now), now, MOST)
        if child is None:
            raise NotFound("The code is unknown, used or too old; ask the other guardian for a new one.", field="code")
        return child

    async def leave(self, guardian: UUID, dependant: UUID, now: datetime) -> None:
        """End a guardianship.

        Raises
        ------
        NotYours
            There is none.
        LastGuardian
            A child under 13 would be left alone.
        """
        by, resident = await self.residents.pseudonym(guardian), await self.residents.pseudonym(dependant)
        if by is None or resident is None or not (await self.records.tie(by, resident)).guardian:
            raise NotYours
        if not await self.records.leave(by, resident, now):
            raise LastGuardian

    async def allow(
        self, person: UUID, helper: UUID, actions: Collection[Action], until: datetime, now: datetime
    ) -> Helper:
        """Allow a helper some actions until a moment; what was allowed before is replaced.

        Raises
        ------
        InvalidInput
            Nobody helps themself; the moment is past or more than a year away; or there are too many helpers.
        """
        if person == helper:
            raise InvalidInput("Name somebody else: everybody acts for themselves anyway.", field="helper")
        if not now < until <= now + HELP_LIFE:
            raise InvalidInput("Give a time that is to come, within a year.", field="until")
        resident, by = await self.residents.enrol(person), await self.residents.enrol(helper)
        given = Help(frozenset(actions), now, until)
        if not await self.records.put_helper(resident, by, given, MOST):
            raise InvalidInput(f"There are {MOST} helpers already; end the leave of one first.", field="helper")
        return Helper(helper, sorted(set(actions)), now, until)

    async def end_help(self, person: UUID, helper: UUID) -> None:
        """End a helper's leave; for one who has none it changes nothing."""
        resident, by = await self.residents.pseudonym(person), await self.residents.pseudonym(helper)
        if resident is not None and by is not None:
            await self.records.end_help(resident, by)

    async def ties(self, person: UUID, viewer: UUID | None, now: datetime) -> Ties:
        """Return a person's ties that hold now."""
        resident = await self.residents.pseudonym(person)
        by = None if viewer is None else await self.residents.pseudonym(viewer)
        return Ties() if resident is None else await self.records.ties(resident, by, now)

    async def words(self, person: UUID, viewer: UUID | None) -> Mapping[str, Sequence[Word]]:
        """Return each guardian's own word on a child's consents, by purpose."""
        resident = await self.residents.pseudonym(person)
        by = None if viewer is None else await self.residents.pseudonym(viewer)
        return {} if resident is None else await self.records.words(resident, by)

    async def come_of_age(self, now: datetime, limit: int = 200) -> None:
        """End what birthdays have ended: grants in the ledger, guardians' words, guardianships. May be repeated.

        A registration that was interrupted between the stores is completed, too.
        """
        for resident in await self.records.untold(limit):
            await self._tell(resident)
        for resident, born, reached in await self.records.grown(now, limit):
            consents = await self.ledger.refresh(resident)
            for purpose, grant in consents.grants.items():
                if grant.granted and outgrown(born, grant.since, now):
                    at = birthday(born, reached)
                    await self.ledger.record(resident, purpose, granted=False, notice=grant.notice, now=at)
            for partner, word in consents.partners.items():
                if word.granted and outgrown(born, word.since, now):
                    await self.ledger.record_partner(resident, partner, granted=False, now=birthday(born, reached))
            await self.records.grow(resident, reached)
        await self.records.tidy(now)

    async def _tell(self, dependant: Pseudonym) -> Consents:
        """Put a birth date in force online."""
        consents = await self.ledger.refresh(dependant)
        await self.records.tell(dependant)
        return consents

    async def _adult(self, person: UUID, now: datetime) -> Pseudonym:
        resident = await self.residents.enrol(person)
        if not await self._is(resident, Stage.ADULT, now):
            raise NotForMinors("A guardian is an adult; nobody under 18 is one.")
        return resident

    async def _is(self, resident: Pseudonym, its: Stage, now: datetime) -> bool:
        return (await self.records.tie(None, resident)).stage(now) is its


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
