"""Lets callers in: from a request's bearer token to who calls, and from the address to the resident that is meant."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from starlette.requests import Request

from api.access import Caller, Scope, Standing, TokenVerifier, parse_resident
from api.errors import Forbidden, Unauthenticated
from engine.accesses import Accessed, AccessLog, Capacity
from engine.events import Pseudonym
from engine.ties import DECIDED_BY_GUARDIANS


class Relations(Protocol):
    """What knows who may act for whom (`engine.family.Family`)."""

    async def may_act(self, actor: UUID, subject: UUID, action: str, now: datetime) -> bool:
        """Say whether a person may do something for another, or what a child's guardians decide for themself."""

    async def guardian(self, actor: UUID, subject: UUID, now: datetime) -> Pseudonym | None:
        """Return the guardian's pseudonym where `actor` decides for a child as one."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Checks each request's token, and notes who but a resident in person reaches a resident.

    Parameters
    ----------
    tokens, clock
        What checks tokens, and the time.
    accesses
        The access log.
    family
        Who may act for whom; without it nobody acts for another.
    """

    tokens: TokenVerifier
    clock: Callable[[], datetime]
    accesses: AccessLog
    family: Relations | None = None

    async def caller(self, request: Request) -> Caller:
        """Return who calls.

        Raises
        ------
        Unauthenticated
            There is no token, or it does not hold.
        """
        caller = await self.visitor(request)
        if caller is None:
            raise Unauthenticated
        return caller

    async def visitor(self, request: Request) -> Caller | None:
        """Return who calls, or None for somebody without a token: for open data, where a bad token is still refused.

        Raises
        ------
        Unauthenticated
            There is a token and it does not hold.
        """
        token = bearer(request)
        return None if token is None else await self.tokens.verify(token, self.clock())

    async def resident(self, request: Request, scope: Scope) -> UUID:
        """Return the resident that the address names, if the caller may act for them.

        Raises
        ------
        Unauthenticated, Forbidden
            The caller may not.
        InvalidInput
            The address names nobody.
        StoreUnavailable
            The caller is not the resident in person, and the access could not be noted.
        """
        caller = await self.caller(request)
        person = await self.named(caller, request.path_params["id"], scope)
        await self.note(request, caller, person, scope)
        return person

    async def named(self, caller: Caller, named: str, scope: Scope) -> UUID:
        """Return the resident that is named by UUID or as `me`, if `caller` may act for them.

        Whoever names themself is asked about only where a child's guardians decide.

        Raises
        ------
        Forbidden
            The caller may not: said of somebody unknown in the same words.
        InvalidInput
            It is neither a UUID nor `me`.
        """
        if self.family is None or caller.standing is not Standing.RESIDENT or caller.person is None:
            return caller.resident(named, scope)
        person = caller.person if named == "me" else parse_resident(named)
        if person == caller.person:
            if scope in DECIDED_BY_GUARDIANS and not await self.family.may_act(person, person, scope, self.clock()):
                raise Forbidden("Until you are 13 your guardian decides this; ask them.")
        elif not await self.family.may_act(caller.person, person, scope, self.clock()):
            caller.may_act_for(person, scope)
        return person

    async def guardian(self, request: Request, person: UUID) -> Pseudonym | None:
        """Return the guardian who speaks for a child under 13; None where somebody speaks for themself."""
        caller = await self.caller(request)
        if self.family is None or caller.person is None or caller.person == person:
            return None
        return await self.family.guardian(caller.person, person, self.clock())

    async def note(self, request: Request, caller: Caller, person: UUID, scope: Scope) -> None:
        """Write into the access log that a caller reaches a person's data, unless it is the resident in person.

        Guardians and helpers are the resident's own choice, and seen among the family.

        Raises
        ------
        StoreUnavailable
            It could not be written, so nothing may be shown.
        """
        if caller.standing is not Standing.RESIDENT:
            what = request.scope["operation"]
            access = Accessed(self.clock(), caller.name, Capacity(caller.standing), scope, what)
            await self.accesses.note(person, access)


def bearer(request: Request) -> str | None:
    """Return the token or key that a request carries, or None where it carries none.

    Raises
    ------
    Unauthenticated
        There is more than one, or something else.
    """
    # Read as they came: to make Starlette's headers of them takes longer than to check a token that is remembered.
    given: list[bytes] = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if not given:
        return None
    scheme, _, token = given[0].decode("latin-1").partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send one header `Authorization: Bearer <token>`.", reason="scheme")
    return token.strip()
