"""The demo makes its campaigns by itself, once, and everything of them can be looked at."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from api.commands import demo_campaigns
from api.commands.demo_campaigns import SCOPES, WRITER
from api.commands.demo_readers import NUMBER
from api.issuer import STAFF_GROUP, DemoIssuer, address
from engine.settings import Settings
from tests.integration.app.tab import running_house
from tests.integration.crowd import until

pytestmark = pytest.mark.integration
PATIENCE_SECONDS = 90


async def made(log: Path) -> None:
    """Wait until the demo says that it has made them."""

    async def said() -> bool:
        return "campaigns: two are finished and one runs" in await asyncio.to_thread(log.read_text, "utf-8", "replace")

    await until(said, PATIENCE_SECONDS)


async def test_two_campaigns_are_finished_and_one_runs_and_another_start_makes_no_more(tmp_path):
    home = tmp_path / "home"
    with running_house(home, residents=20) as base:
        await made(home.with_suffix(".log"))
        settings = Settings(home=home, port=int(base.rpartition(":")[2]))
        token = DemoIssuer(home, address(base), settings.audience).staff(
            WRITER, datetime.now(UTC), (STAFF_GROUP,), SCOPES
        )
        said: list[str] = []
        await asyncio.to_thread(demo_campaigns.run, settings, said.append)
        async with httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {token}"}) as http:
            items = (await http.get("/v1/campaigns")).json()["items"]
            results = [(await http.get(f"/v1/campaigns/{its['id']}/results")).json()["runs"] for its in items]
            page = (await http.get("/demo/mail")).text
    assert said == []
    assert sorted(its["state"] for its in items) == ["finished", "finished", "running"]
    outcomes = [(run["standing"], run["people"], run["outcomes"]) for (run,) in results]
    assert outcomes == [
        ("finished", NUMBER, [{"state": "sent", "channel": "email", "reason": "", "count": NUMBER}])
    ] * len(items)
    assert re.search(rf"{3 * NUMBER} mails", page)
    assert all(subject in page for subject in ("Kirjaston joulukuu", "Uudet kurssit alkavat", "Veckans tips"))
