"""Logging in to the demo: authorization code with PKCE (RFC 6749, 7636), for clients of this very server alone."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import msgspec

from api.errors import Faults
from api.faults import END, explain
from engine.errors import InvalidInput
from engine.language import Language

CODE_LIFE = timedelta(seconds=60)
MOST_CODES = 1_000
_Short = Annotated[str, msgspec.Meta(max_length=512)]
_T = TypeVar("_T")


class Persona(msgspec.Struct, frozen=True):
    """A made-up resident that the log-in page offers."""

    id: UUID
    name: str


class LogIn(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks of the log-in page; other parameters of OpenID Connect are passed over."""

    client_id: _Short
    redirect_uri: _Short
    code_challenge: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{43}" + END)]
    response_type: Annotated[str, msgspec.Meta(pattern="^code" + END)]
    code_challenge_method: Annotated[str, msgspec.Meta(pattern="^S256" + END)]
    state: _Short = ""
    ui_locales: _Short = ""

    @property
    def language(self) -> Language:
        """The first of the wanted languages that the page speaks, else Finnish."""
        return next((Language(code) for code in self.ui_locales.split() if code in list(Language)), Language.FI)

    def check_redirect(self, *origins: str) -> None:
        """Refuse to send a code anywhere but to one of `origins`.

        Raises
        ------
        InvalidInput
            The address is another server's.
        """
        back = urlsplit(self.redirect_uri)
        if (back.scheme, back.netloc) not in [(own.scheme, own.netloc) for own in map(urlsplit, origins)]:
            detail = "The demo's issuer logs in to the demo alone; use an address of its own."
            raise InvalidInput(detail, field="redirect_uri")


class Chosen(LogIn, frozen=True, kw_only=True):
    """The same, and who was picked; empty for a new resident."""

    persona: str = ""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A code to be turned into a token."""

    grant_type: Annotated[str, msgspec.Meta(pattern="^authorization_code" + END)]
    code: _Short
    code_verifier: Annotated[str, msgspec.Meta(min_length=43, max_length=128)]


class Farewell(msgspec.Struct, frozen=True, kw_only=True):
    """A log-out (OpenID Connect RP-Initiated Logout 1.0); nobody is sent anywhere after it."""

    id_token_hint: Annotated[str, msgspec.Meta(max_length=4096)]


class Token(msgspec.Struct, frozen=True):
    """What a code was exchanged for."""

    access_token: str
    id_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the type's name, no secret
    scope: str = "openid"


@dataclass(frozen=True, slots=True)
class _Pending:
    challenge: str
    person: UUID
    until: datetime


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes that are good once, for a minute, in the memory of this process."""

    _pending: OrderedDict[str, _Pending] = field(default_factory=OrderedDict)

    def issue(self, challenge: str, person: UUID, now: datetime) -> str:
        """Return a new code for `person`, bound to the client's challenge."""
        code = secrets.token_urlsafe(32)
        self._pending[code] = _Pending(challenge, person, now + CODE_LIFE)
        while len(self._pending) > MOST_CODES:
            self._pending.popitem(last=False)
        return code

    def redeem(self, given: Exchange, now: datetime) -> UUID:
        """Return whom the code is for.

        Raises
        ------
        InvalidInput
            It is unknown, used or too old, or the verifier does not fit.
        """
        pending = self._pending.pop(given.code, None)
        if pending is None or now > pending.until:
            raise InvalidInput("The code is unknown, used or too old; log in again.", field="code")
        if not secrets.compare_digest(challenge(given.code_verifier), pending.challenge):
            raise InvalidInput("This is not the verifier that the log-in began with.", field="code_verifier")
        return pending.person


def challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier.

    Examples
    --------
    >>> challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")  # RFC 7636, appendix B
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    """
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def parse(raw: bytes, form: type[_T]) -> _T:
    """Read percent-encoded fields into `form`.

    Raises
    ------
    InvalidInput
        A field is missing or unusable; the error names it.
    """
    try:
        fields = dict(parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=30, errors="strict"))
        return msgspec.convert(fields, form)
    except msgspec.ValidationError as error:
        raise Faults([explain(error, form).error("form")]) from error
    except ValueError as error:
        raise InvalidInput("The form cannot be read; send it percent-encoded.", field="form") from error
