"""The mail channel against servers on real sockets that behave as servers do."""

import asyncio
from datetime import UTC, datetime

import pytest

from campaigns.channels import Accepted, Busy, Note, Refused
from campaigns.channels.breaker import Guarded
from campaigns.channels.mail import MailChannel
from campaigns.channels.pace import TokenBucket
from campaigns.channels.smtp import Server
from engine.errors import Misconfigured
from tests.smtp_server import SmtpServer, serving
from tests.unit.campaigns.test_mime import MAIL, Said

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def note(number: int) -> Note:
    return Note(f"{'b' * 24}{number:02}", f"r{number}@post.example", Said(), "https://x/stop", "library", "fi")


def channel(server: SmtpServer, timeout: float = 1.0, **how) -> MailChannel:
    return MailChannel(Server("127.0.0.1", server.port, timeout=timeout), MAIL, lambda: NOW, **how)


def saying(**by_stage):
    usual = {"mail": b"250 2.1.0 fine", "rcpt": b"250 2.1.5 fine", "data": b"354 go on", "end": b"250 2.0.0 taken"}
    return lambda stage, _to: {**usual, **by_stage}[stage]


@pytest.mark.parametrize("pipelining", [True, False])
async def test_every_mail_is_accepted_once_over_few_connections(pipelining):
    async with serving(SmtpServer(pipelining=pipelining)) as server:
        its = channel(server, connections=2)
        for first in (0, 20, 40):
            assert set(await its.deliver([note(n) for n in range(first, first + 20)])) == {Accepted()}
        assert sorted(mail.to for mail in server.accepted) == sorted(f"r{n}@post.example" for n in range(60))
        assert len({mail.id for mail in server.accepted}) == 60
        assert server.connections == 2
        await its.close()


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("stage", "answer", "outcome"),
    [
        ("rcpt", b"550 5.1.1 no such user", Refused("no_mailbox", for_good=True)),
        ("rcpt", b"550 no such user", Refused("no_mailbox", for_good=True)),
        ("rcpt", b"550 5.7.1 blocked", Refused("policy")),
        ("rcpt", b"552 5.2.2 full", Refused("mailbox_full")),
        ("rcpt", b"550 5.2.1 disabled", Refused("no_mailbox", for_good=True)),
        ("rcpt", b"451 4.7.1 greylisted, come again", Busy("greylisted", 300.0)),
        ("mail", b"452 4.3.1 later", Busy("busy", 60.0)),
        ("mail", b"553 5.7.1 not you", Refused("sender_refused")),
        ("end", b"554 5.6.0 spam", Refused("content_refused")),
        ("end", b"451 4.3.0 later", Busy("greylisted", 300.0)),
        ("data", b"554 5.5.1 no", Refused("content_refused")),
    ],
)
async def test_what_a_server_answers_is_told_by_its_class_and_costs_the_others_nothing(
    pipelining, stage, answer, outcome
):
    def says(at, to):
        return answer if at == stage and spoilt() else saying()(at, to)

    count = {"mail": 0}

    def spoilt() -> bool:
        return count["mail"] == 2

    def counted(at, to):
        count["mail"] += at == "mail"
        if at in ("rcpt", "data") and stage == "mail" and spoilt():
            return b"503 5.5.1 first MAIL"
        if at == "data" and stage == "rcpt" and spoilt():
            return b"554 5.5.1 no recipient"
        return says(at, to)

    async with serving(SmtpServer(counted, pipelining)) as server:
        its = channel(server, connections=1)
        assert await its.deliver([note(n) for n in range(4)]) == [Accepted(), outcome, Accepted(), Accepted()]
        assert [mail.to for mail in server.accepted] == ["r0@post.example", "r2@post.example", "r3@post.example"]
        await its.close()


@pytest.mark.parametrize("answer", [None, b""], ids=["closes", "hangs"])
async def test_before_the_final_dot_nothing_is_unknown(answer):
    async with serving(SmtpServer(saying(rcpt=answer))) as server:
        its = channel(server, timeout=0.2)
        assert {type(outcome) for outcome in await its.deliver([note(n) for n in range(4)])} == {Busy}
        assert server.accepted == []
        await its.close()


@pytest.mark.parametrize("answer", [None, b""], ids=["closes in mid-data", "hangs after the data"])
async def test_whose_answer_is_lost_is_unknown_and_never_sent_again_while_the_others_go_on(answer):
    ends = []

    def says(stage, to):
        if stage != "end":
            return saying()(stage, to)
        ends.append(to)
        return answer if len(ends) == 2 else b"250 taken"

    async with serving(SmtpServer(says)) as server:
        its = channel(server, timeout=0.2, connections=1)
        outcomes = await its.deliver([note(n) for n in range(5)])
        assert outcomes == [Accepted(), Refused("unknown"), *[Accepted()] * 3]
        assert ends == [f"r{n}@post.example" for n in range(5)]
        await its.close()


async def test_a_server_that_says_goodbye_between_two_mails_costs_nothing():
    ends = []

    def says(stage, to):
        ends.append(stage)
        return (
            b"421 4.3.2 going down"
            if ends.count("mail") == 3 and stage == "mail" and len(ends) < 12
            else saying()(stage, to)
        )

    async with serving(SmtpServer(says, pipelining=False)) as server:
        its = channel(server, connections=1)
        assert await its.deliver([note(n) for n in range(4)]) == [Accepted()] * 4
        assert (len(server.accepted), server.connections) == (4, 2)
        await its.close()


async def test_a_server_that_is_away_is_left_alone_after_some_failures():
    async with serving(SmtpServer()) as server:
        pass  # its port is free again
    its = Guarded("email", channel(server, connections=1), after=2, rest_seconds=1.0)
    for _ in range(2):
        assert (await its.deliver([note(1)]))[0].reason == "away"
    began = asyncio.get_running_loop().time()
    (busy,) = await its.deliver([note(1)])
    assert busy.reason == "away"
    assert 0 < busy.retry_after <= 1.0
    assert asyncio.get_running_loop().time() - began < 0.05
    async with serving(server):
        assert (await its.deliver([note(1)]))[0].reason == "away"
        await asyncio.sleep(1.1)
        assert await its.deliver([note(n) for n in range(4)]) == [Accepted()] * 4
        await its.close()


async def test_addresses_that_are_refused_do_not_open_the_circuit():
    async with serving(SmtpServer(saying(rcpt=b"550 5.1.1 nobody"))) as server:
        its = Guarded("email", channel(server, connections=1), after=2, rest_seconds=60.0)
        for _ in range(5):
            assert all(isinstance(each, Refused) for each in await its.deliver([note(n) for n in range(2)]))
        await its.close()


async def test_what_cannot_be_a_mail_is_refused_and_the_others_go_out():
    evil = Note("c" * 26, "r1@post.example", Said(subject="Hei\r\nBcc: x@y.example"), "https://x", "library", "fi")
    nobody = Note("d" * 26, "a@b>\r\nRCPT TO:<x@y.example", Said(), "https://x", "library", "fi")
    async with serving(SmtpServer()) as server:
        its = channel(server)
        assert await its.deliver([evil, nobody, note(1)]) == [
            Refused("unmailable"),
            Refused("unmailable", for_good=True),
            Accepted(),
        ]
        assert not any(b"x@y.example" in line for line in server.heard)
        await its.close()


async def test_starttls_is_insisted_on_where_it_is_set():
    async with serving(SmtpServer()) as server:
        its = MailChannel(Server("127.0.0.1", server.port, starttls=True, timeout=1), MAIL, lambda: NOW)
        assert (await its.deliver([note(1)]))[0].reason == "away"
        assert server.accepted == []


async def test_a_bucket_keeps_to_its_rate():
    seconds, slept = [0.0], []

    async def sleep(some: float) -> None:
        slept.append(some)
        seconds[0] += some

    bucket = TokenBucket(10, 10, lambda: seconds[0], sleep)
    for _ in range(5):
        await bucket.take(10)
    assert sum(slept) == pytest.approx(4.0)


@pytest.mark.parametrize(
    "url", ["", "mail.example", "http://mail.example", "smtp://", "smtp://host:none", "smtps://:25"]
)
def test_a_wrong_address_is_named_without_its_secret(url):
    with pytest.raises(Misconfigured, match="VINKKI_MAIL"):
        Server.read(url)


def test_an_address_says_how_it_is_spoken_to():
    assert Server.read("smtp+starttls://me:p%40ss@host") == Server("host", 587, starttls=True, user="me", secret="p@ss")
    assert Server.read("smtps://host").tls
    assert Server.read("smtp://host:2525").port == 2525
