"""Systems that are told of campaigns: in order, signed, and harming nothing where they fail."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
import standardwebhooks

from api.vault import Vault
from campaigns import webhooks
from campaigns.audit import Act, Detail
from campaigns.campaign import Campaign, CampaignKind, Draft, Move
from campaigns.campaign import new as new_campaign
from campaigns.message import Message
from campaigns.records.documents import DocumentRecords
from campaigns.records.webhooks import WebhookRecords
from campaigns.webhooks import Direction, Herald, Secrets, Webhook, WebhookDraft
from tests.integration.campaigns.town import Town, town


class System:
    """A system on a real socket, which answers as a test wants it to."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.answer: bytes | None = b"HTTP/1.1 204 No Content\r\n\r\n"
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = dict(line.split(": ", 1) for line in head.lower().split("\r\n")[1:] if ": " in line)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.heard.append(({**headers, "webhook-signature": _signature(head)}, body))
            if self.answer is None:
                await asyncio.sleep(60)
                return
            writer.write(self.answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @property
    def states(self) -> list[str]:
        return [json.loads(body)["data"]["state"] for _, body in self.heard]


def _signature(head: str) -> str:
    return next(line.split(": ", 1)[1] for line in head.split("\r\n") if line.lower().startswith("webhook-signature"))


@pytest.fixture
async def system():
    its = System()
    server = await asyncio.start_server(its.serve, "127.0.0.1", 0)
    its.port = server.sockets[0].getsockname()[1]
    async with server:
        yield its


@pytest.fixture
async def place(addresses):
    async with town(addresses) as its:
        yield its


@asynccontextmanager
async def herald(place: Town, *, public: bool = False, patience_seconds: float = 0.5):
    records = WebhookRecords(place.stores.database)
    keys = Secrets(records, Vault([b"k" * 32], "webhooks"))
    client = httpx.AsyncClient(follow_redirects=False, trust_env=False)
    its = Herald(records, keys, client, place.clock, public=public, patience_seconds=patience_seconds)
    yield its
    await its.close()


async def set_up(place: Town, name: str, url: str, **more) -> str:
    """Set up a webhook and return its secret."""
    draft = WebhookDraft(department="sport", direction=Direction.OUT, url=url, **more)
    records = DocumentRecords(place.stores.database, Webhook)
    await records.write(Webhook(id=name, version=1, draft=draft, changed=place.now), act(place, f"webhook:{name}"))
    return await Secrets(WebhookRecords(place.stores.database), Vault([b"k" * 32], "webhooks")).renew(name)


def act(place: Town, subject: str, what: str = "create", version: int = 1) -> Act:
    return Act(time=place.now, who="maija@example.fi", what=what, subject=subject, version=version, detail=Detail())


async def moved(place: Town, *moves: Move) -> Campaign:
    records = DocumentRecords(place.stores.database, Campaign)
    draft = Draft(
        name="Uinti", department="sport", kind=CampaignKind.ONE_OFF, topic="library", channels=("email",),
        message=Message(),
    )  # fmt: skip
    its = new_campaign(draft, "maija@example.fi", place.now)
    await records.write(its, act(place, f"campaign:{its.id}"))
    for move in moves:
        its = its.moved(move, "ville@example.fi", place.now)
        await records.write(its, act(place, f"campaign:{its.id}", move, its.version))
    return its


WALK = (Move.SUBMIT, Move.APPROVE, Move.SCHEDULE, Move.START, Move.PAUSE, Move.RESUME, Move.FINISH)


async def test_a_system_is_told_of_each_state_in_order_signed_and_once(place: Town, system: System):
    secret = await set_up(place, "courses", f"http://127.0.0.1:{system.port}/vinkki")
    await set_up(place, "other", f"http://127.0.0.1:{system.port}/x", events=("campaign.cancelled",))
    its = await moved(place, *WALK)
    async with herald(place) as one, herald(place) as two:
        while sum(await asyncio.gather(one.tell(), two.tell())):
            pass
    assert system.states == ["in_review", "approved", "scheduled", "running", "paused", "running", "finished"]
    for headers, body in system.heard:
        told = standardwebhooks.Webhook(secret).verify(body, headers)
        assert told["data"]["campaign"] == its.id
        assert b"example.fi" not in body
    assert len({headers["webhook-id"] for headers, _ in system.heard}) == len(WALK)
    standing = await WebhookRecords(place.stores.database).standing("courses")
    assert (standing.told, standing.waiting, standing.given_up) == (len(WALK), 0, 0)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "status_500"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "status_302"),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", "status_410"),
        (b"nonsense\r\n\r\n", "RemoteProtocolError"),
        (None, "TimeoutError"),
    ],
)
async def test_a_system_that_fails_for_an_hour_is_tried_ever_more_seldom_and_hears_the_same_again(
    place: Town, system: System, answer, reason
):
    await set_up(place, "courses", f"http://127.0.0.1:{system.port}/vinkki")
    await moved(place, Move.SUBMIT, Move.CANCEL)
    system.answer = answer
    tries = 0
    async with herald(place) as its:
        for _ in range(12):
            tries += await its.tell()
            place.now += timedelta(minutes=5)
        assert 6 <= tries <= 12
        assert system.states == ["in_review"] * tries
        assert (await WebhookRecords(place.stores.database).standing("courses")).reason == reason
        system.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        place.now += timedelta(hours=1)
        while await its.tell():
            pass
    assert system.states[tries:] == ["in_review", "cancelled"]
    assert len({headers["webhook-id"] for headers, _ in system.heard}) == 2


async def test_an_answer_of_ten_megabytes_is_not_read(place: Town, system: System):
    await set_up(place, "courses", f"http://127.0.0.1:{system.port}/vinkki")
    await moved(place, Move.SUBMIT)
    system.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 10_000_000
    async with herald(place) as its:
        assert await its.tell() == 1
        assert await its.tell() == 0
    assert (await WebhookRecords(place.stores.database).standing("courses")).told == 1


async def test_after_a_day_it_is_given_up_and_told_so(place: Town, system: System):
    await set_up(place, "courses", f"http://127.0.0.1:{system.port}/vinkki")
    await moved(place, Move.SUBMIT)
    system.answer = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
    async with herald(place) as its:
        for _ in range(30):
            await its.tell()
            place.now += timedelta(hours=1)
    standing = await WebhookRecords(place.stores.database).standing("courses")
    assert (standing.told, standing.waiting, standing.given_up) == (0, 0, 1)


async def test_in_production_nothing_inside_is_told(place: Town, system: System):
    for name, url in {
        "plain": f"http://127.0.0.1:{system.port}/",
        "inside": f"https://127.0.0.1:{system.port}/",
    }.items():
        await set_up(place, name, url)
    await moved(place, Move.SUBMIT)
    async with herald(place, public=True) as its:
        assert await its.tell() == 2
    assert system.heard == []
    standing = await WebhookRecords(place.stores.database).standing("inside")
    assert (standing.waiting, standing.reason) == (1, "address_refused")


async def test_what_is_off_hears_nothing_and_waits_for_nothing(place: Town, system: System):
    await set_up(place, "off", f"http://127.0.0.1:{system.port}/", enabled=False)
    await set_up(place, "gone", f"http://127.0.0.1:{system.port}/")
    await moved(place, Move.SUBMIT)
    await WebhookRecords(place.stores.database).put_secret("gone", None)
    async with herald(place) as its:
        assert await its.tell() == 0
    assert system.heard == []


@pytest.mark.parametrize(
    ("found", "open_"),
    [
        (["93.184.216.34"], True),
        (["10.0.0.1"], False),
        (["93.184.216.34", "127.0.0.1"], False),
        (["169.254.169.254"], False),
        (["::1"], False),
        (["fd00::1"], False),
        ([], False),
    ],
)
async def test_only_addresses_of_the_open_internet_are_open(found, open_):
    async def resolve(_):
        return found

    assert await webhooks._open("https://system.hel.fi/x", resolve) is open_
