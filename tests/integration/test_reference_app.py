import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, expect

from tests.browser import chromium
from tests.integration.reference_app import LANGUAGES, App, found, opened, refuse, running_house, until

pytestmark = [pytest.mark.integration, pytest.mark.browser]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_house(tmp_path_factory.mktemp("app") / "home") as address:
        yield address


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def app(browser: Browser, base: str) -> AsyncIterator[App]:
    """The app on a phone; whatever the test does, it logs no error and asks no stranger."""
    async with opened(browser, base) as one:
        yield one
        assert one.errors == []
        assert one.strangers == []


async def swimming(base: str) -> list[str]:
    """Ids of swimming courses that one can still get into."""
    courses = await found(base, text="uimakoulu", kind="course", limit=50)
    return [str(offer["id"]) for offer in courses if offer.get("seats_left") != 0]


async def save_from_detail(app: App, offer: str) -> None:
    await app.page.goto(f"{app.base}/app?lang=fi&offer={offer}")
    await app.page.click(".detail__bar button >> nth=0")
    await expect(app.page.locator(".detail__bar button").first).to_contain_text("Poista tallennetuista")
    await until(lambda: any(event["offer"] == offer and event["type"] == "save" for event in app.sent))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_signed_out_it_shows_what_is_popular_and_says_so(app: App, language: str) -> None:
    await app.open(f"/app?lang={language}")
    words = {"fi": "et ole kirjautunut", "sv": "du är inte inloggad", "en": "you are not signed in"}
    assert words[language] in await app.page.inner_text("#basis")
    assert len(await app.names()) == 12
    assert all(await app.reasons())


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


async def test_two_saved_swimming_courses_change_the_list_before_ones_eyes(app: App, base: str) -> None:
    await app.open()
    await app.sign_in()
    await app.page.click(".ask button")
    await app.wait("document.querySelector('#basis').textContent.includes('emme vielä tiedä')")
    before = await app.names()
    first, second = (await swimming(base))[:2]
    await save_from_detail(app, first)
    await save_from_detail(app, second)
    await app.page.click("#detail .round")
    await app.wait("document.querySelector('#tips-heading').textContent === 'Vinkkejä sinulle'")
    after = await app.names()
    assert before != after
    assert any(re.search("uinti|uima|vesi", name.lower()) for name in after[:4])
    assert any("kiinnostunut" in reason for reason in await app.reasons())
    saved_now = await app.page.locator("#saved-count").inner_text()
    assert saved_now == "2"


async def test_saving_on_a_card_says_what_changed_and_can_be_undone(app: App) -> None:
    await app.open()
    await app.sign_in()
    await app.allow("activity")
    name, offer = (await app.names())[0], (await app.ids())[0]
    await app.page.click('[data-act="save"] >> nth=0')
    await expect(app.page.locator(".stub strong")).to_have_text(name)
    await app.wait("/Lista muuttui/.test(document.querySelector('#status').textContent)")
    await expect(app.page.locator(".stub button")).to_be_focused()
    assert offer not in await app.ids()
    await app.page.click(".stub button")
    await until(lambda: [event["type"] for event in app.sent] == ["save", "unsave"])
    assert app.sent[0]["offer"] == app.sent[1]["offer"]
    assert app.sent[0]["suggestion"]


async def test_a_dismissal_that_is_undone_was_never_sent(app: App) -> None:
    await app.page.clock.install()
    await app.open()
    await app.sign_in()
    await app.allow("activity")
    before = await app.ids()
    await app.page.click('[data-act="dismiss"] >> nth=1')
    await expect(app.page.locator(".stub")).to_contain_text("Ei enää näytetä")
    assert await app.ids() == [before[0], *before[2:]]
    await app.page.click(".stub button")
    assert await app.ids() == before
    await app.page.clock.fast_forward(10_000)
    assert app.sent == []


async def test_a_dismissal_is_sent_when_the_time_for_second_thoughts_is_over(app: App) -> None:
    await app.page.clock.install()
    await app.open()
    await app.sign_in()
    await app.allow("activity")
    offer = (await app.ids())[0]
    await app.page.click('[data-act="dismiss"] >> nth=0')
    assert app.sent == []
    await app.page.clock.fast_forward(10_000)
    await until(lambda: [event["type"] for event in app.sent] == ["dismiss"])
    await expect(app.page.locator(".stub")).to_have_count(0)
    await app.page.reload()
    await app.settled()
    assert offer not in await app.ids()


async def test_a_dismissal_is_sent_when_the_page_is_left_before(app: App) -> None:
    await app.open()
    await app.sign_in()
    await app.allow("activity")
    offer = (await app.ids())[0]
    await app.page.click('[data-act="dismiss"] >> nth=0')
    await app.page.goto(f"{app.base}/docs")
    for _ in range(10):
        await app.open()
        if offer not in await app.ids():
            return
    raise AssertionError(f"{offer} is still suggested")


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


async def test_a_withdrawal_makes_the_list_general_again_and_says_so(app: App) -> None:
    await app.open()
    await app.sign_in()
    await app.allow("activity")
    await app.page.click('[data-act="save"] >> nth=0')
    await app.wait("document.querySelector('#tips-heading').textContent === 'Vinkkejä sinulle'")
    await app.page.click("#cards [data-code] >> nth=0")
    await expect(app.page.locator("#choices-heading")).to_be_visible()
    await app.page.click("#purpose-activity button")
    await expect(app.page.locator("#purpose-activity")).to_contain_text("Lupa peruttu")
    await app.page.click('[data-view="tips"]')
    await app.wait("document.querySelector('#basis').textContent.includes('et ole antanut lupaa')")
    assert not any("kiinnostunut" in reason for reason in await app.reasons())


async def test_a_reason_leads_to_the_consent_it_rests_on_in_the_same_words(app: App) -> None:
    await app.open()
    await app.sign_in()
    await app.allow("activity")
    await app.page.click('[data-act="save"] >> nth=0')
    await app.wait("document.querySelector('#tips-heading').textContent === 'Vinkkejä sinulle'")
    reason = app.page.locator("#cards a[data-code]", has_text="olet ollut kiinnostunut").first
    words = await reason.inner_text()
    await reason.click()
    await expect(app.page.locator("#purpose-activity button")).to_be_focused()
    await expect(app.page.locator("#purpose-activity .purpose__because")).to_contain_text(words)


async def test_interests_that_are_told_are_kept_and_used(app: App) -> None:
    await app.open("/app?lang=en")
    await app.sign_in()
    await app.page.click('[data-view="choices"]')
    await expect(app.page.locator("#interests button")).to_be_disabled()
    await app.page.click("#purpose-interests button")
    await expect(app.page.locator("#interests button")).to_be_enabled()
    topic = app.page.locator("#topics label").first
    await topic.click()
    await app.page.fill("#birth-year", "19x4")
    await app.page.click("#interests button")
    await expect(app.page.locator("#birth-year")).to_be_focused()
    await app.page.fill("#birth-year", "1984")
    await app.page.click("#interests button")
    await app.wait("/have been saved|The list changed/.test(document.querySelector('#status').textContent)")
    await app.page.click('[data-view="tips"]')
    await app.wait("document.querySelector('#basis').textContent === 'Chosen by what you have told us.'")
    await app.page.reload()
    await app.settled()
    await app.page.click('[data-view="choices"]')
    await expect(topic.locator("input")).to_be_checked()
    assert await app.page.input_value("#birth-year") == "1984"


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


async def test_a_wording_that_changed_meanwhile_is_shown_anew_before_anybody_agrees(app: App) -> None:
    await app.open("/app?lang=en")
    await app.sign_in()

    async def older(route: Route) -> None:
        await route.continue_(post_data='{"granted":true,"notice":999}')

    await app.page.route("**/consents/activity", older)
    await app.page.click(".ask button")
    await expect(app.page.locator("#status")).to_have_text("The text has changed. Read it and then decide again.")
    await expect(app.page.locator(".ask button")).to_contain_text("Give consent")
    app.errors.clear()


async def test_a_consent_that_cannot_be_recorded_stays_as_it_was_and_says_so(app: App) -> None:
    await app.open("/app?lang=en")
    await app.sign_in()
    await app.page.route("**/consents/activity", refuse)
    await app.page.click(".ask button")
    await expect(app.page.locator(".ask [role=alert]")).to_contain_text("could not be saved")
    await expect(app.page.locator(".ask button")).to_contain_text("Give consent")
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


async def test_without_the_design_systems_styles_it_still_works(app: App) -> None:
    await app.page.route("**/hds/hds.css", lambda route: route.abort())
    await app.open()
    await app.page.click('[data-act="save"] >> nth=0')
    await app.page.click('[data-view="saved"]')
    await expect(app.page.locator("#saved article")).to_have_count(1)
    assert await app.overflow() <= 0
    app.errors.clear()


def test_the_picture_in_the_readme_is_there_and_small() -> None:
    picture = Path(__file__).parents[2] / "docs" / "app.png"
    assert 10_000 < picture.stat().st_size < 300_000
