"""Infoscreens in a real browser: turned by themselves and by hand, taken over, without a network, for everybody."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.async_api import Browser, Route, expect

from tests.integration.app.tab import LANGUAGES, App, opened
from tests.integration.app.test_accessibility import small_targets
from tests.integration.app.test_my_power import tabbing

pytestmark = [pytest.mark.integration, pytest.mark.browser]
LONGEST = "Kirjaston kaikki kerrokset suljetaan tänään poikkeuksellisesti jo kello kuusitoista, ilmanvaihto on rikki"


@pytest.fixture(scope="module")
async def place(base: str) -> str:
    """A place of the sample at which much is on."""
    async with httpx.AsyncClient(base_url=base) as http:
        items = (await http.get("/v1/offers", params={"limit": 100})).json()["items"]
    ids = [its["place"]["id"] for its in items if its.get("place") and its["kind"] != "space"]
    return max(ids, key=ids.count)


def playlist(*titles: str, alone: bool = False, seconds: float = 3600) -> str:
    until = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    slides = [
        {
            "id": str(n),
            "kind": "notice",
            "until": until,
            "texts": {code: {"title": f"{title} {code}", "text": LONGEST * 2} for code in LANGUAGES},
        }
        for n, title in enumerate(titles)
    ]
    its = {"place": "p", "name": {"fi": "Talo"}, "alone": alone, "valid_until": until, "slides": slides}
    return json.dumps(its)


async def watch(app: App, place: str, language: str = "fi") -> None:
    await app.page.goto(f"{app.base}/naytto/{place}?lang={language}")
    await expect(app.page.locator("#slide h1")).to_be_visible()
    await expect(app.page.locator("#count")).to_contain_text("1 /")


async def say(app: App, told: str) -> None:
    """Let the API tell a playlist that a test needs."""

    async def answer(route: Route) -> None:
        await route.fulfill(body=told, content_type="application/json")

    await app.page.route("**/v1/screens/**", answer)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_screen_shows_its_place_in_three_languages_and_axe_finds_nothing(
    app: App, place: str, language: str
) -> None:
    await watch(app, place, language)
    assert await app.page.get_attribute(".slide__first", "lang") == language
    assert await app.page.locator(".slide__others > div").count() >= 1
    assert await app.violations() == []
    first, tab_to = await app.page.inner_text("#slide h1"), tabbing(app)
    await tab_to("#pause")
    await app.page.keyboard.press("Enter")
    assert await app.page.get_attribute("#slide", "aria-live") == "polite"
    await tab_to("#next")
    await app.page.keyboard.press("Enter")
    await expect(app.page.locator("#slide h1")).not_to_have_text(first)
    await expect(app.page.locator("#count")).to_contain_text("2 /")
    assert await app.violations() == []


async def test_slides_turn_by_themselves(app: App, place: str) -> None:
    await watch(app, place)
    await expect(app.page.locator("#count")).to_contain_text("2 /", timeout=20_000)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1080, 1920), (1366, 768), (390, 844), (320, 256)])
async def test_the_longest_words_fit_every_screen_and_targets_are_large(
    browser: Browser, base: str, place: str, width: int, height: int
) -> None:
    async with opened(browser, base, viewport={"width": width, "height": height}) as app:
        await say(app, playlist(LONGEST, "B"))
        await watch(app, place)
        cut = await app.page.evaluate(
            "(() => { const box = document.querySelector('#slide'); return box.scrollHeight - box.clientHeight; })()"
        )
        assert (await app.overflow(), await small_targets(app)) == (0, [])
        assert cut <= 1 or width < 641


async def test_an_emergency_takes_over_at_once_and_is_read_out(app: App, place: str) -> None:
    await say(app, playlist("Arki", "Toinen"))
    await watch(app, place)
    await app.page.unroute("**/v1/screens/**")
    await say(app, playlist("Poistukaa", alone=True))
    await expect(app.page.locator("#slide h1")).to_have_text("Poistukaa fi", timeout=9000)
    assert await app.page.get_attribute("#slide", "role") == "alert"
    assert await app.page.get_attribute("#slide", "aria-live") == "assertive"
    await expect(app.page.locator("#next")).to_be_hidden()
    assert await app.violations() == []


async def test_without_a_network_it_goes_on_and_drops_what_is_over(app: App, place: str) -> None:
    await say(app, playlist("Pian ohi", seconds=9))
    await watch(app, place)
    await app.page.unroute("**/v1/screens/**")
    await app.page.route("**/v1/screens/**", lambda route: route.abort())
    await expect(app.page.locator("#trouble")).not_to_be_empty(timeout=9000)
    await expect(app.page.locator("#slide h1")).to_have_text("Ei ohjelmaa juuri nyt.", timeout=12_000)
    app.errors.clear()


async def test_a_screen_that_was_on_before_comes_up_again_without_a_network(app: App, place: str) -> None:
    await watch(app, place)
    await app.wait("navigator.serviceWorker.ready.then((its) => its.active.state === 'activated')")
    await watch(app, place)  # by the worker, which keeps what it brings
    await app.wait("navigator.serviceWorker.controller !== null")
    title = await app.page.inner_text("#slide h1")
    await app.page.context.set_offline(True)
    await app.page.reload()
    await expect(app.page.locator("#trouble")).not_to_be_empty(timeout=9000)
    await expect(app.page.locator("#slide h1")).to_have_text(title)
    await app.page.context.set_offline(False)
    await expect(app.page.locator("#trouble")).to_be_empty(timeout=9000)
    app.errors.clear()


async def test_once_a_day_a_screen_takes_what_is_new_of_the_page(app: App, place: str) -> None:
    await app.page.clock.install()
    await watch(app, place)
    await app.page.evaluate("window.old = true")
    await app.page.clock.fast_forward("23:59:00")
    assert await app.page.evaluate("window.old") is True
    async with app.page.expect_navigation():
        await app.page.clock.fast_forward("01:30")
    assert await app.page.evaluate("window.old === undefined")
    await expect(app.page.locator("#slide h1")).to_be_visible()


async def test_a_place_that_nobody_knows_is_said_to_be_none(app: App) -> None:
    await app.page.goto(f"{app.base}/naytto/tprek:none?lang=en")
    await expect(app.page.locator("#slide h1")).to_contain_text("no place of this id")
    app.errors.clear()


async def test_nobody_is_known_at_a_screen(app: App, place: str) -> None:
    asked: list[dict[str, str]] = []
    app.page.on("request", lambda request: asked.append(request.headers))
    await watch(app, place)
    assert all("authorization" not in headers and "cookie" not in headers for headers in asked)
    assert await app.page.context.cookies() == []
