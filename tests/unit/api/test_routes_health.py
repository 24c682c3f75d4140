from datetime import timedelta

import pytest

from tests.unit.api.conftest import NOW


async def test_a_process_that_lives_says_so_whatever_else_is_away(door):
    door.memory.away = door.log.away = True
    got = await door.client.get("/healthz")
    assert (got.status_code, got.json()) == (200, {"status": "ok"})


async def test_a_process_whose_parts_are_there_is_ready(door):
    got = await door.client.get("/readiness")
    assert got.status_code == 200
    assert got.json() == {
        "status": "ok",
        "parts": {"database": "ok", "redis": "ok", "kafka": "ok", "catalogue": "ok"},
    }


@pytest.mark.parametrize(
    ("what", "parts"),
    [("stores", {"database", "redis"}), ("broker", {"kafka"}), ("catalogue", {"catalogue"})],
)
async def test_a_part_that_is_away_is_named(door, what, parts):
    door.memory.away, door.log.away, door.feed.loaded = what == "stores", what == "broker", what != "catalogue"
    got = await door.client.get("/readiness")
    assert (got.status_code, got.json()["status"]) == (503, "unavailable")
    assert {name for name, state in got.json()["parts"].items() if state == "away"} == parts


async def test_metrics_are_told_in_prometheus_form_and_name_no_person(door):
    await door.get(f"/v1/residents/{door.me}/consents")
    got = await door.client.get("/metrics")
    assert got.headers["content-type"].startswith("text/plain")
    assert 'vinkki_request_seconds_count{route="/v1/residents/{id}/consents"}' in got.text
    assert str(door.me) not in got.text


async def test_metrics_tell_of_promises_that_wait_even_where_no_worker_does(door):
    door.memory.orders += [NOW - timedelta(seconds=90), NOW]
    told = (await door.client.get("/metrics")).text.splitlines()
    assert "vinkki_forgetting_backlog 2.0" in told
    assert "vinkki_forgetting_oldest_seconds 90.0" in told
    door.memory.orders.clear()
    told = (await door.client.get("/metrics")).text.splitlines()
    assert "vinkki_forgetting_oldest_seconds 0.0" in told


async def test_metrics_tell_which_part_is_away_and_what_was_known_last(door):
    door.log.away = True
    told = (await door.client.get("/metrics")).text.splitlines()
    assert 'vinkki_part_ready{part="kafka"} 0.0' in told
    assert 'vinkki_part_ready{part="database"} 1.0' in told
    door.log.away = False
    assert 'vinkki_part_ready{part="kafka"} 1.0' in (await door.client.get("/metrics")).text
