"""What residents decide, recorded and put in force: the durable ledger, and the flags in front of it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from engine.choices import Choice
from engine.consent import PARTNER_NOTICE, Consents, Entry, Permit, Purpose, Refusal, Register, partner_purpose
from engine.errors import StoreUnavailable
from engine.events import Pseudonym


class LedgerRecords(Protocol):
    """The ledger's durable home (`engine.records.ledger`)."""

    async def append(  # noqa: PLR0913 - an entry has so many parts
        self,
        resident: Pseudonym,
        purpose: str,
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

    async def gone(self, resident: Pseudonym) -> None:
        """Return when no message is on its way to a resident any more."""

    async def consents(self, resident: Pseudonym) -> Consents:
        """Return what the ledger says now."""

    async def consents_of(self, residents: Sequence[Pseudonym]) -> dict[Pseudonym, Consents]:
        """Return what the ledger says now of each of `residents`."""

    async def history(self, resident: Pseudonym) -> Sequence[Entry]:
        """Return every entry of a resident on a purpose, oldest first."""


class OnlineConsents(Protocol):
    """The flags that every use reads (`engine.online`)."""

    async def enforce(self, consents: Consents) -> None:
        """Put `consents` in force for every process, and drop the online state that they no longer allow."""

    async def consents(self, resident: Pseudonym) -> Consents | None:
        """Return the flags, or None where they are not held."""

    async def consents_many(self, residents: Sequence[Pseudonym]) -> dict[Pseudonym, Consents]:
        """Return the flags of those residents whose flags are held."""

    async def enforce_many(self, many: Iterable[Consents]) -> None:
        """Put the consents of several residents in force."""


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

        Nothing is sent after the answer to a withdrawal: a message that is with its channel already is waited for.

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
        if not granted:
            await self._records.gone(resident)
        return consents

    async def refresh(self, resident: Pseudonym) -> Consents:
        """Put in force what the ledger says now: of somebody whose birth date has become known."""
        consents = await self._records.consents(resident)
        await self._online.enforce(consents)
        return consents

    async def record_partner(
        self, resident: Pseudonym, partner: str, *, granted: bool, now: datetime, guardian: Pseudonym | None = None
    ) -> Consents:
        """Write a grant of a partner, or its withdrawal. When this returns it is durable and in force everywhere.

        Of a child it is a guardian's word, as in `record`.

        Raises
        ------
        Erased, StoreUnavailable
            As in `record`.
        """
        purpose, time = partner_purpose(partner), now.astimezone(UTC)
        return await self._records.append(
            resident, purpose, granted=granted, notice=PARTNER_NOTICE, time=time, guardian=guardian
        )

    async def choose(
        self, resident: Pseudonym, choice: Choice, *, on: bool, now: datetime, guardian: Pseudonym | None = None
    ) -> Consents:
        """Write a choice. When this returns it is durable and in force everywhere.

        Of a child it is on while one guardian has it on.

        Raises
        ------
        StoreUnavailable
            A store is away; say it again.
        """
        consents = await self._records.append(
            resident, choice, granted=on, notice=0, time=now.astimezone(UTC), guardian=guardian
        )
        await self._online.enforce(consents)
        if on and choice is Choice.PAUSE:
            await self._records.gone(resident)
        return consents

    async def pause(self, resident: Pseudonym, now: datetime, guardian: Pseudonym | None = None) -> Consents:
        """Pause everything from `now` on, as `choose` does; a pause that holds already goes on as it was."""
        consents = await self.choose(resident, Choice.PAUSE, on=True, now=now, guardian=guardian)
        if consents.paused_until(now) is None:
            # An earlier pause has ended by itself and was never taken back: this one is a word of its own.
            await self.choose(resident, Choice.PAUSE, on=False, now=now, guardian=guardian)
            consents = await self.choose(resident, Choice.PAUSE, on=True, now=now, guardian=guardian)
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

    async def consents_many(self, residents: Sequence[Pseudonym]) -> dict[Pseudonym, Consents]:
        """Return what each of many allows now, as `consents` does."""
        try:
            held = await self._online.consents_many(residents)
        except StoreUnavailable:
            return await self._records.consents_of(residents)
        if missing := [resident for resident in residents if resident not in held]:
            found = await self._records.consents_of(missing)
            await self._online.enforce_many(found.values())
            held |= found
        return held

    async def permit(self, resident: Pseudonym, purpose: Purpose, now: datetime) -> Permit | Refusal:
        """Give leave, or say why not; what cannot be read is refused."""
        try:
            return (await self.consents(resident)).permit(purpose, now)
        except StoreUnavailable:
            return Refusal(purpose, "unreadable")

    async def history(self, resident: Pseudonym) -> Sequence[Entry]:
        """Return the resident's own ledger entries on purposes, oldest first."""
        return await self._records.history(resident)
