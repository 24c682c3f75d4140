"""The reference app in a real Chromium, on the whole real house: the API and a worker as processes of their own."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Route

PATIENCE_SECONDS = 120
ROOT = Path(__file__).parents[3]
GIVEN_PARTS = ("VINKKI_KAFKA", "VINKKI_DATABASE", "VINKKI_REDIS")
LANGUAGES = ("fi", "sv", "en")


@contextmanager
def running_house(home: Path, *, residents: int = 0) -> Iterator[str]:
    """Start the demo as a newcomer does, with parts of its own, and give its address; its home is removed at last."""
    command = [sys.executable, "-m", "api", "demo", "--home", str(home), "--port", str(_free_port())]
    given = {name: value for name, value in os.environ.items() if name not in GIVEN_PARTS}
    given["VINKKI_EXPLORATION_SHARE"] = "0"  # chance would have its part in every list that is compared
    log = home.with_suffix(".log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--residents", str(residents)], cwd=ROOT, env=given, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        yield _ready(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and process.poll() is None:
        told = log.read_text("utf-8", "replace")
        if "ready http" in told:
            return told.rpartition("ready ")[2].split()[0].rstrip("/")
        time.sleep(0.2)
    raise RuntimeError(f"The demo never said ready: {log.read_text('utf-8', 'replace')[-2000:]}")


class App:
    """The app in one tab, with what went wrong in it.

    Attributes
    ----------
    errors
        Everything the browser's console called an error, and every exception of the page.
    strangers
        Requests to another origin than the house's.
    sent
        Bodies of the interactions that the page posted.
    """

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.errors: list[str] = []
        self.strangers: list[str] = []
        self.sent: list[dict[str, object]] = []
        page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._note)

    def _note(self, request: object) -> None:
        url, method, body = request.url, request.method, request.post_data  # type: ignore[attr-defined]
        if not url.startswith((self.base, "data:", "blob:")):
            self.strangers.append(url)
        if method == "POST" and url.endswith("/v1/interactions"):
            self.sent += json.loads(body or "{}")["events"]

    async def open(self, address: str = "/app?lang=fi") -> None:
        await self.page.goto(self.base + address)
        await self.settled()

    async def settled(self) -> None:
        """Wait until the list has come, or its error."""
        await self.page.wait_for_selector('#cards[aria-busy="false"]', state="attached")

    async def sign_in(self) -> None:
        """Sign in as a new resident, by the issuer's own page."""
        await self.page.click("#sign-in")
        await self.page.click('button[name="persona"][value=""]')
        await self.page.wait_for_selector("#sign-out:not([hidden])")
        await self.settled()

    async def allow(self, purpose: str) -> None:
        """Give a consent in the view of one's own choices, and come back to the list."""
        await self.page.click('[data-view="choices"]')
        await self.page.click(f"#purpose-{purpose} button")
        await self.page.wait_for_selector(f'#purpose-{purpose} [data-granted="true"]')
        await self.page.click('[data-view="tips"]')
        await self.settled()

    async def names(self) -> list[str]:
        return await self.page.locator("#cards .offer__name a").all_inner_texts()

    async def ids(self) -> list[str]:
        """Ids of the offers on the list, in its order."""
        return await self.page.evaluate(
            "[...document.querySelectorAll('#cards [data-offer]')].map(n => n.dataset.offer)"
        )

    async def reasons(self) -> list[str]:
        return await self.page.locator('#cards [data-part="reason"]').all_inner_texts()

    async def wait(self, condition: str, seconds: float = 10) -> None:
        """Wait until a JavaScript expression holds; Playwright's own way needs eval, which the policy forbids."""
        end = time.monotonic() + seconds
        while not await self.page.evaluate(condition):
            assert time.monotonic() < end, f"it never came true: {condition}"
            await asyncio.sleep(0.05)

    async def violations(self) -> list[str]:
        """What axe finds, after everything has stopped moving."""
        await self.page.evaluate("Promise.all(document.getAnimations().map(a => a.finished.catch(() => {})))")
        found = (await Axe().run(self.page)).response["violations"]
        return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]

    async def overflow(self) -> int:
        """How many pixels the page is wider than the screen."""
        return await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@asynccontextmanager
async def opened(browser: Browser, base: str, **options: object) -> AsyncIterator[App]:
    """Give the app in a browser of its own: nothing is remembered from elsewhere."""
    defaults = {"viewport": {"width": 390, "height": 844}, "locale": "fi-FI", "timezone_id": "Europe/Helsinki"}
    context = await browser.new_context(**{**defaults, **options})
    try:
        page = await context.new_page()
        page.set_default_timeout(10_000)
        yield App(page, base)
    finally:
        await context.close()


async def found(base: str, **query: object) -> list[dict[str, object]]:
    """Ask the API for offers."""
    async with httpx.AsyncClient(base_url=base) as client:
        answer = await client.get("/v1/offers", params=query)
    return answer.raise_for_status().json()["items"]


async def refuse(route: Route) -> None:
    """Answer as the API does while Kafka is away."""
    problem = {"type": "about:blank", "title": "Unavailable", "status": 503, "detail": "Away.", "code": "unavailable"}
    await route.fulfill(
        status=503, headers={"Retry-After": "1", "Content-Type": "application/problem+json"}, body=json.dumps(problem)
    )


async def until(condition: object, seconds: float = 10) -> None:
    """Wait until a function without arguments returns something true."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(0.05)
