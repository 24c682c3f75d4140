"""The app for everybody: what axe finds, the keyboard alone, narrow screens, large targets, less motion."""

import pytest
from playwright.async_api import Browser, expect

from tests.integration.app.tab import LANGUAGES, App, opened, refuse, until

pytestmark = [pytest.mark.integration, pytest.mark.browser]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_nothing_signed_out(app: App, language: str) -> None:
    await app.open(f"/app?lang={language}")
    await app.page.click("#more-filters")
    assert await app.violations() == []
    await app.page.click(".offer__name a >> nth=0")
    await app.page.wait_for_selector(".detail__similar h3")
    assert await app.violations() == []
    await app.page.click("#detail .round")
    await app.page.click('[data-act="save"] >> nth=0')
    for view in ("saved", "choices"):
        await app.page.click(f'[data-view="{view}"]')
        await app.page.wait_for_selector(f"#{view} :is(article, .purpose)")
        assert await app.violations() == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_nothing_with_and_without_consent(app: App, language: str) -> None:
    await app.open(f"/app?lang={language}")
    await app.sign_in()
    assert await app.violations() == []
    for purpose in ("activity", "interests"):
        await app.allow(purpose)
    await app.page.click('[data-act="save"] >> nth=0')
    await app.wait("/sinulle|för dig|for you/.test(document.querySelector('#tips-heading').textContent)")
    assert await app.violations() == []
    await app.page.click('[data-view="choices"]')
    await app.page.wait_for_selector("#topics label")
    assert await app.violations() == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_nothing_in_the_empty_and_the_error_state(app: App, language: str) -> None:
    await app.open(f"/app?lang={language}&when=dates&from=2199-01-01&to=2199-01-02&kind=event")
    assert await app.names() == []
    await expect(app.page.locator("#tips-notice .chip")).to_have_count(2)
    assert await app.violations() == []
    await app.page.route("**/v1/offers/popular*", refuse)
    await app.open(f"/app?lang={language}")
    await app.page.wait_for_selector("#tips-notice [role=alert]")
    assert await app.violations() == []
    app.errors.clear()


async def test_everything_can_be_done_by_keyboard_alone(app: App) -> None:
    await app.open()
    keys = app.page.keyboard

    async def tab_to(selector: str, back: bool = False) -> None:
        for _ in range(120):
            await keys.press("Shift+Tab" if back else "Tab")
            if await app.page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"{selector} cannot be reached")

    await tab_to(".skip")
    await keys.press("Enter")
    await expect(app.page.locator("#tips-heading")).to_be_focused()
    await tab_to("#sign-in", back=True)
    await keys.press("Enter")
    await app.page.wait_for_selector('button[name="persona"]')
    await tab_to('button[name="persona"][value=""]')
    await keys.press("Enter")
    await app.page.wait_for_selector("#sign-out:not([hidden])")
    await app.settled()
    await tab_to(".ask button")
    await keys.press("Enter")
    await expect(app.page.locator("#tips-heading")).to_be_focused()
    await tab_to('[name="free"]')
    await keys.press("Space")
    await app.wait("location.search.includes('free=true')")
    await app.settled()
    await tab_to('#cards [data-act="save"]')
    await keys.press("Enter")
    await expect(app.page.locator(".stub button")).to_be_focused()
    await app.wait("/Lista muuttui/.test(document.querySelector('#status').textContent)")
    await tab_to('#cards [data-act="dismiss"]')
    await keys.press("Enter")
    await expect(app.page.locator(".stub button")).to_be_focused()
    await keys.press("Enter")
    await expect(app.page.locator(".stub")).to_have_count(0)
    await tab_to('#cards [data-act="dismiss"]')
    await keys.press("Enter")
    assert [event["type"] for event in app.sent] == ["save"]
    await keys.press("Tab")
    await until(lambda: [event["type"] for event in app.sent] == ["save", "dismiss"])
    await tab_to("#cards .offer__name a")
    await keys.press("Enter")
    await expect(app.page.locator("#detail-name")).to_be_focused()
    await keys.press("Escape")
    await expect(app.page.locator("#cards .offer__name a:focus")).to_have_count(1)


@pytest.mark.parametrize(
    ("width", "height", "languages"),
    [(320, 256, LANGUAGES), (360, 740, ("fi",)), (768, 1024, ("fi",)), (1440, 900, ("fi",))],
    ids=["a desktop at 400 %", "a phone", "a tablet", "a desktop"],
)
async def test_no_view_scrolls_sideways_and_all_targets_are_large(
    browser: Browser, base: str, width: int, height: int, languages: tuple[str, ...]
) -> None:
    async with opened(browser, base, viewport={"width": width, "height": height}) as app:
        for language in languages:
            await app.open(f"/app?lang={language}&when=dates&languages=fi")
            await app.page.click('[data-act="save"]:visible >> nth=0')
            for view in ("tips", "saved", "choices"):
                await app.page.click(f'[data-view="{view}"]')
                await app.page.wait_for_selector(f"#{view} :is(article, .purpose)")
                assert await app.overflow() <= 0, (language, view)
                assert await small_targets(app) == [], (language, view)
            await app.page.click('[data-view="tips"]')
            await app.page.click(".offer__name a >> nth=0")
            await app.page.wait_for_selector(".detail__similar h3")
            assert await app.overflow() <= 0, (language, "detail")


async def small_targets(app: App) -> list[str]:
    """What can be pressed and is less than 44 px high: a checkbox counts with its label."""
    return await app.page.evaluate(
        """() => [...document.querySelectorAll('a, button, select, input')].filter((element) => {
             if (!element.checkVisibility() || element.closest('.skip, .offer__name')) return false;
             const label = element.matches('[type=checkbox]') && (element.closest('label') ?? element.labels[0]);
             return (label || element).getBoundingClientRect().height < 44;
           }).map((element) => element.outerHTML.slice(0, 120))"""
    )


async def test_who_wants_less_motion_sees_none(browser: Browser, base: str) -> None:
    async with opened(browser, base, reduced_motion="reduce") as app:
        await app.open()
        await app.page.evaluate("void (Element.prototype.animate = () => { throw new Error('something moves') })")
        await app.page.click('[data-act="dismiss"] >> nth=0')
        await app.page.click(".stub button")
        assert await app.page.evaluate("document.getAnimations().length") == 0
        assert app.errors == []
