"""Consents and interests, one tap away, in the words of the reasons."""

import pytest
from playwright.async_api import Route, expect

from tests.integration.app.tab import App, refuse

pytestmark = [pytest.mark.integration, pytest.mark.browser]


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


async def test_what_does_not_interest_is_said_by_keyboard_where_an_offer_is_and_taken_back(app: App) -> None:
    await app.open("/app?lang=en")
    await app.sign_in()
    await app.allow("interests")
    await app.page.focus('#cards [data-act="dismiss"] >> nth=0')
    await app.page.keyboard.press("Enter")
    await expect(app.page.locator(".stub [data-act=undo]")).to_be_focused()
    assert await app.violations() == []
    topic = app.page.locator('.stub [data-avoid^="topic:"]').first
    await app.page.keyboard.press("Tab")
    await expect(topic).to_be_focused()
    name = await topic.inner_text()
    await app.page.keyboard.press("Enter")
    await expect(topic).to_have_attribute("aria-pressed", "true")
    await expect(topic).to_have_accessible_name(f"Do not suggest: {name}")
    await app.wait("document.querySelector('#basis').textContent === 'Chosen by what you have told us.'")
    await app.page.click('[data-view="choices"]')
    assert await app.violations() == []
    # A topic is listed here only if many offers are on it; one that is not listed stays avoided when the form is saved.
    pill, wanted = (
        app.page.locator(f"{group} label").first.locator("input") for group in ("#avoided-topics", "#topics")
    )
    await pill.check()
    await wanted.check()
    await expect(pill).not_to_be_checked()
    await wanted.uncheck()
    await app.page.locator("#avoided-group label", has_text="Spaces").click()
    await app.page.click("#interests button")
    await app.wait("/have been saved|The list changed/.test(document.querySelector('#status').textContent)")
    await app.page.goto(f"{app.base}/oma-data?lang=en")
    await expect(app.page.locator("#known-interests")).to_contain_text("Kind of no interest")
    await expect(app.page.locator("#known-interests")).to_contain_text("Topic of no interest")


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
