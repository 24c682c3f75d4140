"""Webhooks through HTTP: set up by administrators, told of campaigns, and heard when they are signed."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import standardwebhooks

from tests.integration.campaigns.test_webhooks import System, system
from tests.journeys.conftest import City, addressed
from tests.journeys.test_bad_input import is_problem
from tests.journeys.test_campaigns import Desk, desk
from tests.journeys.test_story import PURPOSE

__all__ = ["desk", "system"]
PATH = "/v1/webhooks"
TEXTS = {code: {"subject": f"Muutos {code}", "body": "<p>Hei!</p>"} for code in ("fi", "sv", "en")}


@pytest.fixture
def chief(desk: Desk) -> dict[str, str]:
    return desk.official("aino", "administrator")


def name() -> str:
    return f"w{uuid4().hex[:12]}"


async def set_up(desk: Desk, chief, **draft) -> dict:
    body = {"id": name(), "draft": {"department": desk.id, **draft}}
    got = await desk.call(chief, "POST", PATH, json=body)
    assert got.status_code == 201, got.text
    assert got.headers["location"] == f"{PATH}/{body['id']}"
    return got.json()


async def tell(city: City, webhook: dict, told: object, *, id_: str | None = None, secret: str | None = None):
    raw, id_, now = json.dumps(told), id_ or uuid4().hex, datetime.now(UTC)
    headers = {
        "webhook-id": id_, "webhook-timestamp": str(int(now.timestamp())), "content-type": "application/json",
        "webhook-signature": standardwebhooks.Webhook(secret or webhook["secret"]).sign(id_, now, raw),
    }  # fmt: skip
    return await city.http.post(f"{PATH}/{webhook['id']}/events", content=raw, headers=headers)


async def test_a_system_is_told_when_a_campaign_moves(city, desk, chief, system: System):
    its = await set_up(desk, chief, direction="out", url=f"http://127.0.0.1:{system.port}/vinkki")
    campaign = await desk.write()
    await desk.move(desk.maija, campaign, "submit")
    await desk.move(desk.ville, campaign, "approve", "cancel")

    async def states() -> list[str]:
        return system.states

    assert await city.until(states, lambda told: len(told) == 3, seconds=15) == ["in_review", "approved", "cancelled"]
    assert {standardwebhooks.Webhook(its["secret"]).verify(body, head)["type"] for head, body in system.heard} == {
        "campaign.in_review", "campaign.approved", "campaign.cancelled",
    }  # fmt: skip
    one = (await desk.call(chief, "GET", f"{PATH}/{its['id']}")).json()
    assert (one["standing"]["told"], one["secret"]) == (3, None)


async def test_what_a_system_tells_triggers_a_campaign_once(city, desk, chief):
    its, who, other = (
        await set_up(desk, chief, direction="in"),
        await addressed(city, PURPOSE),
        await addressed(city, PURPOSE),
    )
    schedule = {"trigger": {"event": "webhook", "name": its["id"]}}
    campaign = await desk.write(
        kind="triggered", topic="neighbourhood_plans", channels=["email"], audience=None, schedule=schedule,
        message={"texts": TEXTS},
    )  # fmt: skip
    for official, move in ((desk.maija, "submit"), (desk.ville, "approve"), (desk.maija, "schedule")):
        got = await desk.move(official, campaign, move)
        assert got.status_code == 200, got.text

    async def state() -> str:
        return (await desk.call(desk.maija, "GET", f"/{campaign['id']}")).json()["state"]

    await city.until(state, lambda told: told == "running", seconds=20)
    unknown = str(uuid4())
    for told in (
        {"residents": [str(who.id), unknown]},
        {"residents": [str(who.id), unknown]},
        {"residents": [unknown]},
    ):
        got = await tell(city, its, told, id_="one" if len(told["residents"]) > 1 else "two")
        assert got.status_code == 202, got.text

    async def mails() -> list[str]:
        return [mail["To"] for mail in city.mail.mails if mail["Subject"] == "Muutos fi"]

    assert len(await city.until(mails, lambda told: len(told) > 0, seconds=20)) == 1
    assert str(who.id) in (await mails())[0]
    assert not any(str(other.id) in to for to in await mails())


async def test_what_is_not_signed_is_not_heard(city, desk, chief):
    its = await set_up(desk, chief, direction="in")
    is_problem(await tell(city, its, {}, secret="whsec_" + "A" * 43 + "="), 401)
    is_problem(await city.http.post(f"{PATH}/{its['id']}/events", json={}), 401)
    is_problem(await tell(city, its | {"id": name()}, {}), 401)
    is_problem(await tell(city, its, {"residents": ["me"]}), 422, "residents.0")
    is_problem(await tell(city, its, {"people": []}), 422)
    is_problem(await tell(city, its, {"residents": ["x" * 300_000]}), 413)
    renewed = (await desk.call(chief, "POST", f"{PATH}/{its['id']}/secret")).json()["secret"]
    is_problem(await tell(city, its, {}), 401)
    assert (await tell(city, its, {}, secret=renewed)).status_code == 202
    assert (await desk.call(chief, "DELETE", f"{PATH}/{its['id']}")).status_code == 204
    is_problem(await tell(city, its, {}, secret=renewed), 401)


async def test_administrators_alone_keep_webhooks_and_see_each_others_changes(desk, chief):
    body = {"id": name(), "draft": {"department": desk.id, "direction": "out", "url": "https://a.example/x"}}
    is_problem(await desk.call(desk.maija, "POST", PATH, json=body), 403)
    its = await set_up(desk, chief, direction="out", url="https://a.example/x")
    is_problem(await desk.call(chief, "POST", PATH, json=body | {"id": its["id"]}), 422, "id")
    one, draft = f"{PATH}/{its['id']}", its["draft"]
    is_problem(await desk.call(desk.maija, "PUT", one, match='"1"', json=draft), 403)
    changed = await desk.call(chief, "PUT", one, match='"1"', json=draft | {"enabled": False})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    is_problem(await desk.call(chief, "PUT", one, match='"1"', json=draft), 412)
    is_problem(await desk.call(chief, "PUT", one, match='"2"', json=draft | {"direction": "in", "url": None}), 422)
    listed = (await desk.call(desk.maija, "GET", PATH)).json()["items"]
    assert [(each["id"], each["secret"]) for each in listed] == [(its["id"], None)]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"url": None}, "draft.url"),
        ({"url": "ftp://a.example/"}, "draft.url"),
        ({"url": "https://user:secret@a.example/"}, "draft.url"),
        ({"direction": "in"}, "draft.url"),
        ({"direction": "sideways"}, "draft.direction"),
        ({"events": ["campaign.loved"]}, "draft.events.0"),
        ({"department": "none"}, None),
    ],
)
async def test_what_makes_no_webhook_is_refused(desk, chief, changed, field):
    draft = {"department": desk.id, "direction": "out", "url": "https://a.example/x"} | changed
    got = await desk.call(chief, "POST", PATH, json={"id": name(), "draft": draft})
    is_problem(got, 422 if field else 403, *([field] if field else []))
    for reserved in ("mail", "sms"):
        taken = {"id": reserved, "draft": {"department": desk.id, "direction": "in"}}
        is_problem(await desk.call(chief, "POST", PATH, json=taken), 422, "id")
