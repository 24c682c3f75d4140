from datetime import timedelta

import pytest

from api.pages.stop import page
from engine.consent import Purpose
from engine.language import Language

PAGE = {"Accept": "text/html"}
EMAIL = "marketing_library_email"


async def link(door, language=Language.EN):
    resident = await door.grant(EMAIL)
    return door.links.link(resident, "library", "email", "c-1", door.memory.now, language)


def allows(door, purpose=EMAIL):
    return door.memory.held(door.memory.links[door.me]).grants[purpose].granted


async def test_a_get_shows_a_page_in_the_language_of_the_message_and_changes_nothing(door):
    url = await link(door, Language.SV)
    entries = list(door.memory.entries)
    for method in ("GET", "HEAD"):
        shown = await door.client.request(method, url, headers=PAGE)
        assert (shown.status_code, shown.headers["content-language"]) == (200, "sv")
        assert shown.headers["cache-control"] == "private, no-store"
    assert 'lang="fi"' in (await door.client.get(f"{url}?lang=fi")).text
    assert door.memory.entries == entries
    assert allows(door)


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"data": {"scope": "topic"}},
        {},
    ],
)
async def test_a_post_stops_the_topic_at_once_by_the_path_of_a_withdrawal_and_again_is_as_once(door, sent):
    url = await link(door)
    await door.grant("marketing_library_sms")
    for _ in range(2):
        stopped = await door.client.post(url, **sent)
        assert stopped.status_code == 200
        assert "no more: News from the library" in stopped.text
    assert not allows(door)
    assert not door.memory.flags[door.memory.links[door.me]].grants[EMAIL].granted
    assert allows(door, "marketing_library_sms")


async def test_all_marketing_stops_and_nothing_else(door):
    url = await link(door)
    for purpose in ("marketing_volunteering_push", "activity"):
        await door.grant(purpose)
    stopped = await door.client.post(url, data={"scope": "all"}, headers=PAGE)
    assert "You get no messages any more" in stopped.text
    held = door.memory.held(door.memory.links[door.me]).grants
    assert [its for its in Purpose if its in held and held[its].granted] == ["activity"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_link_that_is_forged_or_old_harms_nobody_and_says_so(door, method):
    url = await link(door)
    forged = await door.client.request(method, url[:-4] + "AAAA", headers=PAGE)
    assert (forged.status_code, "incomplete" not in forged.text) == (404, True)
    assert 'role="alert"' in forged.text
    problem = await door.client.request(method, url[:-4] + "AAAA")
    assert (problem.status_code, problem.json()["code"]) == (404, "link_unknown")
    door.memory.now += timedelta(days=400)
    old = await door.client.request(method, url)
    assert (old.status_code, old.json()["code"]) == (410, "link_over")
    assert (await door.client.request(method, url, headers=PAGE)).status_code == 410
    assert allows(door)


async def test_after_an_erasure_the_page_tells_the_same(door):
    url = await link(door)
    before = await door.client.get(url)
    door.memory.erased.add(door.memory.links.pop(door.me))
    assert (await door.client.get(url)).text == before.text
    assert (await door.client.post(url)).status_code == 200


async def test_while_a_store_is_away_the_page_says_that_nothing_was_stopped(door):
    url = await link(door)
    door.memory.away = True
    failed = await door.client.post(url, headers=PAGE)
    assert (failed.status_code, failed.headers["retry-after"]) == (503, "5")
    assert "were not stopped" in failed.text


async def test_a_body_of_any_size_or_kind_is_no_harm(door):
    url = await link(door)
    await door.grant("marketing_library_sms")
    for body in (b"x" * 100_000, b"\xff\xfe", b"scope=everything"):
        sent = {"Content-Type": "application/x-www-form-urlencoded"}
        assert (await door.client.post(url, content=body, headers=sent)).status_code == 200
    assert allows(door, "marketing_library_sms")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("state", ["ask", "topic", "all", "over", "unknown", "failed"])
def test_every_state_has_its_words_in_every_language(language, state):
    html = page(state, language, EMAIL)
    assert f'<html lang="{language}"' in html
    assert html.count("<h1>") == 1
    assert "{title}" not in html
    assert "<script" not in html
