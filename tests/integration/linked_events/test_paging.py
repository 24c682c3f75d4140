"""Full runs and runs over changes, against a server that pages, changes and deletes."""

from datetime import timedelta

import pytest

from engine.records.import_report import Mode
from tests.integration.linked_events.catalogue import NEXT_WEEK, NOW, event, fill

pytestmark = pytest.mark.integration


async def test_pages_become_offers_and_a_second_import_publishes_nothing(city, catalogue):
    fill(city, 250)
    report = await catalogue.take(city.address)
    assert (report.mode, report.counts.pages, report.counts.read, report.counts.published) == (Mode.FULL, 3, 250, 250)
    assert city.pages_asked() == [1, 2, 3]
    assert "sort=start_time" in city.asked[0]
    assert "event_type=General%2CCourse%2CVolunteering" in city.asked[0]
    assert any(line.startswith("page 1 of 3, 100 records, about") for line in catalogue.said)
    again = await catalogue.take(city.address, full=True)
    assert (catalogue.news, again.counts.unchanged) == ([], 250)


async def test_later_imports_ask_for_changes_only_and_take_deletions(city, catalogue):
    fill(city, 3)
    await catalogue.take(city.address)
    later = NOW + timedelta(hours=5)
    city.put(event("x:0001", NEXT_WEEK, "Uusi nimi"), later)
    city.delete("x:0002", later)
    report = await catalogue.take(city.address, later + timedelta(hours=1))
    assert "last_modified_since=2026-11-22T07%3A50%3A00Z&show_deleted=true" in city.asked[-1]
    assert (report.mode, report.counts.read, report.counts.published, report.counts.withdrawn) == (
        Mode.CHANGES,
        2,
        1,
        1,
    )
    assert set(catalogue.offers) == {"x:0000", "x:0001"}
    assert catalogue.offers["x:0001"].name.fi == "Uusi nimi"


async def test_a_week_later_everything_is_read_and_what_is_listed_no_more_goes(city, catalogue):
    fill(city, 3)
    city.put(event("x:past", NOW - timedelta(days=1)), NOW)
    await catalogue.take(city.address)
    for id_ in ("x:0002", "x:past"):
        del city.events[id_]
    report = await catalogue.take(city.address, NOW + timedelta(days=8))
    assert report.mode == Mode.FULL
    assert set(catalogue.offers) == {"x:0000", "x:0001", "x:past", "x:0002"}  # both are over by then
    city.events.pop("x:0001")
    fill(city, 1)
    await catalogue.take(city.address, NOW, full=True)
    assert set(catalogue.offers) == {"x:0000", "x:past"}


async def test_places_and_keywords_are_fetched_once_and_gone_places_are_borne(city, catalogue):
    city.objects["place"]["tprek:1"] = {
        "id": "tprek:1",
        "name": {"fi": "Halli"},
        "position": {"coordinates": [24.9, 60.2]},
        "street_address": {"fi": "Katu 1"},
    }
    city.objects["place"]["tprek:3"] = {"id": "tprek:3", "replaced_by": "http://x/place/tprek:1/"}
    city.objects["keyword"]["yso:p1"] = {"id": "yso:p1", "name": {"fi": "jooga", "sv": "yoga"}}
    city.objects["organization"]["ahjo:1"] = {"id": "ahjo:1", "name": "Liikuntapalvelut"}
    told = {
        "keywords": [{"@id": "http://x/keyword/yso:p1/"}, {"@id": "http://x/keyword/yso:p404/"}],
        "publisher": "ahjo:1",
    }
    city.put(event("x:1", **told), NOW)
    city.put(event("x:2", name="Toinen", location={"@id": "http://x/place/tprek:410/"}), NOW)
    await catalogue.take(city.address)
    offer = catalogue.offers["x:1"]
    assert (offer.place.name.fi, offer.place.lat, offer.organiser) == ("Halli", 60.2, "Liikuntapalvelut")
    assert [(k.id, k.label.sv) for k in offer.keywords] == [("yso:p1", "yoga"), ("yso:p404", None)]
    assert (catalogue.offers["x:2"].place.id, catalogue.offers["x:2"].place.name.fi) == ("tprek:410", None)
    city.asked.clear()
    later = NOW + timedelta(hours=1)
    city.put(event("x:3", name="Kolmas", location={"@id": "http://x/place/tprek:3/"}, **told), later)
    await catalogue.take(city.address, later)
    assert city.paths_asked() == ["event/", "place/tprek:3/", "place/tprek:1/"]
    assert (catalogue.offers["x:3"].place.id, catalogue.offers["x:3"].place.name.fi) == ("tprek:3", "Halli")


async def test_changes_of_unknown_events_that_were_over_long_ago_are_passed_by(city, catalogue):
    await catalogue.take(city.address)
    city.put(event("old:1", NOW - timedelta(days=400)), NOW)
    report = await catalogue.take(city.address, NOW + timedelta(hours=1))
    assert (report.counts.past, catalogue.offers) == (1, {})
