"""Who but the resident in person reaches a resident is in the log before the answer."""

import pytest

from engine.accesses import Capacity
from engine.errors import StoreUnavailable

PATH = "/v1/residents/{}/interests"


@pytest.fixture
async def known(door):
    await door.grant("interests")
    return door


def service(door, *scopes, subject=None):
    return door.issuer.service("helsinki-app", scopes, door.now, subject)


async def test_a_service_is_noted_with_its_name_its_scope_and_the_operation(known):
    got = await known.get(PATH.format(known.me), service(known, "interests:read"))
    assert got.status_code == 200
    ((person, access),) = known.memory.accesses
    assert (person, access.who, access.capacity, access.purpose, access.what, access.time) == (
        known.me,
        "helsinki-app",
        Capacity.SERVICE,
        "interests:read",
        "read_interests",
        known.now,
    )


async def test_a_service_with_a_token_about_the_resident_is_noted_by_the_services_name(known):
    await known.get(PATH.format(known.me), service(known, "interests:read", subject=known.me))
    assert [access.who for _, access in known.memory.accesses] == ["helsinki-app"]


async def test_the_resident_in_person_is_not_noted_and_waits_for_no_log(known):
    known.memory.unwritable = True
    assert (await known.get(PATH.format("me"))).status_code == 200
    assert known.memory.accesses == []


@pytest.mark.parametrize("what", ["interests", "consents", "suggestions", "receipts"])
async def test_where_the_log_cannot_be_written_nothing_is_shown(known, what):
    known.memory.unwritable = True
    token = service(known, "interests:read", "consents:read", "suggestions:read")
    got = await known.get(f"/v1/residents/{known.me}/{what}", token)
    assert (got.status_code, got.json()["code"]) == (503, StoreUnavailable.code)
    assert known.suggester.asked == []


async def test_whoever_is_refused_is_not_noted(known):
    assert (await known.get(PATH.format(known.me), service(known, "consents:read"))).status_code == 403
    assert known.memory.accesses == []
