"""Path 4 of the house: what a source tells of an offer is in every API process within five seconds, no restart."""

from datetime import UTC, datetime
from functools import partial

import msgspec

from engine.events import GONE, OfferChange
from engine.language import Localized
from engine.offers import Kind, Place, Status, encode

NEAR = {"near": "60.2511,25.0101", "radius_metres": 60}
PLACE = Place("tprek:alone", Localized("Yksin"), lat=60.2511, lon=25.0101)


async def names(city):
    got = await city.http.get("/v1/offers/popular", params=NEAR)
    return [item["offer"]["name"]["fi"] for item in got.json()["items"]]


async def tell(city, offer):
    content = GONE if offer is None else msgspec.Raw(encode(offer))
    await city.stores.publisher.offers([OfferChange("journey:swim-99", "journey", datetime.now(UTC), content)])


async def test_a_new_a_changed_a_cancelled_and_a_removed_offer_are_seen_within_five_seconds(city):
    shown, offer = partial(names, city), partial(city.offer, "swim", 99, Kind.COURSE, place=PLACE)
    assert await shown() == []
    await tell(city, offer(name=Localized("Uusi")))
    await city.until(shown, lambda seen: seen == ["Uusi"], seconds=5)
    await tell(city, offer(name=Localized("Muutettu")))
    await city.until(shown, lambda seen: seen == ["Muutettu"], seconds=5)
    await tell(city, offer(name=Localized("Muutettu"), status=Status.CANCELLED))
    await city.until(shown, lambda seen: seen == [], seconds=5)
    assert (await city.http.get("/v1/offers/journey:swim-99")).json()["status"] == "cancelled"
    await tell(city, offer(name=Localized("Takaisin"), seats_left=0))
    await tell(city, offer(name=Localized("Takaisin"), seats_left=1))
    await city.until(shown, lambda seen: seen == ["Takaisin"], seconds=5)
    await tell(city, None)
    await city.until(shown, lambda seen: seen == [], seconds=5)
    assert (await city.http.get("/v1/offers/journey:swim-99")).status_code == 404
