"""How a model on trial does, as staff are told."""

import msgspec

from api.commands.trial import table
from api.routes.trial import EXAMPLE
from engine.trial_results import Group, Results

PATH = "/v1/models/trial"
TOLD = msgspec.convert(EXAMPLE, Results)


async def test_staff_with_the_scope_are_told_and_nobody_else(door):
    door.trials.told = TOLD
    got = await door.get(PATH, door.issuer.service("desk", ["models:read"], door.memory.now))
    assert got.status_code == 200
    assert msgspec.convert(got.json(), Results) == TOLD
    assert "no-store" in got.headers["cache-control"]
    for token in (None, door.issuer.service("desk", ["exposure:read"], door.memory.now)):
        got = await door.get(PATH, token)
        assert (got.status_code, got.json()["code"]) == (403, "forbidden")


async def test_without_any_trial_there_is_nothing_to_tell(door):
    got = await door.get(PATH, door.issuer.service("desk", ["models:read"], door.memory.now))
    assert (got.status_code, got.json()["code"]) == (404, "not_found")
    assert "--trial" in got.json()["detail"]


async def test_while_it_is_read_one_is_asked_to_come_again(door):
    door.trials.reading = True
    got = await door.get(PATH, door.issuer.service("desk", ["models:read"], door.memory.now))
    assert (got.status_code, got.json()) == (202, {"reading": True})
    assert int(got.headers["retry-after"]) > 0


def test_the_table_tells_the_same_on_a_terminal():
    lines = table(TOLD).splitlines()
    assert "10.0% of residents and runs until 2026-12-14" in lines[0]
    assert lines[3].split()[2:] == [TOLD.on_trial.model, "1,010", "5,400", "11.2%", "3.1%", "1.2%", "15.1%"]
    assert "+2.3% (95 %, whenever one looks: +0.4% to +4.2%)" in lines[4]
    few = msgspec.structs.replace(TOLD, on_trial=Group(model="new", residents=None), difference=None)
    assert table(few).splitlines()[3].split()[2:] == ["new", "few", "-", "-", "-", "-", "-"]
