"""Service messages on real stores and a mail server on a real socket: sent once at most, whatever happens."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import msgspec
import pytest

from api.vault import Vault
from campaigns.campaign import Campaign
from campaigns.message import Rendered
from campaigns.quiet import QuietHours
from campaigns.records.deliveries import ABANDONED, DeliveryRecords
from campaigns.records.service_messages import KEPT, Asked, ServiceMessageRecords
from campaigns.service_messages import Content, ServiceSender
from tests.integration.campaigns.town import Town, town
from tests.smtp_server import SmtpServer, serving

VAULT = Vault([b"k" * 32], "service messages")
NOON = datetime(2026, 11, 26, 10, tzinfo=UTC)


@pytest.fixture
async def server():
    async with serving(SmtpServer()) as its:
        yield its


@pytest.fixture
async def place(addresses, server):
    async with town(addresses, mail=f"smtp://127.0.0.1:{server.port}", mail_timeout_seconds=1.0) as its:
        its.now = NOON
        await campaign(its, "running")
        yield its


async def campaign(place: Town, state: str) -> None:
    async with place.stores.database.begin() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO documents (kind, id, version, state, department, content, changed) "
            "VALUES ('campaign', 'c', 1, %s, 'd', '{}', now()) ON CONFLICT (kind, id) DO UPDATE SET state = %s",
            (state, state),
        )


class Words:
    """Says the data, in Finnish."""

    async def said(self, campaign, resident, language, channel, data):  # noqa: ARG002
        return "fi", Rendered("Paikka", data["course"])


class Stumbling(Words):
    """Cannot say one of them."""

    async def said(self, campaign, resident, language, channel, data):
        if data["course"] == "Kurssi 0":
            raise TypeError
        return await super().said(campaign, resident, language, channel, data)


class Book:
    async def of(self, permit, channel):  # noqa: ARG002
        return f"{permit.resident}@post.example"


def sender(place: Town, **changed) -> ServiceSender:
    """Return a worker's life of its own."""
    its, life = place.sending(), changed.pop("life", "one")
    draft = SimpleNamespace(channels=("email",), priority=changed.pop("priority", 5), topic="library")

    async def get(_: str) -> Campaign:
        return SimpleNamespace(id="c", draft=draft)

    return ServiceSender(
        messages=changed.pop("messages", ServiceMessageRecords(place.stores.database, life)),
        campaigns=SimpleNamespace(get=get),
        ledger=place.ledger,
        addresses=Book(),
        suppressions=its.suppressions,
        speech=changed.pop("speech", Words()),
        vault=VAULT,
        channels=its.channels,
        clock=place.clock,
        quiet=QuietHours(),
    )


async def asked(place: Town, number: int = 1, *purposes: str) -> list[str]:
    records = ServiceMessageRecords(place.stores.database)
    (who,) = await place.enrol(1, *purposes)
    for n in range(number):
        content = VAULT.seal(msgspec.json.encode(Content({"course": f"Kurssi {n}"})), f"m{n}")
        await records.add(Asked(f"m{n}", "courses", f"key {n}".encode(), b"body", "c", who, content), place.now)
    return [f"m{n}" for n in range(number)]


async def ends(place: Town) -> list[tuple]:
    return sorted(await place.rows("SELECT id, state, reason, content IS NULL FROM service_messages"))


async def test_two_workers_send_each_message_once(place, server):
    ids = await asked(place, 40)
    one, two = sender(place), sender(place, life="two")
    while sum(await asyncio.gather(one.take_up(place.now), two.take_up(place.now))):
        pass
    assert sorted(mail.id for mail in server.accepted) == sorted(f"<{id_}@localhost.localdomain>" for id_ in ids)
    assert {its[1:] for its in await ends(place)} == {("sent", None, True)}


async def test_a_message_that_cannot_be_said_keeps_no_other_waiting(place, server):
    first, second = await asked(place, 2)
    assert await sender(place, speech=Stumbling()).take_up(place.now) == 2
    assert await ends(place) == [(first, "failed", "unrenderable", True), (second, "sent", None, True)]
    assert len(server.accepted) == 1


async def test_what_a_killed_worker_had_handed_out_is_unknown_and_not_sent_again(place, server):
    (id_,) = await asked(place)
    await ServiceMessageRecords(place.stores.database, "dead").hand([id_], place.now)
    assert await sender(place).take_up(place.now) == 0
    place.now += ABANDONED + timedelta(seconds=1)
    await sender(place).take_up(place.now)
    assert await ends(place) == [(id_, "failed", "unknown", True)]
    assert server.accepted == []


async def test_a_server_that_puts_off_gets_the_same_message_later(place, server):
    (id_,) = await asked(place)
    server.says = lambda stage, _: {"rcpt": b"451 4.7.1 later", "data": b"354 go on"}.get(stage, b"250 fine")
    await sender(place).take_up(place.now)
    assert [its[:2] for its in await ends(place)] == [(id_, "deferred")]
    server.says = lambda stage, _: {"data": b"354 go on"}.get(stage, b"250 fine")
    assert await sender(place).take_up(place.now) == 0
    place.now += timedelta(hours=1)
    await sender(place).take_up(place.now)
    assert [mail.id for mail in server.accepted] == [f"<{id_}@localhost.localdomain>"]


async def test_a_mailbox_that_is_gone_is_written_to_no_more(place, server):
    await asked(place, 1, "marketing_library_email")
    server.says = lambda stage, _: {"rcpt": b"550 5.1.1 nobody", "data": b"354 go on"}.get(stage, b"250 fine")
    await sender(place).take_up(place.now)
    assert [its[1] for its in await ends(place)] == ["failed"]
    ((who,),) = await place.rows("SELECT resident FROM suppressions")
    content = VAULT.seal(msgspec.json.encode(Content({"course": "Toinen"})), "again")
    again = Asked("again", "courses", b"again", b"body", "c", who, content)
    await ServiceMessageRecords(place.stores.database).add(again, place.now)
    await sender(place).take_up(place.now)
    assert (await ends(place))[0][:3] == ("again", "skipped", "suppressed")


async def test_the_night_is_waited_out_unless_it_is_urgent(place, server):
    place.now = datetime(2026, 11, 26, 21, tzinfo=UTC)  # 23 o'clock in Helsinki
    (id_,) = await asked(place)
    await sender(place).take_up(place.now)
    assert await ends(place) == [(id_, "deferred", "quiet_hours", False)]
    place.now = datetime(2026, 11, 27, 6, tzinfo=UTC)
    await sender(place).take_up(place.now)
    assert len(server.accepted) == 1
    place.now = datetime(2026, 11, 27, 21, tzinfo=UTC)
    await ServiceMessageRecords(place.stores.database).sweep(place.now + KEPT + timedelta(days=3))
    assert await ends(place) == []
    await asked(place)
    await sender(place, priority=9).take_up(place.now)
    assert len(server.accepted) == 2


@pytest.mark.parametrize(
    ("state", "end"),
    [("paused", ("accepted", None)), ("cancelled", ("skipped", "cancelled")), ("finished", ("sent", None))],
)
async def test_a_pause_holds_a_cancellation_ends_and_what_was_accepted_before_the_end_is_sent(place, state, end):
    (id_,) = await asked(place)
    await campaign(place, state)
    await sender(place).take_up(place.now)
    assert [its[:3] for its in await ends(place)] == [(id_, *end)]


async def test_what_comes_back_is_told_of_it(place):
    (id_,) = await asked(place)
    await sender(place).take_up(place.now)
    records = DeliveryRecords(place.stores.database, "")
    told = await records.of_message(id_)
    assert (told.run, told.channel, told.purpose) == (f"service:{id_}", "email", "service")
    await records.returned(told.run, told.resident, "returned_5.1.1")
    assert await ends(place) == [(id_, "failed", "returned_5.1.1", True)]


async def test_a_worker_that_is_stopped_records_what_went_out(place):
    (id_,) = await asked(place)
    its = sender(place)
    deliver = its._channels["email"].deliver

    gone = asyncio.Event()

    async def slowly(notes):
        outcomes = await deliver(notes)
        gone.set()
        await asyncio.sleep(0.2)
        return outcomes

    its._channels = {"email": SimpleNamespace(deliver=slowly)}
    task = asyncio.create_task(its.take_up(place.now))
    await gone.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ends(place) == [(id_, "sent", None, True)]
