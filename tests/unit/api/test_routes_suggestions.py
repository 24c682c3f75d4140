from datetime import UTC, datetime
from uuid import uuid4

import pytest

from engine.events import Impression
from engine.language import Language
from engine.offers import Access, Kind
from engine.query import Query

PATH = "/v1/residents/me/suggestions"
EVERYTHING = (
    "kind=event,course&kind=space&limit=7&lang=sv&near=60.17,24.94&radius_metres=500&from=2026-11-22&to=2026-11-23"
    "&free=true&languages=fi,so&age=8&access=step_free&access=quiet"
)


async def test_what_is_asked_reaches_the_suggester(door):
    pseudonym = await door.grant("activity")
    got = await door.get(f"{PATH}?{EVERYTHING}")
    assert (got.status_code, got.text) == (200, '{"basis":"popular"}')
    assert got.headers["cache-control"] == "private, no-store"
    assert door.suggester.asked == [
        (
            pseudonym,
            Query(
                language=Language.SV,
                limit=7,
                kinds=(Kind.EVENT, Kind.COURSE, Kind.SPACE),
                near=(60.17, 24.94),
                radius_metres=500.0,
                starts_from=datetime(2026, 11, 21, 22, tzinfo=UTC),
                until=datetime(2026, 11, 23, 22, tzinfo=UTC),
                free=True,
                languages=("fi", "so"),
                age=8,
                access=(Access.STEP_FREE, Access.QUIET),
            ),
            door.now,
        )
    ]


async def test_somebody_unknown_and_somebody_nobody_can_look_up_are_nobody_in_particular(door):
    await door.get(PATH)
    door.memory.away = True
    assert (await door.get(PATH)).status_code == 200
    assert door.suggester.asked == [(None, Query(), door.now)] * 2


async def test_what_was_shown_is_told_where_it_is_allowed_and_only_there(door):
    await door.get(PATH)
    assert door.log.shown == []
    door.suggester.impression = Impression("s", "p", door.now, "personal", ("live:1",))
    await door.get(PATH)
    assert door.log.shown == [door.suggester.impression]


async def test_popular_and_similar_need_no_token_and_may_be_kept_for_a_moment(door):
    door.memory.offers = {"past:1"}
    for path, asked in (("/v1/offers/popular?limit=3", "popular"), ("/v1/offers/past:1/similar?limit=3", "past:1")):
        got = await door.client.get(path)
        assert (got.status_code, got.headers["cache-control"]) == (200, "public, max-age=30")
        assert door.suggester.asked[-1] == (asked, Query(limit=3), door.now)
    assert (await door.client.get("/v1/offers/none:1/similar")).status_code == 404


async def test_a_service_needs_the_scope(door):
    path = f"/v1/residents/{uuid4()}/suggestions"
    assert (await door.get(path, door.issuer.service("app", ["suggestions:read"], door.now))).status_code == 200
    assert (await door.get(path, door.issuer.service("app", ["consents:read"], door.now))).status_code == 403


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("near=0,0", "near"),
        ("radius_metres=500", "radius_metres"),
        ("lang=se", "lang"),
        ("languages=xx", "languages"),
        ("text=jazz", "text"),
        ("from=2026-11-23&to=2026-11-22", "to"),
    ],
)
async def test_what_cannot_be_asked_is_named_on_every_path(door, query, field):
    door.memory.offers = {"past:1"}
    for path in (PATH, "/v1/offers/popular", "/v1/offers/past:1/similar"):
        got = await door.get(f"{path}?{query}")
        assert got.status_code == 422
        assert got.json()["errors"][0]["field"] == field
    assert door.suggester.asked == []
