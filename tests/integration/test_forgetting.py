"""Of a resident who withdraws, nothing is left: generated histories on the real stores, compared with a model.

`VINKKI_TEST_PROFILE=nightly` takes 10,000 steps instead of 500.
"""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from random import Random
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from prometheus_client import generate_latest

from engine.consent import Permit, Purpose
from engine.events import ConsentChange, Impression, InteractionBatch
from engine.intake import Intake, _row
from engine.residents import Interests
from tests.integration.forgetting import PURPOSES, House, Person, batch_of, place_keys, weighed

_T = TypeVar("_T")
pytestmark = pytest.mark.integration
_ANY = {"suppress_health_check": list(HealthCheck), "deadline": None, "database": None, "print_blob": True}
PROFILES = {
    # histories times steps, at most; a failure is told as it was found, since making it smaller takes minutes
    "ci": settings(max_examples=40, stateful_step_count=40, derandomize=True, phases=[Phase.generate], **_ANY),
    "nightly": settings(max_examples=300, stateful_step_count=60, **_ANY),
    "dev": settings(max_examples=60, stateful_step_count=40, phases=[Phase.generate], **_ANY),
}
PROFILE = PROFILES[os.environ.get("VINKKI_TEST_PROFILE", "ci")]

WHO = st.integers(0, 1)
WORKER = st.integers(0, 1)
PURPOSE = st.sampled_from((*PURPOSES, Purpose.ACTIVITY, Purpose.ACTIVITY))
ALLOWED = st.sets(st.sampled_from(PURPOSES), min_size=1)
LATE = st.sampled_from([0, 0, 0, 0.5, 3, 60, 3 * 86_400]).map(lambda seconds: timedelta(seconds=seconds))
OFFERS = st.lists(st.integers(0, 5).map(lambda n: f"test:{n}"), min_size=1, max_size=4)
PICK = st.randoms(use_true_random=False)


@pytest.fixture(scope="module")
def house(addresses) -> Iterator[House]:
    opened = House(addresses)
    yield opened
    opened.close()


class Histories(RuleBasedStateMachine):
    """Two residents, two workers, lost and late and doubled messages, and stores that are emptied or cut off."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.house = house
        self.now = house.start

    @initialize(allowed=st.tuples(ALLOWED, ALLOWED))
    def enrol(self, allowed: tuple[set[Purpose], set[Purpose]]) -> None:
        self._do(self.house.empty())
        self.people = [Person(self._do(self.house.residents.enrol(uuid4()))) for _ in allowed]
        for person, purposes in zip(self.people, allowed, strict=True):
            for purpose in sorted(purposes):
                self._decide(person, purpose, True)
        self.by_name = {person.pseudonym: person for person in self.people}
        self.under_way: list[InteractionBatch] = []
        self.sent: list[InteractionBatch] = []
        self.nudges: list[ConsentChange] = []
        self.shown: list[Impression] = []

    @rule(who=WHO, purpose=PURPOSE, again=st.booleans(), nudged=st.booleans())
    def change_a_mind(self, who: int, purpose: Purpose, again: bool, nudged: bool) -> None:
        """Say the opposite of before; or the same again, which changes nothing."""
        person = self._at(who)
        granted = person.allows(purpose) is (again and purpose in person.words)
        self._decide(person, purpose, granted)
        if nudged:
            self.nudges.append(ConsentChange(person.pseudonym, purpose, granted, self.now))

    @rule(who=WHO, purpose=PURPOSE, crash=st.booleans(), anew=st.booleans())
    def withdraw_unheard(self, who: int, purpose: Purpose, crash: bool, anew: bool) -> None:
        """Withdraw while Kafka is away, or crash before Redis knows; and consent anew before the sweeper comes."""
        person = self._at(who)
        if not crash:
            self._decide(person, purpose, False)
        elif person.allows(purpose):
            word = {"granted": False, "notice": self._notice(purpose), "time": self.now}
            self._do(self.house.stores.ledger.append(person.pseudonym, purpose, **word))
            person.decide(purpose, False, self.now)
        if anew:
            self._decide(self._at(who), purpose, True)

    @precondition(lambda self: self.nudges)
    @rule(pick=PICK, worker=WORKER)
    def hear_of_consents(self, pick: Random, worker: int) -> None:
        self._tick()
        change = self.nudges.pop(pick.randrange(len(self.nudges)))
        self._do(self._worker(worker).consents_changed([change], self.now))
        self.by_name[change.resident].forget(self.now)

    @rule(who=WHO, offers=OFFERS, late=LATE, worker=WORKER, times=st.sampled_from([0, 1, 1, 2]))
    def act(self, who: int, offers: list[str], late: timedelta, worker: int, times: int) -> None:
        """Act, and be heard later, at once, or at once and twice in one batch."""
        batch = batch_of(self._at(who), offers, self.now, late)
        self.under_way.append(batch)
        if times:
            self._deliver([batch] * times, [self._worker(worker)])

    @precondition(lambda self: self.under_way or self.sent)
    @rule(pick=PICK, worker=WORKER, how=st.sampled_from(["to one", "to both at once", "again", "sent again", "crash"]))
    def deliver(self, pick: Random, worker: int, how: str) -> None:
        """In any order; some of it again, as Kafka does after a crash, or as a client does that had no answer."""
        self._tick()
        choice = self.sent if how.endswith("again") else self.under_way
        batches = [pick.choice(choice) for _ in range(pick.randint(1, 5)) if choice]
        if how == "crash":
            self._crash_between_journal_and_redis(batches[:1])
        elif how == "sent again":
            again = [msgspec.structs.replace(batch, accepted=self.now) for batch in batches]
            self._deliver(again, [self._worker(worker)])
        else:
            self._deliver(batches, self.house.workers if how == "to both at once" else [self._worker(worker)])

    @rule(who=WHO, offers=OFFERS, kept_back=st.booleans(), pick=PICK, worker=WORKER)
    def show(self, who: int, offers: list[str], kept_back: bool, pick: Random, worker: int) -> None:
        person = self._at(who)
        self.shown.append(Impression(uuid4().hex, person.pseudonym, self.now, "personal", tuple(offers)))
        if not kept_back:
            self._tick()
            its = self.shown.pop(pick.randrange(len(self.shown)))
            self._do(self._worker(worker).impressions([its]))
            self.by_name[its.resident].show(its)

    @rule(who=WHO, keyword=st.integers(1, 9))
    def tell(self, who: int, keyword: int) -> None:
        person = self._at(who)
        permit = self._do(self.house.ledger.permit(person.pseudonym, Purpose.INTERESTS, self.now))
        if isinstance(permit, Permit):
            told = Interests(keywords=(f"yso:p{keyword}",))
            self._do(self.house.residents.tell(permit, told, self.now))
            if person.allows(Purpose.INTERESTS):
                person.told = (told, self.now)

    @rule(what=st.sampled_from(["sweep", "empty Redis", "empty Redis and refill", "settle", "wait"]), worker=WORKER)
    def keep_house(self, what: str, worker: int) -> None:
        self.now += timedelta(seconds=2.5 if what == "wait" else 0.001)
        if what == "settle":
            self._settle()
        elif what == "sweep":
            self._sweep(self._worker(worker))
        elif what.startswith("empty"):
            self._do(self.house.stores.online._redis.flushdb())
            if what.endswith("refill"):
                self._do(self._worker(worker).refill(self.now))

    def teardown(self) -> None:
        if hasattr(self, "people"):
            self._settle()

    def _settle(self) -> None:
        """Let everything under way arrive and the sweeper come by; then compare with the model."""
        self._tick()
        worker = self.house.workers[0]
        if self.under_way:
            self._deliver(list(self.under_way), [worker])
        self.now += timedelta(seconds=5)
        self._do(worker.refill(self.now))
        self._sweep(worker)
        self._do(worker.refresh_popularity(self.now))
        for person in self.people:
            self._do(self._compare(person))
        self._do(self._compare_popularity())
        self._nobody_is_named(generate_latest().decode())
        self._nobody_is_named(repr(self.house.refused))

    def _sweep(self, worker: Intake) -> None:
        self._do(worker.sweep(self.now))
        for person in self.people:
            person.forget(self.now - timedelta(seconds=2))

    def _deliver(self, batches: list[InteractionBatch], workers: list[Intake]) -> None:
        self._tick()
        self._do(_all(*(worker.interactions(batches, self.now) for worker in workers)))
        for batch in batches:
            self.by_name[batch.resident].take_in(batch)
            if batch in self.under_way:
                self.under_way.remove(batch)
                self.sent.append(batch)

    def _crash_between_journal_and_redis(self, batches: list[InteractionBatch]) -> None:
        """Nothing is acknowledged, so the batch stays under way."""
        for batch in batches:
            person = self.by_name[batch.resident]
            if person.allows(Purpose.ACTIVITY) and batch.accepted >= person.since(Purpose.ACTIVITY):
                self._do(self.house.stores.journal.write([_row(batch, event) for event in batch.events]))
                person.take_in(batch)

    def _decide(self, person: Person, purpose: Purpose, granted: bool) -> None:
        """Decide as the API does: what is not allowed cannot be read from the moment of the answer."""
        word = {"granted": granted, "notice": self._notice(purpose), "now": self.now}
        self._do(self.house.ledger.record(person.pseudonym, purpose, **word))
        person.decide(purpose, granted, self.now)
        for its in PURPOSES:
            answer = self._do(self.house.ledger.permit(person.pseudonym, its, self.now))
            assert isinstance(answer, Permit) is person.allows(its)
        held = self._do(self.house.held_of(person.pseudonym))
        assert person.allows(Purpose.ACTIVITY) or f"t:{person.pseudonym}" not in held
        assert person.allows(Purpose.INTERESTS) or f"i:{person.pseudonym}" not in held
        self._do(self._nothing_from_before(person))

    async def _nothing_from_before(self, person: Person) -> None:
        """What is read now was made since the latest grants, whether or not any sweeper came by."""
        taste = weighed(await self.house.taste(person.pseudonym, self.now), self.now)
        possible = weighed(person.taste(self.house.offers), self.now) if person.allows(Purpose.ACTIVITY) else {}
        assert taste.keys() <= possible.keys()
        told = await self.house.told(person.pseudonym, self.now)
        assert told is None or (person.told is not None and person.told[1] >= person.since(Purpose.INTERESTS))

    async def _compare(self, person: Person) -> None:
        house, name = self.house, person.pseudonym
        for query in ("SELECT id FROM journal WHERE resident = :r", "SELECT id FROM journal_ids WHERE resident = :r"):
            assert sorted(await house.column(query, r=name)) == sorted(person.journal)
        kept = await house.column("SELECT suggestion FROM impressions WHERE resident = :r", r=name)
        assert sorted(kept) == sorted(person.shown)
        expected = person.told[0] if person.told else None
        assert (await house.stores.residents.interests(name)) == expected
        assert await house.told(name, self.now) == expected
        held = await house.held_of(name)
        # The denial itself stays: a flag in force for every process, with nothing else in it.
        allowed = {f"c:{name}"}
        allowed |= {f"t:{name}"} if person.allows(Purpose.ACTIVITY) else set()
        allowed |= {f"i:{name}"} if expected else set()
        assert held.keys() <= allowed
        await self._compare_taste(person)

    async def _compare_taste(self, person: Person) -> None:
        taste = weighed(await self.house.taste(person.pseudonym, self.now), self.now)
        expected = weighed(person.taste(self.house.offers), self.now) if person.allows(Purpose.ACTIVITY) else {}
        assert taste == pytest.approx(expected, abs=0.02)
        if not person.allows(Purpose.LOCATION):
            assert not taste.keys() & place_keys(self.house.offers)

    async def _compare_popularity(self) -> None:
        rows = await self.house.column("SELECT offer || ' ' || residents FROM popularity")
        did = await self.house.column("SELECT DISTINCT resident || ' ' || offer FROM journal")
        of = [pair.split(" ")[1] for pair in did]
        assert {row.split(" ")[0]: int(row.split(" ")[1]) for row in rows} == {offer: of.count(offer) for offer in of}

    def _nobody_is_named(self, said: str) -> None:
        assert not any(person.pseudonym in said for person in self.people)

    def _at(self, who: int) -> Person:
        self._tick()
        return self.people[who]

    def _worker(self, number: int) -> Intake:
        return self.house.workers[number]

    def _tick(self) -> None:
        self.now += timedelta(milliseconds=1)

    def _notice(self, purpose: Purpose) -> int:
        return self.house.ledger.register.declaration(purpose).notice.version

    def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self.house.run(work)


async def _all(*work) -> None:
    await asyncio.gather(*work)


def test_whatever_happens_nothing_is_left_of_what_was_withdrawn_and_all_of_what_was_not(house):
    run_state_machine_as_test(lambda: Histories(house), settings=PROFILE)
