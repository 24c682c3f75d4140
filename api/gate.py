"""Lets callers in: from a request's bearer token to who calls, and from the address to the resident that is meant."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from starlette.requests import Request

from api.access import Caller, Scope, TokenVerifier
from api.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class Gate:
    """Checks each request's token."""

    tokens: TokenVerifier
    clock: Callable[[], datetime]

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
        # Read as they came: to make Starlette's headers of them takes longer than to check a token that is remembered.
        given = [value for name, value in request.scope["headers"] if name == b"authorization"]
        if not given:
            return None
        scheme, _, token = given[0].decode("latin-1").partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send one header `Authorization: Bearer <token>`.", reason="scheme")
        return await self.tokens.verify(token.strip(), self.clock())

    async def resident(self, request: Request, scope: Scope) -> UUID:
        """Return the resident that the address names, if the caller may act for them.

        Raises
        ------
        Unauthenticated, Forbidden
            The caller may not.
        InvalidInput
            The address names nobody.
        """
        caller = await self.caller(request)
        return caller.resident(request.path_params["id"], scope)
