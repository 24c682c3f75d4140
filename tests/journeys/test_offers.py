"""Offers through HTTP: found, paged, read, and seen by a running process as soon as they change."""

import pytest

from engine.language import Localized


async def test_pages_lead_through_all_offers_once(city):
    seen, after = [], ""
    while after is not None:
        got = (await city.http.get("/v1/offers", params={"limit": 7, "after": after})).json()
        seen += [item["id"] for item in got["items"]]
        after = got["next"]
        assert after is None or len(got["items"]) == 7
    assert len(seen) == len(set(seen))
    assert len([id_ for id_ in seen if id_.startswith("journey:")]) >= 48


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("kind=course&limit=50", lambda item: item["kind"] == "course"),
        ("kind=course,event&limit=50", lambda item: item["kind"] in ("course", "event")),
        ("text=jazz%203", lambda item: "jazz 3" in item["name"]["fi"]),
        ("keyword=yso:p965", lambda item: item["keywords"][0]["id"] == "yso:p965"),
        ("place=tprek:3", lambda item: item["place"]["id"] == "tprek:3"),
        ("free=true", lambda item: item["free"] is True),
        ("languages=fi", lambda item: item["languages"] == ["fi"]),
        ("near=60.170,24.940&radius_metres=300", lambda item: abs(item["place"]["lat"] - 60.17) < 0.003),
    ],
)
async def test_each_filter_keeps_only_what_fits(city, query, holds):
    items = (await city.http.get(f"/v1/offers?{query}")).json()["items"]
    assert items
    assert all(holds(item) for item in items)


async def test_lists_are_short_and_one_offer_is_whole(city):
    (item,) = (await city.http.get("/v1/offers?text=swim%201&keyword=yso:p965&limit=1")).json()["items"]
    assert not item.get("description")
    whole = (await city.http.get(f"/v1/offers/{item['id']}")).json()
    assert whole["description"]["fi"] == "Pitkä kuvaus."


async def test_alike_and_popular_are_open_and_explain_themselves(city):
    alike = await city.http.get("/v1/offers/journey:swim-1/similar?limit=5&lang=sv")
    assert alike.status_code == 200
    found = [item["offer"]["id"] for item in alike.json()["items"]]
    assert "journey:swim-1" not in found
    assert found[0].startswith("journey:swim")
    popular = (await city.http.get("/v1/offers/popular?limit=5&kind=event")).json()
    assert popular["basis"] == "popular"
    assert {item["offer"]["kind"] for item in popular["items"]} == {"event"}
    assert all(item["reasons"] for item in popular["items"])


async def test_what_is_not_there_is_said_so(city):
    for path in ("/v1/offers/journey:none", "/v1/offers/journey:none/similar", "/v1/offers/%00"):
        got = await city.http.get(path)
        assert (got.status_code, got.json()["code"]) == (404, "not_found")


async def test_a_changed_offer_is_seen_by_a_running_process_within_five_seconds(city, resident):
    await city.write(city.offer("chess", 99, name=Localized("Aivan uusi shakkikerho")))
    await city.until(
        lambda: resident.suggestions(limit=100),
        lambda told: "journey:chess-99" in [item["offer"]["id"] for item in told["items"]],
    )
    assert (await city.http.get("/v1/offers?text=aivan%20uusi")).json()["items"][0]["id"] == "journey:chess-99"
