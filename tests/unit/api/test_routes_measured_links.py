from html import unescape

import pytest

from api.vault import Vault
from campaigns.measured_links import MeasuredLinks
from campaigns.records.deliveries import Told
from engine.errors import StoreUnavailable
from tests.unit.api.conftest import BASE

TO, MESSAGE = "https://www.hel.fi/fi/uutiset?a=1&b=ä", "abcdefghijklmnopqrstuvwxyz"


def link(message=MESSAGE):
    links = MeasuredLinks(Vault([b"k" * 32], "measured links").digest, BASE)
    html = links.measure('<a href="https://www.hel.fi/fi/uutiset?a=1&amp;b=ä">x</a>', message)
    return unescape(html.partition('"')[2].partition('"')[0])


@pytest.fixture
async def sent(door):
    """A message was sent to the caller."""
    await door.grant("marketing_library_email")
    door.memory.box.told[MESSAGE] = Told("run-1", door.memory.links[door.me], "email", "marketing_library_email")


@pytest.mark.usefixtures("sent")
async def test_a_link_leads_on_and_is_noted_by_leave_alone(door):
    got = await door.client.get(link())
    assert (got.status_code, got.headers["location"]) == (302, TO.replace("ä", "%C3%A4"))
    assert got.headers["cache-control"] == "private, no-store"
    assert got.headers["referrer-policy"] == "no-referrer"
    assert door.memory.box.followed == []
    await door.grant("measurement")
    await door.client.get(link())
    assert door.memory.box.followed == [(door.memory.links[door.me], "measurement", "run-1", TO)]


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize("headers", [{"Sec-Purpose": "prefetch"}, {"Purpose": "prefetch"}, None])
async def test_who_only_looks_ahead_follows_nothing(door, headers):
    await door.grant("measurement")
    got = await door.client.request("GET" if headers else "HEAD", link(), headers=headers)
    assert got.status_code == 302
    assert door.memory.box.followed == []


async def test_a_message_that_was_forgotten_leads_on_all_the_same(door):
    assert (await door.client.get(link("another"))).status_code == 302
    assert door.memory.box.followed == []


@pytest.mark.usefixtures("sent")
async def test_a_store_that_is_away_keeps_nobody_from_following(door):
    async def away(_):
        raise StoreUnavailable

    door.memory.box.of_message = away
    assert (await door.client.get(link())).status_code == 302


@pytest.mark.parametrize("changed", [("hel.fi", "evil.example"), ("?to=https", "?to=http"), ("to=", "from=")])
async def test_what_the_house_did_not_make_leads_nowhere(door, changed):
    got = await door.client.get(link().replace(*changed))
    assert (got.status_code, got.json()["code"]) == (404, "link_foreign")
    page = await door.client.get(link().replace(*changed), headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert 'lang="sv"' in page.text
    assert "location" not in page.headers
