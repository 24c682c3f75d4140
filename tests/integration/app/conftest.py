"""The running house and the browser that these tests share."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser

from tests.browser import chromium
from tests.integration.app.tab import App, opened, running_house


@pytest.fixture(scope="package")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demo of the tests' own."""
    with running_house(tmp_path_factory.mktemp("app") / "home") as address:
        yield address


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium."""
    async with chromium() as running:
        yield running


@pytest.fixture
async def app(browser: Browser, base: str) -> AsyncIterator[App]:
    """The app on a phone; whatever the test does, it logs no error and asks no stranger."""
    async with opened(browser, base) as one:
        yield one
        assert one.errors == []
        assert one.strangers == []
