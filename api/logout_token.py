"""Logout tokens: what an issuer says when a session ends (OpenID Connect Back-Channel Logout 1.0, section 2.6)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError

from api.access import LEEWAY_SECONDS, TokenVerifier
from api.errors import InvalidLogout, Unauthenticated
from engine.logouts import KEPT, Logout

EVENT = "http://schemas.openid.net/event/backchannel-logout"
OLDEST = timedelta(minutes=10)
"""How long a logout may be under way."""
LONGEST_ID = 500
_REMEMBERED = KEPT + timedelta(seconds=2 * LEEWAY_SECONDS)
"""The issuer's clock may be ahead of ours."""
_CLAIMS = ("iss", "aud", "iat", "exp", "nbf", "jti", "sub")


async def read(token: str, tokens: TokenVerifier, now: datetime) -> Logout:
    """Return what a logout token ends.

    Raises
    ------
    InvalidLogout
        It is none, or not one for us; the message names what is wrong and nobody.
    Unavailable
        The issuer's keys cannot be had.
    """
    try:
        claims = await tokens.signed(token, now)
    except Unauthenticated as error:
        raise InvalidLogout(error.detail) from error
    _check(claims, tokens, now)
    subject, session = _text(claims, "sub"), _text(claims, "sid")
    if subject is None and session is None:
        raise InvalidLogout("A logout token names a subject, a session or both.")
    ended = tokens.ended
    known = ended.mark("jti", _text(claims, "jti") or "")
    return Logout(known, ended.of_logout(subject, session), float(claims["iat"]), now + _REMEMBERED)


def _check(claims: dict[str, Any], tokens: TokenVerifier, now: datetime) -> None:
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": tokens.issuer},
        aud={"essential": True, "value": tokens.audience},
        iat={"essential": True},
        jti={"essential": True},
    )
    try:
        registry.validate(claims)
    except ExpiredTokenError as error:
        raise InvalidLogout("The logout token has expired.") from error
    except (InvalidClaimError, MissingClaimError) as error:
        claim = error.claim if error.claim in _CLAIMS else "claims"
        raise InvalidLogout(f"The logout token's `{claim}` is not the one needed here.") from error
    except JoseError as error:
        raise InvalidLogout from error
    if claims["iat"] <= (now - OLDEST).timestamp():
        raise InvalidLogout("The logout token is too old.")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise InvalidLogout("The token's `events` does not tell of a logout.")
    if "nonce" in claims:
        raise InvalidLogout("A logout token has no `nonce`.")


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    """Return a claim that is text, if it is there.

    Raises
    ------
    InvalidLogout
        It is something else.
    """
    value = claims.get(name)
    if value is not None and not (isinstance(value, str) and 0 < len(value) <= LONGEST_ID):
        raise InvalidLogout(f"The logout token's `{name}` is not a text that could be one.")
    return value
