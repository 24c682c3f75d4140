"""A whole small city: the real servers, one worker and one API process, started as their commands start them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from api.embedded import Addresses
from api.issuer import DemoIssuer, address
from api.wiring import Stores, connect, prepare
from engine.events import OfferChange
from engine.language import Localized
from engine.offers import Keyword, Kind, Offer, Place, encode
from engine.settings import Settings
from tests.factories import in_force
from tests.mailbox import MailBox, free_port
from tests.notification_service import TOKEN, NotificationService, notifying

_T = TypeVar("_T")
ROOT = Path(__file__).parents[2]
ADMINISTRATORS = "vinkki-administrators"
WEBHOOK_SECRET = "a secret of the city's, of length enough"
TOPICS = {"swim": "yso:p965", "jazz": "yso:p4484", "garden": "yso:p3266", "chess": "yso:p11556"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("integration")


async def until(ask: Callable[[], Awaitable[_T]], good: Callable[[_T], bool], seconds: float = 5) -> _T:
    """Ask again and again until the answer is good, and return it: what is waited for happens in other processes."""
    async with asyncio.timeout(seconds):
        while True:
            if good(answer := await ask()):
                return answer
            await asyncio.sleep(0.02)


@dataclass
class Resident:
    """Somebody who calls the API with a token of their own."""

    http: httpx.AsyncClient
    id: UUID
    token: str
    path: str = field(init=False)

    def __post_init__(self) -> None:
        self.path = f"/v1/residents/{self.id}"

    async def call(self, method: str, path: str, **how: Any) -> httpx.Response:
        """Call any address as this resident."""
        headers = {"Authorization": f"Bearer {self.token}", **how.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **how)

    async def decide(self, purpose: str, *, granted: bool = True) -> httpx.Response:
        """Allow a purpose, or withdraw."""
        return await self.call(
            "PUT", f"{self.path}/consents/{purpose}", json={"granted": granted, "notice": in_force(purpose)}
        )

    async def send(self, *events: Mapping[str, Any]) -> httpx.Response:
        """Send events."""
        return await self.call("POST", "/v1/interactions", json={"events": events})

    def event(self, offer: str, kind: str = "save", **changed: Any) -> dict[str, Any]:
        """Return an event of now."""
        now = datetime.now(UTC).isoformat()
        return {"id": str(uuid4()), "resident": str(self.id), "offer": offer, "type": kind, "time": now} | changed

    async def suggestions(self, **query: Any) -> dict[str, Any]:
        """Return the suggestions."""
        got = await self.call("GET", f"{self.path}/suggestions", params=query)
        assert got.status_code == 200, got.text
        return dict(got.json())

    async def basis_becomes(self, basis: str, seconds: float = 5) -> dict[str, Any]:
        """Wait until suggestions are made of `basis`, and return them."""
        return await until(self.suggestions, lambda told: told["basis"] == basis, seconds)


async def addressed(city: "City", *purposes: str) -> Resident:
    """Return somebody new who allows some purposes, and has confirmed the address `{id}@post.example`."""
    its = city.resident()
    for purpose in purposes:
        assert (await its.decide(purpose)).status_code == 200
    path, address = f"{its.path}/addresses/email", f"{its.id}@post.example"
    got = await its.call("PUT", path, json={"address": address, "language": "en"})
    assert got.status_code in (200, 201, 202), got.text
    got = await its.call("POST", f"{path}/confirm", json={"code": city.mail.code(address)})
    assert got.status_code < 300, got.text
    return its


def make_offer(topic: str, number: int, kind: Kind = Kind.COURSE, **more: Any) -> Offer:
    """Return an offer on a topic, some days ahead."""
    starts = datetime.now(UTC) + timedelta(days=2 + number)
    usual: dict[str, Any] = {
        "name": Localized(f"{topic} {number}", f"{topic} {number} på svenska", f"{topic} {number} in English"),
        "keywords": (Keyword(TOPICS[topic], Localized(topic, topic, topic)),),
        "place": Place(f"tprek:{number}", Localized(f"Paikka {number}"), lat=60.17 + number / 1000, lon=24.94),
        "starts": starts,
        "ends": starts + timedelta(hours=1),
        "languages": ("fi",),
        "free": number % 2 == 0,
        "description": Localized("Pitkä kuvaus."),
    }
    its = {"id": f"journey:{topic}-{number}"} | usual | more
    return Offer(source="journey", kind=kind, **its)


@dataclass
class City:
    """The API's address, and what stands behind it."""

    http: httpx.AsyncClient
    issuer: DemoIssuer
    stores: Stores
    settings: Settings
    mail: MailBox
    texts: NotificationService

    def resident(self) -> Resident:
        """Return somebody new."""
        person = uuid4()
        return Resident(self.http, person, self.issuer.resident(person, datetime.now(UTC)))

    offer = staticmethod(make_offer)
    until = staticmethod(until)

    async def write(self, *offers: Offer) -> None:
        """Write offers as a worker does."""
        now = datetime.now(UTC)
        changes = [OfferChange(offer.id, offer.source, now, msgspec.Raw(encode(offer))) for offer in offers]
        await self.stores.offers.write(changes, now)


@contextmanager
def command(*words: str, log: Path, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of ours until the block ends."""
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "api", *words], cwd=ROOT, env=env, stdout=out, stderr=out)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


async def is_ready(http: httpx.AsyncClient) -> bool:
    """Say whether the API answers, and is ready."""
    try:
        return (await http.get("/readiness")).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
async def city(addresses: Addresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    """A city with a few dozen offers, a worker and the API."""
    home, port = tmp_path_factory.mktemp("city"), free_port()
    given = {"kafka": addresses.kafka, "database": addresses.database, "redis": addresses.redis}
    settings = Settings(home=home, port=port, **given)
    env = {**os.environ, **{f"VINKKI_{name.upper()}": value for name, value in given.items()}}
    env["VINKKI_EXPLORATION_SHARE"] = "0"  # chance would have its part in every list that is compared
    env["VINKKI_ADMINISTRATORS"] = ADMINISTRATORS
    env |= {"VINKKI_QUIET_FROM": "0", "VINKKI_QUIET_UNTIL": "0"}  # tests are awake at night too
    env |= {"VINKKI_WEEKLY_SMS": "5", "VINKKI_SMS_RATE": "0"}
    env["VINKKI_WEBHOOK_SECRET"] = WEBHOOK_SECRET
    base = env["VINKKI_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    stores = connect(settings)
    await prepare(settings, stores, datetime.now(UTC))
    http = httpx.AsyncClient(base_url=base, timeout=20)
    mail, texts = MailBox(), NotificationService()
    here = City(http, DemoIssuer(home, address(base), settings.audience), stores, settings, mail, texts)
    kinds = list(Kind)
    await here.write(*(make_offer(topic, n, kinds[n % 3]) for topic in TOPICS for n in range(12)))
    async with notifying(texts):
        env |= {"VINKKI_SMS": texts.address, "VINKKI_SMS_TOKEN": TOKEN}
        with (
            mail.running() as env["VINKKI_MAIL"],
            command("work", "--home", str(home), log=home / "worker.log", env=env),
            command("serve", "--home", str(home), "--port", str(port), log=home / "api.log", env=env),
        ):
            await until(lambda: is_ready(http), bool, seconds=180)
            yield here
    await http.aclose()
    await stores.close()


@pytest.fixture
def resident(city: City) -> Resident:
    """Somebody new in the city."""
    return city.resident()
