"""Of a resident who withdraws, nothing is left: generated histories on the real stores, compared with a model.

`VINKKI_PROFILE=nightly` takes 10,000 steps instead of 500.
"""

import asyncio
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.consent import Permit, Purpose
from engine.events import ConsentChange
from engine.online import FORM
from engine.residents import Interests
from tests.integration.forgetting import House, Person, batch_of, place_keys, weighed
from tests.integration.histories import STEPS, History

pytestmark = pytest.mark.integration
_ANY = {"suppress_health_check": list(HealthCheck), "deadline": None, "database": None}
PROFILES = {
    # A failure is told as it was found, since making it smaller takes minutes; it is the same every time.
    "ci": (settings(max_examples=17, derandomize=True, phases=[Phase.generate], **_ANY), 30),
    "nightly": (settings(max_examples=200, **_ANY), 50),
}
PROFILE, LENGTH = PROFILES[os.environ.get("VINKKI_PROFILE", "ci")]
STEP = st.tuples(st.sampled_from(STEPS), st.integers(0, 2**32 - 1))


@pytest.fixture(scope="module")
def house(addresses) -> Iterator[House]:
    opened = House(addresses)
    yield opened
    opened.close()


@pytest.fixture
def person(house) -> Person:
    house.run(house.empty())
    return Person(house.run(house.residents.enrol(uuid4())))


@PROFILE
@given(steps=st.lists(STEP, min_size=LENGTH, max_size=LENGTH))
def test_whatever_happens_nothing_is_left_of_what_was_withdrawn_and_all_of_what_was_not(house, steps):
    history = History(house)
    for name, seed in steps:
        history.step(name, Random(seed))
    history.settle()


def decide(house: House, person: Person, purpose: Purpose, granted: bool, seconds: float) -> None:
    version = house.ledger.register.declaration(purpose).notice.version
    now = house.start + timedelta(seconds=seconds)
    house.run(house.ledger.record(person.pseudonym, purpose, granted=granted, notice=version, now=now))


def crash_while_withdrawing(house: House, person: Person, purpose: Purpose, seconds: float) -> None:
    time = house.start + timedelta(seconds=seconds)
    house.run(house.stores.ledger.append(person.pseudonym, purpose, granted=False, notice=1, time=time))


def tell(house: House, person: Person, seconds: float) -> None:
    now = house.start + timedelta(seconds=seconds)
    permit = house.run(house.ledger.permit(person.pseudonym, Purpose.INTERESTS, now))
    assert isinstance(permit, Permit)
    house.run(house.residents.tell(permit, Interests(keywords=("yso:p1",)), now))


def act(house: House, person: Person, seconds: float, *, accepted: float | None = None) -> None:
    now = house.start + timedelta(seconds=seconds if accepted is None else accepted)
    batch = batch_of(person, ["test:1", "test:2"], now, now - house.start - timedelta(seconds=seconds))
    house.run(house.workers[0].interactions([batch], now))


def journalled(house: House, person: Person) -> int:
    return len(house.run(house.column("SELECT id FROM journal WHERE resident = :r", r=person.pseudonym)))


def at(house: House, seconds: float) -> datetime:
    return house.start + timedelta(seconds=seconds)


def test_interests_told_before_a_withdrawal_do_not_come_back_with_a_refilled_redis(house, person):
    decide(house, person, Purpose.INTERESTS, True, 0)
    tell(house, person, 1)
    decide(house, person, Purpose.INTERESTS, False, 2)
    decide(house, person, Purpose.INTERESTS, True, 3)
    house.run(house.stores.online._redis.flushdb())
    house.run(house.workers[0].refill(at(house, 3)))
    assert house.run(house.told(person.pseudonym, at(house, 3))) is None
    house.run(house.workers[0].sweep(at(house, 30)))
    assert house.run(house.held_of(person.pseudonym)).keys() == {f"c:{person.pseudonym}"}
    assert house.run(house.residents.interests(person.pseudonym)) == Interests()


@pytest.mark.parametrize("anew", [False, True])
def test_a_withdrawal_that_redis_never_heard_of_holds_in_sql_and_from_the_next_word_on(house, person, anew):
    for purpose in (Purpose.ACTIVITY, Purpose.INTERESTS):
        decide(house, person, purpose, True, 0)
    act(house, person, 1)
    tell(house, person, 1)
    crash_while_withdrawing(house, person, Purpose.ACTIVITY, 2)
    crash_while_withdrawing(house, person, Purpose.INTERESTS, 2)
    act(house, person, 3)
    assert journalled(house, person) == 2
    if anew:
        decide(house, person, Purpose.ACTIVITY, True, 4)
        decide(house, person, Purpose.INTERESTS, True, 4)
        assert not weighed(house.run(house.taste(person.pseudonym, at(house, 4))), at(house, 4))
        assert house.run(house.told(person.pseudonym, at(house, 4))) is None
    house.run(house.workers[0].sweep(at(house, 30)))
    assert journalled(house, person) == 0
    # An empty taste may be there for who consented anew.
    assert not weighed(house.run(house.taste(person.pseudonym, at(house, 30))), at(house, 30))
    assert f"i:{person.pseudonym}" not in house.run(house.held_of(person.pseudonym))


def test_two_tabs_at_once_end_in_one_order_in_sql_and_in_redis(house, person):
    words = [
        house.ledger.record(person.pseudonym, Purpose.ACTIVITY, granted=n % 2 == 0, notice=1, now=at(house, n / 1000))
        for n in range(12)
    ]
    house.run(all_at_once(*words))
    name = person.pseudonym
    assert house.run(house.stores.online.consents(name)) == house.run(house.stores.ledger.consents(name))


def test_a_word_that_arrives_in_redis_late_does_not_undo_a_newer_one(house, person):
    decide(house, person, Purpose.ACTIVITY, True, 0)
    older = house.run(house.stores.ledger.consents(person.pseudonym))
    decide(house, person, Purpose.ACTIVITY, False, 1)
    house.run(house.stores.online.enforce(older))
    held = house.run(house.stores.online.consents(person.pseudonym))
    assert not held.grants[Purpose.ACTIVITY].granted


def test_a_redis_that_comes_back_with_an_old_copy_is_made_anew(house, person):
    decide(house, person, Purpose.ACTIVITY, True, 0)
    act(house, person, 1)
    house.run(house.workers[0].rebuild_all(at(house, 1)))
    redis, name = house.stores.online._redis, person.pseudonym
    old = {key: house.run(redis.get(key)) for key in house.run(house.held_of(name))}
    decide(house, person, Purpose.ACTIVITY, False, 2)
    # It starts again, from a copy that was saved before the withdrawal.
    house.run(redis.flushdb())
    house.run(redis.mset(old | {f"filled:{FORM}": "the run before"}))
    assert house.run(house.workers[0].refill(at(house, 3)))
    assert not house.run(house.workers[0].refill(at(house, 3)))
    assert house.run(house.held_of(name)).keys() == {f"c:{name}"}
    assert not isinstance(house.run(house.ledger.permit(name, Purpose.ACTIVITY, at(house, 3))), Permit)


def test_a_redis_that_is_emptied_while_it_is_filled_is_filled_once_more(house, person):
    decide(house, person, Purpose.ACTIVITY, True, 0)
    run = house.run(house.stores.online.begin_filling())
    house.run(house.stores.online._redis.flushdb())
    house.run(house.stores.online.end_filling(run))
    assert house.run(house.workers[0].refill(at(house, 1)))


def test_values_in_another_form_count_as_missing_and_are_made_anew(house, person):
    for purpose in (Purpose.ACTIVITY, Purpose.INTERESTS):
        decide(house, person, purpose, True, 0)
    act(house, person, 1)
    tell(house, person, 1)
    redis, name = house.stores.online._redis, person.pseudonym
    before = weighed(house.run(house.taste(name, at(house, 2))), at(house, 2))
    for key, value in house.run(house.held_of(name)).items():
        packed = 24 if key.startswith("t:") else 8
        house.run(redis.set(key, value[:packed] + b"\xc1" + value[packed + 1 :]))
    act(house, person, 2)
    assert journalled(house, person) == 4
    assert house.run(house.taste(name, at(house, 3))) is not None
    assert weighed(house.run(house.taste(name, at(house, 3))), at(house, 3)).keys() >= before.keys()


def test_places_are_learned_from_the_leave_on_and_go_with_it(house, person):
    places = place_keys(house.offers)
    decide(house, person, Purpose.ACTIVITY, True, 0)
    act(house, person, 1)
    decide(house, person, Purpose.LOCATION, True, 2)
    house.run(house.workers[0].rebuild([person.pseudonym], at(house, 2)))
    assert not known_places(house, person, places, 2)
    act(house, person, 3)
    assert known_places(house, person, places, 3)
    decide(house, person, Purpose.LOCATION, False, 4)
    assert not known_places(house, person, places, 4)
    house.run(house.workers[0].sweep(at(house, 30)))
    assert weighed(house.run(house.taste(person.pseudonym, at(house, 30))), at(house, 30))
    assert not known_places(house, person, places, 30)


def known_places(house: House, person: Person, places: set[int], seconds: float) -> set[int]:
    return weighed(house.run(house.taste(person.pseudonym, at(house, seconds))), at(house, seconds)).keys() & places


def test_an_event_from_before_the_latest_grant_is_never_folded_however_late_it_comes(house, person):
    decide(house, person, Purpose.ACTIVITY, True, 10)
    act(house, person, 5, accepted=20)
    act(house, person, 5, accepted=5)
    assert journalled(house, person) == 0
    act(house, person, 15, accepted=20)
    assert journalled(house, person) == 2


def test_an_offer_that_changes_while_events_come_loses_none_of_them(house, person):
    decide(house, person, Purpose.ACTIVITY, True, 0)
    worker, now = house.workers[0], at(house, 1)
    batches = [batch_of(person, [f"test:{n % 6}"], now, timedelta()) for n in range(40)]
    changes = [house.change(f"test:{n % 6}", free=n % 2 == 0) for n in range(40)]
    work = [worker.interactions([batch], now) for batch in batches]
    house.run(all_at_once(*work, *(worker.offers([change], now) for change in changes)))
    assert journalled(house, person) == 40
    held = weighed(house.run(house.taste(person.pseudonym, now)), now)
    house.run(worker.rebuild([person.pseudonym], now))
    assert held == pytest.approx(weighed(house.run(house.taste(person.pseudonym, now)), now), abs=0.05)


def test_a_nudge_alone_leaves_nothing_in_sql(house, person):
    decide(house, person, Purpose.ACTIVITY, True, 0)
    act(house, person, 1)
    decide(house, person, Purpose.ACTIVITY, False, 2)
    change = ConsentChange(person.pseudonym, Purpose.ACTIVITY, False, at(house, 2))
    house.run(house.workers[1].consents_changed([change], at(house, 2)))
    assert journalled(house, person) == 0
    assert house.run(house.stores.ledger.backlog()) == 0


async def all_at_once(*work) -> None:
    await asyncio.gather(*work)
