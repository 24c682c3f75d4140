"""The demo's mail server and its page: what arrived is seen, and what a mail brings along does nothing."""

import httpx
import pytest
from httpx import ASGITransport
from starlette.applications import Starlette

from api.embedded.mailbox import Mailbox
from api.routes.demo_mail import PATH, DemoMailRoutes
from campaigns.channels import Accepted
from campaigns.channels.mail import MailChannel
from campaigns.channels.smtp import Server
from tests.unit.campaigns.test_mime import MAIL, NOW, note


@pytest.fixture
def mailbox(tmp_path):
    its = Mailbox(tmp_path / "mail")
    its.start()
    yield its
    its.stop()


async def test_what_arrives_is_listed_and_shown_as_it_was_said(mailbox, tmp_path):
    its = MailChannel(Server.read(mailbox.address), MAIL, lambda: NOW)
    said = [note(subject=f"Uutta kirjastoissa {n}", html="<p>Hei <script>alert(1)</script></p>") for n in range(5)]
    assert await its.deliver(said) == [Accepted()] * 5
    await its.close()
    app = Starlette(routes=DemoMailRoutes(tmp_path / "mail").routes())
    async with httpx.AsyncClient(transport=ASGITransport(app=app), base_url="http://demo") as client:
        listed = await client.get(PATH)
        assert listed.text.count("Uutta kirjastoissa") == 5
        (name, *_) = sorted(path.name for path in (tmp_path / "mail").glob("*.eml"))
        shown = await client.get(f"{PATH}/{name}")
    for got in (listed, shown):
        assert got.headers["content-security-policy"].startswith("default-src 'none'")
        assert "<script>" not in got.text
    assert 'sandbox=""' in shown.text
    assert "List-Unsubscribe=One-Click" in shown.text
    assert "Tervetuloa." in shown.text


async def test_without_mail_the_page_says_so(tmp_path):
    app = Starlette(routes=DemoMailRoutes(tmp_path).routes())
    async with httpx.AsyncClient(transport=ASGITransport(app=app), base_url="http://demo") as client:
        assert "No mail has arrived yet." in (await client.get(PATH)).text
