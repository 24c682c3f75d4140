"""Text messages through HTTP and the city's Notification service: a number confirmed, spoken to, and told to stop."""

import json
import re
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import text

from api.routes.reports import HEADER, sign
from tests.journeys.conftest import WEBHOOK_SECRET, City, Resident
from tests.journeys.test_bad_input import is_problem
from tests.journeys.test_campaigns import Desk, desk
from tests.journeys.test_story import PEOPLE, TOPIC, sent, state

__all__ = ["desk"]
PURPOSE = f"marketing_{TOPIC}_sms"
TEXTS = {code: {"short": f"Tervetuloa {code}"} for code in ("fi", "sv", "en")}


def made_up() -> str:
    """Return a Finnish mobile number that nobody else in these tests has."""
    return f"+35840{uuid4().int % 10**7:07d}"


async def confirmed(city: City, number: str) -> Resident:
    """Return somebody new who allows text messages, and whose number is confirmed by the code in one."""
    its = city.resident()
    assert (await its.decide(PURPOSE)).status_code == 200
    path = f"{its.path}/addresses/sms"
    given = await its.call("PUT", path, json={"address": f"0{number[4:]}", "language": "fi"})
    assert given.status_code == 202, given.text
    got = await its.call("POST", f"{path}/confirm", json={"code": city.texts.code(number)})
    assert got.status_code == 200, got.text
    return its


def stop_link(city: City, number: str) -> str:
    """Return where the last message to a number leads to be stopped."""
    return re.findall(r"https?://\S+/stop/\S+", city.texts.texts(number)[-1])[-1]


async def reported(city: City, number: str, status: str, secret: str = WEBHOOK_SECRET) -> int:
    """Tell what became of the last message to a number, as the service would; return the status of the answer."""
    body, now = json.dumps({"status": status}).encode(), int(datetime.now(UTC).timestamp())
    headers = {HEADER: f"t={now},v1={sign(body, now, secret)}", "Content-Type": "application/json"}
    path = f"/v1/webhooks/sms/{city.texts.reference(number)}"
    return (await city.http.post(path, content=body, headers=headers)).status_code


async def outcome(city: City, who: Resident) -> tuple[str, str | None]:
    """Return what came of the only text message to somebody."""
    resident = await city.stores.residents.pseudonym(who.id)
    query = text("SELECT state, reason FROM deliveries WHERE resident = :resident AND channel = 'sms'")
    async with city.stores.database.begin() as connection:
        return tuple((await connection.execute(query, {"resident": resident})).one())


async def test_a_number_is_spoken_to_only_when_its_code_has_come_back(city: City, resident: Resident):
    await resident.decide(PURPOSE)
    path, number = f"{resident.path}/addresses/sms", made_up()
    is_problem(await resident.call("PUT", path, json={"address": "09 310 1691"}), 422, "address")
    given = await resident.call("PUT", path, json={"address": number, "language": "sv"})
    assert given.status_code == 202
    wrong = "000000" if city.texts.code(number) != "000000" else "111111"
    is_problem(await resident.call("POST", f"{path}/confirm", json={"code": wrong}), 422, "code")
    got = await resident.call("POST", f"{path}/confirm", json={"code": city.texts.code(number)})
    assert got.status_code == 200
    told = (await resident.call("GET", f"{resident.path}/data?lang=en")).json()
    section = next(one for one in told["sections"] if one["id"] == "addresses")
    assert [item["text"] for item in section["items"]] == [number]


async def test_a_campaign_by_text_message_comes_once_and_its_link_ends_it(city: City, desk: Desk):
    # One of them leaves, and of fewer than twenty others it may be that nobody is spoken to.
    numbers = [made_up() for _ in range(PEOPLE + 1)]
    people = [await confirmed(city, number) for number in numbers]
    first = await sent(desk, "", channels=["sms"], message={"texts": TEXTS})
    await city.until(lambda: state(desk, first), lambda told: told == "finished", seconds=90)
    for number in numbers:
        _, said = city.texts.texts(number)
        assert said.startswith("Tervetuloa fi\n")
        assert str(people[numbers.index(number)].id) not in said
    assert await outcome(city, people[1]) == ("sent", None)
    assert await reported(city, numbers[1], "FAILED", "another secret") == 401
    assert await reported(city, numbers[2], "DELIVERED") == await reported(city, numbers[1], "FAILED") == 204
    assert await outcome(city, people[2]) == ("sent", None)
    assert await outcome(city, people[1]) == ("failed", "returned_failed")

    link = stop_link(city, numbers[0])
    assert (await city.http.get(link, headers={"Accept": "text/html"})).status_code == 200
    assert (await city.http.post(link, data={"scope": "topic"})).status_code == 200
    second = await sent(desk, "", channels=["sms"], message={"texts": TEXTS})
    await city.until(lambda: state(desk, second), lambda told: told == "finished", seconds=90)
    assert [len(city.texts.texts(number)) for number in numbers] == [2, *[3] * PEOPLE]
