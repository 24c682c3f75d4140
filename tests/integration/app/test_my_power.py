"""The page /oma-data signed in, on the real house: what is known is seen, removed, stopped, downloaded and erased."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Request, expect

from tests.integration.app.tab import LANGUAGES, App, opened, refuse, until
from tests.integration.app.test_accessibility import small_targets

pytestmark = [pytest.mark.integration, pytest.mark.browser]
LOOKS = 40
"""How often to look whether an act has been learned from."""


async def known(app: App, language: str = "fi", acts: int = 2) -> None:
    """Sign in as a new resident, allow learning, save some offers, and see them on the page."""
    await app.open(f"/app?lang={language}")
    await app.sign_in()
    await app.allow("activity")
    for _ in range(acts):
        await app.page.click('#cards [data-act="save"]:visible >> nth=0')
    # What waits is sent again with the same id, so two quick acts may go in three.
    await until(lambda: len({event["id"] for event in app.sent}) == acts)
    for _ in range(LOOKS):
        await app.page.goto(f"{app.base}/oma-data?lang={language}")
        await app.page.wait_for_selector("#known-activity")
        if await app.page.locator("#known-activity .row").count() >= acts:
            return
        await app.page.wait_for_timeout(250)
    raise AssertionError("what was saved is not shown")


def tabbing(app: App) -> Callable[[str], Awaitable[None]]:
    """Return what presses Tab until something is in focus."""

    async def tab_to(selector: str) -> None:
        for _ in range(200):
            await app.page.keyboard.press("Tab")
            if await app.page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"{selector} cannot be reached")

    return tab_to


@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_nothing_on_my_data_signed_in(app: App, language: str) -> None:
    await known(app, language)
    await app.page.wait_for_selector("#why-list h4")
    await app.page.click("#purpose-activity summary")
    await app.page.check("#marketing_library_email", force=True)
    await app.wait("document.querySelectorAll('#messages-past details .row').length === 1")
    assert await app.violations() == []
    await app.page.click("#pause button")
    await app.page.wait_for_selector("#pause.control--on")
    await app.page.click("#erase-open")
    await app.page.click('#erase-form [type="submit"]')
    await expect(app.page.locator("#erase-error")).to_be_visible()
    assert await app.violations() == []


@pytest.mark.parametrize(("width", "height"), [(320, 256), (360, 740), (768, 1024), (1440, 900)])
async def test_my_data_signed_in_never_scrolls_sideways_and_its_targets_are_large(
    browser: Browser, base: str, width: int, height: int
) -> None:
    async with opened(browser, base, viewport={"width": width, "height": height}) as app:
        await known(app)
        await app.page.click("#purpose-activity summary")
        for language in LANGUAGES:
            await app.page.goto(f"{base}/oma-data?lang={language}")
            await app.page.wait_for_selector("#known-activity .row")
            assert await app.overflow() <= 0, language
            assert await small_targets(app) == [], language


async def test_all_power_is_in_reach_of_the_keyboard_alone(app: App) -> None:
    await known(app)
    keys, tab_to = app.page.keyboard, tabbing(app)

    await tab_to("#pause button")
    await keys.press("Enter")
    await expect(app.page.locator("#pause")).to_contain_text("Kaikki on tauolla")
    await expect(app.page.locator("#status")).to_have_text("Kaikki on nyt tauolla.")
    await expect(app.page.locator("#pause button")).to_be_focused()
    await keys.press("Enter")
    await expect(app.page.locator("#pause")).to_contain_text("Pidä tauko")

    await tab_to("#known-activity .remove")
    await keys.press("Enter")
    await expect(app.page.locator("#known-activity .row")).to_have_count(1)
    await expect(app.page.locator("#known-activity .remove")).to_be_focused()
    await keys.press("Enter")
    await expect(app.page.locator("#known-activity .row")).to_have_count(0)
    await expect(app.page.locator("#known-activity-heading")).to_be_focused()

    await tab_to("#purpose-activity button")
    await keys.press("Enter")
    await expect(app.page.locator("#purpose-activity")).to_contain_text("Lupa peruttu")
    await expect(app.page.locator("#purpose-activity button >> nth=0")).to_be_focused()

    await tab_to("#reason-topic")
    await keys.press("Space")
    await expect(app.page.locator("#status")).to_contain_text("Syytä ei enää käytetä")
    await expect(app.page.locator("#reason-topic")).not_to_be_checked()

    await tab_to("#erase-open")
    await keys.press("Enter")
    await expect(app.page.locator("#erase-question")).to_be_focused()
    await keys.press("Escape")
    await expect(app.page.locator("#erase-open")).to_be_focused()
    await keys.press("Enter")
    await tab_to('#erase-form [type="submit"]')
    await keys.press("Enter")
    await expect(app.page.locator("#erase-sure")).to_be_focused()
    await expect(app.page.locator("#erase-error")).to_be_visible()
    await keys.press("Space")
    await tab_to('#erase-form [type="submit"]')
    await keys.press("Enter")
    await expect(app.page.locator("#notices")).to_contain_text("Kaikki tietosi on poistettu.")
    await expect(app.page.locator("#data-heading")).to_be_focused()
    await expect(app.page.locator("#known")).to_be_hidden()
    assert await app.page.evaluate("sessionStorage.getItem('vinkki.token')") is None


async def test_stopping_where_a_thing_is_shown_withdraws_the_consent_it_rests_on(app: App) -> None:
    await known(app, "en")
    await app.page.get_by_role("button", name="Stop using this: ").nth(0).click()
    await expect(app.page.locator("#purpose-activity")).to_contain_text("Consent withdrawn")
    await expect(app.page.locator("#known-activity .row")).to_have_count(0)


async def test_a_reason_turned_off_is_not_said_in_the_next_suggestions(app: App) -> None:
    await known(app, "en")
    await app.page.wait_for_selector("#why-list .because button")
    said = app.page.locator("#why-list .because button").first
    words = str(await said.get_attribute("aria-label")).partition(": ")[2]
    await said.click()
    await expect(app.page.locator("#status")).to_contain_text("not used any more")
    await expect(app.page.locator("#why-list .because", has_text=words)).to_have_count(0)
    await app.page.reload()
    await expect(app.page.locator('#reasons [role="switch"]:not(:checked)')).to_have_count(1)


async def test_a_change_that_cannot_be_saved_goes_back_and_says_so(app: App) -> None:
    await known(app, "en")
    await app.page.route("**/v1/residents/me/reasons/*", refuse)
    await app.page.click("#reason-topic", force=True)
    await expect(app.page.locator("#reasons [role=alert]", has_text="could not be saved")).to_be_visible()
    await expect(app.page.locator("#reason-topic")).to_be_checked()
    app.errors.clear()


async def test_the_data_is_downloaded_as_a_page_and_as_json_and_a_decision_as_its_receipt(
    app: App, tmp_path: Path
) -> None:
    await known(app, "en")

    async def downloaded(selector: str) -> str:
        async with app.page.expect_download() as waited:
            await app.page.click(selector)
        file = await waited.value
        await file.save_as(tmp_path / file.suggested_filename)
        return (tmp_path / file.suggested_filename).read_text("utf-8")

    assert isinstance(json.loads(await downloaded('[data-format="json"]')), dict)
    assert "<html" in await downloaded('[data-format="html"]')
    await app.page.click("#purpose-activity summary")
    receipt = json.loads(await downloaded("#purpose-activity details button"))
    assert (receipt["purpose"], receipt["granted"]) == ("activity", True)
    assert receipt["jws"].count(".") == 2


async def test_leave_for_messages_is_kept_by_topic_and_channel_and_ended_at_once_for_all(app: App) -> None:
    await known(app, "en")
    for channel in ("email", "push"):
        await app.page.check(f"#marketing_library_{channel}", force=True)
    await expect(app.page.locator("#messages-tally")).to_contain_text("You have given 2 consents to messages.")
    await app.page.reload()
    await expect(app.page.locator("#marketing_library_email")).to_be_checked()
    await app.page.click("#messages-tally button")
    await expect(app.page.locator("#messages-tally")).to_contain_text("No messages are sent to you.")
    await expect(app.page.locator("#messages-heading")).to_be_focused()
    await expect(app.page.locator("#messages-body input:checked")).to_have_count(0)


async def test_without_a_profile_the_app_asks_as_anybody_and_tells_nothing_of_what_is_done(app: App) -> None:
    await known(app, "en")
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    app.page.on("request", note)
    await app.page.focus("#mode")
    await app.page.keyboard.press("Space")
    await app.page.click('[data-view="tips"]')
    await app.settled()
    await expect(app.page.locator("#tips-heading")).to_have_text("Suggestions without a profile")
    await app.page.wait_for_selector("#now-topics input", state="attached")
    await app.page.click("#now-topics label >> nth=0")
    await app.settled()
    before = len(app.sent)
    await app.page.click('#cards [data-act="dismiss"]:visible >> nth=0')
    await app.page.click(".offer__name a >> nth=0")
    await app.page.wait_for_selector("#detail-name")
    suggestions = [request for request in asked if "suggestions" in request.url.partition("?")[0]]
    assert len(app.sent) == before
    assert any("topics=yso" in request.url for request in suggestions)
    assert {"/me/" in request.url for request in suggestions[-2:]} == {False}
    assert [request for request in suggestions[-2:] if "authorization" in request.headers] == []


async def test_while_all_is_paused_the_app_says_so(app: App) -> None:
    await known(app, "en")
    await app.page.click("#pause button")
    await app.page.wait_for_selector("#pause.control--on")
    await app.open("/app?lang=en")
    await expect(app.page.locator("#notices")).to_contain_text("Everything is paused")
    await expect(app.page.locator("#basis")).to_have_text("General suggestions: everything is paused.")
