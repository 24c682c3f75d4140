"""The page of an evaluation in a real Chromium: for everybody, on wide and narrow screens."""

from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe

from api.commands.evaluation_report import write_report
from models.report import report
from tests.browser import chromium
from tests.unit.models.judged_town import best, town

pytestmark = [pytest.mark.integration, pytest.mark.browser]


async def test_axe_finds_nothing_on_a_report_and_it_fits_every_screen(tmp_path: Path) -> None:
    split, path = town(), tmp_path / "report.html"
    write_report(path, report(split, {"ours": best(split), "nothing": {}}))
    async with chromium() as browser:
        for width in (320, 1100):
            page = await browser.new_page(viewport={"width": width, "height": 800})
            await page.goto(path.as_uri())
            assert (await Axe().run(page)).response["violations"] == []
            wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await page.evaluate(wider) == 0
