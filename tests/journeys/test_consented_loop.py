"""Paths 1, 2 and 3 of the house through HTTP: what a resident allows and does changes what is suggested, and back."""

import asyncio

from sqlalchemy import text


def ids(told):
    return [item["offer"]["id"] for item in told["items"]]


async def journal_rows(city, resident):
    query = text("SELECT count(*) FROM journal JOIN residents ON pseudonym = resident WHERE person = :person")
    async with city.stores.database.begin() as connection:
        return (await connection.execute(query, {"person": resident.id})).scalar_one()


async def interests(resident):
    return (await resident.call("GET", f"{resident.path}/interests")).json()


async def test_nothing_is_learned_without_consent(city, resident):
    first = await resident.suggestions()
    assert first["basis"] == "popular"
    assert first["items"]
    got = await resident.send(resident.event("journey:swim-1"))
    assert (got.status_code, got.json()) == (202, {"accepted": 1, "refused": []})
    await asyncio.sleep(1)
    assert (await resident.suggestions())["basis"] == "popular"
    assert await journal_rows(city, resident) == 0


async def test_consented_saves_make_the_next_suggestions_personal_and_a_withdrawal_takes_it_back(city, resident):
    assert (await resident.decide("activity")).status_code == 200
    before = await resident.suggestions()
    saved = [f"journey:swim-{n}" for n in (1, 2, 3)]
    assert (await resident.send(*map(resident.event, saved))).json()["accepted"] == 3
    told = await resident.basis_becomes("personal", seconds=3)
    assert not set(saved) & set(ids(told))
    assert ids(told) != ids(before)
    assert any(one.startswith("journey:swim") for one in ids(told)[:4])
    assert (await resident.decide("activity", granted=False)).status_code == 200
    assert (await resident.suggestions())["basis"] != "personal"
    await city.until(lambda: journal_rows(city, resident), lambda rows: rows == 0)


async def test_who_allows_it_again_begins_anew(resident):
    await resident.decide("activity")
    await resident.send(resident.event("journey:jazz-1"))
    await resident.basis_becomes("personal")
    await resident.decide("activity", granted=False)
    await resident.decide("activity")
    assert (await resident.suggestions())["basis"] == "popular"


async def test_the_same_event_sent_again_counts_once(city, resident):
    await resident.decide("activity")
    event = resident.event("journey:chess-1", "open")
    for _ in range(3):
        assert (await resident.send(event, event)).status_code == 202
    await resident.basis_becomes("personal")
    await asyncio.sleep(1)
    assert await journal_rows(city, resident) == 1


async def test_what_was_told_is_used_once_it_is_allowed(city, resident):
    told = {"keywords": ["yso:p3266"], "kinds": []}
    assert (await resident.call("PUT", f"{resident.path}/interests", json=told)).json()["code"] == "consent_required"
    await resident.decide("interests")
    kept = await resident.call("PUT", f"{resident.path}/interests", json=told)
    assert (kept.status_code, kept.json()["keywords"]) == (200, ["yso:p3266"])
    answer = await resident.suggestions()
    assert answer["basis"] == "stated"
    assert ids(answer)[0].startswith("journey:garden")
    await resident.decide("interests", granted=False)
    assert (await resident.suggestions())["basis"] == "popular"
    await city.until(lambda: interests(resident), lambda told: told["keywords"] == [])


async def test_dismissed_and_joined_offers_are_not_suggested(resident):
    await resident.decide("activity")
    await resident.send(resident.event("journey:swim-4", "dismiss"), resident.event("journey:swim-5", "register"))
    told = await resident.basis_becomes("personal")
    assert not {"journey:swim-4", "journey:swim-5"} & set(ids(told))


async def test_every_item_says_why_in_the_asked_language(resident):
    await resident.decide("activity")
    await resident.send(*(resident.event(f"journey:jazz-{n}") for n in (1, 2)))
    await resident.basis_becomes("personal")
    seen = set()
    for language in ("fi", "sv", "en"):
        items = (await resident.suggestions(lang=language))["items"]
        assert [item["rank"] for item in items] == list(range(1, len(items) + 1))
        assert all(reason["text"] and reason["code"] for item in items for reason in item["reasons"])
        assert all(item["reasons"] for item in items)
        seen.add(items[0]["reasons"][0]["text"])
    assert len(seen) == 3


async def test_filters_are_kept(resident):
    told = await resident.suggestions(kind="course,event", free="true", limit=7, near="60.17,24.94", radius_metres=5000)
    assert len(told["items"]) <= 7
    assert all(item["offer"]["kind"] in ("course", "event") and item["offer"]["free"] for item in told["items"])


async def test_consents_and_their_history_can_be_read(resident):
    await resident.decide("activity")
    await resident.decide("activity", granted=False)
    told = (await resident.call("GET", "/v1/residents/me/consents")).json()
    state = {item["purpose"]: item["granted"] for item in told["items"]}
    assert {"activity", "interests", "location", "learning", "measurement"} <= set(state)
    assert not any(state.values())
    assert not state["activity"]
    assert [(entry["purpose"], entry["granted"]) for entry in told["history"]] == [
        ("activity", True),
        ("activity", False),
    ]
