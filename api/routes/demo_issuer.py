"""The demo's OpenID provider over HTTP: discovery, keys, and a page to log in as one of its made-up residents.

Nobody proves who they are here, so it is mounted only where no real issuer is set.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode, urlsplit
from uuid import UUID, uuid4

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.demo_login import Chosen, Codes, Exchange, Farewell, LogIn, Persona, Token, parse
from api.html import Node, el, page
from api.issuer import LIFETIME, PATH, DemoIssuer, new_session
from api.operations import private_json
from api.routes.logout import PATH as BACK_CHANNEL
from engine.errors import InvalidInput, Unavailable
from engine.language import Localized

FORM_BYTES = 8_192
QUESTION = Localized("Kuka haluat olla?", "Vem vill du vara?", "Who do you want to be?")
ABOUT = Localized(
    "Tämä sivu on demossa Helsinki-tunnistuksen paikalla. Kaikki asukkaat ovat keksittyjä.",
    "I demon står den här sidan i stället för Helsingforsautentisering. Alla invånare är påhittade.",
    "In the demo, this page stands in for Helsinki authentication. Every resident is made up.",
)
NEW = Localized("Uusi asukas", "En ny invånare", "A new resident")


@dataclass(frozen=True, slots=True)
class DemoIssuerRoutes:
    """Serves the demo's issuer.

    Parameters
    ----------
    issuer, clock
        What signs its tokens, and the time.
    transport
        Over what the end of a session is told; otherwise the network.
    """

    issuer: DemoIssuer
    clock: Callable[[], datetime]
    transport: httpx.AsyncBaseTransport | None = None
    _codes: Codes = field(default_factory=Codes)

    def routes(self) -> list[Route]:
        """Return its routes."""
        return [
            Route(f"{PATH}/.well-known/openid-configuration", self.discovery),
            Route(f"{PATH}/jwks", self.keys),
            Route(f"{PATH}/authorize", self.ask),
            Route(f"{PATH}/authorize", self.choose, methods=["POST"]),
            Route(f"{PATH}/token", self.exchange, methods=["POST"]),
            Route(f"{PATH}/logout", self.end, methods=["POST"]),
        ]

    async def discovery(self, _: Request) -> Response:
        """Answer the discovery document."""
        issuer = self.issuer.issuer
        return private_json(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "end_session_endpoint": f"{issuer}/logout",
                "backchannel_logout_supported": True,
                "backchannel_logout_session_supported": True,
                "jwks_uri": f"{issuer}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def keys(self, _: Request) -> Response:
        """Answer the public keys."""
        return private_json(self.issuer.public_keys.as_dict(private=False))

    async def ask(self, request: Request) -> Response:
        """Show who one can be."""
        asked = parse(request.scope["query_string"], LogIn)
        asked.check_redirect(self.issuer.issuer, str(request.base_url))
        fields = msgspec.structs.asdict(asked)
        hidden = [el("input", type="hidden", name=name, value=value) for name, value in fields.items()]
        people = [_button(str(persona.id), persona.name) for persona in self.personas()]
        question, about, new = (words.pick(asked.language) for words in (QUESTION, ABOUT, NEW))
        form = el("form", *hidden, *people, _button("", new), method="post", action=f"{PATH}/authorize")
        return page(question, el("h1", question), el("p", about), form, language=asked.language)

    async def choose(self, request: Request) -> Response:
        """Send the browser back with a code."""
        chosen = parse(await _form(request), Chosen)
        chosen.check_redirect(self.issuer.issuer, str(request.base_url))
        try:
            person = UUID(chosen.persona) if chosen.persona else uuid4()
        except ValueError as error:
            raise InvalidInput("Pick one of the residents of the page.", field="persona") from error
        code = self._codes.issue(chosen.code_challenge, person, self.clock())
        joint = "&" if urlsplit(chosen.redirect_uri).query else "?"
        back = chosen.redirect_uri + joint + urlencode({"code": code, "state": chosen.state})
        return RedirectResponse(back, 303, {"Cache-Control": "no-store"})

    async def exchange(self, request: Request) -> Response:
        """Give a token for a code, to whoever began the log-in."""
        now = self.clock()
        person, session = self._codes.redeem(parse(await _form(request), Exchange), now), new_session()
        access, identity = self.issuer.resident(person, now, session), self.issuer.identity(person, now, session)
        return private_json(Token(access, identity, int(LIFETIME.total_seconds())))

    async def end(self, request: Request) -> Response:
        """End a session, and tell the API so as any provider does: over the back channel.

        Raises
        ------
        Unavailable
            The API does not take it.
        """
        token = self.issuer.logout(parse(await _form(request), Farewell).id_token_hint, self.clock())
        server = self.issuer.issuer.removesuffix(PATH)
        try:
            async with httpx.AsyncClient(transport=self.transport, base_url=server, timeout=5) as back_channel:
                (await back_channel.post(BACK_CHANNEL, data={"logout_token": token})).raise_for_status()
        except httpx.HTTPError as error:
            raise Unavailable("The session could not be ended; repeat in a moment.") from error
        return private_json({})

    def personas(self) -> Sequence[Persona]:
        """Return the residents of the simulation that may be picked, if it has left any."""
        try:
            return msgspec.json.decode((self.issuer.home / "personas.json").read_bytes(), type=list[Persona])
        except (OSError, ValueError):
            return []


def _button(persona: str, words: str) -> Node:
    return el("p", el("button", words, name="persona", value=persona, type="submit"))


async def _form(request: Request) -> bytes:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > FORM_BYTES:
            raise InvalidInput("The form is too long.", field="form")
    return raw
