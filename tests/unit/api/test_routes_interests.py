import pytest

PATH = "/v1/residents/me/interests"
ALL = {
    "keywords": ["yso:p965", "yso:p1808"],
    "kinds": ["course"],
    "districts": ["ocd-division/country:fi/kunta:helsinki/neighborhood:kallio"],
    "languages": ["fi", "so"],
    "birth_year": 1984,
    "access": ["step_free", "quiet"],
    "avoided": {"keywords": ["yso:p1278"], "kinds": ["space"], "places": ["tprek:7254"]},
}
NOTHING = {
    "keywords": [],
    "kinds": [],
    "districts": [],
    "languages": [],
    "birth_year": None,
    "access": [],
    "avoided": {"keywords": [], "kinds": [], "places": []},
}


async def test_without_the_consent_nothing_is_kept_and_it_is_said_what_to_do(door):
    await door.grant("activity")
    got = await door.put(PATH, ALL)
    assert (got.status_code, got.json()["code"]) == (403, "consent_required")
    assert "consents/interests" in got.json()["detail"]
    assert door.memory.told == {}


async def test_somebody_unknown_is_asked_for_consent_and_not_enrolled(door):
    assert (await door.put(PATH, ALL)).json()["code"] == "consent_required"
    assert (await door.get(PATH)).json() == NOTHING
    assert door.memory.links == {}


async def test_with_the_consent_what_was_told_can_be_read_again(door):
    await door.grant("interests")
    assert (await door.put(PATH, ALL)).json() == ALL
    assert (await door.get(PATH)).json() == ALL
    assert (await door.put(PATH, {"kinds": ["space"]})).json() == NOTHING | {"kinds": ["space"]}


async def test_what_is_told_twice_is_kept_once_and_districts_in_one_spelling(door):
    await door.grant("interests")
    told = {
        "keywords": ["yso:p1", "yso:p1"],
        "districts": ["ocd-division/country:fi/kunta:helsinki/kaupunginosa:Kallio"],
    }
    kept = (await door.put(PATH, told)).json()
    assert (kept["keywords"], kept["districts"]) == (["yso:p1"], ALL["districts"])


async def test_after_a_withdrawal_telling_is_refused_again(door):
    await door.grant("interests")
    await door.grant("interests", granted=False)
    assert (await door.put(PATH, ALL)).status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"keywords": ["swimming"]}, "keywords.0"),
        ({"keywords": ["yso:p1\n"]}, "keywords.0"),
        ({"keywords": ["yso:p1"] * 201}, "keywords"),
        ({"kinds": ["event", "party"]}, "kinds.1"),
        ({"districts": ["ocd-division/country:fi/kunta:espoo"]}, "districts.0"),
        ({"districts": ["x" * 10_000]}, "districts.0"),
        ({"languages": ["klingon"]}, "languages.0"),
        ({"languages": ["fi", "xx"]}, "languages"),
        ({"birth_year": 1850}, "birth_year"),
        ({"birth_year": 2027}, "birth_year"),
        ({"birth_year": "1984"}, "birth_year"),
        ({"access": ["lift"]}, "access.0"),
        ({"name": "Aino"}, "name"),
        ({"districts": ["ocd-division/country:fi/kunta:helsinki/neighborhood:kal\0lio"]}, "districts.0"),
        ({"keywords": ["yso:p1", "yso:p2"], "avoided": {"keywords": ["yso:p2"]}}, "keywords.1"),
        ({"kinds": ["course"], "avoided": {"kinds": ["course"]}}, "kinds.0"),
        ({"avoided": {"keywords": ["jazz"]}}, "avoided.keywords.0"),
        ({"avoided": {"keywords": [f"yso:p{n}" for n in range(201)]}}, "avoided.keywords"),
        ({"avoided": {"kinds": ["party"]}}, "avoided.kinds.0"),
        ({"avoided": {"places": [""]}}, "avoided.places.0"),
        ({"avoided": {"districts": []}}, "avoided.districts"),
        ("interests", "body"),
    ],
)
async def test_what_is_told_is_checked_and_the_field_named(door, body, field):
    await door.grant("interests")
    got = await door.put(PATH, body)
    assert got.status_code == 422
    assert got.json()["errors"][0]["field"] == field
    assert door.memory.told == {}


async def test_while_consent_cannot_be_read_nothing_is_kept_and_nothing_claimed(door):
    await door.grant("interests")
    door.memory.away = True
    got = await door.put(PATH, ALL)
    assert (got.status_code, got.json()["code"]) == (503, "store_unavailable")


async def test_one_thing_is_avoided_by_one_request_and_wanted_no_more(door):
    await door.grant("interests")
    await door.put(PATH, {"keywords": ["yso:p965", "yso:p1808"], "kinds": ["course"]})
    told = (await door.put(f"{PATH}/avoided/topic/yso:p965", {})).json()
    assert (told["keywords"], told["avoided"]["keywords"]) == (["yso:p1808"], ["yso:p965"])
    told = (await door.put(f"{PATH}/avoided/kind/course", {})).json()
    assert (told["kinds"], told["avoided"]["kinds"]) == ([], ["course"])
    await door.put(f"{PATH}/avoided/place/tprek:7254", {})
    again = (await door.put(f"{PATH}/avoided/place/tprek:7254", {})).json()
    assert again["avoided"] == {"keywords": ["yso:p965"], "kinds": ["course"], "places": ["tprek:7254"]}
    assert (await door.get(PATH)).json() == again


async def test_avoiding_needs_the_consent_too(door):
    assert (await door.put(f"{PATH}/avoided/kind/space", {})).json()["code"] == "consent_required"
    await door.grant("interests")
    await door.grant("interests", granted=False)
    assert (await door.put(f"{PATH}/avoided/kind/space", {})).json()["code"] == "consent_required"
    assert door.memory.told == {}


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("kind/party", 422, "value"),
        ("topic/jazz", 422, "value"),
        ("topic/yso:p1%09", 422, "value"),
        ("place/%00", 422, "value"),
        ("place/" + "x" * 201, 422, "value"),
        ("weather/rain", 404, "family"),
    ],
)
async def test_what_is_avoided_is_checked_and_the_remedy_said(door, path, status, field):
    await door.grant("interests")
    for method in (door.put, lambda path, _: door.delete(path)):
        got = await method(f"{PATH}/avoided/{path}", {})
        assert got.status_code == status
        assert got.json()["errors"][0]["field"] == field


async def test_no_more_is_avoided_than_is_kept(door):
    await door.grant("interests")
    await door.put(PATH, {"avoided": {"keywords": [f"yso:p{n}" for n in range(200)]}})
    got = await door.put(f"{PATH}/avoided/topic/yso:p200", {})
    assert (got.status_code, got.json()["errors"][0]["field"]) == (422, "value")
    assert (await door.put(f"{PATH}/avoided/topic/yso:p7", {})).status_code == 200


async def test_ten_thousand_avoided_topics_are_too_much_to_be_read(door):
    await door.grant("interests")
    got = await door.put(PATH, {"avoided": {"keywords": [f"yso:p{n}" for n in range(10_000)]}})
    assert (got.status_code, got.json()["code"]) == (413, "body_too_large")
    assert door.memory.told == {}
