"""The running house and the browser that these tests share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from api.issuer import DemoIssuer, address
from api.routes.demo_mail import FOLDER
from engine.settings import Settings
from tests.browser import chromium
from tests.integration.app.tab import App, opened, running_house
from tests.mailbox import DemoMail


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo of the tests' own."""
    return tmp_path_factory.mktemp("app") / "home"


@pytest.fixture(scope="package")
def mail(home: Path) -> DemoMail:
    """What takes the mails of that demo."""
    return DemoMail(home / FOLDER)


@pytest.fixture(scope="package")
def base(home: Path) -> Iterator[str]:
    """The address of that demo."""
    with running_house(home) as where:
        yield where


@pytest.fixture
def issuer(home: Path, base: str) -> DemoIssuer:
    """The issuer of that demo, for tokens of the city's services."""
    return DemoIssuer(home, address(base), Settings(home=home).audience)


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
