"""Push messages over real HTTP, to a push service that decrypts them and checks who signed."""

from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from starlette.responses import Response

from campaigns.channels import Accepted, Busy, Note, Refused
from campaigns.channels.pace import seconds
from campaigns.channels.push import LARGEST, LASTS, PushChannel, payload
from campaigns.channels.vapid import Signer, make_key
from engine.errors import Misconfigured, StoreUnavailable
from tests.push_service import PushService, pushing
from tests.unit.campaigns.test_mime import Said

SIGNER = Signer(make_key(), "mailto:vinkki@example.org")
STOP = "https://vinkki.example/stop/abc"


def device(service, browser):
    return {"id": browser.encode().hex(), "subscription": service.subscription(browser)}


def note(service, *browsers, text="Kirjastossa tapahtuu.", subject="Uutta", name="a" * 26):
    to = msgspec.json.encode([device(service, browser) for browser in browsers]).decode()
    return Note(name, to, Said(subject, text, None), STOP, "library", "fi", "marketing_library_push")


@pytest.fixture
async def service():
    async with pushing(PushService(key=SIGNER.public)) as its:
        yield its


@pytest.fixture
def gone():
    return []


@pytest.fixture
async def channel(gone):
    async def drop(ids):
        gone.extend(bytes.fromhex(id_).decode() for id_ in ids)

    client = httpx.AsyncClient(timeout=5.0)
    its = PushChannel(client, SIGNER, drop, lambda: datetime.now(UTC), patience_seconds=0.5)
    yield its
    await its.close()


async def test_what_is_said_comes_to_every_browser_encrypted_and_signed(channel, service):
    text = f"Kirjastossa tapahtuu.\nMiksi: lupa\nLopeta nämä viestit: {STOP}"
    assert await channel.deliver([note(service, "one", "two", text=text)]) == [Accepted()]
    assert sorted(each.browser for each in service.heard) == ["one", "two"]
    said = service.heard[0].said
    assert said == {
        "id": "a" * 26,
        "title": "Uutta",
        "body": "Kirjastossa tapahtuu.\nMiksi: lupa",
        "language": "fi",
        "stop": STOP,
        "ends": "Lopeta nämä viestit",
    }
    headers = service.heard[0].headers
    assert headers["ttl"] == str(int(LASTS.total_seconds()))
    assert (headers["topic"], headers["urgency"], headers["content-encoding"]) == ("a" * 26, "normal", "aes128gcm")


async def test_the_same_message_again_has_the_same_topic(channel, service):
    its = note(service, "one")
    await channel.deliver([its])
    await channel.deliver([its])
    assert len({(each.headers["topic"], each.said["id"]) for each in service.heard}) == 1


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_is_gone_is_dropped_alone(channel, service, gone, status):
    service.answer = lambda browser: Response(status_code=status if browser == "old" else 201)
    assert await channel.deliver([note(service, "old", "new")]) == [Accepted()]
    assert gone == ["old"]
    assert await channel.deliver([note(service, "old")]) == [Refused("no_browser")]


async def test_though_it_cannot_be_dropped_now_the_others_get_theirs(service):
    async def away(_):
        raise StoreUnavailable

    service.answer = lambda browser: Response(status_code=410 if browser == "old" else 201)
    its = PushChannel(httpx.AsyncClient(), SIGNER, away, lambda: datetime.now(UTC))
    assert await its.deliver([note(service, "old", "new")]) == [Accepted()]
    await its.close()


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (429, {"Retry-After": "7"}, Busy("busy", 7.0)),
        (500, {}, Busy("busy", 60.0)),
        (503, {"Retry-After": "soon"}, Busy("busy", 60.0)),
        (401, {}, Busy("unauthorised", 600.0)),
        (403, {}, Refused("policy")),
        (413, {}, Refused("content_refused")),
        (307, {"Location": "http://127.0.0.1:1/"}, Refused("content_refused")),
    ],
)
async def test_what_a_push_service_answers_is_told_by_its_class(channel, service, status, headers, outcome):
    service.answer = lambda _: Response(status_code=status, headers=headers)
    assert await channel.deliver([note(service, "one")]) == [outcome]


async def test_a_service_that_hangs_is_left_in_time_and_one_browser_is_enough(channel, service):
    service.answer = lambda browser: None if browser == "hangs" else Response(status_code=201)
    assert await channel.deliver([note(service, "hangs", "fine"), note(service, "hangs")]) == [
        Accepted(),
        Refused("unknown"),
    ]


async def test_a_service_that_answers_without_end_is_not_read_to_its_end(channel, service):
    service.answer = lambda _: Response(b"x" * 10_000_000, status_code=201)
    assert await channel.deliver([note(service, "one")]) == [Accepted()]


async def test_a_browser_whose_key_is_none_is_dropped(channel, service, gone):
    its = device(service, "odd")
    its["subscription"]["keys"]["p256dh"] = "B" + "A" * 86
    odd = note(service, "one")
    odd = msgspec.structs.replace(odd, to=msgspec.json.encode([its]).decode())
    assert await channel.deliver([odd]) == [Refused("no_browser")]
    assert gone == ["odd"]


@pytest.mark.parametrize("letter", ["a", "ä", "漢", "👩", '"'])
async def test_a_long_text_is_cut_so_that_every_push_service_takes_it(channel, service, letter):
    its = note(service, "one", text=letter * 20_000)
    raw = payload(its)
    assert LARGEST - 100 < len(raw) <= LARGEST
    assert msgspec.json.decode(raw)["body"].endswith("…")
    assert await channel.deliver([its]) == [Accepted()]
    assert service.heard[0].size <= 4096


def test_a_message_without_a_subject_is_titled_by_its_sender():
    assert msgspec.json.decode(payload(Note("a", "[]", Said("", "Hei", None), STOP, "x", "sv")))["title"] == (
        "Helsingfors stad"
    )


def test_a_signature_is_made_once_for_a_service_and_hour():
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    first = SIGNER.headers("https://push.example/a", now)
    assert SIGNER.headers("https://push.example/b", now + timedelta(minutes=59)) is first
    assert SIGNER.headers("https://push.example/b", now + timedelta(minutes=61)) is not first
    assert SIGNER.headers("https://other.example/b", now) is not first


@pytest.mark.parametrize("pem", [b"", b"no key", make_key()[:60], b"-----BEGIN\nAAAA\n-----END\n"])
def test_what_is_no_key_is_refused_at_the_start(pem):
    with pytest.raises(Misconfigured, match="VINKKI_PUSH_KEY"):
        Signer(pem, "mailto:a@example.org")


def test_a_wait_may_be_told_as_a_date_and_is_never_longer_than_an_hour():
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert seconds("Thu, 26 Nov 2026 12:00:30 GMT", 60.0, now) == 30.0
    assert seconds("Fri, 27 Nov 2026 12:00:30 GMT", 60.0, now) == 3600.0
    assert seconds("Wed, 25 Nov 2026 12:00:30 GMT", 60.0, now) == 1.0
    assert seconds("99999999", 60.0, now) == 3600.0
