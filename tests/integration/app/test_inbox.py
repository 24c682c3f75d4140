"""The inbox on /viestit and notifications on this device, in a real browser: a message comes while the page is open."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Browser, expect

from api.campaign_forms import EXAMPLE
from api.issuer import STAFF_GROUP, DemoIssuer
from tests.browser import chromium
from tests.integration.app.tab import LANGUAGES, App, opened
from tests.integration.app.test_accessibility import small_targets
from tests.integration.app.test_my_power import tabbing
from tests.integration.app.test_viestit import arrive
from tests.push_service import PushService, pushing

pytestmark = [pytest.mark.integration, pytest.mark.browser]
SCOPES = ("campaigns:read", "campaigns:write", "audiences:read", "audiences:write")
SUBJECT = f"Kirjasto{'varaus' * 8} on noudettavissa"
BODY = "<p>{{ data.what }} on noudettavissa.</p><p>Katso <a href='https://helmet.example/varaukset'>varauksesi</a>.</p>"

Post = Callable[[App, str], Awaitable[None]]
"""Sends a message about something to who is signed in."""


@pytest.fixture(scope="module")
async def http(base: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        yield client


@pytest.fixture
async def post(http: httpx.AsyncClient, issuer: DemoIssuer) -> Post:
    """A service of the city whose messages come to the inbox, written and approved at the desk."""
    now, department = datetime.now(UTC), f"d{uuid4().hex[:10]}"

    async def call(who: str, method: str, path: str, match: str | None = None, **how: object) -> dict:
        token = issuer.staff(f"{who}@example.fi", now, (STAFF_GROUP,), SCOPES)
        headers = {"Authorization": f"Bearer {token}"} | ({"If-Match": match} if match else {})
        got = await http.request(method, f"/v1{path}", headers=headers, **how)
        assert got.is_success, got.text
        return got.json()

    roles = {"editor": [STAFF_GROUP], "approver": [STAFF_GROUP]}
    draft = {"names": dict.fromkeys(LANGUAGES, "Kirjasto"), "roles": roles}
    await call("maija", "POST", "/departments", json={"id": department, "draft": draft})
    words = {code: {"subject": SUBJECT, "body": BODY} for code in LANGUAGES}
    campaign = await call(
        "maija",
        "POST",
        "/campaigns",
        json=EXAMPLE
        | {
            "department": department,
            "kind": "transactional",
            "audience": None,
            "schedule": {},
            "channels": ["inbox"],
            "message": {"texts": words, "data": ["what"]},
            "legal_basis": "A contract on loans",
        },
    )
    for who, move in (("maija", "submit"), ("ville", "approve"), ("maija", "schedule")):
        await call(who, "POST", f"/campaigns/{campaign['id']}/{move}", match="*")

    async def send(app: App, what: str) -> None:
        raw = await app.page.evaluate("JSON.parse(sessionStorage.getItem('vinkki.token')).token.split('.')[1]")
        person = json.loads(urlsafe_b64decode(raw + "=="))["sub"]
        token = issuer.service("library", ("messages:send",), datetime.now(UTC))
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex}
        body = {"campaign": campaign["id"], "resident": person, "data": {"what": what}, "language": "fi"}
        async with asyncio.timeout(30):
            while (got := await http.post("/v1/messages", json=body, headers=headers)).status_code == 409:  # noqa: ASYNC110 - the worker begins it
                await asyncio.sleep(0.2)
        assert got.status_code == 202, got.text
        await expect(app.page.locator("#messages-count")).to_be_visible(timeout=15_000)

    return send


async def allow(app: App) -> None:
    """Allow messages here on one topic, which makes somebody known."""
    await app.page.click("label:has(#marketing_library_inbox)")
    await expect(app.page.locator("#messages-tally button")).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_message_comes_while_the_page_is_open_and_is_read_and_deleted_by_keyboard(
    app: App, post: Post, language: str
) -> None:
    await arrive(app, language)
    page, keyboard, tab_to = app.page, app.page.keyboard, tabbing(app)
    await allow(app)
    assert await app.violations() == []
    await post(app, "Kirja")
    await expect(page.locator("#inbox li")).to_have_count(1)
    await expect(page.locator("#messages-count")).to_have_text("1")
    await expect(page.locator("#status")).not_to_be_empty()
    assert await app.violations() == []
    await tab_to("#inbox h3 button")
    await keyboard.press("Enter")
    await expect(page.locator("#messages-count")).to_be_hidden()
    await expect(page.locator("#inbox h3 button")).to_be_focused()
    await expect(page.locator(".letter__text a >> nth=0")).to_have_attribute("href", "https://helmet.example/varaukset")
    assert await page.get_attribute(".letter__text", "lang") == (None if language == "fi" else "fi")
    assert await app.violations() == []
    await post(app, "Levy")
    await expect(page.locator("#inbox li")).to_have_count(2)
    await expect(page.locator("#inbox li >> nth=0")).to_contain_text("Levy", use_inner_text=False)
    await expect(page.locator("#inbox li >> nth=1 >> .letter__text")).to_be_visible()
    await expect(page.locator("#inbox h3 button >> nth=1")).to_be_focused()
    await page.goto(f"{app.base}/app?lang={language}")
    await expect(page.locator("#messages-count")).to_have_text("1")
    await page.click('[data-page="messages"]')
    await page.click("#inbox h3 button >> nth=1")
    await tab_to('[id^="unread-"]')
    await keyboard.press("Enter")
    await expect(page.locator("#messages-count")).to_have_text("2")
    await page.click("#inbox h3 button >> nth=1")
    await page.click('[id^="delete-"]:visible')
    await expect(page.locator("#inbox li")).to_have_count(1)
    await expect(page.locator("#inbox h3 button")).to_be_focused()


@pytest.mark.parametrize(("width", "height"), [(320, 256), (390, 844), (1440, 900)])
async def test_messages_never_scroll_sideways_and_their_targets_are_large(
    browser: Browser, base: str, post: Post, width: int, height: int
) -> None:
    async with opened(browser, base, viewport={"width": width, "height": height}) as app:
        await arrive(app)
        await allow(app)
        await post(app, "Varaus" * 12)
        await app.page.click("#inbox h3 button")
        await expect(app.page.locator(".letter__text")).to_be_visible()
        assert (await app.overflow(), await small_targets(app)) == (0, [])


async def test_what_came_before_the_sign_out_is_in_sight_no_more(app: App, post: Post) -> None:
    await arrive(app)
    await allow(app)
    await post(app, "Kirja")
    await expect(app.page.locator("#inbox li")).to_have_count(1)
    await app.page.click("#sign-out")
    await expect(app.page.locator("#inbox")).to_be_hidden()
    await expect(app.page.locator("#inbox li")).to_have_count(0)
    await expect(app.page.locator("#messages-count")).to_be_hidden()


@pytest.fixture
async def service(http: httpx.AsyncClient) -> AsyncIterator[PushService]:
    async with pushing(PushService(key=(await http.get("/v1/push-key")).json()["key"])) as its:
        yield its


SUBSCRIBE = """
  const given = %s;
  let held = null;
  const its = { endpoint: given.endpoint, toJSON: () => given, unsubscribe: async () => { held = null; return true; } };
  PushManager.prototype.subscribe = async (options) => { window.asked = options; return (held = its); };
  PushManager.prototype.getSubscription = async () => held;
"""
"""A browser subscribes at its maker's push service; here that service is the test's own."""


@pytest.mark.parametrize("language", LANGUAGES)
async def test_notifications_are_switched_on_shown_and_switched_off(
    base: str, service: PushService, language: str
) -> None:
    """In a browser of its own: one that shows nobody its windows has no notifications."""
    async with chromium() as browser, opened(browser, base, permissions=["notifications"]) as app:
        page = app.page
        await page.add_init_script(SUBSCRIBE % json.dumps(service.subscription(f"b-{language}")))
        await arrive(app, language)
        assert await app.violations() == []
        tab_to = tabbing(app)
        await tab_to("#push")
        await page.keyboard.press("Space")
        await expect(page.locator("#push")).to_be_checked()
        await expect(page.locator("#push")).to_be_focused()
        await app.wait("window.asked !== undefined")
        assert (await page.evaluate("window.asked"))["applicationServerKey"] == service.key
        assert await app.violations() == []
        said = {"id": "m1", "title": "Uusi puisto", "body": "Katso https://puisto.example/avajaiset.", "language": "fi"}
        shown = await notified(app, said | {"stop": f"{base}/stop/x", "ends": "Lopeta"})
        assert shown == [["Uusi puisto", said["body"], "fi", "m1", ["Lopeta"]]]
        assert await pressed(app, "") == "https://puisto.example/avajaiset"
        await notified(app, said | {"stop": f"{base}/stop/x", "ends": "Lopeta"})
        assert await pressed(app, "stop") == f"{base}/stop/x"
        await page.keyboard.press("Space")
        await expect(page.locator("#push")).not_to_be_checked()
        await page.keyboard.press("Space")
        await expect(page.locator("#push")).to_be_checked()
        await notified(app, said | {"id": "m2", "stop": "", "ends": ""})
        await page.click("#sign-out")
        await app.wait(f"{SHOWN}.then((shown) => shown.length === 0)")
        await app.wait(
            "navigator.serviceWorker.ready.then((its) => its.pushManager.getSubscription()).then((its) => !its)"
        )
        assert app.errors == []


SHOWN = """(async () => (await (await navigator.serviceWorker.ready).getNotifications())
  .map((its) => [its.title, its.body, its.lang, its.tag, its.actions.map((one) => one.title)]))()"""


async def notified(app: App, said: dict[str, str]) -> list[object]:
    """Let the browser's push service deliver a message to the worker, and return what it then shows."""
    session = await app.page.context.new_cdp_session(app.page)
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def note(told: dict) -> None:
        for one in told["registrations"]:
            if not found.done():
                found.set_result(one["registrationId"])

    session.on("ServiceWorker.workerRegistrationUpdated", note)
    await session.send("ServiceWorker.enable")
    registration = await asyncio.wait_for(found, 10)
    await session.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": app.base, "registrationId": registration, "data": json.dumps(said)},
    )
    async with asyncio.timeout(10):
        while not (told := await app.page.evaluate(SHOWN)):  # noqa: ASYNC110 - the worker is another process
            await asyncio.sleep(0.05)
    return told


async def pressed(app: App, action: str) -> str:
    """Press the notification that is shown, or a button on it, and return where that leads."""
    (worker,) = app.page.context.service_workers
    return await worker.evaluate(
        """async (action) => {
          const [notification] = await self.registration.getNotifications();
          const { data } = notification;
          const led = new Promise((lead) => { self.clients.openWindow = async (where) => lead(where); });
          const event = new NotificationEvent("notificationclick", { notification, action });
          self.dispatchEvent(event);
          return led;
        }""",
        action,
    )
