"""What residents do not want: said where an offer is, in force in the next answer, theirs to see and to take back."""

import asyncio

from tests.journeys.conftest import TOPICS

AVOIDED = "interests/avoided"


async def suggested(resident):
    return {item["offer"]["id"] for item in (await resident.suggestions(limit=100))["items"]}


def of(topic, ids):
    return {id_ for id_ in ids if id_.startswith(f"journey:{topic}-")}


async def test_a_topic_that_is_avoided_is_not_in_the_next_answer_and_comes_back(resident):
    await resident.decide("interests")
    assert of("chess", await suggested(resident))
    path = f"{resident.path}/{AVOIDED}/topic/{TOPICS['chess']}"
    told = await resident.call("PUT", path)
    assert told.json()["avoided"]["keywords"] == [TOPICS["chess"]]
    left = await suggested(resident)
    assert not of("chess", left)
    assert of("jazz", left)
    assert (await resident.call("DELETE", path)).status_code == 204
    assert of("chess", await suggested(resident))
    assert (await resident.call("DELETE", path)).status_code == 404


async def test_a_place_and_a_kind_are_avoided_too_unless_the_kind_is_asked_for(resident):
    await resident.decide("interests")
    await resident.call("PUT", f"{resident.path}/{AVOIDED}/place/tprek:3")
    await resident.call("PUT", f"{resident.path}/{AVOIDED}/kind/course")
    left = (await resident.suggestions(limit=100))["items"]
    assert left
    assert not {item["offer"]["place"]["id"] for item in left} & {"tprek:3"}
    assert not {item["offer"]["kind"] for item in left} & {"course"}
    asked = (await resident.suggestions(limit=100, kind="course"))["items"]
    assert {item["offer"]["kind"] for item in asked} == {"course"}


async def test_of_wishes_said_at_the_same_time_none_is_lost(resident):
    await resident.decide("interests")
    names = [f"yso:p{n}" for n in range(20)]
    said = (resident.call("PUT", f"{resident.path}/{AVOIDED}/topic/{name}") for name in names)
    assert {answer.status_code for answer in await asyncio.gather(*said)} == {200}
    kept = (await resident.call("GET", f"{resident.path}/interests")).json()["avoided"]["keywords"]
    assert sorted(kept) == sorted(names)


async def test_what_is_avoided_is_seen_exported_removed_and_forgotten(resident):
    await resident.decide("interests")
    await resident.call("PUT", f"{resident.path}/{AVOIDED}/topic/{TOPICS['chess']}")
    await resident.call("PUT", f"{resident.path}/{AVOIDED}/kind/space")
    data = (await resident.call("GET", f"{resident.path}/data", params={"lang": "sv"})).json()
    items = {one["id"]: one for section in data["sections"] if section["id"] == "interests" for one in section["items"]}
    topic, kind = items[f"avoided:keyword:{TOPICS['chess']}"], items["avoided:kind:space"]
    assert (topic["text"], topic["detail"]) == ("chess", "Ämne som inte intresserar")
    assert (kind["text"], kind["detail"]) == ("lokaler", "Utbud som inte intresserar")
    held = (await resident.call("GET", f"{resident.path}/data/download")).json()["held"]["interests"]
    assert held["avoided"] == {"keywords": [TOPICS["chess"]], "kinds": ["space"]}
    gone = await resident.call("DELETE", f"{resident.path}/data/interests/avoided:keyword:{TOPICS['chess']}")
    assert gone.status_code == 204
    assert of("chess", await suggested(resident))
    await resident.decide("interests", granted=False)
    told = (await resident.call("GET", f"{resident.path}/interests")).json()
    await resident.decide("interests")
    assert of("chess", await suggested(resident))
    assert told["avoided"]["keywords"] == []
