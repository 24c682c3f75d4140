"""Mails in a real Chromium: what axe finds, by light and in the dark, on narrow and wide screens."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from campaigns.cards import Card
from campaigns.message import Form, Message, Picks, Text
from campaigns.sample import offers

pytestmark = [pytest.mark.integration, pytest.mark.browser]
BODY = """<h2>Uinti</h2><p>Kurssit alkavat. <a href="https://www.hel.fi/uinti">Kaikki uimakurssit</a></p>
<h3>Kenelle</h3><ul><li>Kaikille</li></ul><blockquote>Tervetuloa</blockquote><ol><li>Yksi</li></ol><hr>
<p><em>Pian</em> ja <strong>lähellä</strong></p>{{ offers }}{{ picks }}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("language", "width"), [("fi", 320), ("sv", 700), ("ar", 320)])
async def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    browser: Browser, scheme: str, language: str, width: int
) -> None:
    text = Text(subject="Talven uimakurssit", preheader="Nyt", body=BODY)
    form = Form.of(Message(texts={language: text}, picks=Picks()), language, "email", offers(2))
    picks = [Card.of(offer, language, "Lähellä sinua") for offer in offers(3)]
    rendered = form.fill(stop="https://example.org/stop", why="Olet tilannut uimakurssien viestit", picks=picks)
    page = await browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})  # type: ignore[arg-type]
    try:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.set_content(rendered.html or "")
        found = await Axe().run(page)
        assert [one["id"] for one in found.response["violations"]] == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        dark = await page.evaluate("getComputedStyle(document.querySelector('.vk-sheet')).backgroundColor")
        assert dark == ("rgb(30, 30, 30)" if scheme == "dark" else "rgb(255, 255, 255)")
        assert asked == []
    finally:
        await page.close()
