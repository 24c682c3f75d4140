"""What every channel promises, held by all of them: mail, text messages and the inbox."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest

from campaigns.channels import Accepted, Busy, Channel, Note, Refused
from campaigns.channels.inbox import InboxChannel
from campaigns.channels.mail import MailChannel
from campaigns.channels.sms import SmsChannel
from campaigns.channels.smtp import Server
from engine.errors import StoreUnavailable
from tests.smtp_server import SmtpServer, serving
from tests.unit.campaigns.test_mime import MAIL, Said

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def note(number: int, to: str) -> Note:
    return Note(f"{'e' * 24}{number:02}", to, Said(f"Hei {number}"), "https://x/stop", "library", "fi", "marketing_x")


@dataclass
class Bench:
    """A channel, and the far side of it: what arrived there, and how it is made to be away, to refuse or to lose."""

    channel: Channel
    address: Callable[[int], str]
    arrived: Callable[[], list[str]]
    away: Callable[[], None]
    loses: Callable[[], None] = lambda: None

    def notes(self, number: int) -> list[Note]:
        return [note(n, self.address(n)) for n in range(number)]


@asynccontextmanager
async def mail() -> AsyncIterator[Bench]:
    server = SmtpServer()
    usual = server.says
    async with serving(server):
        its = MailChannel(Server("127.0.0.1", server.port, timeout=0.3), MAIL, lambda: NOW)
        yield Bench(
            its,
            lambda n: f"r{n}@post.example",
            lambda: [str(each.mail["Subject"]) for each in server.accepted],
            lambda: setattr(server, "says", lambda _stage, _to: b"421 4.3.2 closed"),
            lambda: setattr(server, "says", lambda at, to: None if at == "end" else usual(at, to)),
        )


@asynccontextmanager
async def sms() -> AsyncIterator[Bench]:
    heard, mode = [], ["fine"]

    async def serve(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        if mode[0] == "away":
            raise httpx.ConnectError("nobody")
        body = json.loads(request.content)
        assert request.url == "https://sms.example/v1/message/send"
        assert request.headers["Authorization"] == "Token secret"
        assert body["to"][0]["format"] == "MOBILE"
        if mode[0] == "lost":
            raise httpx.ReadTimeout("no answer")
        heard.append(body["to"][0]["destination"])
        return httpx.Response(201, json={"id": len(heard)})

    client = httpx.AsyncClient(base_url="https://sms.example/v1/", transport=httpx.MockTransport(serve))
    yield Bench(
        SmsChannel(client, "secret", "Hel.fi"),
        lambda n: f"+3584012345{n:02}",
        lambda: [f"Hei {int(number[-2:])}" for number in heard],
        lambda: mode.__setitem__(0, "away"),
        lambda: mode.__setitem__(0, "lost"),
    )


@asynccontextmanager
async def inbox() -> AsyncIterator[Bench]:
    class Boxes:
        def __init__(self) -> None:
            self.items, self.away = {}, False

        async def put(self, items, _):
            if self.away:
                raise StoreUnavailable
            self.items |= {item.id: item for item in items}
            return {item.id for item in items}

    boxes = Boxes()
    yield Bench(
        InboxChannel(boxes, lambda: NOW),
        lambda n: f"resident{n}",
        lambda: [item.content.subject for item in boxes.items.values()],
        lambda: setattr(boxes, "away", True),
    )


@pytest.fixture(params=[mail, sms, inbox], ids=lambda make: make.__name__)
async def bench(request) -> AsyncIterator[Bench]:
    async with request.param() as its:
        yield its
        await its.channel.close()


async def test_each_note_arrives_once_and_has_its_outcome_in_order(bench):
    outcomes = await bench.channel.deliver(bench.notes(30))
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 30
    assert sorted(bench.arrived()) == sorted(f"Hei {n}" for n in range(30))


async def test_nothing_is_nothing(bench):
    assert list(await bench.channel.deliver([])) == []


async def test_what_certainly_did_not_go_out_is_busy_with_a_time(bench):
    bench.away()
    for outcome in await bench.channel.deliver(bench.notes(4)):
        assert isinstance(outcome, Busy)
        assert outcome.retry_after > 0
    assert bench.arrived() == []


@pytest.mark.parametrize("remote", [mail, sms], ids=lambda make: make.__name__)
async def test_what_may_have_gone_out_is_never_busy(remote):
    # Of the inbox nothing may: its answer comes with the transaction.
    async with remote() as bench:
        bench.loses()
        outcomes = await bench.channel.deliver(bench.notes(2))
        await bench.channel.close()
    assert outcomes == [Refused("unknown")] * 2


async def test_it_returns_though_many_ask_at_once(bench):
    several = await asyncio.gather(*(bench.channel.deliver([each]) for each in bench.notes(20)))
    assert [type(outcome) for (outcome,) in several] == [Accepted] * 20
    assert len(bench.arrived()) == 20


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (400, {}, Refused("content_refused")),
        (401, {}, Busy("unauthorised", 600.0)),
        (404, {}, Busy("unauthorised", 600.0)),
        (429, {"Retry-After": "7"}, Busy("busy", 7.0)),
        (503, {}, Busy("busy", 60.0)),
        (500, {}, Refused("unknown")),
    ],
)
async def test_what_the_notification_service_answers_is_told_by_its_class(status, headers, outcome):
    transport = httpx.MockTransport(lambda _: httpx.Response(status, headers=headers, json={"error": "x"}))
    its = SmsChannel(httpx.AsyncClient(base_url="https://sms.example/", transport=transport), "secret", "Hel.fi")
    assert await its.deliver([note(1, "+358401234567")]) == [outcome]
    await its.close()


async def test_the_reference_of_a_text_message_is_kept():
    transport = httpx.MockTransport(lambda _: httpx.Response(201, json={"id": 42}))
    its = SmsChannel(httpx.AsyncClient(base_url="https://sms.example/", transport=transport), "secret", "Hel.fi")
    assert await its.deliver([note(1, "+358401234567")]) == [Accepted("42")]
    await its.close()
