"""Families and helpers, through HTTP alone: who may act for whom, and who may not."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tests.journeys.conftest import City, Resident
from tests.journeys.test_partners import register

BORN = {"birth_date": "2017-05-04"}
DAY = timedelta(days=1)


async def with_child(guardian: Resident) -> Resident:
    """Register a child, and return what the guardian calls it by: the child's addresses, the guardian's token."""
    got = await guardian.call("POST", f"{guardian.path}/dependants", json=BORN)
    assert got.status_code == 201, got.text
    return Resident(guardian.http, got.json()["dependant"], guardian.token)


def seen_by(other: Resident, child: Resident) -> Resident:
    """Return the child as somebody else calls it."""
    return Resident(other.http, child.id, other.token)


async def second(guardian: Resident, other: Resident, child: Resident) -> Resident:
    """Let another person become a guardian, and return the child as they call it."""
    code = (await guardian.call("POST", f"{guardian.path}/dependants/{child.id}/invitations")).json()["code"]
    got = await other.call("POST", f"{other.path}/guardianships", json={"code": code})
    assert (got.status_code, got.json()) == (201, {"dependant": str(child.id)})
    return seen_by(other, child)


async def refusals(child: Resident) -> set[int]:
    """Return the statuses of all that one can try."""
    told = child.event("journey:swim-1")
    tries = (
        ("GET", "/consents", None),
        ("PUT", "/consents/activity", {"granted": True, "notice": 1}),
        ("GET", "/receipts", None),
        ("GET", "/interests", None),
        ("PUT", "/interests", {}),
        ("GET", "/suggestions", None),
        ("GET", "/family", None),
        ("GET", "/invitations", None),
        ("POST", "/dependants", BORN),
        ("PUT", f"/helpers/{uuid4()}", {"actions": ["interests:read"], "until": "2026-12-01T00:00:00Z"}),
    )
    answers = [await child.call(method, f"{child.path}{end}", json=body) for method, end, body in tries]
    answers.append(await child.call("GET", f"/v1/residents/me/suggestions?for={child.id}"))
    answers.append(await child.call("POST", "/v1/interactions", json={"events": [told]}))
    details = {answer.json()["detail"] for answer in answers if answer.status_code == 403}
    assert len(details) <= 1, "a refusal says the same whoever it is about"
    return {answer.status_code for answer in answers}


async def test_a_guardian_acts_for_a_child_and_a_stranger_does_not(city: City, resident: Resident):
    child = await with_child(resident)
    assert (await resident.decide("interests")).status_code == 200
    await resident.call("PUT", f"{resident.path}/interests", json={"keywords": ["yso:p965"]})
    answer = await child.call("PUT", f"{child.path}/interests", json={"keywords": ["yso:p3266"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "consent_required")
    got = await child.decide("interests")
    assert got.json()["guardians"] == [{"you": True, "granted": True, "notice": 1, "since": got.json()["since"]}]
    told = await child.call("PUT", f"{child.path}/interests", json={"keywords": ["yso:p3266"], "kinds": ["course"]})
    assert told.status_code == 200

    async def suggested() -> dict:
        return (await resident.call("GET", "/v1/residents/me/suggestions", params={"for": str(child.id)})).json()

    answer = await suggested()
    assert answer["basis"] == "stated"
    topics = {word["id"] for item in answer["items"][:2] for word in item["offer"]["keywords"]}
    assert topics == {"yso:p3266"}, "what the guardian likes has no part in it"
    assert [item["offer"]["id"] for item in (await child.suggestions())["items"]] == [
        item["offer"]["id"] for item in answer["items"]
    ]
    family = (await resident.call("GET", f"{resident.path}/family")).json()
    assert [one["id"] for one in family["dependants"]] == [str(child.id)]
    assert await refusals(seen_by(city.resident(), child)) == {403}
    assert await refusals(Resident(resident.http, uuid4(), resident.token)) == {403}


async def test_what_a_child_does_is_the_childs_and_not_the_guardians(resident: Resident):
    child = await with_child(resident)
    await child.decide("activity")
    await resident.decide("activity")
    assert (await child.send(*(child.event(f"journey:jazz-{n}") for n in range(3)))).json()["accepted"] == 3
    await child.basis_becomes("personal", seconds=20)
    assert (await resident.suggestions())["basis"] == "popular"


async def test_of_two_guardians_the_more_protective_one_holds_and_both_see_it(city: City, resident: Resident):
    child, other = await with_child(resident), city.resident()
    same = await second(resident, other, child)
    await child.decide("interests")
    await child.call("PUT", f"{child.path}/interests", json={"keywords": ["yso:p3266"]})
    got = await same.decide("interests", granted=False)
    assert got.json()["granted"] is False
    assert (await child.suggestions())["basis"] == "popular"
    again = (await child.decide("interests")).json()
    assert (again["granted"], [(w["you"], w["granted"]) for w in again["guardians"]]) == (
        False,
        [(False, False), (True, True)],
    )
    states = (await same.call("GET", f"{same.path}/consents")).json()["items"]
    state = next(state for state in states if state["purpose"] == "interests")
    assert [(w["you"], w["granted"]) for w in state["guardians"]] == [(True, False), (False, True)]
    assert (await same.decide("interests")).json()["granted"] is True


async def test_a_guardian_pauses_all_use_of_a_childs_data_and_the_other_cannot_end_it(city: City, resident: Resident):
    child = await with_child(resident)
    same = await second(resident, city.resident(), child)
    assert (await child.call("PUT", f"{child.path}/pause")).json()["paused"] is True
    assert (await same.call("GET", f"{same.path}/pause")).json()["paused"] is True
    assert (await same.call("DELETE", f"{same.path}/pause")).json()["paused"] is True
    assert (await child.call("DELETE", f"{child.path}/pause")).json()["paused"] is False
    assert (await child.call("GET", f"{child.path}/pause")).json()["paused"] is False


async def test_a_reason_is_off_for_a_child_while_one_guardian_has_it_off(city: City, resident: Resident):
    child = await with_child(resident)
    same = await second(resident, city.resident(), child)
    off = f"{child.path}/reasons/area"
    assert (await child.call("PUT", off, json={"on": False})).json()["on"] is False
    assert (await same.call("PUT", off, json={"on": True})).json()["on"] is False
    assert (await child.call("PUT", off, json={"on": True})).json()["on"] is True
    reasons = (await same.call("GET", f"{child.path}/reasons")).json()["items"]
    assert all(one["on"] for one in reasons)


async def test_a_partner_reads_of_a_child_what_all_guardians_grant(city: City, resident: Resident):
    child, partner = await with_child(resident), await register(city)
    same, helper = await second(resident, city.resident(), child), city.resident()
    path = f"{child.path}/partners/{partner.id}"
    until = (datetime.now(UTC) + DAY).isoformat()
    given = {"actions": ["consents:write"], "until": until}
    assert (await child.call("PUT", f"{child.path}/helpers/{helper.id}", json=given)).status_code == 200
    assert (await helper.call("PUT", path, json={"granted": True})).status_code == 403
    service = {"Authorization": f"Bearer {city.issuer.service('desk', ['consents:write'], datetime.now(UTC))}"}
    got = await city.http.put(path, json={"granted": True}, headers=service)
    assert (got.status_code, got.json()["code"]) == (403, "not_yours")
    assert (await child.call("PUT", path, json={"granted": True})).json()["granted"] is True
    (handle,) = await partner.handles()
    assert (await partner.get(f"/{handle}")).status_code == 200
    assert (await same.call("PUT", path, json={"granted": False})).json()["granted"] is False
    assert (await partner.get(f"/{handle}")).status_code == 404
    assert (await child.call("PUT", path, json={"granted": True})).json()["granted"] is False
    assert await partner.handles() == []


async def test_nobody_under_18_gets_marketing(resident: Resident):
    child = await with_child(resident)
    got = await child.decide("marketing_library_email")
    assert (got.status_code, got.json()["code"]) == (403, "not_for_minors")
    assert (await child.decide("marketing_library_email", granted=False)).status_code == 200


async def test_a_child_with_a_token_of_its_own_decides_nothing(city: City, resident: Resident):
    child = await with_child(resident)
    own = Resident(city.http, child.id, city.issuer.resident(child.id, datetime.now(UTC)))
    assert (await own.decide("activity")).status_code == 403
    assert (await own.call("PUT", "/v1/residents/me/interests", json={})).status_code == 403
    assert (await own.call("POST", "/v1/residents/me/dependants", json=BORN)).status_code == 403
    states = await own.call("GET", "/v1/residents/me/consents")
    assert states.status_code == 200


async def test_a_teenager_decides_and_a_guardian_sees_consents_and_receipts(city: City, resident: Resident):
    teen, now = city.resident(), datetime.now(UTC)
    born = now.date().replace(year=now.year - 15, day=1)
    told = {"birth_date": str(born), "dependant": str(teen.id)}
    assert (await resident.call("POST", f"{resident.path}/dependants", json=told)).status_code == 403
    service = city.issuer.service("dvv", ["family:write"], now)
    got = await resident.http.post(
        f"{resident.path}/dependants", json=told, headers={"Authorization": f"Bearer {service}"}
    )
    assert (got.status_code, got.json()) == (201, {"dependant": str(teen.id)})
    assert (await teen.decide("activity")).status_code == 200
    watched = seen_by(resident, teen)
    assert (await watched.call("GET", f"{watched.path}/consents")).status_code == 200
    assert len((await watched.call("GET", f"{watched.path}/receipts")).json()["items"]) == 1
    assert await refusals(watched) == {200, 403}
    for end in ("interests", "suggestions", "family", "invitations"):
        assert (await watched.call("GET", f"{watched.path}/{end}")).status_code == 403
    assert (await watched.decide("activity", granted=False)).status_code == 403
    assert (await teen.decide("marketing_library_sms")).status_code == 403


async def test_a_helper_may_what_is_named_until_it_ends(city: City, resident: Resident):
    helper, now = city.resident(), datetime.now(UTC)
    path = f"{resident.path}/helpers/{helper.id}"
    past = {"actions": ["suggestions:read"], "until": (now - DAY).isoformat()}
    got = await resident.call("PUT", path, json=past)
    assert (got.status_code, got.json()["errors"][0]["field"]) == (422, "until")
    given = {"actions": ["suggestions:read", "interactions:write"], "until": (now + DAY).isoformat()}
    assert (await resident.call("PUT", path, json=given)).json()["actions"] == sorted(given["actions"])
    helped = seen_by(helper, resident)
    await helped.suggestions()
    assert (await helped.send(helped.event("journey:swim-2"))).status_code == 202
    assert (await helped.decide("activity")).status_code == 403
    assert (await helped.call("GET", f"{helped.path}/interests")).status_code == 403
    assert [one["id"] for one in (await helper.call("GET", f"{helper.path}/family")).json()["helping"]] == [
        str(resident.id)
    ]
    assert (await resident.call("DELETE", path)).json()["helpers"] == []
    assert await refusals(helped) == {403}


async def test_with_the_last_guardian_the_child_goes(city: City, resident: Resident):
    child, other = await with_child(resident), city.resident()
    got = await resident.call("DELETE", f"{resident.path}/dependants/{child.id}")
    assert (got.status_code, got.json()["code"]) == (409, "last_guardian")
    same = await second(resident, other, child)
    await child.decide("interests")
    assert (await resident.call("DELETE", f"{resident.path}/dependants/{child.id}")).json()["dependants"] == []
    assert await refusals(child) == {403}
    assert (await same.call("GET", f"{same.path}/receipts")).json()["items"] != []
    token = city.issuer.service("profile", ["gdprquery", "gdprdelete"], datetime.now(UTC), other.id)
    headers = {"Authorization": f"Bearer {token}"}
    profile = f"/gdpr-api/v1/profiles/{other.id}"
    sections = {node["key"]: node for node in (await city.http.get(profile, headers=headers)).json()["children"]}
    assert {node["key"] for node in sections["FAMILY"]["children"]} == {"DEPENDANT"}
    assert (await city.http.delete(profile, headers=headers)).status_code == 204
    assert await refusals(same) == {403}
    service = city.issuer.service("audit", ["consents:read"], datetime.now(UTC))
    got = await city.http.get(f"{child.path}/consents", headers={"Authorization": f"Bearer {service}"})
    assert got.json()["history"] == []


async def test_an_invitation_of_a_birth_year_reaches_its_guardians_alone(city: City, resident: Resident):
    child = await with_child(resident)
    words = {"fi": "Satukonsertti", "sv": "Sagokonsert", "en": "A concert of tales"}
    now = datetime.now(UTC)
    invitation = {
        "birth_year": 2017,
        "title": words,
        "text": words,
        "offer": "journey:jazz-1",
        "until": (now + DAY).isoformat(),
    }
    headers = {"Authorization": f"Bearer {city.issuer.service('culture', ['invitations:write'], now)}"}
    assert (await resident.call("POST", "/v1/invitations", json=invitation)).status_code == 403
    got = await city.http.post("/v1/invitations", json=invitation, headers=headers)
    assert (got.status_code, set(got.json())) == (201, {"id", "birth_year", "title", "text", "until", "offer"})
    mine = (await resident.call("GET", f"{resident.path}/invitations")).json()["items"]
    assert [(one["title"], one["dependants"]) for one in mine] == [(words, [str(child.id)])]
    other = city.resident()
    assert (await other.call("GET", f"{other.path}/invitations")).json() == {"items": []}
    for field, value in (("birth_year", 1980), ("until", (now - DAY).isoformat()), ("offer", "no:such")):
        got = await city.http.post("/v1/invitations", json=invitation | {field: value}, headers=headers)
        assert (got.status_code, got.json()["errors"][0]["field"]) == (422, field)


async def test_what_cannot_be_is_refused_by_name(city: City, resident: Resident):
    child, tomorrow = await with_child(resident), (datetime.now(UTC) + 2 * DAY).date()
    for given, field in (
        ({"birth_date": str(tomorrow)}, "birth_date"),
        ({"birth_date": "1980-01-01"}, "birth_date"),
        ({"birth_date": "2011-01-01"}, "birth_date"),
        ({"birth_date": "2017-02-30"}, "birth_date"),
        ({"birth_date": "9999-12-31"}, "birth_date"),
        ({"birth_date": "0001-01-01"}, "birth_date"),
        ({"birth_date": "yesterday"}, "birth_date"),
        ({}, "birth_date"),
        (BORN | {"name": "Aino"}, "name"),
    ):
        got = await resident.call("POST", f"{resident.path}/dependants", json=given)
        assert (got.status_code, got.json()["errors"][0]["field"]) == (422, field), given
    helpers = f"{resident.path}/helpers"
    until = (datetime.now(UTC) + DAY).isoformat()
    for path, given, field in (
        (f"{helpers}/me", {"actions": ["consents:read"], "until": until}, "helper"),
        (f"{helpers}/{resident.id}", {"actions": ["consents:read"], "until": until}, "helper"),
        (f"{helpers}/{uuid4()}", {"actions": ["gdprdelete"], "until": until}, "actions.0"),
        (f"{helpers}/{uuid4()}", {"actions": [], "until": until}, "actions"),
        (f"{helpers}/{uuid4()}", {"actions": ["consents:read"], "until": "2030-01-01T00:00:00Z"}, "until"),
        (f"{helpers}/{uuid4()}", {"actions": ["consents:read"], "until": "2026-12-01T00:00:00"}, "until"),
    ):
        got = await resident.call("PUT", path, json=given)
        assert (got.status_code, got.json()["errors"][0]["field"]) == (422, field), (path, given)
    stranger = city.resident()
    for method, end in (("DELETE", ""), ("POST", "/invitations")):
        got = await stranger.call(method, f"{stranger.path}/dependants/{child.id}{end}")
        assert (got.status_code, got.json()["code"]) == (403, "not_yours")
    got = await stranger.call("POST", f"{stranger.path}/guardianships", json={"code": "0" * 22})
    assert (got.status_code, got.json()["errors"][0]["field"]) == (404, "code")
    got = await resident.call("GET", "/v1/residents/me/suggestions?for=me")
    assert (got.status_code, got.json()["errors"][0]["field"]) == (422, "for")
