"""Infoscreens through HTTP: written at the desk, approved by another, shown at a place; and nobody is known there."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.language import Localized
from engine.offers import Kind, Place
from tests.journeys.conftest import City
from tests.journeys.test_bad_input import is_problem
from tests.journeys.test_campaigns import Desk, desk

__all__ = ["desk"]
PLACE = "tprek:881"
TEXTS = {code: {"subject": f"Puisto {code}", "short": f"Tervetuloa {code}"} for code in ("fi", "sv", "en")}


@pytest.fixture
async def place(city: City) -> str:
    """A place where something is on."""
    starts = datetime.now(UTC) + timedelta(hours=3)
    own = {"name": Localized("Avajaiset"), "keywords": (), "place": Place(PLACE, Localized("Talo"), lat=60.2, lon=25.1)}
    times = {"starts": starts, "ends": starts + timedelta(hours=1)}
    await city.write(city.offer("chess", 1, Kind.EVENT, id="journey:screen", **own, **times))
    return PLACE


async def told(city: City, place: str, **headers: str):
    return await city.http.get(f"/v1/screens/{place}", headers=headers)


async def ids(city: City, place: str) -> list[str]:
    got = await told(city, place)
    return [slide["id"] for slide in got.json()["slides"]] if got.status_code == 200 else []


async def shown(desk: Desk, **more) -> dict:
    """Write a campaign for screens, have it approved by another, and begin it."""
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    usual = {"kind": "screen", "channels": ["screen"], "audience": None, "schedule": {"ends": ends}}
    its = await desk.write(**usual | {"message": {"texts": TEXTS}, "priority": 9} | more)
    assert its["missing"] == []
    for who, move in ((desk.maija, "submit"), (desk.ville, "approve"), (desk.maija, "schedule")):
        got = await desk.move(who, its, move)
        assert got.status_code == 200, got.text
    return its


async def test_a_notice_is_shown_at_its_place_within_seconds_and_no_more_after_its_end(city, desk, place):
    its = await shown(desk, places=[place])
    await city.until(lambda: ids(city, place), lambda found: its["id"] in found, seconds=10)
    got = await told(city, place)
    (notice,) = [slide for slide in got.json()["slides"] if slide["id"] == its["id"]]
    assert notice["texts"]["sv"] == {"title": "Puisto sv", "text": "Tervetuloa sv"}
    assert "journey:screen" in await ids(city, place)
    assert (await desk.move(desk.ville, its, "cancel")).status_code == 200
    await city.until(lambda: ids(city, place), lambda found: its["id"] not in found, seconds=10)


async def test_a_place_that_no_offer_names_is_doubtful_and_may_be_meant(city, desk, place):
    its = await shown(desk, places=[place, "tprek:no-such"])
    assert [(one["where"], one["line"]) for one in its["doubtful"]] == [("places.1", None)]
    got = await city.http.get(f"/v1/campaigns/{its['id']}", headers=desk.maija)
    assert got.json()["doubtful"] == its["doubtful"]
    await city.until(lambda: ids(city, "tprek:no-such"), lambda found: its["id"] in found, seconds=10)


async def test_what_stands_alone_takes_over_and_gives_back(city, desk, place):
    its = await shown(desk, places=[place], alone=True, priority=1)
    await city.until(lambda: ids(city, place), lambda found: found == [its["id"]], seconds=10)
    assert (await told(city, place)).json()["alone"] is True
    assert (await desk.move(desk.maija, its, "pause")).status_code == 200
    await city.until(lambda: ids(city, place), lambda found: "journey:screen" in found, seconds=10)


async def test_a_screen_that_knows_it_already_is_told_nothing(city, place):
    await city.until(lambda: ids(city, place), bool, seconds=10)
    first = await told(city, place)
    assert first.headers["cache-control"].startswith("public")
    again = await told(city, place, **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_of_a_place_that_nobody_knows_that_is_said(city):
    is_problem(await told(city, "tprek:none"), 404, "place")
    is_problem(await told(city, "x" * 300), 404, "place")


async def test_what_is_for_screens_is_refused_elsewhere_with_the_field(desk):
    got = await desk.call(desk.maija, "POST", json=desk.draft(kind="screen", channels=["email"]))
    assert got.status_code == 422
    assert {"channels", "audience"} <= {each["field"] for each in got.json()["errors"]}
    asked = {"department": desk.id, "message": {"texts": TEXTS}, "channels": ["screen"]}
    got = await desk.call(desk.maija, "POST", "/preview", json=asked)
    assert got.status_code == 200, got.text
    assert got.json()["items"][0]["rendered"] == {"subject": "Puisto fi", "text": "Tervetuloa fi", "html": None}
