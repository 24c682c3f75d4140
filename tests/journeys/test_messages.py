"""Service messages through HTTP and mail: sent once to whom they are due, without any consent to marketing."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.journeys.conftest import City, addressed
from tests.journeys.test_bad_input import is_problem
from tests.journeys.test_campaigns import Desk, desk

__all__ = ["desk"]
OVER = ("sent", "skipped", "failed")


class Client:
    """A service of the city that has messages sent."""

    def __init__(self, city: City, *scopes: str, name: str = "courses") -> None:
        self.city = city
        token = city.issuer.service(name, scopes or ("messages:send",), datetime.now(UTC))
        self.headers = {"Authorization": f"Bearer {token}"}

    async def ask(self, key: str | None = None, **body):
        headers = self.headers | {"Idempotency-Key": key or str(uuid4())}
        return await self.city.http.post("/v1/messages", json=body, headers=headers)

    async def told(self, id_: str) -> dict:
        got = await self.city.http.get(f"/v1/messages/{id_}", headers=self.headers)
        assert got.status_code == 200, got.text
        return got.json()

    async def over(self, id_: str) -> dict:
        return await self.city.until(lambda: self.told(id_), lambda its: its["state"] in OVER, seconds=20)


@pytest.fixture
def client(city) -> Client:
    return Client(city)


async def running(desk: Desk, *channels: str) -> str:
    """Return a transactional campaign that runs."""
    texts = {
        code: {"subject": f"Paikka {code}", "body": "<p>Paikkasi: {{ data.course }}</p>", "short": "{{ data.course }}"}
        for code in ("fi", "sv", "en")
    }
    message = {"texts": texts, "data": ["course"]}
    changed = {"kind": "transactional", "audience": None, "schedule": {}, "legal_basis": "A contract on a course"}
    its = await desk.write(message=message, channels=channels or ("email",), **changed)
    for who, move in ((desk.maija, "submit"), (desk.ville, "approve"), (desk.maija, "schedule")):
        got = await desk.move(who, its, move)
        assert got.status_code == 200, got.text

    async def state() -> str:
        return (await desk.call(desk.maija, "GET", f"/{its['id']}")).json()["state"]

    await desk.city.until(state, lambda told: told == "running", seconds=20)
    return its["id"]


async def test_a_message_is_sent_once_without_consent_and_with_nothing_to_stop(city, desk, client):
    campaign, who = await running(desk), await addressed(city)
    body = {"campaign": campaign, "resident": str(who.id), "data": {"course": "Uimakoulu <2>"}}
    got = await asyncio.gather(*(client.ask("one-key", **body) for _ in range(5)))
    assert {its.status_code for its in got} == {202}
    (id_,) = {its.json()["id"] for its in got}
    assert got[0].headers["location"] == f"/v1/messages/{id_}"
    assert await client.over(id_) | {"accepted": "", "changed": ""} == {
        "id": id_, "campaign": campaign, "state": "sent", "channel": "email", "reason": None, "accepted": "",
        "changed": "",
    }  # fmt: skip
    _, mail = [mail for mail in city.mail.mails if mail["To"] == f"{who.id}@post.example"]
    assert mail["Subject"] == "Paikka fi"
    assert mail["List-Unsubscribe"] is mail["List-Unsubscribe-Post"] is mail["Precedence"] is None
    html = mail.get_body(("html",)).get_content()
    assert "Uimakoulu &lt;2&gt;" in html
    assert "/viestit?lang=fi" in html
    assert "/stop/" not in html
    assert str(who.id) not in html
    is_problem(await client.ask("one-key", **body | {"data": {"course": "Another"}}), 422, "Idempotency-Key")
    is_problem(await city.http.get(f"/v1/messages/{id_}", headers=Client(city, name="other").headers), 404)
    data = (await who.call("GET", f"{who.path}/data")).json()
    (section,) = [its for its in data["sections"] if its["id"] == "messages"]
    assert [its["text"] for its in section["items"]] == ["Palvelun viesti"]
    results = (await desk.call(desk.maija, "GET", f"/{campaign}/results")).json()
    assert [(its["state"], its["count"]) for its in results["messages"]] == [("sent", None)]
    kept = await rows(city, id_)
    assert kept == [("sent", None)]


async def test_it_comes_to_the_inbox_in_the_language_that_is_asked_for(city, desk, client):
    campaign, who = await running(desk, "sms", "inbox"), city.resident()
    await who.decide("interests")
    got = await client.ask(campaign=campaign, resident=str(who.id), data={"course": "Simskola"}, language="sv")
    assert (await client.over(got.json()["id"]))["channel"] == "inbox"
    (letter,) = (await who.call("GET", f"{who.path}/inbox")).json()["items"]
    assert (letter["subject"], letter["language"], letter["topic"]) == ("Paikka sv", "sv", letter["topic"])
    assert (await who.call("DELETE", f"{who.path}/inbox/{letter['id']}")).status_code == 204
    assert (await who.call("GET", f"{who.path}/inbox")).json()["items"] == []


async def test_who_watches_the_inbox_is_told_at_once(city, desk, client):
    campaign, who = await running(desk, "inbox"), city.resident()
    assert (await who.decide("interests")).status_code == 200  # a word, so that there is somebody to write to
    headers = {"Authorization": f"Bearer {who.token}", "Accept": "text/event-stream"}
    async with asyncio.timeout(20), city.http.stream("GET", f"{who.path}/inbox", headers=headers) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        words = (json.loads(line[6:])["unread"] async for line in answer.aiter_lines() if line.startswith("data: "))
        assert await anext(words) == 0
        await client.ask(campaign=campaign, resident=str(who.id), data={"course": "Simskola"})
        assert await anext(words) == 1
        (letter,) = (await who.call("GET", f"{who.path}/inbox")).json()["items"]
        await who.call("PUT", f"{who.path}/inbox/{letter['id']}", json={"read": True})
        assert await anext(words) == 0


async def test_who_has_no_address_is_left_out_and_who_is_erased_is_forgotten(city, desk, client):
    campaign, who = await running(desk), city.resident()
    await who.decide("activity")
    body = {"campaign": campaign, "resident": str(who.id), "data": {"course": "Uimakoulu"}}
    got = await client.ask(**body)
    told = await client.over(got.json()["id"])
    assert (told["state"], told["reason"]) == ("skipped", "no_address")
    assert (await who.call("DELETE", who.path)).status_code in (200, 202, 204)
    is_problem(await city.http.get(f"/v1/messages/{got.json()['id']}", headers=client.headers), 404)
    is_problem(await client.ask(**body), 404, "resident")


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"data": {}}, 422, "data.course"),
        ({"data": {"course": "x", "price": "1"}}, 422, "data.price"),
        ({"data": {"course": "x" * 501}}, 422, "data.course"),
        ({"data": {"course": "x\r\nBcc: evil@example.org"}}, 422, "data.course"),
        ({"data": {"course": "\ue000"}}, 422, "data.course"),
        ({"data": {"course": 1}}, 422, "data"),
        ({"language": "et"}, 422, "language"),
        ({"language": "xx"}, 422, "language"),
        ({"resident": "me"}, 422, "resident"),
        ({"resident": str(uuid4())}, 404, "resident"),
        ({"campaign": "none"}, 404, "campaign"),
    ],
)
async def test_what_cannot_be_sent_is_refused_with_the_field(city, desk, client, changed, status, field):
    who = city.resident()
    await who.decide("activity")
    good = {"campaign": await running(desk), "resident": str(who.id), "data": {"course": "x"}}
    is_problem(await client.ask(**good | changed), status, field)


async def test_keys_scopes_and_states_are_asked_for(city, desk, client):
    who, campaign = city.resident(), await running(desk)
    await who.decide("activity")
    body = {"campaign": campaign, "resident": str(who.id), "data": {"course": "x"}}
    is_problem(await city.http.post("/v1/messages", json=body, headers=client.headers), 400)
    for key in ("", "a b", "x" * 201):
        is_problem(
            await city.http.post("/v1/messages", json=body, headers=client.headers | {"Idempotency-Key": key}), 422
        )
    is_problem(await Client(city, "campaigns:read").ask(**body), 403)
    is_problem(await who.call("POST", "/v1/messages", json=body, headers={"Idempotency-Key": "k"}), 403)
    draft = await desk.write()
    is_problem(await client.ask(**body | {"campaign": draft["id"]}), 404, "campaign")
    assert (await desk.move(desk.ville, {"id": campaign}, "pause")).status_code == 200
    waits = (await client.ask("waits", **body)).json()["id"]
    await asyncio.sleep(1.5)
    assert (await client.told(waits))["state"] == "accepted"
    assert (await desk.move(desk.ville, {"id": campaign}, "cancel")).status_code == 200
    told = await client.over(waits)
    assert (told["state"], told["reason"]) == ("skipped", "cancelled")
    is_problem(await client.ask(**body), 409)
    assert (await client.ask("waits", **body)).json()["id"] == waits


async def rows(city: City, id_: str) -> list[tuple]:
    async with city.stores.database.begin() as connection:
        found = await connection.exec_driver_sql("SELECT state, content FROM service_messages WHERE id = %s", (id_,))
        return [tuple(row) for row in found]
