"""Campaigns through HTTP alone: roles, two persons, two writers, the trail, previews, and what is refused."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import httpx
import msgspec
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.campaign_forms import EXAMPLE, MESSAGE, PREVIEW_EXAMPLE
from api.routes.departments import DRAFT, PROGRAMME_DRAFT
from campaigns.audit import Entry, digest
from tests.journeys.conftest import ADMINISTRATORS
from tests.journeys.test_bad_input import NASTY, is_problem
from tests.journeys.test_contract import ask


class Desk:
    """A department of its own, and the officials in it."""

    def __init__(self, city) -> None:
        self.city = city
        self.id = f"d{uuid4().hex[:12]}"
        self.groups = {role: f"{self.id}-{role}" for role in ("viewer", "editor", "approver", "administrator")}
        self.audience = EXAMPLE["audience"]
        self.maija = self.official("maija", "editor")
        self.ville = self.official("ville", "editor", "approver")

    def official(self, name: str, *roles: str, groups: tuple[str, ...] = ()) -> dict[str, str]:
        scopes = ("campaigns:read", "campaigns:write", "audiences:read", "audiences:write")
        having = [*(self.groups[role] for role in roles), *groups, "everybody"]
        token = self.city.issuer.staff(f"{name}@example.fi", datetime.now(UTC), groups=having, scopes=scopes)
        return {"Authorization": f"Bearer {token}"}

    async def call(self, who, method: str, path: str = "", match: str | None = None, **how) -> httpx.Response:
        headers = who | ({} if match is None else {"If-Match": match})
        path = path if path.startswith("/v1") else f"/v1/campaigns{path}"
        return await self.city.http.request(method, path, headers=headers, **how)

    async def write(self, **changed) -> dict:
        got = await self.call(self.maija, "POST", json=self.draft(**changed))
        assert got.status_code == 201, got.text
        assert got.headers["location"] == f"/v1/campaigns/{got.json()['id']}"
        return dict(got.json())

    def draft(self, **changed) -> dict:
        return EXAMPLE | {"department": self.id, "audience": self.audience} | changed

    async def move(self, who, its: dict, *moves: str) -> httpx.Response:
        got = None
        for move in moves:
            body = {"json": {"reason": "Not yet"}} if move == "reject" else {}
            got = await self.call(who, "POST", f"/{its['id']}/{move}", match="*", **body)
        return got


@pytest.fixture
async def desk(city) -> Desk:
    its = Desk(city)
    founder = its.official("aino", groups=(ADMINISTRATORS,))
    draft = DRAFT | {"roles": {role: [group] for role, group in its.groups.items()}}
    got = await its.call(founder, "POST", "/v1/departments", json={"id": its.id, "draft": draft})
    assert got.status_code == 201, got.text
    everybody = {"department": its.id, "name": "Everybody", "tree": {"is": "everyone"}}
    got = await its.call(its.maija, "POST", "/v1/audiences", json=everybody)
    assert got.status_code == 201, got.text
    its.audience = got.json()["id"]
    return its


async def test_a_campaign_is_written_reviewed_by_another_scheduled_and_ended_and_the_trail_tells(desk):
    its = await desk.write()
    assert (its["state"], its["missing"], its["author"]) == ("draft", [], "maija@example.fi")
    assert (await desk.move(desk.maija, its, "submit")).json()["state"] == "in_review"
    is_problem(await desk.move(desk.maija, its, "approve"), 403)
    assert (await desk.move(desk.ville, its, "reject")).json()["state"] == "draft"
    await desk.move(desk.maija, its, "submit")
    approved = (await desk.move(desk.ville, its, "approve")).json()
    assert (approved["state"], approved["approver"]) == ("approved", "ville@example.fi")
    assert (await desk.move(desk.maija, its, "schedule")).json()["state"] == "scheduled"
    is_problem(await desk.move(desk.maija, its, "pause"), 409)
    assert (await desk.move(desk.ville, its, "cancel")).json()["state"] == "cancelled"
    is_problem(await desk.move(desk.maija, its, "submit"), 409)
    entries = (await desk.call(desk.maija, "GET", f"/{its['id']}/trail")).json()["items"]
    told = [(one["what"], one["who"].partition("@")[0], one["version"]) for one in entries]
    assert told == [
        ("create", "maija", 1),
        ("submit", "maija", 2),
        ("reject", "ville", 3),
        ("submit", "maija", 4),
        ("approve", "ville", 5),
        ("schedule", "maija", 6),
        ("cancel", "ville", 7),
    ]
    assert entries[2]["reason"] == "Not yet"


async def test_who_changed_it_last_does_not_approve_it_either_and_an_edit_needs_a_new_review(desk):
    its = await desk.write()
    await desk.move(desk.maija, its, "submit")
    changed = desk.draft(name="Another name")
    assert (await desk.call(desk.ville, "PUT", f"/{its['id']}", match="*", json=changed)).json()["state"] == "in_review"
    is_problem(await desk.move(desk.ville, its, "approve"), 403)
    kalle = desk.official("kalle", "approver")
    assert (await desk.move(kalle, its, "approve")).json()["state"] == "approved"
    back = (await desk.call(desk.maija, "PUT", f"/{its['id']}", match="*", json=desk.draft())).json()
    assert (back["state"], back["approver"]) == ("in_review", None)


async def test_of_two_writers_the_second_is_told_what_the_first_has_changed(desk):
    its = await desk.write()
    first = desk.draft(
        message=MESSAGE | {"texts": MESSAGE["texts"] | {"sv": MESSAGE["texts"]["sv"] | {"subject": "Ny"}}}
    )
    assert (await desk.call(desk.ville, "PUT", f"/{its['id']}", match='"1"', json=first)).headers["etag"] == '"2"'
    refused = await desk.call(desk.maija, "PUT", f"/{its['id']}", match='"1"', json=desk.draft(priority=7))
    is_problem(refused, 412)
    assert "edit by ville@example.fi" in refused.json()["detail"]
    assert "message.texts.sv.subject" in refused.json()["detail"]
    read = await desk.call(desk.maija, "GET", f"/{its['id']}")
    assert read.json()["draft"]["message"]["texts"]["sv"]["subject"] == "Ny"
    merged = read.json()["draft"] | {"priority": 7}
    assert (await desk.call(desk.maija, "PUT", f"/{its['id']}", match='"2"', json=merged)).status_code == 200
    many = [desk.call(desk.maija, "PUT", f"/{its['id']}", match='"3"', json=merged) for _ in range(5)]
    assert sorted(got.status_code for got in await asyncio.gather(*many)) == [200, 412, 412, 412, 412]
    is_problem(await desk.call(desk.maija, "PUT", f"/{its['id']}", json=merged), 428, "If-Match")


async def test_a_role_opens_its_own_department_alone(desk, city):
    its, other = await desk.write(), Desk(city)
    stranger = other.official("outi", "editor", "approver")
    viewer = desk.official("veera", "viewer")
    assert (await desk.call(viewer, "GET", f"/{its['id']}")).status_code == 200
    for who, method, path, body in (
        (stranger, "GET", f"/{its['id']}", None),
        (stranger, "GET", f"/{its['id']}/trail", None),
        (stranger, "POST", "", desk.draft()),
        (viewer, "POST", "", desk.draft()),
        (viewer, "PUT", f"/{its['id']}", desk.draft()),
        (desk.maija, "POST", f"/{its['id']}/approve", None),
        (stranger, "POST", "/preview", PREVIEW_EXAMPLE | {"department": desk.id}),
        (desk.official("a", "administrator"), "POST", "/v1/departments", {"id": other.id, "draft": DRAFT}),
        (desk.maija, "PUT", f"/v1/departments/{desk.id}", DRAFT),
    ):
        is_problem(await desk.call(who, method, path, match="*", json=body), 403)
    assert (await desk.call(stranger, "GET")).json()["items"] == []
    listed = (await desk.call(viewer, "GET", params={"state": "draft", "department": desk.id})).json()["items"]
    assert [one["id"] for one in listed] == [its["id"]]
    is_problem(await city.resident().call("GET", "/v1/campaigns"), 403)
    is_problem(await city.http.get("/v1/campaigns"), 401)


async def test_administrators_give_roles_and_unknown_ones_are_refused(desk):
    head = desk.official("heli", "administrator")
    path = f"/v1/departments/{desk.id}"
    is_problem(await desk.call(head, "PUT", path, match="*", json=DRAFT | {"roles": {"owner": ["x"]}}), 422)
    got = await desk.call(head, "PUT", path, match='"1"', json=DRAFT | {"roles": {"viewer": ["everybody"]}})
    assert (got.status_code, got.json()["version"]) == (200, 2)
    is_problem(await desk.call(desk.maija, "POST", json=desk.draft()), 403)
    is_problem(await desk.call(head, "PUT", path, match='"1"', json=DRAFT), 403)


async def test_a_programme_groups_campaigns_in_all_its_languages(desk):
    head = desk.official("heli", "administrator", "editor")
    draft = PROGRAMME_DRAFT | {"departments": [desk.id]}
    its = (await desk.call(head, "POST", "/v1/programmes", json=draft)).json()
    assert (await desk.call(head, "GET", f"/v1/programmes/{its['id']}")).json()["draft"]["languages"][-1] == "et"
    got = await desk.call(desk.maija, "POST", json=desk.draft(programme=its["id"]))
    is_problem(got, 422, "languages")
    wide = {"programme": its["id"], "languages": ["fi", "sv", "en", "et"]}
    missing = (await desk.write(**wide))["missing"]
    assert [one["where"] for one in missing] == ["message.texts.et.subject", "message.texts.et.body"]
    is_problem(await desk.call(desk.maija, "POST", json=desk.draft(programme="none")), 422, "programme")


async def test_a_preview_is_of_residents_that_are_made_up(desk):
    asked = {"department": desk.id, "message": MESSAGE, "channels": ["email", "inbox"]}
    items = (await desk.call(desk.maija, "POST", "/preview", json=asked)).json()["items"]
    assert len(items) == 2 * 3 * 4
    mail = next(one for one in items if (one["channel"], one["language"], one["resident"]) == ("email", "sv", "family"))
    assert mail["rendered"]["subject"] == "Vinterns simkurser börjar"
    assert "Sluta få dessa meddelanden" in mail["rendered"]["text"]
    assert "Simkurs för nybörjare" in mail["rendered"]["html"]
    sms = MESSAGE | {"texts": {"en": {"short": "Courses begin: {{ data.hall }}"}}, "data": ["hall"]}
    asked = {"department": desk.id, "message": sms, "channels": ["sms"], "languages": ["en"], "residents": ["family"]}
    (item,) = (await desk.call(desk.maija, "POST", "/preview", json=asked)).json()["items"]
    assert item["rendered"]["text"].startswith("Courses begin: [hall]")
    assert (item["size"]["alphabet"], item["size"]["parts"]) == ("gsm7", 2)


def body(text: str, **more) -> dict:
    return {"message": {"texts": MESSAGE["texts"] | {"fi": {"subject": "Hei", "body": text} | more}}}


PAST = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
SOON = (datetime.now(UTC) + timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        (body("<p>Hei</p>\n<p>{{ foor }}</p>"), "message.texts.fi.body", "Line 2: There is no variable `foor`"),
        (body("<p>{% if %}</p>"), "message.texts.fi.body", "Line 1"),
        (body("<p>{% for o in offers %}{{ o.nme }}{% endfor %}</p>"), "message.texts.fi.body", "`nme`"),
        (body("{{ ''.__class__.__mro__ }}"), "message.texts.fi.body", "unsafe"),
        (body("{{ 'a' * 1000000000 }}"), "message.texts.fi.body", "mul"),
        (body("<p>a</p>\n<img src='https://hel.fi/a.png'>"), "message.texts.fi.body", "Line 2: A picture needs `alt`"),
        (body("<img alt='x' src='data:image/png;base64,AAAA'>"), "message.texts.fi.body", "cannot carry its data"),
        (body("<script>alert(1)</script>"), "message.texts.fi.body", "<script>"),
        (body("<a href='javascript:alert(1)'>Uinti</a>"), "message.texts.fi.body", "none of https"),
        (body("<a href='https://hel.fi/a'>tästä</a>"), "message.texts.fi.body", "says nothing"),
        (body("<p>Hei</p>", subject="Hei\r\nBcc: all@example.fi"), "message.texts.fi.subject", "one line"),
        (body("<p>Hei</p>", subject="{{ stop }}"), "message.texts.fi.subject", "same for everybody"),
        ({"schedule": {"starts": PAST, "rrule": "FREQ=DAILY;COUNT=2"}}, "schedule.starts", "in the past"),
        ({"schedule": {"starts": SOON, "rrule": "FREQ=DAILY"}}, "schedule.rrule", "never ends"),
        ({"schedule": {"starts": SOON, "rrule": "FREQ=SECONDLY;COUNT=5"}}, "schedule.rrule", "once a day"),
        (
            {"schedule": {"starts": SOON, "rrule": "FREQ=MONTHLY;BYMONTHDAY=30;BYMONTH=2;COUNT=1"}},
            "schedule.rrule",
            "no time",
        ),
        ({"kind": "one_off"}, "schedule.rrule", "Only a recurring"),
        ({"kind": "someday"}, "kind", "one_off"),
        ({"topic": "politics"}, "topic", ""),
        ({"channels": ["pigeon"]}, "channels.0", ""),
        ({"channels": ["email", "email"]}, "channels", "once"),
        ({"languages": ["fi", "en"]}, "languages", "sv"),
        ({"schedule": {"trigger": {"event": "eclipse"}}}, "schedule.trigger.event", ""),
        (
            {"schedule": {"trigger": {"event": "journal_event", "interaction": "sing"}}},
            "schedule.trigger.interaction",
            "save",
        ),
        ({"state": "approved"}, "state", ""),
    ],
)
async def test_what_makes_no_campaign_is_named(desk, changed, field, says):
    got = await desk.call(desk.maija, "POST", json=desk.draft(**changed))
    is_problem(got, 422, field)
    assert says in json.dumps(got.json(), ensure_ascii=False), got.text


async def test_a_picture_of_2_mb_in_a_text_is_refused(desk):
    huge = body(f"<img alt='x' src='data:image/png;base64,{'A' * 2_000_000}'>")
    is_problem(await desk.call(desk.maija, "POST", json=desk.draft(**huge)), 413, "body")


async def test_a_missing_translation_is_listed_and_keeps_it_from_review(desk):
    texts = {code: text for code, text in MESSAGE["texts"].items() if code != "sv"}
    its = await desk.write(message={"texts": texts})
    assert [one["where"] for one in its["missing"]] == ["message.texts.sv.subject", "message.texts.sv.body"]
    is_problem(await desk.move(desk.maija, its, "submit"), 422, "message.texts.sv.subject")
    unknown = await desk.write(message=MESSAGE | {"offers": ["journey:nobody"]})
    is_problem(await desk.move(desk.maija, unknown, "submit"), 422, "message.offers.0")


@pytest.mark.parametrize("text", NASTY)
async def test_nasty_texts_are_kept_as_text_or_refused(desk, text):
    texts = MESSAGE["texts"] | {"fi": {"subject": text[:150], "body": text[:5000], "short": text[:600]}}
    draft = desk.draft(name=text[:100], message={"texts": texts}, channels=["email", "sms"])
    got = await desk.call(desk.maija, "POST", json=draft)
    assert got.status_code in (201, 422), got.text
    if got.status_code == 201:
        read = await desk.call(desk.maija, "GET", f"/{got.json()['id']}")
        assert read.json()["draft"]["message"]["texts"]["fi"]["body"] == text[:5000]


async def test_the_documents_examples_run(desk):
    document = (await desk.city.http.get("/openapi.json")).json()
    head = desk.official("heli", "administrator", "editor", groups=(ADMINISTRATORS,))
    for path, status, changed in (
        ("/v1/departments", 201, {"id": f"{desk.id}-2"}),
        ("/v1/programmes", 201, {"departments": [desk.id]}),
        ("/v1/campaigns", 201, {"department": desk.id}),
        ("/v1/campaigns/preview", 200, {"department": desk.id}),
    ):
        example = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        got = await desk.call(head, "POST", path, json=example | changed)
        assert got.status_code == status, got.text


@pytest.mark.parametrize("operation", ["write_campaign", "preview_campaign", "write_department", "write_programme"])
def test_whatever_an_official_sends_is_answered_as_the_document_says(desk, operation):
    contract = schemathesis.openapi.from_url(str(desk.city.http.base_url.join("/openapi.json")))
    found = next(
        one.ok() for one in contract.get_all_operations() if one.ok().definition.raw["operationId"] == operation
    )
    everything = desk.official("heli", *desk.groups, groups=(ADMINISTRATORS,))
    ask(found.as_strategy(GenerationMode.POSITIVE), everything, [positive_data_acceptance])


@pytest.mark.parametrize(
    "trigger",
    [
        {
            "event": "offer_changed",
            "changes": ["enrolment_opens", "seat_freed"],
            "target": {"offers": ["journey:swim-1"]},
        },
        {"event": "offer_changed", "changes": ["cancelled", "moved"]},
        {"event": "new_offer", "target": {"keywords": ["yso:p965"]}, "delay_minutes": 30},
        {"event": "saved_offer_tomorrow", "hour": 17},
        {"event": "birthday", "ages": [7], "days_before": 14},
        {"event": "journal_event", "interaction": "register"},
        {"event": "webhook", "name": "library_card_given"},
    ],
)
async def test_each_trigger_is_kept_as_it_was_written(desk, trigger):
    audience = desk.audience if trigger["event"] == "new_offer" else None
    its = await desk.write(kind="triggered", audience=audience, schedule={"trigger": trigger})
    assert its["draft"]["schedule"]["trigger"].items() >= trigger.items()
    assert (await desk.move(desk.maija, its, "submit")).status_code == 200


async def test_the_hashes_of_the_trail_are_those_of_the_acts(desk, city):
    its = await desk.write()
    async with city.stores.database.begin() as connection:
        rows = (
            await connection.exec_driver_sql(
                "SELECT seq, time, who, what, subject, version, content, detail, hash FROM trail ORDER BY seq"
            )
        ).all()
    entries = [Entry(*row) for row in rows]
    assert all(later.hash == digest(one.hash, later) for one, later in pairwise(entries))
    (told,) = (await desk.call(desk.maija, "GET", f"/{its['id']}/trail")).json()["items"]
    assert told["hash"] in {entry.hash.hex() for entry in entries}
    assert msgspec.json.decode(entries[-1].detail) == {}
