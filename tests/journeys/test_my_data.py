"""One's own data through HTTP alone: seen in words, removed one by one, paused, steered, taken along, erased."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

SWIM = "keyword:yso:p965"


async def sections(resident, lang: str = "en") -> dict:
    got = await resident.call("GET", f"{resident.path}/data", params={"lang": lang})
    assert (got.status_code, got.headers["cache-control"]) == (200, "private, no-store"), got.text
    return {one["id"]: one for one in got.json()["sections"]}


async def acting(city, resident) -> dict:
    """Let a resident allow everything, tell something and save two courses; return the two events."""
    for purpose in ("activity", "interests", "location", "measurement"):
        await resident.decide(purpose)
    told = {
        "keywords": ["yso:p4484"],
        "kinds": ["course"],
        "languages": ["fi"],
        "birth_year": 1984,
        "access": ["quiet"],
    }
    assert (await resident.call("PUT", f"{resident.path}/interests", json=told)).status_code == 200
    events = {name: resident.event(f"journey:{name}-1") for name in ("swim", "chess")}
    await resident.send(*events.values())
    await city.until(lambda: sections(resident), lambda told: len(told["taste"]["items"]) > 1, seconds=20)
    return events


async def test_what_is_known_is_told_in_words_and_where_it_came_from(city, resident):
    events = await acting(city, resident)
    await resident.suggestions()
    told = await city.until(lambda: sections(resident), lambda told: told["shown"]["items"])
    assert list(told) == ["taste", "activity", "interests", "addresses", "shown", "followed", "audiences", "messages"]
    assert {one["id"]: one["text"] for one in told["taste"]["items"]}[SWIM] == "swim"
    acts = {one["id"]: one for one in told["activity"]["items"]}
    assert acts[events["swim"]["id"]]["text"] == "You saved: swim 1 in English"
    assert {one["id"]: (one["text"], one["detail"]) for one in told["interests"]["items"]} == {
        "keyword:yso:p4484": ("jazz", "Topic"),
        "kind:course": ("courses", "Kind"),
        "language:fi": ("Finnish", "Language"),
        "birth_year": ("1984", "Year of birth"),
        "access:quiet": ("Quiet space", "Access need"),
    }
    assert told["messages"]["items"] == []
    assert told["messages"]["empty"]
    for lang, word in (("fi", "Tallensit"), ("sv", "Du sparade")):
        assert (await sections(resident, lang))["activity"]["items"][0]["text"].startswith(word)


async def test_an_act_that_is_removed_stays_removed_though_it_is_sent_again(city, resident):
    events = await acting(city, resident)
    event = events["swim"]
    gone = await resident.call("DELETE", f"{resident.path}/data/activity/{event['id']}")
    assert gone.status_code == 204
    told = await sections(resident)
    assert SWIM not in {one["id"] for one in told["taste"]["items"]}
    assert event["id"] not in {one["id"] for one in told["activity"]["items"]}
    again = await resident.call("DELETE", f"{resident.path}/data/activity/{event['id']}")
    assert (again.status_code, again.json()["errors"][0]["field"]) == (404, "item")
    later = resident.event("journey:garden-1", "open")
    assert (await resident.send(event, later)).json()["accepted"] == 2
    told = await city.until(
        lambda: sections(resident), lambda told: later["id"] in {one["id"] for one in told["activity"]["items"]}
    )
    assert event["id"] not in {one["id"] for one in told["activity"]["items"]}
    assert SWIM not in {one["id"] for one in told["taste"]["items"]}


async def test_a_learned_topic_goes_with_all_that_taught_it_and_a_told_one_by_itself(city, resident):
    await acting(city, resident)
    assert (await resident.call("DELETE", f"{resident.path}/data/taste/{SWIM}")).status_code == 204
    assert (await resident.call("DELETE", f"{resident.path}/data/interests/kind:course")).status_code == 204
    told = await sections(resident)
    assert [one["text"] for one in told["activity"]["items"]] == ["You saved: chess 1 in English"]
    assert "kind:course" not in {one["id"] for one in told["interests"]["items"]}
    assert (await resident.call("GET", f"{resident.path}/interests")).json()["kinds"] == []


async def test_a_pause_stops_all_use_and_forgets_nothing(city, resident):
    await acting(city, resident)
    await resident.basis_becomes("personal", seconds=20)
    paused = (await resident.call("PUT", f"{resident.path}/pause")).json()
    left = datetime.fromisoformat(paused["until"]) - datetime.now(UTC)
    assert paused["paused"]
    assert 29 <= left.days <= 30
    assert (await resident.suggestions())["basis"] == "popular"
    meanwhile = resident.event("journey:garden-1")
    assert (await resident.send(meanwhile)).status_code == 202
    assert (await resident.call("GET", f"{resident.path}/pause")).json() == paused
    assert (await resident.call("DELETE", f"{resident.path}/pause")).json() == {"paused": False, "until": None}
    assert (await resident.suggestions())["basis"] == "personal"
    after = resident.event("journey:jazz-1")
    await resident.send(after)
    told = await city.until(
        lambda: sections(resident), lambda told: after["id"] in {one["id"] for one in told["activity"]["items"]}
    )
    assert meanwhile["id"] not in {one["id"] for one in told["activity"]["items"]}


async def test_a_reason_that_is_off_is_neither_said_nor_counts_in_the_very_next_answer(city, resident):
    await acting(city, resident)
    told = await resident.basis_becomes("personal", seconds=20)
    said = {reason.get("off") for item in told["items"] for reason in item["reasons"]}
    assert "topic" in said
    off = await resident.call("PUT", f"{resident.path}/reasons/topic", json={"on": False}, params={"lang": "sv"})
    assert off.json() == {"code": "topic", "text": "Ämnen som intresserar mig", "on": False}
    told = await resident.suggestions()
    assert "topic" not in {reason.get("off") for item in told["items"] for reason in item["reasons"]}
    listed = (await resident.call("GET", f"{resident.path}/reasons")).json()["items"]
    assert [one["code"] for one in listed if not one["on"]] == ["topic"]
    for code in [one["code"] for one in listed]:
        await resident.call("PUT", f"{resident.path}/reasons/{code}", json={"on": False})
    assert not {
        reason["off"]
        for item in (await resident.suggestions())["items"]
        for reason in item["reasons"]
        if "off" in reason
    }
    await resident.call("PUT", f"{resident.path}/reasons/topic", json={"on": True})
    said = {reason.get("off") for item in (await resident.suggestions())["items"] for reason in item["reasons"]}
    assert said & {"topic"}


async def test_without_a_profile_what_is_chosen_now_leads_and_nothing_is_kept(city):
    got = await city.http.get("/v1/suggestions", params={"topics": "yso:p11556", "lang": "en"})
    assert (got.status_code, got.headers["cache-control"]) == (200, "private, no-store")
    told = got.json()
    assert told["basis"] == "stated"
    assert "yso:p11556" in {keyword["id"] for keyword in told["items"][0]["offer"]["keywords"]}
    assert (await city.http.get("/v1/suggestions")).json()["basis"] == "popular"
    assert (await city.http.get("/v1/suggestions", params={"topics": "chess"})).status_code == 422


async def test_everything_comes_along_as_json_and_as_a_page(city, resident):
    events = await acting(city, resident)
    path = f"{resident.path}/data/download"
    got = await resident.call("GET", path)
    assert got.headers["content-disposition"] == 'attachment; filename="vinkki.json"'
    held = got.json()["held"]
    assert {deed["id"] for deed in held["deeds"]} == {event["id"] for event in events.values()}
    assert held["interests"]["birth_year"] == 1984
    page = await resident.call("GET", path, params={"format": "html", "lang": "sv"})
    assert page.headers["content-type"].startswith("text/html")
    assert '<html lang="sv">' in page.text
    assert "Du sparade: swim 1 på svenska" in page.text
    assert "<script" not in page.text


async def test_who_erases_all_is_nobody_from_then_on(city, resident):
    await acting(city, resident)
    assert (await resident.call("DELETE", resident.path)).status_code == 204
    assert (await resident.call("DELETE", resident.path)).status_code == 204
    assert all(section["items"] == [] for section in (await sections(resident)).values())
    assert (await resident.suggestions())["basis"] == "popular"
    assert (await resident.call("GET", f"{resident.path}/pause")).json() == {"paused": False, "until": None}


@pytest.mark.parametrize(
    "path",
    [
        "shown/x",
        "nothing/x",
        f"activity/{uuid4()}",
        "taste/keyword:yso:p1",
        "taste/%00",
        "interests/kind:dragon",
        "activity/" + "x" * 3000,
        "activity/😀%27%3B--",
    ],
)
async def test_what_is_not_there_cannot_be_removed(resident, path):
    await resident.decide("activity")
    assert (await resident.call("DELETE", f"{resident.path}/data/{path}")).status_code == 404


async def test_nobody_but_the_resident_sees_removes_pauses_or_erases(city, resident):
    other = city.resident()
    for method, path in (
        ("GET", "/data"),
        ("GET", "/data/download"),
        ("DELETE", "/data/activity/x"),
        ("PUT", "/pause"),
        ("DELETE", "/pause"),
        ("GET", "/reasons"),
        ("PUT", "/reasons/area"),
        ("DELETE", ""),
    ):
        got = await other.call(method, f"{resident.path}{path}", json={"on": False} if path.endswith("area") else None)
        assert got.status_code == 403, (method, path)
    assert (await resident.call("PUT", f"{resident.path}/reasons/weather", json={"on": False})).status_code == 404
    assert (await resident.call("PUT", f"{resident.path}/reasons/area", json={"on": "no"})).status_code == 422
    assert (await resident.call("GET", f"{resident.path}/data", params={"lang": "de"})).status_code == 422


async def test_what_is_decided_is_readable_in_the_page_to_keep(resident):
    await resident.decide("activity")
    await resident.call("PUT", f"{resident.path}/reasons/area", json={"on": False})
    await resident.call("PUT", f"{resident.path}/pause")
    page = await resident.call("GET", f"{resident.path}/data/download", params={"format": "html", "lang": "en"})
    for said in ("Learn from what I do", "Reason for suggestions: My part of the city", "Pause of everything"):
        assert said in page.text
    assert "without_area" not in page.text
