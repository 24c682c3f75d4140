"""A push service on a real socket (RFC 8030): it checks who signed, decrypts what came, and answers as a test wants."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.serving import serving

Answer = Callable[[str], Response | None]
"""Takes the name of a browser; None to never answer."""


@dataclass
class Heard:
    """A message as its browser would get it."""

    browser: str
    headers: dict[str, str]
    said: dict[str, str]
    size: int


@dataclass
class PushService:
    """The service, and its browsers' own keys."""

    answer: Answer = lambda _: Response(status_code=201)
    heard: list[Heard] = field(default_factory=list)
    asked: int = 0
    key: str | None = None
    base: str = ""
    _keys: dict[str, tuple[ec.EllipticCurvePrivateKey, bytes]] = field(default_factory=dict)

    def subscription(self, browser: str = "one") -> dict[str, object]:
        """Return what a browser's `subscribe` would."""
        private, auth = self._keys.setdefault(browser, (ec.generate_private_key(ec.SECP256R1()), b"a" * 16))
        point = private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return {
            "endpoint": f"{self.base}/push/{browser}",
            "keys": {"p256dh": _plain(point), "auth": _plain(auth)},
        }

    async def take(self, request: Request) -> Response:
        """Take a message for a browser."""
        self.asked += 1
        browser, body = request.path_params["browser"], await request.body()
        self._check_signature(request.headers["authorization"])
        if (answer := self.answer(browser)) is None:
            await asyncio.sleep(3600)
            raise AssertionError
        if answer.status_code == 201:
            private, auth = self._keys[browser]
            raw = http_ece.decrypt(body, private_key=private, auth_secret=auth, version="aes128gcm")
            self.heard.append(Heard(browser, dict(request.headers), json.loads(raw), len(body)))
        return answer

    def _check_signature(self, given: str) -> None:
        scheme, _, rest = given.partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        assert (scheme, set(parts)) == ("vapid", {"t", "k"})
        assert self.key in (None, parts["k"])
        point = base64.urlsafe_b64decode(parts["k"] + "=" * (-len(parts["k"]) % 4))
        assert (len(point), point[0]) == (65, 4)
        key = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": _plain(point[1:33]), "y": _plain(point[33:])})
        claims = jwt.decode(parts["t"], key, algorithms=["ES256"]).claims
        assert claims["aud"] == self.base
        assert claims["sub"].startswith("mailto:")
        assert claims["exp"] <= (datetime.now(UTC) + timedelta(hours=24)).timestamp()


@asynccontextmanager
async def pushing(service: PushService) -> AsyncIterator[PushService]:
    """Run the service."""
    app = Starlette(routes=[Route("/push/{browser}", service.take, methods=["POST"])])
    async with serving(app) as base:
        service.base = base
        yield service


def _plain(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
