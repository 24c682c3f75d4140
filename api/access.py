"""Who may call: bearer tokens as Helsinki Tunnistus (Keycloak) issues them, and what each caller may do.

A token is checked by signature (RS256 alone), exact issuer, exact audience, age and expiry, and its session must not
have ended. What a caller is follows from its claims: an API scope makes a service, AD groups make staff, and a UUID as
the subject alone makes a resident.
"""

import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, InvalidKeyIdError, JoseError, MissingClaimError
from joserfc.jwk import KeySet

from api.ended import Ended, Marks
from api.errors import Forbidden, Unauthenticated
from api.keys import KeySource
from engine.accesses import name
from engine.errors import InvalidInput
from engine.logouts import KEPT, Logout

LEEWAY_SECONDS = 30
REMEMBERED_SECONDS = 60
LONGEST_TOKEN = 16_384
UUID_PATTERN = "-".join(f"[0-9a-fA-F]{{{length}}}" for length in (8, 4, 4, 4, 12))
_PERSON = re.compile(UUID_PATTERN)
RESIDENT_SCHEMA = {"type": "string", "pattern": f"^(me|{UUID_PATTERN})$"}
"""How the OpenAPI document describes what names a resident; `parse_resident` is what reads it."""
PERSON_SCHEMA = {"type": "string", "pattern": f"^{UUID_PATTERN}$"}
"""The same without `me`."""


class Scope(StrEnum):
    """What a service may be allowed; residents need none, since they reach themselves and whom they may act for alone.

    What guardians and helpers may do for others goes by the same names (`engine.ties`).
    """

    INTERACTIONS_WRITE = "interactions:write"
    SUGGESTIONS_READ = "suggestions:read"
    CONSENTS_READ = "consents:read"
    CONSENTS_WRITE = "consents:write"
    INTERESTS_READ = "interests:read"
    INTERESTS_WRITE = "interests:write"
    DATA_READ = "data:read"
    DATA_WRITE = "data:write"
    FAMILY_READ = "family:read"
    FAMILY_WRITE = "family:write"
    INVITATIONS_WRITE = "invitations:write"
    ADDRESSES_READ = "addresses:read"
    ADDRESSES_WRITE = "addresses:write"
    GDPR_QUERY = "gdprquery"
    GDPR_DELETE = "gdprdelete"
    PARTNERS_WRITE = "partners:write"
    RULES_READ = "rules:read"
    RULES_WRITE = "rules:write"
    EXPOSURE_READ = "exposure:read"
    EXPOSURE_WRITE = "exposure:write"
    AUDIENCES_READ = "audiences:read"
    AUDIENCES_WRITE = "audiences:write"
    MODELS_READ = "models:read"
    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_WRITE = "campaigns:write"
    MESSAGES_SEND = "messages:send"
    INBOX_READ = "inbox:read"
    INBOX_WRITE = "inbox:write"


class Standing(StrEnum):
    """In which capacity somebody calls."""

    RESIDENT = "resident"
    SERVICE = "service"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `person` is the resident, or whom a service's token was issued about; it stays out of every repr.

    `name` is by what the access log calls a service or an official; a resident has none.
    """

    standing: Standing
    person: UUID | None = field(default=None, repr=False)
    scopes: frozenset[Scope] = frozenset()
    groups: frozenset[str] = field(default=frozenset(), repr=False)
    name: str = field(default="", repr=False)

    def require(self, scope: Scope) -> None:
        """Refuse a caller that is not a service with `scope`.

        Raises
        ------
        Forbidden
            The token does not carry the scope.
        """
        if scope not in self.scopes:
            raise Forbidden(f"This needs a token with the scope `{scope}`.", scope=scope)

    def may_act_for(self, person: UUID, scope: Scope) -> None:
        """Refuse everybody but the resident in person and a service with `scope`.

        Raises
        ------
        Forbidden
            It is another resident, or a service without the scope or with a token about somebody else.
        """
        if self.standing is not Standing.RESIDENT:
            self.require(scope)
        if self.person not in (person, None) or (self.person is None and self.standing is Standing.RESIDENT):
            raise Forbidden(
                "A resident reads and writes their own data, and that of people they may act for; use the id in the "
                "token, or `me`."
            )

    def resident(self, named: str, scope: Scope) -> UUID:
        """Return the resident that a request names by UUID or as `me`, if this caller may act for them.

        Raises
        ------
        InvalidInput
            It is neither a UUID nor `me`.
        Forbidden
            The caller may not act for that resident.
        """
        if named != "me":
            person = parse_resident(named)
            self.may_act_for(person, scope)
            return person
        if self.standing is not Standing.RESIDENT or self.person is None:
            raise Forbidden("`me` is the resident whose token calls; a service names the resident by UUID.", field="id")
        return self.person


def parse_resident(text: str, field: str = "id") -> UUID:
    """Return the UUID in its usual form of 36 characters.

    Raises
    ------
    InvalidInput
        It is something else.
    """
    try:
        if len(text) == 36:  # noqa: PLR2004 - UUID() also reads forms with braces, with urn: and without hyphens
            return UUID(text)
    except ValueError:
        pass
    raise InvalidInput(
        "A resident is named by a UUID such as 7f1c0e0a-3d5b-4b0e-9a52-0c8a2e8d4b11, or `me`.", field=field
    )


def _caller(claims: Mapping[str, Any]) -> Caller:
    scopes, groups = _scopes(claims), claims.get("ad_groups")
    try:
        person = UUID(str(claims.get("sub")))
    except ValueError:
        person = None
    if isinstance(groups, list) and groups:
        return Caller(Standing.STAFF, None, scopes, frozenset(map(str, groups)), _name(claims, *_OFFICIAL))
    if scopes or person is None:
        return Caller(Standing.SERVICE, person, scopes, name=_name(claims, *_CLIENT))
    return Caller(Standing.RESIDENT, person)


_CLIENT = ("azp", "client_id", "sub")
_OFFICIAL = ("email", "preferred_username", "name", *_CLIENT)


def _name(claims: Mapping[str, Any], *among: str) -> str:
    """Return the first of the claims that names somebody; an id of a person, as `sub` may be, is no name."""
    given = (name(text) for claim in among if isinstance(text := claims.get(claim), str))
    return next((text for text in given if text and not _PERSON.search(text)), "unnamed")


def _scopes(claims: Mapping[str, Any]) -> frozenset[Scope]:
    """Collect the scopes we know from Keycloak's permissions and from the plain `scope`.

    The city's own tester of its GDPR API puts the list of scopes into one more list.
    """
    found = str(claims.get("scope") or "").split()
    authorization = claims.get("authorization")
    permissions = authorization.get("permissions") if isinstance(authorization, dict) else None
    for permission in permissions if isinstance(permissions, list) else ():
        named = permission.get("scopes") if isinstance(permission, dict) else None
        for one in named if isinstance(named, list) else ():
            found += map(str, one) if isinstance(one, list) else (str(one),)
    return frozenset(scope for scope in Scope if scope in found)


@dataclass(frozen=True, slots=True)
class _Held:
    """A token that held: until when it is remembered, whose it is, and by what its end is recognised."""

    until: float
    caller: Caller
    marks: Marks
    issued: float


class TokenVerifier:
    """Checks bearer tokens, and remembers for a minute those that held; a session's end is in force at once.

    Parameters
    ----------
    issuer, audience
        What `iss` must be and `aud` must hold, to the letter.
    keys
        Where the issuer's public keys come from.
    remembered
        How many checked tokens to remember, by their digest.
    ended
        Which sessions ended; otherwise none has yet.
    """

    def __init__(
        self, issuer: str, audience: str, keys: KeySource, remembered: int = 10_000, ended: Ended | None = None
    ) -> None:
        self.issuer = issuer
        self.audience = audience
        self.ended = ended or Ended(secrets.token_bytes(32))
        self._keys = keys
        self._remembered = remembered
        self._held: OrderedDict[bytes, _Held] = OrderedDict()

    async def verify(self, token: str, now: datetime) -> Caller:
        """Return who the token stands for.

        Raises
        ------
        Unauthenticated
            The token does not hold; the reason is a static word that names neither token nor person.
        Unavailable
            The issuer's keys cannot be had.
        """
        moment, digest = now.timestamp(), hashlib.sha256(token.encode()).digest()
        if (held := self._held.get(digest)) is not None and moment < held.until:
            return held.caller
        claims = await self.signed(token, now)
        self._check(claims, now)
        # Nothing is awaited from here on, so that no end of a session comes in between.
        marks, issued = self.ended.of_token(claims), float(claims["iat"])
        if self.ended.over(marks, issued):
            raise Unauthenticated("The session of this token has ended; log in again.", reason="ended")
        until = min(moment + REMEMBERED_SECONDS, float(claims["exp"]))
        caller = _caller(claims)
        self._held[digest] = _Held(until, caller, marks, issued)
        while len(self._held) > self._remembered:
            self._held.popitem(last=False)
        return caller

    def end(self, logouts: Sequence[Logout], now: datetime) -> None:
        """Refuse from now on the tokens of sessions that ended, those that are remembered included."""
        if logouts:
            self.ended.add(logouts, now)
            over = [digest for digest, held in self._held.items() if self.ended.over(held.marks, held.issued)]
            for digest in over:
                del self._held[digest]

    async def signed(self, token: str, now: datetime) -> dict[str, Any]:
        """Return the claims of a token that the issuer signed, whatever they are.

        Raises
        ------
        Unauthenticated
            The issuer did not.
        Unavailable
            The issuer's keys cannot be had.
        """
        if len(token) > LONGEST_TOKEN:
            raise Unauthenticated("The token is too long to be one.", reason="too_long")
        try:
            return _signed(token, await self._keys.keys(now))
        except InvalidKeyIdError:
            return await self._claims_by_new_key(token, now)

    async def close(self) -> None:
        """Close what the keys come through."""
        await self._keys.close()

    async def _claims_by_new_key(self, token: str, now: datetime) -> dict[str, Any]:
        try:
            return _signed(token, await self._keys.keys(now, renew=True))
        except InvalidKeyIdError as error:
            raise Unauthenticated(
                "The token is signed with a key that its issuer does not publish.", reason="key"
            ) from error

    def _check(self, claims: dict[str, Any], now: datetime) -> None:
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(claims)
        except ExpiredTokenError as error:
            raise Unauthenticated(
                "The token has expired; log in again and send the new one.", reason="expired"
            ) from error
        except (InvalidClaimError, MissingClaimError) as error:
            claim = error.claim if error.claim in ("iss", "aud", "exp", "nbf", "iat", "sub") else "claims"
            raise Unauthenticated(f"The token's `{claim}` is not the one needed here.", reason=claim) from error
        if claims["iat"] <= (now - KEPT).timestamp():
            raise Unauthenticated("The token is older than any may be; log in again.", reason="too_old")
        if "events" in claims:
            raise Unauthenticated("This token tells of an event; nobody is let in by it.", reason="events")


def _signed(token: str, keys: KeySet) -> dict[str, Any]:
    """Return the claims if the signature is RS256 by one of `keys`; a token cannot choose another algorithm."""
    try:
        return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)
    except InvalidKeyIdError:
        raise
    except (JoseError, ValueError, RecursionError) as error:
        raise Unauthenticated(
            "The token cannot be read, or its signature does not hold.", reason="signature"
        ) from error
