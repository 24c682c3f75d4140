"""Servers, brokers and imports that fail midway."""

import asyncio
from datetime import timedelta

import pytest

from engine.errors import InvalidInput, Unavailable
from tests.integration.linked_events.catalogue import NOW, Catalogue, fill

pytestmark = pytest.mark.integration


async def test_an_empty_answer_to_everything_takes_nothing_away(city, catalogue):
    fill(city, 60)
    await catalogue.take(city.address)
    city.events.clear()
    report = await catalogue.take(city.address, full=True)
    assert (report.counts.withdrawn, len(catalogue.offers)) == (0, 60)
    assert any("that many cannot be true" in line for line in catalogue.said)


async def test_a_busy_a_broken_and_a_confused_server_are_asked_again(city, catalogue):
    fill(city, 150)
    city.moods = ["truncated", 500, 429, "", "html"]
    report = await catalogue.take(city.address)
    assert (report.counts.read, len(catalogue.offers)) == (150, 150)
    assert city.pages_asked() == [1, 1, 1, 1, 2, 2]


async def test_an_import_that_failed_goes_on_at_the_page_where_it_stopped(city, catalogue):
    fill(city, 350)
    city.moods = ["", "", *[503] * 8]
    with pytest.raises(Unavailable, match="503; import again, it goes on here"):
        await catalogue.take(city.address)
    assert catalogue.offers == {}
    city.asked.clear()
    report = await catalogue.take(city.address, NOW + timedelta(minutes=5))
    assert city.pages_asked() == [3, 4]
    assert (report.counts.read, len(catalogue.offers)) == (350, 350)
    assert any("Going on after page 2" in line for line in catalogue.said)


async def test_an_import_that_was_killed_goes_on_at_the_page_where_it_stopped(city, catalogue):
    fill(city, 150)
    city.moods = ["", "hang"]
    running = asyncio.create_task(catalogue.take(city.address))
    await asyncio.to_thread(city.hanging.wait, 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    city.unhang.set()
    city.asked.clear()
    await catalogue.take(city.address)
    assert (city.pages_asked(), len(catalogue.offers)) == ([2], 150)


async def test_two_imports_at_once_are_one_too_many(city, catalogue):
    fill(city, 1)
    city.moods = ["hang"]
    running = asyncio.create_task(catalogue.take(city.address))
    await asyncio.to_thread(city.hanging.wait, 10)
    with pytest.raises(Unavailable, match="Another import from linked-events is running"):
        await Catalogue(catalogue.imports).take(city.address)
    city.unhang.set()
    await running
    assert list(catalogue.offers) == ["x:0000"]


async def test_a_day_later_an_interrupted_import_begins_anew(city, catalogue):
    fill(city, 150)
    city.moods = ["", *[503] * 8]
    with pytest.raises(Unavailable):
        await catalogue.take(city.address)
    city.asked.clear()
    await catalogue.take(city.address, NOW + timedelta(days=1))
    assert city.pages_asked() == [1, 2]


async def test_what_the_broker_did_not_take_is_published_by_the_next_import(city, catalogue):
    fill(city, 300)
    catalogue.fails_after = 200
    with pytest.raises(Unavailable, match="broker"):
        await catalogue.take(city.address)
    first = {change.id for change in catalogue.news}
    catalogue.fails_after = None
    await catalogue.take(city.address)
    second = {change.id for change in catalogue.news}
    assert (len(first), len(second), len(first | second)) == (200, 100, 300)


async def test_a_wrong_address_is_said_to_be_one(city, catalogue):
    city.moods = [403]
    with pytest.raises(InvalidInput, match="403: check the address"):
        await catalogue.take(city.address)
    with pytest.raises(InvalidInput, match="neither an http address"):
        await catalogue.take("ftp://api.hel.fi/")
