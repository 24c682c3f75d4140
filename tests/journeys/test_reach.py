"""How many would want an offer, asked through the door of the whole house."""

from datetime import UTC, datetime, timedelta

from engine.offers import Status

OFFER = "journey:swim-1"
PATH = f"/v1/offers/{OFFER}/residents"


def desk(city):
    token = city.issuer.service("desk", ["audiences:read"], datetime.now(UTC))
    return {"Authorization": f"Bearer {token}"}


async def test_a_few_residents_are_counted_and_not_told(city):
    for _ in range(3):
        one = city.resident()
        for purpose in ("interests", "marketing_volunteering_inbox", "marketing_new_courses_inbox"):
            await one.decide(purpose)
        await one.call("PUT", f"{one.path}/interests", json={"keywords": ["yso:p965"]})

    async def ask():
        return await city.http.get(PATH, headers=desk(city), params={"topic": "volunteering"})

    first = await ask()
    assert first.status_code == 202
    assert first.json()["offer"] == OFFER
    assert int(first.headers["retry-after"]) > 0
    told = (await city.until(ask, lambda got: got.status_code == 200, seconds=30)).json()
    assert (told["topic"], told["wanting"], told["reached"], told["at_least"]) == ("volunteering", None, None, 10)
    assert set(told["languages"].values()) == {None}
    again = (await ask()).json()
    assert again == told


async def test_an_offer_that_is_over_reaches_nobody(city):
    ended = datetime.now(UTC) - timedelta(days=1)
    over = city.offer("swim", 91, starts=ended - timedelta(hours=2), ends=ended)
    cancelled = city.offer("swim", 92, status=Status.CANCELLED)
    await city.write(over, cancelled)
    for offer in (over, cancelled):
        got = await city.http.get(f"/v1/offers/{offer.id}/residents", headers=desk(city))
        assert (got.status_code, got.json()["code"]) == (409, "over")
    assert (await city.http.get("/v1/offers/no:such/residents", headers=desk(city))).status_code == 404


async def test_a_resident_may_not_ask(resident):
    got = await resident.call("GET", PATH)
    assert (got.status_code, got.json()["code"]) == (403, "forbidden")
