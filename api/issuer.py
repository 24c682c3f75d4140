"""The demo's own token issuer: the key and the tokens of a small OpenID provider that stands in for Helsinki Tunnistus.

It is served only where no real issuer is set, and never in production (`api.app`). Its pages are in
`api.routes.demo_issuer`.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from api.access import TokenVerifier
from api.ended import Ended
from api.key_file import keep
from api.keys import DiscoveredKeys, FixedKeys
from api.logout_token import EVENT
from engine.errors import InvalidInput
from engine.settings import Settings

PATH = "/demo-issuer"
LIFETIME = timedelta(hours=1)
LOGOUT_LIFETIME = timedelta(minutes=2)
CLIENT = "vinkki-app"
STAFF_GROUP = "vinkki-staff"


def address(base: str) -> str:
    """Return the issuer of a demo whose pages are under `base` (``http://127.0.0.1:8000``)."""
    return base.rstrip("/") + PATH


def token_verifier(settings: Settings, base: str, ended: Ended | None = None) -> TokenVerifier:
    """Return the check of bearer tokens: against the issuer that is set, else against the demo's own at `base`."""
    if settings.issuer is not None:
        keys = DiscoveredKeys(settings.issuer, httpx.AsyncClient(timeout=5))
        return TokenVerifier(settings.issuer, settings.audience, keys, ended=ended)
    issuer = DemoIssuer(settings.home, address(base), settings.audience)
    return TokenVerifier(issuer.issuer, settings.audience, FixedKeys(issuer.public_keys), ended=ended)


class DemoIssuer:
    """Signs tokens of the same form as Helsinki Tunnistus does, with a key of its own.

    Parameters
    ----------
    home
        The demo's folder; the key is made there in `issuer.json` when first needed, readable by its owner alone.
    issuer
        The `iss` of its tokens (see `address`).
    audience
        The `aud` of its tokens.
    """

    def __init__(self, home: Path, issuer: str, audience: str) -> None:
        self.home = home
        self.issuer = issuer
        self.audience = audience

    @cached_property
    def public_keys(self) -> KeySet:
        """The public half of the key, as its JWKS tells it."""
        return KeySet([RSAKey.import_key(self._key.as_dict(private=False))])

    @cached_property
    def _key(self) -> RSAKey:
        return RSAKey.import_key(msgspec.json.decode(keep(self.home / "issuer.json", _make_key)))

    def resident(self, person: UUID, now: datetime, session: str | None = None) -> str:
        """Return a resident's token, of a session of its own unless one is given."""
        its = {"sub": str(person), "sid": session or new_session()}
        return self._sign({**its, "azp": CLIENT, "scope": "openid", "loa": "substantial"}, now)

    def service(self, name: str, scopes: Sequence[str], now: datetime, subject: UUID | None = None) -> str:
        """Return a service's token with `scopes`; about one resident, where `subject` is given."""
        permissions = {"permissions": [{"scopes": list(scopes)}]}
        return self._sign({"sub": str(subject or name), "azp": name, "authorization": permissions}, now)

    def staff(
        self, email: str, now: datetime, groups: Sequence[str] = (STAFF_GROUP,), scopes: Sequence[str] = ()
    ) -> str:
        """Return a token of somebody who works for the city, with the scopes that their client asked for."""
        person = uuid5(NAMESPACE_URL, f"mailto:{email}")
        its = {"sub": str(person), "email": email, "ad_groups": list(groups), "scope": " ".join(("openid", *scopes))}
        return self._sign(its, now)

    def identity(self, person: UUID, now: datetime, session: str) -> str:
        """Return the identity token of a session: for the client to read, and to end the session with."""
        return self._sign({"sub": str(person), "sid": session, "aud": CLIENT}, now)

    def logout(self, hint: str, now: datetime) -> str:
        """Return the logout token of the session that an identity token is of, be it over or not.

        Raises
        ------
        InvalidInput
            We never gave this identity token.
        """
        try:
            claims = jwt.decode(hint, self.public_keys, algorithms=["RS256"]).claims
        except (JoseError, ValueError, RecursionError):
            claims = {}
        if claims.get("aud") != CLIENT or claims.get("iss") != self.issuer:
            raise InvalidInput("This is no identity token of ours.", field="id_token_hint")
        its = {"sub": claims["sub"], "sid": claims["sid"], "events": {EVENT: {}}}
        return self._sign({**its, "exp": now + LOGOUT_LIFETIME}, now, "logout+jwt")

    def _sign(self, claims: Mapping[str, Any], now: datetime, kind: str = "JWT") -> str:
        frame = {
            "iss": self.issuer,
            "aud": self.audience,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": secrets.token_hex(8),
        }
        header = {"alg": "RS256", "kid": self._key.kid, "typ": kind}
        return jwt.encode(header, {**frame, **claims}, self._key, algorithms=["RS256"])


def new_session() -> str:
    """Return a session's id."""
    return secrets.token_hex(16)


def _make_key() -> bytes:
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
    return msgspec.json.encode(key.as_dict(private=True))
