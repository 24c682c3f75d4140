"""The page /oma-data, as far as it is of use to who is not signed in, and the mode without a profile in the app."""

import pytest
from playwright.async_api import Browser, expect

from tests.integration.app.tab import LANGUAGES, App, opened
from tests.integration.app.test_accessibility import small_targets

pytestmark = [pytest.mark.integration, pytest.mark.browser]


async def arrive(app: App, language: str = "fi") -> None:
    """Open the page and wait until it has shown what the city asks leave for."""
    await app.page.goto(f"{app.base}/oma-data?lang={language}")
    await app.page.wait_for_selector("#purposes .purpose")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_nothing_on_my_data_signed_out(app: App, language: str) -> None:
    await arrive(app, language)
    await app.page.click("#purpose-activity summary")
    assert await app.violations() == []


@pytest.mark.parametrize(("width", "height"), [(320, 256), (360, 740), (768, 1024), (1440, 900)])
async def test_my_data_never_scrolls_sideways_and_its_targets_are_large(
    browser: Browser, base: str, width: int, height: int
) -> None:
    async with opened(browser, base, viewport={"width": width, "height": height}) as app:
        for language in LANGUAGES:
            await arrive(app, language)
            assert await app.overflow() <= 0, language
            assert await small_targets(app) == [], language


async def test_who_is_not_signed_in_reads_what_may_be_asked_and_finds_the_way_in(app: App) -> None:
    await arrive(app)
    await expect(app.page.locator("#choices-notice button")).to_be_visible()
    for part in ("known", "reasons", "messages", "download", "erase"):
        await expect(app.page.locator(f"#{part}")).to_be_hidden()
        await expect(app.page.locator(f'[data-entry="{part}"]')).to_be_hidden()


async def test_app_and_my_data_lead_to_each_other(app: App) -> None:
    await app.open("/app?lang=sv")
    await app.page.click('[data-page="data"]')
    await expect(app.page.locator("#data-heading")).to_have_text("Mina uppgifter")
    await app.page.click('[data-view="choices"]')
    await expect(app.page.locator("#choices-heading")).to_be_visible()
    await app.page.click("#choices a[href^='/oma-data']")
    await expect(app.page.locator("#data-heading")).to_have_text("Mina uppgifter")


async def test_a_link_of_the_contents_leads_the_focus_to_its_part(app: App) -> None:
    await arrive(app)
    await app.page.focus('[data-entry="allowed"] a')
    await app.page.keyboard.press("Enter")
    await expect(app.page.locator("#allowed-heading")).to_be_focused()


async def test_the_mode_without_a_profile_is_remembered_in_this_browser_alone(app: App) -> None:
    await arrive(app, "en")
    await app.page.focus("#mode")
    await app.page.keyboard.press("Space")
    await expect(app.page.locator("#status")).to_have_text("Suggestions are now chosen without a profile.")
    await app.page.reload()
    await expect(app.page.get_by_role("switch", name="Without a profile")).to_be_checked()
    assert await app.page.evaluate("[localStorage.length, document.cookie]") == [1, ""]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_notices_of_messages_are_said_in_parts_and_no_word_is_lost(app: App, language: str) -> None:
    await arrive(app, language)
    found = await app.page.evaluate(
        """async () => {
             const { shared } = await import('/app/static/js/wording.js');
             const { items } = await (await fetch('/v1/purposes')).json();
             const lang = document.documentElement.lang;
             return [...new Set(items.map(({ topic }) => topic))].filter(Boolean).map((topic) => {
               const notices = items.filter((one) => one.topic === topic).map(({ notice }) => notice);
               const spoken = (words) => ({ text: words[lang], code: lang });
               const words = notices.map(({ title, text }) => ({ title: spoken(title), text: spoken(text) }));
               const { title, text, channels, ending } = shared(words);
               return notices.map((notice, n) => [`${title}: ${channels[n].name}` === notice.title[lang],
                 `${text} ${channels[n].text} ${ending}` === notice.text[lang], Boolean(text && channels[n].text)]);
             });
           }"""
    )
    assert [len(topic) for topic in found] == [4] * 7
    assert {tuple(one) for topic in found for one in topic} == {(True, True, True)}
