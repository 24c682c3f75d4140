"""Push messages through HTTP: from a browser's subscription to what its push service is handed, and back out."""

import pytest
from starlette.responses import Response

from tests.journeys.conftest import City, Resident
from tests.journeys.test_bad_input import is_problem
from tests.journeys.test_campaigns import Desk, desk
from tests.journeys.test_story import PEOPLE, TOPIC, sent, state
from tests.push_service import PushService, pushing

__all__ = ["desk"]
PURPOSE = f"marketing_{TOPIC}_push"
TEXTS = {code: {"subject": f"Puisto {code}", "short": f"Tervetuloa {code}"} for code in ("fi", "sv", "en")}


@pytest.fixture
async def service(city: City):
    key = (await city.http.get("/v1/push-key")).json()["key"]
    async with pushing(PushService(key=key)) as its:
        yield its


async def subscribed(city: City, service: PushService, name: str) -> Resident:
    its = city.resident()
    assert (await its.decide(PURPOSE)).status_code == 200
    got = await its.call("PUT", f"{its.path}/push-subscriptions", json=service.subscription(name))
    assert got.status_code == 200, got.text
    return its


async def browsers(who: Resident) -> list[str]:
    items = (await who.call("GET", f"{who.path}/push-subscriptions")).json()["items"]
    return [item["endpoint"].rpartition("/")[2] for item in items]


async def test_a_campaign_comes_encrypted_to_browsers_of_those_who_allow_it(city: City, desk: Desk, service):
    # Two of them leave, and of fewer than twenty others it may be that nobody is spoken to.
    people = [await subscribed(city, service, f"b{n}") for n in range(PEOPLE + 2)]
    silent, erased, gone = people[0], people[1], people[2]
    assert (await silent.decide(PURPOSE, granted=False)).status_code == 200
    assert (await erased.call("DELETE", erased.path)).status_code in (200, 202, 204)
    service.answer = lambda name: Response(status_code=410 if name == "b2" else 201)
    its = await sent(desk, "Puisto", channels=["push"], message={"texts": TEXTS})
    await city.until(lambda: state(desk, its), lambda told: told == "finished", seconds=90)
    assert sorted(each.browser for each in service.heard) == sorted(f"b{n}" for n in range(3, PEOPLE + 2))
    said = service.heard[0].said
    assert (said["title"], said["body"].splitlines()[0]) == ("Puisto fi", "Tervetuloa fi")
    assert await browsers(gone) == []
    stopped = await city.http.post(said["stop"], data={"List-Unsubscribe": "One-Click"})
    assert stopped.status_code == 200


async def test_a_browser_is_whose_gave_it_last_and_is_seen_and_removed(city: City, service):
    first, second = await subscribed(city, service, "shared"), await subscribed(city, service, "shared")
    assert (await browsers(first), await browsers(second)) == ([], ["shared"])
    data = (await second.call("GET", f"{second.path}/data")).json()
    (section,) = [its for its in data["sections"] if its["id"] == "addresses"]
    assert [its["text"] for its in section["items"]] == ["127.0.0.1"]
    assert (await second.call("DELETE", f"{second.path}/push-subscriptions")).status_code == 204
    assert await browsers(second) == []


@pytest.mark.parametrize("endpoint", ["https://evil.example/push/x", "ftp://127.0.0.1/x", "https://10.0.0.1/push/x"])
async def test_what_is_no_push_service_is_refused(city: City, service, endpoint):
    who = city.resident()
    given = service.subscription() | {"endpoint": endpoint}
    is_problem(await who.call("PUT", f"{who.path}/push-subscriptions", json=given), 422, "endpoint")
