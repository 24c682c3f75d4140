"""The identity provider says that a session ended: from then on its tokens open nothing, in any process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import logout_token
from api.access import LONGEST_TOKEN, TokenVerifier
from api.errors import InvalidLogout
from api.operations import FORM, Answer, Operation
from engine.logouts import Logout

PATH = "/logout/backchannel"
FORM_BYTES = LONGEST_TOKEN + 2_048
MOST_FIELDS = 30
DESCRIPTION = """\
OpenID Connect Back-Channel Logout 1.0: register this address at the identity provider. The form carries
`logout_token`, signed by the issuer. It ends the session that it names, or where it names none all of its subject's,
and is good once. When this answers, tokens from before are refused here, and by every other process within moments."""


class Told(msgspec.Struct, frozen=True):
    """What the identity provider sends; other fields are passed over, as its specification wants."""

    logout_token: str


class Logouts(Protocol):
    """Where ends are kept (`engine.records.logouts`)."""

    async def add(self, logout: Logout) -> bool:
        """Keep an end and tell every process; say whether its token was new."""


@dataclass(frozen=True, slots=True)
class LogoutRoutes:
    """Ends sessions."""

    tokens: TokenVerifier
    logouts: Logouts
    clock: Callable[[], datetime]

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked here."""
        return (
            Operation(
                method="POST",
                path=PATH,
                name="end_session",
                summary="A session ended at the identity provider",
                description=DESCRIPTION,
                tag="Sign-out",
                handler=self.end,
                body=Told,
                example={"logout_token": "eyJhbGciOiJSUzI1NiIsInR5cCI6ImxvZ291dCtqd3QifQ…"},
                takes=FORM,
                answers={200: Answer("The session is over", media_type="text/plain")},
            ),
        )

    async def end(self, request: Request) -> Response:
        """Answer `POST /logout/backchannel`."""
        now = self.clock()
        logout = await logout_token.read(await _token(request), self.tokens, now)
        if not await self.logouts.add(logout):
            raise InvalidLogout("This logout token was used before.")
        self.tokens.end([logout], now)
        return Response(headers={"Cache-Control": "no-store"}, media_type="text/plain")


async def _token(request: Request) -> str:
    """Return the logout token of a form.

    Raises
    ------
    InvalidLogout
        There is no such form, or not one token in it.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise InvalidLogout(f"Send the token as a form, with `Content-Type: {FORM}`.")
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > FORM_BYTES:
            raise InvalidLogout("The form is too long.")
    try:
        fields = parse_qsl(raw.decode("ascii"), max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise InvalidLogout("The form cannot be read; send it percent-encoded.") from error
    found = [value for name, value in fields if name == "logout_token"]
    if len(found) != 1:
        raise InvalidLogout("Send one `logout_token`.")
    return found[0]
