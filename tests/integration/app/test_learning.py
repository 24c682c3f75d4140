"""The list learns before one's eyes, and what was done can be undone."""

import re

import pytest
from playwright.async_api import expect

from tests.integration.app.tab import App, found, until

pytestmark = [pytest.mark.integration, pytest.mark.browser]


async def swimming(base: str) -> list[str]:
    """Ids of swimming courses that one can still get into."""
    courses = await found(base, text="uimakoulu", kind="course", limit=50)
    return [str(offer["id"]) for offer in courses if offer.get("seats_left") != 0]


async def save_from_detail(app: App, offer: str) -> None:
    await app.page.goto(f"{app.base}/app?lang=fi&offer={offer}")
    await app.page.click(".detail__bar button >> nth=0")
    await expect(app.page.locator(".detail__bar button").first).to_contain_text("Poista tallennetuista")
    await until(lambda: any(event["offer"] == offer and event["type"] == "save" for event in app.sent))


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
