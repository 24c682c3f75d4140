"""The door for those who act for others: who is let in, at every age, and who learns nothing."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from engine.ages import birthday
from engine.ties import Help

BORN = date(2016, 5, 4)
DAY, MOMENT = timedelta(days=1), timedelta(microseconds=1)
GRANT = {"granted": True, "notice": 1}


@pytest.fixture
async def child(door) -> UUID:
    """A child of whoever calls."""
    got = await door.post("/v1/residents/me/dependants", {"birth_date": str(BORN)})
    assert got.status_code == 201, got.text
    return UUID(got.json()["dependant"])


def own(door, person: UUID) -> str:
    return door.issuer.resident(person, door.memory.now)


async def test_nobody_is_asked_about_somebody_who_reads_their_own(door):
    for end in ("consents", "receipts", "interests", "suggestions", "family"):
        assert (await door.get(f"/v1/residents/me/{end}")).status_code == 200
        assert (await door.get(f"/v1/residents/{door.me}/{end}")).status_code == 200
    assert (await door.post("/v1/interactions", {"events": [door.event()]})).status_code == 202
    assert door.kin.asked == []


async def test_of_a_stranger_and_of_nobody_the_same_is_said(door, child):
    stranger = own(door, uuid4())
    told = [await door.get(f"/v1/residents/{person}/consents", stranger) for person in (child, uuid4())]
    assert {(got.status_code, got.json()["code"]) for got in told} == {(403, "forbidden")}
    assert told[0].json()["detail"] == told[1].json()["detail"]


async def test_a_thirteenth_birthday_at_midnight_in_helsinki(door, child):
    path, turn = f"/v1/residents/{child}", birthday(BORN, 13)
    assert turn == datetime(2029, 5, 3, 21, tzinfo=UTC)
    assert (await door.put(f"{path}/consents/activity", GRANT)).json()["granted"] is True
    door.memory.now = turn - MOMENT
    assert (await door.put(f"{path}/consents/activity", GRANT)).status_code == 200
    assert (await door.put(f"{path}/consents/activity", GRANT, own(door, child))).status_code == 403
    assert (await door.get(f"{path}/suggestions")).status_code == 200
    door.memory.now = turn
    assert (await door.put(f"{path}/consents/activity", GRANT)).status_code == 403
    assert (await door.get(f"{path}/suggestions")).status_code == 403
    state = (await door.get(f"{path}/consents")).json()["items"][0]
    assert (state["granted"], state["suspended"], "guardians" in state) == (False, True, False)
    state = (await door.put(f"{path}/consents/activity", GRANT, own(door, child))).json()
    assert (state["granted"], "suspended" in state) == (True, False)
    door.memory.now = birthday(BORN, 18)
    assert (await door.get(f"{path}/consents")).status_code == 403
    state = (await door.get(f"{path}/consents", own(door, child))).json()["items"][0]
    assert (state["granted"], state["suspended"]) == (False, True)
    assert (await door.get("/v1/residents/me/family")).json()["dependants"] == []


async def test_suggestions_for_a_child_are_asked_as_the_child(door, child):
    assert (await door.get(f"/v1/residents/me/suggestions?for={child}&limit=3")).status_code == 200
    assert (await door.get(f"/v1/residents/{child}/suggestions?limit=3")).status_code == 200
    assert door.suggester.asked[0] == door.suggester.asked[1]
    assert door.suggester.asked[0][0] == door.memory.links[child]
    stranger = own(door, uuid4())
    assert (await door.get(f"/v1/residents/me/suggestions?for={child}", stranger)).status_code == 403
    reader = door.issuer.service("app", ["suggestions:read"], door.now)
    assert (await door.get(f"/v1/residents/{door.me}/suggestions?for={child}", reader)).status_code == 200


async def test_events_of_a_child_come_from_the_guardian(door, child):
    events = [door.event(resident=str(child)), door.event(), door.event(resident="x")]
    await door.put(f"/v1/residents/{child}/consents/activity", GRANT)
    await door.grant("activity")
    got = await door.post("/v1/interactions", {"events": events})
    assert (got.json()["accepted"], [fault["code"] for fault in got.json()["refused"]]) == (2, ["bad_resident"])
    assert {batch.resident for batch in door.log.batches} == {door.memory.links[child], door.memory.links[door.me]}
    got = await door.post("/v1/interactions", {"events": events[:1]}, own(door, uuid4()))
    assert got.status_code == 403


async def test_a_helper_is_let_in_for_what_is_named_while_it_lasts(door):
    helper = uuid4()
    given = {"actions": ["consents:read"], "until": (door.now + DAY).isoformat()}
    assert (await door.put(f"/v1/residents/me/helpers/{helper}", given)).status_code == 200
    path = f"/v1/residents/{door.me}"
    assert (await door.get(f"{path}/consents", own(door, helper))).status_code == 200
    assert (await door.get(f"{path}/interests", own(door, helper))).status_code == 403
    assert (await door.get(f"{path}/family", own(door, helper))).status_code == 403
    assert (await door.put(f"{path}/helpers/{uuid4()}", given, own(door, helper))).status_code == 403
    assert (await door.delete(f"{path}/helpers/{uuid4()}", own(door, helper))).status_code == 403
    door.memory.now = door.now + DAY
    assert (await door.get(f"{path}/consents", own(door, helper))).status_code == 403
    assert (await door.get("/v1/residents/me/family")).json()["helpers"] == []


async def test_a_helper_of_a_clock_that_jumps_back_is_not_let_in(door):
    helper = uuid4()
    resident, by = [await door_residents(door, person) for person in (door.me, helper)]
    door.kin.helps[resident, by] = Help(frozenset({"consents:read"}), door.now + DAY, door.now + 2 * DAY)
    assert (await door.get(f"/v1/residents/{door.me}/consents", own(door, helper))).status_code == 403


async def door_residents(door, person: UUID) -> str:
    return await door.memory.link(person, f"p-{person}")


async def test_a_minor_is_no_guardian(door, child):
    for method, body in (("dependants", {"birth_date": str(BORN)}), ("guardianships", {"code": "x"})):
        got = await door.post(f"/v1/residents/me/{method}", body, own(door, child))
        assert got.status_code == 403
    door.memory.now = birthday(BORN, 13)
    got = await door.post("/v1/residents/me/dependants", {"birth_date": "2029-01-01"}, own(door, child))
    assert (got.status_code, got.json()["code"]) == (403, "not_for_minors")


@pytest.mark.usefixtures("child")
async def test_services_come_in_by_their_scope_alone(door):
    reader = door.issuer.service("app", ["family:read"], door.now)
    writer = door.issuer.service("dvv", ["family:write"], door.now)
    staff = door.issuer.staff("aino@hel.fi", door.now)
    path = f"/v1/residents/{door.me}"
    assert len((await door.get(f"{path}/family", reader)).json()["dependants"]) == 1
    assert (await door.get(f"{path}/family", writer)).status_code == 403
    body = {"birth_date": "2012-05-04", "dependant": str(uuid4())}
    for token in (reader, staff):
        assert (await door.post(f"{path}/dependants", body, token)).status_code == 403
    got = await door.post(f"{path}/dependants", body, writer)
    assert (got.status_code, got.json()["dependant"]) == (201, body["dependant"])
    for token in (reader, writer, staff):
        assert (await door.post("/v1/invitations", {}, token)).status_code == 403


async def test_a_service_takes_back_what_a_child_allows_and_allows_nothing(door, child):
    service = door.issuer.service("app", ["consents:write"], door.now)
    path = f"/v1/residents/{child}/consents/activity"
    assert (await door.put(path, GRANT)).json()["granted"] is True
    got = await door.put(path, GRANT, service)
    assert (got.status_code, got.json()["code"]) == (403, "not_yours")
    assert (await door.put(path, {"granted": False}, service)).json()["granted"] is False
    door.memory.now = birthday(BORN, 13)
    service = door.issuer.service("app", ["consents:write"], door.memory.now)
    assert (await door.put(path, GRANT, service)).status_code == 200


async def test_no_more_than_twenty_of_anything(door):
    for _ in range(20):
        assert (await door.post("/v1/residents/me/dependants", {"birth_date": str(BORN)})).status_code == 201
    links = len(door.memory.links)
    got = await door.post("/v1/residents/me/dependants", {"birth_date": str(BORN)})
    assert got.status_code == 422
    assert len(door.memory.links) == links, "nothing half-written"


async def test_while_the_stores_are_away_nobody_is_let_in_for_another(door, child):
    stranger = own(door, uuid4())
    door.memory.away = True
    assert (await door.get(f"/v1/residents/{child}/consents", stranger)).status_code == 503


async def test_refusals_name_nobody_in_the_log(door, child, capsys):
    await door.get(f"/v1/residents/{child}/consents", own(door, uuid4()))
    await door.post("/v1/residents/me/guardianships", {"code": "a-secret-code"})
    said = "".join(capsys.readouterr())
    assert "access_refused" in said
    assert str(child) not in said
    assert "a-secret-code" not in said
