"""Triggered campaigns through HTTP, Kafka and mail: something happens, and those whom it concerns hear of it, once."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import msgspec
import pytest

from engine.events import OfferChange
from engine.offers import Offer, Status, encode
from tests.journeys.conftest import City, Resident, addressed
from tests.journeys.test_bad_input import is_problem
from tests.journeys.test_campaigns import Desk, desk

__all__ = ["desk"]
TOPIC = "new_courses"
PURPOSE = f"marketing_{TOPIC}_email"
BODY = "{% for offer in offers %}<p>{{ offer.name }}</p>{% endfor %}"


async def reader(city: City, *purposes: str) -> Resident:
    """Return somebody who wants such mails."""
    return await addressed(city, PURPOSE, *purposes)


def mails(city: City, who: Resident) -> list[EmailMessage]:
    """Return what came to somebody after the code."""
    return [mail for mail in city.mail.mails if str(who.id) in mail["To"]][1:]


async def saved(city: City, who: Resident, offer: Offer, kind: str = "save") -> None:
    """Let somebody save an offer, and wait until it is in the journal."""
    event = who.event(offer.id, kind)
    assert (await who.send(event)).status_code == 202

    async def there() -> int:
        async with city.stores.database.begin() as connection:
            query = "SELECT count(*) FROM journal WHERE id = %(id)s"
            return int((await connection.exec_driver_sql(query, {"id": event["id"]})).scalar_one())

    await city.until(there, bool, seconds=20)


async def listening(desk: Desk, trigger: dict, **more) -> dict:
    """Write a triggered campaign, have it approved by another, and wait until it runs."""
    texts = {code: {"subject": f"Huom {code}", "preheader": "x", "body": BODY} for code in ("fi", "sv", "en")}
    usual = {"kind": "triggered", "topic": TOPIC, "channels": ["email"], "message": {"texts": texts}, "audience": None}
    its = await desk.write(**(usual | {"schedule": {"trigger": trigger}} | more))
    assert its["missing"] == []
    for who, move in ((desk.maija, "submit"), (desk.ville, "approve"), (desk.maija, "schedule")):
        got = await desk.move(who, its, move)
        assert got.status_code == 200, got.text
    await desk.city.until(lambda: state(desk, its), lambda told: told == "running", seconds=20)
    return its


async def state(desk: Desk, its: dict) -> str:
    return str((await desk.call(desk.maija, "GET", f"/{its['id']}")).json()["state"])


async def publish(city: City, offer: Offer) -> None:
    """Say of an offer what a source says, over Kafka."""
    change = OfferChange(offer.id, offer.source, datetime.now(UTC), msgspec.Raw(encode(offer)))
    await city.stores.publisher.offers([change])


async def done(desk: Desk, its: dict, runs: int = 1) -> list[dict]:
    """Wait until so many runs of a campaign are finished, and return them."""

    async def told() -> list[dict]:
        return list((await desk.call(desk.maija, "GET", f"/{its['id']}/results")).json()["runs"])

    def over(found: list[dict]) -> bool:
        return len(found) >= runs and all(one["standing"] == "finished" for one in found)

    return await desk.city.until(told, over, seconds=60)


@pytest.fixture
def course(city: City) -> Offer:
    return city.offer("chess", 40, id=f"journey:trigger-{datetime.now(UTC).timestamp()}", seats=10, seats_left=3)


async def test_when_an_offer_is_cancelled_those_who_meant_to_go_hear_it_once_and_nobody_else(
    city: City, desk: Desk, course: Offer
):
    await city.write(course)
    keen, enrolled = await reader(city, "activity"), await reader(city, "activity")
    sorry, stranger = await reader(city, "activity"), await reader(city, "activity")
    silent, off = await reader(city, "activity"), await reader(city, "activity")
    await saved(city, keen, course)
    await saved(city, enrolled, course, "register")
    for who in (sorry, silent, off):
        await saved(city, who, course)
    await saved(city, sorry, course, "unsave")
    its = await listening(desk, {"event": "offer_changed", "changes": ["cancelled"]})
    assert (await silent.decide("activity", granted=False)).status_code == 200
    assert (await off.decide(PURPOSE, granted=False)).status_code == 200

    gone = msgspec.structs.replace(course, status=Status.CANCELLED)
    began = asyncio.get_running_loop().time()
    await publish(city, gone)

    async def came() -> int:
        return len(mails(city, keen)) + len(mails(city, enrolled))

    await city.until(came, lambda number: number == 2, seconds=20)
    print(f"from the change to the mails: {asyncio.get_running_loop().time() - began:.2f} s")  # noqa: T201 - a figure
    await publish(city, gone)
    await publish(city, msgspec.structs.replace(gone, free=not course.free))
    (run,) = await done(desk, its)
    assert run["run"].startswith(its["id"])
    await asyncio.sleep(2)
    for who in (keen, enrolled):
        (mail,) = mails(city, who)
        assert mail["Subject"] == "Huom fi"
        assert course.name.fi in mail.get_body(("plain",)).get_content()
    assert [mails(city, who) for who in (sorry, stranger, silent, off)] == [[], [], [], []]
    assert len(await done(desk, its)) == 1
    assert [outcome.get("count") for outcome in run["outcomes"]] == [None] * len(run["outcomes"])
    assert (await desk.move(desk.ville, its, "cancel")).status_code == 200


async def test_a_campaign_that_rests_speaks_when_it_goes_on_and_ends_by_the_clock(
    city: City, desk: Desk, course: Offer
):
    await city.write(msgspec.structs.replace(course, seats_left=0))
    keen = await reader(city, "activity")
    await saved(city, keen, course)
    schedule = {
        "trigger": {"event": "offer_changed", "changes": ["seat_freed"], "target": {"offers": [course.id]}},
        "ends": (datetime.now(UTC) + timedelta(seconds=15)).isoformat(),
    }
    its = await listening(desk, {}, schedule=schedule)
    assert (await desk.move(desk.ville, its, "pause")).status_code == 200
    await publish(city, course)
    await asyncio.sleep(2)
    assert mails(city, keen) == []
    assert (await desk.move(desk.ville, its, "resume")).status_code == 200
    await done(desk, its)
    assert len(mails(city, keen)) == 1
    await city.until(lambda: state(desk, its), lambda told: told == "finished", seconds=40)


async def test_a_new_offer_needs_an_audience_and_a_made_up_offer_shows_what_will_be_said(desk: Desk):
    its = await desk.write(
        kind="triggered", audience=None, schedule={"trigger": {"event": "new_offer", "target": {"kinds": ["course"]}}}
    )
    assert [fault["where"] for fault in its["missing"]] == ["audience"]
    is_problem(await desk.move(desk.maija, its, "submit"), 422)
    texts = {code: {"subject": f"Huom {code}", "preheader": "x", "body": BODY} for code in ("fi", "sv", "en")}
    asked = {"department": desk.id, "message": {"texts": texts}, "channels": ["email"], "languages": ["fi"]}
    got = await desk.call(desk.maija, "POST", "/preview", json=asked | {"residents": ["newcomer"]})
    assert "Satutunti kirjastossa" in got.json()["items"][0]["rendered"]["text"], got.text
