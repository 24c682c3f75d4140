"""The preference centre /viestit and the page behind a stop link, in a real browser."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import Browser, expect

from api.vault import Vault, keys
from campaigns.stop import StopLinks
from engine.language import Language
from engine.residents import new_pseudonym
from engine.settings import Settings
from tests.integration.app.tab import LANGUAGES, App, opened
from tests.integration.app.test_accessibility import small_targets
from tests.integration.app.test_my_power import tabbing
from tests.mailbox import DemoMail

pytestmark = [pytest.mark.integration, pytest.mark.browser]


async def arrive(app: App, language: str = "fi") -> None:
    """Sign in as somebody new on the page itself."""
    await app.page.goto(f"{app.base}/viestit?lang={language}")
    await app.page.click("#choices-notice button")
    await app.page.click('button[name="persona"][value=""]')
    await app.page.wait_for_selector("#address-email")
    await app.page.wait_for_selector("#messages-body .topic")


def link(home: Path, base: str, language: str) -> str:
    """Return a link such as stands in a message."""
    links = StopLinks(Vault(keys(Settings(home=home)), "stop links"), base)
    return links.link(new_pseudonym(), "library", "email", "c-1", datetime.now(UTC), Language(language))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_address_is_confirmed_by_keyboard_and_axe_finds_nothing(
    app: App, mail: DemoMail, language: str
) -> None:
    await app.page.goto(f"{app.base}/viestit?lang={language}")
    await expect(app.page.locator("#choices-notice button")).to_be_visible()
    assert await app.violations() == []
    await arrive(app, language)
    assert await app.violations() == []
    tab_to, keyboard, address = tabbing(app), app.page.keyboard, f"{uuid4().hex}@example.org"
    await tab_to("#give-email")
    await keyboard.type("nobody")
    await keyboard.press("Enter")
    await expect(app.page.locator("#give-email-error")).to_be_visible()
    await expect(app.page.locator("#give-email")).to_be_focused()
    assert await app.violations() == []
    app.errors.clear()
    await app.page.fill("#give-email", "")
    await keyboard.type(address)
    await keyboard.press("Enter")
    await expect(app.page.locator("#code-email")).to_be_focused()
    await keyboard.type("000000x")
    await keyboard.press("Enter")
    await expect(app.page.locator("#code-email-error")).to_be_visible()
    assert await app.violations() == []
    app.errors.clear()
    await app.page.fill("#code-email", "")
    await keyboard.type(mail.code(address))
    await keyboard.press("Enter")
    await expect(app.page.locator("#address-email-heading")).to_be_focused()
    await expect(app.page.locator("#address-email")).to_contain_text(address)
    await tab_to("#marketing_library_email")
    await keyboard.press("Space")
    await expect(app.page.locator("#messages-tally button")).to_be_visible()
    assert await app.violations() == []
    await app.page.click("#address-email button:has(.hds-icon--cross)")
    await expect(app.page.locator("#address-email")).not_to_contain_text(address)


@pytest.mark.parametrize(("width", "height"), [(320, 256), (390, 844), (1440, 900)])
async def test_the_pages_never_scroll_sideways_and_their_targets_are_large(
    browser: Browser, base: str, home: Path, width: int, height: int
) -> None:
    async with opened(browser, base, viewport={"width": width, "height": height}) as app:
        await arrive(app)
        await app.page.fill("#give-email", f"{'long' * 12}@{'example' * 6}.example.org")
        await app.page.click("#address-email [type=submit]")
        await app.page.wait_for_selector("#code-email")
        assert (await app.overflow(), await small_targets(app)) == (0, [])
        for language in LANGUAGES:
            await app.page.goto(link(home, base, language))
            assert (await app.overflow(), await small_targets(app)) == (0, []), language


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_stop_link_is_followed_pressed_and_confirmed_without_script(
    browser: Browser, base: str, home: Path, language: str
) -> None:
    address = link(home, base, language)
    async with opened(browser, base) as app:
        await app.page.goto(address)
        assert await app.page.get_attribute("html", "lang") == language
        assert await app.violations() == []
        assert app.errors == []
    async with opened(browser, base, java_script_enabled=False) as still:
        await still.page.goto(address)
        await still.page.keyboard.press("Tab")
        await still.page.click('button[value="topic"]')
        await expect(still.page.locator('[role="status"]')).to_be_visible()
        await still.page.click('button[value="all"]')
        await expect(still.page.locator('[role="status"]')).to_be_visible()
        await expect(still.page.locator("button")).to_have_count(0)


async def test_the_pages_after_a_stop_and_of_a_wrong_link_are_for_everybody(
    browser: Browser, base: str, home: Path
) -> None:
    async with opened(browser, base) as app:
        await app.page.goto(link(home, base, "en"))
        await app.page.click('button[value="topic"]')
        await app.page.wait_for_selector('[role="status"]')
        assert await app.violations() == []
        await app.page.goto(f"{base}/stop/forged")
        await expect(app.page.locator('[role="alert"]')).to_be_visible()
        assert await app.violations() == []


async def test_my_data_shows_the_address_and_leads_to_the_page(app: App, mail: DemoMail) -> None:
    await arrive(app, "en")
    address = f"{uuid4().hex}@example.org"
    await app.page.fill("#give-email", address)
    await app.page.click("#address-email [type=submit]")
    await app.page.fill("#code-email", "")
    await app.page.fill("#code-email", mail.code(address))
    await app.page.click("#address-email [type=submit] >> nth=0")
    await expect(app.page.locator("#address-email-heading")).to_be_focused()
    await app.page.goto(f"{app.base}/oma-data?lang=en")
    await expect(app.page.locator("#known-addresses")).to_contain_text(address)
    await app.page.click("#known-addresses a[href^='/viestit']")
    await expect(app.page.locator("#page-heading")).to_have_text("Messages")
