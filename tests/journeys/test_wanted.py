"""Writing to those who would want an offer: found by it, kept as an audience, sent to by a campaign."""

from functools import partial

from tests.journeys.conftest import TOPICS, addressed
from tests.journeys.test_audiences import counter
from tests.journeys.test_campaigns import desk
from tests.journeys.test_story import PEOPLE, PURPOSE, TOPIC, mails, sent, state

__all__ = ["desk"]


async def test_who_would_want_an_offer_is_written_to_and_nobody_else(city, desk):
    keen, others = [[await addressed(city, PURPOSE) for _ in range(number)] for number in (PEOPLE, 3)]
    for n, who in enumerate([*keen, *others]):
        assert (await who.decide("interests")).status_code == 200
        told = {"keywords": [TOPICS["swim" if n < PEOPLE else "jazz"]], "languages": ["fi"]}
        assert (await who.call("PUT", f"{who.path}/interests", json=told)).status_code == 200

    # Whatever other scenes have pinned: a swimming course, which those who like jazz have ten better offers than.
    shown = [item["offer"]["id"] for item in (await keen[0].suggestions())["items"]]
    wanted = next(id_ for id_ in shown if id_.startswith("journey:swim-"))

    async def found(top):
        params = {"topic": TOPIC, "top": top}
        return await city.http.get(f"/v1/offers/{wanted}/residents", headers=counter(city), params=params)

    # An answer is kept for a while: where some of them were not counted yet, it is asked anew in other words.
    for top in range(5, 10):
        told = (await city.until(partial(found, top), lambda got: got.status_code == 200, seconds=30)).json()
        if told["reached"] is not None:
            break
    assert told["reached"] in (20, 30)
    tree = told["tree"]
    assert tree == {"is": "wants", "offer": wanted, "top": top}
    # As it was handed over.
    draft = {"department": desk.id, "name": "Who would want it", "tree": tree}
    got = await city.http.post("/v1/audiences", json=draft, headers=desk.maija)
    assert got.status_code == 201, got.text
    its = await sent(desk, "Uimaan", audience=got.json()["id"])
    await city.until(lambda: state(desk, its), lambda told: told == "finished", seconds=90)
    assert {len(mails(city, who)) for who in keen} == {2}
    assert {len(mails(city, who)) for who in others} == {1}


async def test_an_audience_that_would_want_what_there_is_not_is_told_before_review(city, desk):
    tree = {"is": "wants", "offer": "no:such"}
    draft = {"department": desk.id, "name": "Nothing", "tree": tree}
    audience = (await city.http.post("/v1/audiences", json=draft, headers=desk.maija)).json()["id"]
    its = await desk.write(audience=audience)
    assert [fault["where"] for fault in its["missing"]] == ["audience"]
