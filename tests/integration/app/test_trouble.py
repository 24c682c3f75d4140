"""What happens when something is away, expired, refused or missing."""

import pytest
from playwright.async_api import Browser, expect

from tests.integration.app.tab import App, opened, refuse

pytestmark = [pytest.mark.integration, pytest.mark.browser]


async def test_who_is_outside_the_city_is_told_so(browser: Browser, base: str) -> None:
    here = {"latitude": 61.5, "longitude": 23.8}
    async with opened(browser, base, geolocation=here, permissions=["geolocation"]) as app:
        await app.open("/app?lang=en")
        await app.page.check('[name="nearby"]', force=True)
        await expect(app.page.locator("#tips-notice")).to_contain_text("You are outside Helsinki")
        assert await app.names()


async def test_an_age_that_cannot_be_is_told_and_nothing_is_lost(app: App) -> None:
    await app.open("/app?lang=en&age=999&free=true")
    await expect(app.page.locator("#tips-notice")).to_contain_text("One of the filters cannot be used")
    await app.page.fill('[name="age"]', "30")
    await app.page.press('[name="age"]', "Tab")
    await expect(app.page.locator("#tips-notice")).to_be_empty()
    assert await app.page.is_checked('[name="free"]')
    app.errors.clear()


async def test_an_error_keeps_what_was_chosen_and_a_retry_works(app: App) -> None:
    await app.open()
    before = await app.names()
    await app.page.route("**/v1/offers/popular*", refuse)
    await app.page.check('[name="free"]', force=True)
    notice = app.page.locator("#tips-notice [role=alert]")
    await expect(notice).to_contain_text("Listaa ei saatu päivitettyä")
    assert await app.names() == before
    assert await app.page.is_checked('[name="free"]')
    await app.page.unroute("**/v1/offers/popular*")
    await notice.locator("button").click()
    await expect(notice).to_have_count(0)
    assert set(await app.page.locator('#cards [data-part="price"]').all_inner_texts()) == {"Maksuton"}
    app.errors.clear()


async def test_offline_what_is_saved_waits_and_is_sent_once_the_network_is_back(app: App) -> None:
    await app.open()
    await app.sign_in()
    await app.allow("activity")
    await app.page.context.set_offline(True)
    await expect(app.page.locator("#notices")).to_contain_text("Ei verkkoyhteyttä")
    await app.page.click('[data-act="save"] >> nth=0')
    await expect(app.page.locator(".stub")).to_be_visible()
    await app.page.context.set_offline(False)
    await app.wait("sessionStorage.getItem('vinkki.outbox') === '[]'")
    assert len({event["id"] for event in app.sent}) == 1
    await expect(app.page.locator("#notices")).to_be_empty()
    app.errors.clear()


async def test_while_the_log_is_away_the_same_event_is_sent_again(app: App) -> None:
    await app.open()
    await app.sign_in()
    await app.allow("activity")
    await app.page.route("**/v1/interactions", refuse, times=1)
    await app.page.click('[data-act="save"] >> nth=0')
    await expect(app.page.locator("#notices")).to_contain_text("ei juuri nyt ota tallennuksia vastaan")
    await app.wait("sessionStorage.getItem('vinkki.outbox') === '[]'")
    assert [event["type"] for event in app.sent] == ["save", "save"]
    assert len({event["id"] for event in app.sent}) == 1
    app.errors.clear()


async def test_a_token_that_no_longer_holds_leads_to_the_signed_out_state(app: App) -> None:
    await app.open()
    await app.sign_in()
    await app.page.evaluate("sessionStorage.setItem('vinkki.token', JSON.stringify({token: 'x.y.z', expires: 9e15}))")
    await app.page.reload()
    await app.settled()
    await expect(app.page.locator("#notices")).to_contain_text("Kirjautumisesi vanheni")
    await expect(app.page.locator("#sign-in")).to_be_visible()
    assert await app.names()
    app.errors.clear()


async def test_signing_out_removes_token_and_saved_from_the_device(app: App) -> None:
    await app.open()
    await app.sign_in()
    await app.page.click('[data-act="save"] >> nth=0')
    await app.page.click("#sign-out")
    await app.wait("document.querySelector('#basis').textContent.includes('et ole kirjautunut')")
    held = await app.page.evaluate("[sessionStorage.length, localStorage.getItem('vinkki.saved')]")
    assert held == [0, "[]"]


async def test_an_answer_that_fits_no_sign_in_is_refused(app: App) -> None:
    await app.open("/app?lang=en&code=stolen&state=other")
    await expect(app.page.locator("#notices")).to_contain_text("Signing in did not work")
    assert "code=" not in app.page.url
    assert await app.names()


async def test_without_the_design_systems_styles_it_still_works(app: App) -> None:
    await app.page.route("**/hds/hds.css", lambda route: route.abort())
    await app.open()
    await app.page.click('[data-act="save"] >> nth=0')
    await app.page.click('[data-view="saved"]')
    await expect(app.page.locator("#saved article")).to_have_count(1)
    assert await app.overflow() <= 0
    app.errors.clear()
