"""Series and duplicates over several imports, and the ids of their offers."""

from datetime import timedelta

import pytest

from engine.offers import Status
from tests.integration.linked_events.catalogue import NEXT_WEEK, NOW, TOMORROW, event

pytestmark = pytest.mark.integration


async def test_a_series_is_one_offer_that_follows_its_dates(city, catalogue):
    head = event("s:0", TOMORROW, end_time=NEXT_WEEK.isoformat(), super_event_type="recurring", sub_events=[{}])
    city.put(head, NOW)
    for n in (1, 2, 3):
        child = event(f"s:{n}", TOMORROW + timedelta(days=n), f"Jooga {n}", super_event={"@id": "http://x/event/s:0/"})
        city.put(child, NOW)
    await catalogue.take(city.address)
    assert [date.id for date in catalogue.offers["s:0"].dates] == ["s:1", "s:2", "s:3"]
    later = NOW + timedelta(hours=1)
    city.delete("s:1", later)
    city.put({**city.events["s:2"], "name": {"fi": "PERUTTU: Jooga 2"}}, later)
    await catalogue.take(city.address, later)
    assert [change.id for change in catalogue.news] == ["s:0"]
    assert ([date.id for date in catalogue.offers["s:0"].dates], set(catalogue.offers)) == (["s:3"], {"s:0"})
    city.put({**head, "name": {"fi": "Jooga, PERUTTU"}}, later + timedelta(hours=1))
    await catalogue.take(city.address, later + timedelta(hours=1))
    assert catalogue.offers["s:0"].status == Status.CANCELLED


async def test_a_head_that_comes_later_gathers_its_dates_and_one_that_goes_lets_them_be(city, catalogue):
    for n in (1, 2):
        child = event(f"s:{n}", TOMORROW + timedelta(days=n), f"Luento {n}", super_event={"@id": "http://x/event/s:0/"})
        city.put(child, NOW)
    await catalogue.take(city.address)
    assert {id_: offer.series for id_, offer in catalogue.offers.items()} == {"s:1": "s:0", "s:2": "s:0"}
    later = NOW + timedelta(hours=1)
    city.put(event("s:0", TOMORROW, "Luennot", super_event_type="recurring"), later)
    await catalogue.take(city.address, later)
    assert (list(catalogue.offers), catalogue.offers["s:0"].sources) == (["s:0"], ("s:0", "s:1", "s:2"))
    city.delete("s:0", later + timedelta(hours=1))
    await catalogue.take(city.address, later + timedelta(hours=1))
    assert set(catalogue.offers) == {"s:1", "s:2"}


async def test_an_offer_keeps_its_id_when_the_record_it_was_named_for_goes_and_gives_it_back(city, catalogue):
    city.put(event("a:1", TOMORROW), NOW)
    city.put(event("b:2", NEXT_WEEK), NOW)
    await catalogue.take(city.address)
    assert (list(catalogue.offers), catalogue.offers["a:1"].sources) == (["a:1"], ("a:1", "b:2"))
    city.delete("a:1", NOW + timedelta(hours=1))
    await catalogue.take(city.address, NOW + timedelta(hours=1))
    assert (list(catalogue.offers), catalogue.offers["a:1"].sources) == (["a:1"], ("b:2",))
    city.put(event("a:1", TOMORROW, "Aivan muuta"), NOW + timedelta(hours=2))
    await catalogue.take(city.address, NOW + timedelta(hours=2))
    assert {id_: offer.sources for id_, offer in catalogue.offers.items()} == {"a:1": ("a:1",), "b:2": ("b:2",)}


async def test_a_renamed_event_stays_the_same_offer(city, catalogue):
    city.put(event("a:1"), NOW)
    await catalogue.take(city.address)
    city.put(event("a:1", name="Joogaa kaikille"), NOW + timedelta(hours=1))
    report = await catalogue.take(city.address, NOW + timedelta(hours=1))
    assert ([change.id for change in catalogue.news], report.counts.withdrawn) == (["a:1"], 0)
