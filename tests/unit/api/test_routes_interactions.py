from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

PATH = "/v1/interactions"


def counted(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_accepted_means_published_under_the_pseudonym_in_one_message_a_resident(door):
    pseudonym = await door.grant("activity")
    events = [door.event(type="rate", value=4), door.event(resident=str(door.me), offer="live:2", context={"n": 1})]
    got = await door.post(PATH, {"events": events})
    assert (got.status_code, got.json()) == (202, {"accepted": 2, "refused": []})
    (batch,) = door.log.batches
    assert (batch.resident, batch.purpose) == (pseudonym, "activity")
    assert [(e.id, e.offer, e.value, e.context) for e in batch.events] == [
        (events[0]["id"], "live:1", 4, None),
        (events[1]["id"], "live:2", None, {"n": 1}),
    ]
    assert str(door.me) not in repr(door.log)


async def test_events_of_somebody_who_never_decided_are_taken_and_forgotten(door):
    name, labels = "vinkki_without_permit_total", {"purpose": "activity", "reason": "never_granted"}
    before = counted(name, **labels)
    got = await door.post(PATH, {"events": [door.event(), door.event()]})
    assert (got.status_code, got.json()["accepted"]) == (202, 2)
    assert door.log.batches == []
    assert door.memory.links == {}
    assert counted(name, **labels) == before + 2


async def test_a_bad_event_is_listed_and_counted_and_the_others_go_on(door):
    await door.grant("activity")
    before = counted("vinkki_refused_total", where="door", reason="naive_time")
    events = [door.event(time="2026-11-22T12:00:00"), door.event(), door.event(offer="gone:1"), door.event(offer="\0")]
    got = (await door.post(PATH, {"events": events})).json()
    assert got["accepted"] == 1
    assert [(one["index"], one["code"]) for one in got["refused"]] == [
        (0, "naive_time"),
        (2, "unknown_offer"),
        (3, "nul"),
    ]
    assert len(door.log.batches[0].events) == 1
    assert counted("vinkki_refused_total", where="door", reason="naive_time") == before + 1


async def test_when_no_event_is_left_it_is_a_problem_with_the_same_list(door):
    got = await door.post(PATH, {"events": [door.event(time="2020-01-01T00:00:00Z"), door.event(resident="Aino")]})
    assert got.status_code == 422
    assert got.headers["content-type"] == "application/problem+json"
    found = got.json()
    assert [one["code"] for one in found["refused"]] == ["too_late", "bad_resident"]
    assert [one["field"] for one in found["errors"]] == ["events.0", "events.1"]


async def test_the_database_is_asked_once_and_only_about_offers_that_are_not_live(door):
    door.memory.offers = {"past:1"}
    events = [door.event(offer=offer) for offer in ("live:1", "past:1", "no:1", "past:1")]
    got = (await door.post(PATH, {"events": events})).json()
    assert [one["index"] for one in got["refused"]] == [2]
    assert door.memory.asked == [["no:1", "past:1"]]


async def test_while_the_broker_is_away_nothing_is_accepted_and_the_client_is_told_when_to_repeat(door):
    await door.grant("activity")
    door.log.away = True
    before = counted("vinkki_interactions_accepted_total")
    got = await door.post(PATH, {"events": [door.event()]})
    assert (got.status_code, got.json()["code"]) == (503, "broker_unavailable")
    assert int(got.headers["retry-after"]) > 0
    assert counted("vinkki_interactions_accepted_total") == before


async def test_while_the_database_is_away_nothing_is_accepted(door):
    door.memory.away = True
    got = await door.post(PATH, {"events": [door.event()]})
    assert (got.status_code, got.json()["code"]) == (503, "store_unavailable")


async def test_a_resident_sends_only_their_own_and_the_whole_request_is_refused(door):
    await door.grant("activity")
    got = await door.post(PATH, {"events": [door.event(), door.event(resident=str(uuid4()))]})
    assert (got.status_code, got.json()["code"]) == (403, "forbidden")
    assert door.log.batches == []


async def test_a_service_with_the_scope_sends_for_many_and_one_without_for_nobody(door):
    pseudonym = await door.grant("activity")
    other = uuid4()
    door.memory.links[other] = "other"
    events = [door.event(resident=str(who)) for who in (door.me, other, door.me)]
    scoped = door.issuer.service("app", ["interactions:write"], door.now)
    assert (await door.post(PATH, {"events": events}, scoped)).json()["accepted"] == 3
    assert {batch.resident: len(batch.events) for batch in door.log.batches} == {pseudonym: 2, "other": 1}
    bare = door.issuer.service("app", ["consents:read"], door.now)
    got = await door.post(PATH, {"events": events}, bare)
    assert got.status_code == 403
    assert 'scope="interactions:write"' in got.headers["www-authenticate"]
    assert (await door.post(PATH, {"events": [door.event()]}, scoped)).status_code == 403


@pytest.mark.parametrize(
    ("content", "kind", "status", "field"),
    [
        (b"{", "application/json", 400, "body"),
        (b"[]", "application/json", 422, "body"),
        (b'{"events": []}', "application/json; charset=utf-8", 422, "events"),
        (b"{}", "text/plain", 415, "Content-Type"),
        (b"{}", "", 415, "Content-Type"),
        (b'{"events": ["' + b"a" * 5_000_000 + b'"]}', "application/json", 413, "body"),
    ],
)
async def test_a_body_that_cannot_be_used_is_a_problem_that_names_the_field(door, content, kind, status, field):
    headers = door.headers() | ({"Content-Type": kind} if kind else {})
    got = await door.client.post(PATH, content=content, headers=headers)
    assert (got.status_code, got.headers["content-type"]) == (status, "application/problem+json")
    assert got.json()["errors"][0]["field"] == field


async def test_a_body_without_a_length_is_cut_off_too(door):
    async def endless():
        for _ in range(100):
            yield b" " * 65_536
        raise AssertionError("read on although it was too much already")

    headers = door.headers() | {"Content-Type": "application/json"}
    assert (await door.client.post(PATH, content=endless(), headers=headers)).status_code == 413
