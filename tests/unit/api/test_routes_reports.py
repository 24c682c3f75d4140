"""Reports on messages are taken in when they are signed, and nothing else is."""

import pytest

from api.routes.reports import HEADER, sign
from campaigns.records.deliveries import Told
from tests.unit.api.conftest import WEBHOOK_SECRET
from tests.unit.campaigns.test_bounces import ID, dsn

TOLD = Told("run", "somebody", "email", "marketing_library_email")


async def send(door, path, raw, content="application/json", secret=WEBHOOK_SECRET, late=0):
    second = int(door.memory.now.timestamp()) - late
    headers = {"Content-Type": content, HEADER: f"t={second},v1={sign(raw, second, secret)}"}
    return await door.client.post(path, content=raw, headers=headers)


@pytest.fixture
def box(door):
    door.memory.box.told |= {ID: TOLD, ("sms", "17"): Told("run", "somebody", "sms", "marketing_library_sms")}
    return door.memory.box


async def test_a_mail_that_came_back_ends_messages_to_that_address(door, box):
    got = await send(door, "/v1/webhooks/mail", dsn("5.1.1"), "message/rfc822")
    assert got.status_code == 204
    assert box.returns == [("run", "somebody", "returned_5.1.1")]
    assert box.suppressed == {("email", "somebody"): ("aino@post.example", "gone")}


async def test_an_event_does_the_same(door, box):
    raw = b'{"message":"%s","kind":"complaint","address":"aino@post.example"}' % ID.encode()
    assert (await send(door, "/v1/webhooks/mail", raw)).status_code == 204
    assert box.suppressed == {("email", "somebody"): ("aino@post.example", "complaint")}
    assert box.returns == []


@pytest.mark.parametrize("kind", ["delayed", "failed"])
async def test_what_may_pass_suppresses_nothing(door, box, kind):
    raw = b'{"message":"%s","kind":"%s","address":"aino@post.example"}' % (ID.encode(), kind.encode())
    assert (await send(door, "/v1/webhooks/mail", raw)).status_code == 204
    assert box.suppressed == {}
    assert len(box.returns) == (kind == "failed")


async def test_of_a_mail_that_was_forgotten_nothing_is_noted(door):
    assert (await send(door, "/v1/webhooks/mail", dsn("5.1.1"), "message/rfc822")).status_code == 204
    assert door.memory.box.suppressed == {}


async def test_a_text_message_that_failed_is_noted(door, box):
    for status, noted in (("PENDING", 0), ("DELIVERED", 0), ("FAILED", 1)):
        raw = b'{"sender":"Hel.fi","status":"%s","smscount":"1"}' % status.encode()
        assert (await send(door, "/v1/webhooks/sms/17", raw)).status_code == 204
        assert len(box.returns) == noted


@pytest.mark.parametrize(
    "how",
    [{"secret": "another secret that is long enough"}, {"late": 301}, {"late": -301}],
    ids=["forged", "old", "early"],
)
async def test_what_is_not_signed_now_is_refused(door, box, how):
    got = await send(door, "/v1/webhooks/mail", dsn("5.1.1"), "message/rfc822", **how)
    assert got.status_code == 401
    assert box.suppressed == {}


@pytest.mark.parametrize("header", ["", "t=1", "v1=0", "t=x,v1=y", "t=1,v1=" + "0" * 63])
async def test_without_a_signature_nothing_is_read(door, header):
    got = await door.client.post("/v1/webhooks/mail", content=b"{}", headers={HEADER: header})
    assert got.status_code == 401


@pytest.mark.parametrize(
    ("raw", "content", "status"),
    [
        (b"{", "application/json", 400),
        (b"{}", "application/json", 422),
        (b'{"message":"x","kind":"gone"}', "application/json", 422),
        (b"<x/>", "text/xml", 415),
        (b"x" * 70_000, "application/json", 413),
        (b"not a report", "message/rfc822", 204),
        (b"\xff" * 100, "message/rfc822", 204),
    ],
)
async def test_what_cannot_be_read_is_a_problem_and_what_is_no_report_is_passed_over(door, raw, content, status):
    got = await send(door, "/v1/webhooks/mail", raw, content)
    assert got.status_code == status
