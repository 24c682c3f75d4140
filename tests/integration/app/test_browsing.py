"""Looking around: signed out, filters, near me, saved, one offer in full."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.integration.app.tab import LANGUAGES, App, opened

pytestmark = [pytest.mark.integration, pytest.mark.browser]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_signed_out_it_shows_what_is_popular_and_says_so(app: App, language: str) -> None:
    await app.open(f"/app?lang={language}")
    words = {"fi": "et ole kirjautunut", "sv": "du är inte inloggad", "en": "you are not signed in"}
    assert words[language] in await app.page.inner_text("#basis")
    assert len(await app.names()) == 12
    assert all(await app.reasons())


async def test_filters_narrow_the_list_and_survive_a_reload_and_another_language(app: App) -> None:
    await app.open()
    await app.page.select_option('[name="kind"]', "course")
    await app.settled()
    await app.page.select_option('[name="when"]', "week")
    await app.wait("location.search.includes('when=week')")
    await app.settled()
    assert set(await app.page.locator('#cards [data-part="kind"]').all_inner_texts()) == {"Kurssi"}
    await app.page.click('[data-language="sv"]')
    await app.page.wait_for_selector('html[lang="sv"]', state="attached")
    await app.settled()
    assert await app.page.input_value('[name="kind"]') == "course"
    assert set(await app.page.locator('#cards [data-part="kind"]').all_inner_texts()) == {"Kurs"}
    await app.open("/app")
    assert await app.page.get_attribute("html", "lang") == "sv"


async def test_near_me_shows_how_far_it_is_and_keeps_the_position_to_itself(browser: Browser, base: str) -> None:
    here = {"latitude": 60.187612345, "longitude": 24.950712345}
    async with opened(browser, base, geolocation=here, permissions=["geolocation"]) as app:
        asked: list[str] = []
        app.page.on("request", lambda request: asked.append(request.url))
        await app.open()
        await app.page.check('[name="nearby"]', force=True)
        await app.wait("/ \\d.*k?m/.test(document.querySelector('[data-part=where]').textContent)")
        assert any("near=60.188%2C24.951&radius_metres=3000" in url for url in asked)
        assert "60.18" not in app.page.url
        assert app.errors == []


async def test_saved_offers_are_found_again_and_can_be_taken_off(app: App) -> None:
    await app.open()
    name = (await app.names())[0]
    await app.page.click('[data-act="save"] >> nth=0')
    await expect(app.page.locator('[data-act="unsave"]').first).to_be_focused()
    await app.page.reload()
    await app.settled()
    await app.page.click('[data-view="saved"]')
    await expect(app.page.locator("#saved article")).to_have_count(1)
    await expect(app.page.locator("#saved article h2")).to_have_text(name)
    await app.page.click('#saved [data-act="unsave"]')
    await expect(app.page.locator("#saved")).to_contain_text("Et ole vielä tallentanut mitään")
    await expect(app.page.locator("#saved-heading")).to_be_focused()


async def test_the_detail_view_has_an_address_and_the_back_button_closes_it(app: App) -> None:
    await app.open()
    link = app.page.locator("#cards .offer__name a").nth(2)
    name = await link.inner_text()
    await link.click()
    await expect(app.page.locator("#detail-name")).to_have_text(name)
    address = app.page.url
    await app.page.go_back()
    await expect(app.page.locator("#detail")).not_to_be_visible()
    await expect(link).to_be_focused()
    await app.page.goto(address)
    await expect(app.page.locator("#detail-name")).to_have_text(name)
    await app.page.goto(f"{app.base}/app?lang=fi&offer=no%3Asuch")
    await expect(app.page.locator("#detail-name")).to_have_text("Tämä ei ole enää tarjolla.")
    app.errors.clear()


def test_the_picture_in_the_readme_is_there_and_small() -> None:
    picture = Path(__file__).parents[3] / "docs" / "app.png"
    assert 10_000 < picture.stat().st_size < 300_000
