"""Histories of residents who allow, act, tell and withdraw, for themselves or a child, and of what may go wrong."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from prometheus_client import generate_latest

from api import wiring
from engine.consent import Permit, Purpose
from engine.erasure import Eraser
from engine.errors import NotFound
from engine.events import ConsentChange, Impression, InteractionBatch
from engine.intake import Intake, _row
from engine.records.erasures import ErasureRecords
from engine.residents import Interests, told, without
from engine.settings import Settings
from engine.taste import features
from tests.integration.forgetting import PURPOSES, House, Person, batch_of, place_keys, weighed
from tests.integration.relations import Child, Relations
from tests.integration.scene import Scene
from tests.integration.scissors import Killed, Scissors

STEPS = [
    *["act"] * 5,
    *["deliver"] * 5,
    *["change_a_mind"] * 3,
    *["withdraw_unheard"] * 2,
    *["hear_of_consents"] * 2,
    *["show", "tell"] * 2,
    *["pause_or_resume", "remove"] * 2,
    *["kill"] * 3,
    *["grant_or_end"] * 2,
    *["partner_reads", "tie"],
    *["sweep", "empty_redis", "wait", "jump", "widen", "widen", "erase", "settle"],
]
"""What may come next; what is here more often comes more often."""
JUMPS_SECONDS = [-1_800, -90, -5, -0.5, 60, 3_600, 6 * 3_600]
HOLDING = (
    *("journal", "journal_ids", "impressions", "interests", "consents", "forgettings", "accesses"),
    *("partner_handles", "dependants"),
)
LATE_SECONDS = [0, 0, 0, 0.5, 3, 60, 3 * 86_400]


class History(Relations):
    """Two residents, their child and a partner; two workers, lost, late and doubled messages, stores that fail."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.now = house.start
        self._do(house.empty())
        self.latest = house.start
        self.people, self.gone = list[Person](), list[str]()
        self.ids, self.by_name = dict[str, UUID](), dict[str, Person]()
        for _ in range(2):
            self._enter(uuid4())
        self._found()
        self.made_anew = True
        self.under_way: list[InteractionBatch] = []
        self.sent: list[InteractionBatch] = []
        self.nudges: list[ConsentChange] = []
        self.shown: list[Impression] = []

    def step(self, name: str, random: Random) -> None:
        """Do one of `STEPS`."""
        self.now += timedelta(milliseconds=1)
        self.latest = max(self.latest, self.now)
        getattr(self, name)(random)

    def act(self, random: Random) -> None:
        """Act, and be heard later, at once, or at once and twice in one batch."""
        person = self._who_may(Purpose.ACTIVITY, random)
        offers = random.choices(list(self.house.offers), k=random.randint(1, 4))
        batch = batch_of(person, offers, self.now, timedelta(seconds=random.choice(LATE_SECONDS)))
        self.under_way.append(batch)
        if times := random.choice([0, 1, 1, 2]):
            self._deliver([batch] * times, random.choice(self.house.workers))

    def deliver(self, random: Random) -> None:
        """In any order; some of it again, as Kafka does after a crash, or as a client does that had no answer."""
        how = random.choice(["to one", "to both at once", "to both at once", "again", "again", "sent again", "crash"])
        choice = self.sent if how.endswith("again") else self.under_way
        batches = [random.choice(choice) for _ in range(random.randint(1, 5)) if choice]
        if how == "crash":
            self._crash_between_journal_and_redis(batches[:1])
        elif how == "to both at once":
            more = [random.choice(choice) for _ in batches]
            self._deliver(batches, self.house.workers[0], beside=more)
        else:
            accepted = {"accepted": self.now} if how == "sent again" else {}
            its = [msgspec.structs.replace(batch, **accepted) for batch in batches]
            self._deliver(its, random.choice(self.house.workers))

    def change_a_mind(self, random: Random) -> None:
        """Say the opposite of before; or the same again, which changes nothing. The nudge may be lost."""
        person, purpose = random.choice(self.people), random.choice(PURPOSES)
        same = purpose in person.words and random.random() < 0.2
        granted = person.allows(purpose) is same
        self._decide(person, purpose, granted, random)
        if random.random() < 0.7:
            self.nudges.append(ConsentChange(person.pseudonym, purpose, granted, self.now))

    def withdraw_unheard(self, random: Random) -> None:
        """Withdraw while Kafka is away, or crash before Redis knows; and perhaps consent anew before the sweeper."""
        person = random.choice(self.people)
        purpose = random.choice([its for its in PURPOSES if person.allows(its)] or [Purpose.ACTIVITY])
        if random.random() < 0.5:
            self._decide(person, purpose, False, random)
        elif person.allows(purpose):
            word = {"granted": False, "notice": self._notice(purpose), "time": self.now}
            self._do(self.house.stores.ledger.append(person.pseudonym, purpose, **word))
            person.decide(purpose, False, self.now)
            person.unheard = True
        if random.random() < 0.5:
            self.now += timedelta(milliseconds=1)
            self._decide(person, purpose, True, random)

    def hear_of_consents(self, random: Random) -> None:
        """A nudge arrives, in any order."""
        if self.nudges:
            change = self.nudges.pop(random.randrange(len(self.nudges)))
            self._do(random.choice(self.house.workers).consents_changed([change], self.now))
            self.by_name[change.resident].forget(self.now)

    def pause_or_resume(self, random: Random) -> None:
        """Pause everything, or end the pause: either is in force at once."""
        person = random.choice(self.people)
        self._pause(person, random)
        self._permits_are_as_decided(person)

    def remove(self, random: Random) -> None:
        """Remove one act, all acts about something, or one thing that was told: gone at once."""
        person, remover = random.choice(self.people), wiring.remover(Settings(), self.house.stores)
        section, item, found = random.choice(["activity", "taste", "interests"]), "nothing", list[str]()
        if section == "interests":
            item = f"keyword:yso:p{random.randint(1, 9)}"
            found = [name for name in told(person.told[0]) if name == item] if person.told else []
        elif person.journal:
            item, (_, event) = random.choice(sorted(person.journal.items()))
            found = [item]
            if section == "taste":
                item = random.choice(features(self.house.offers[event.offer]))
                about = {id_ for id_, offer in self.house.offers.items() if item in features(offer)}
                found = [id_ for id_, (_, act) in person.journal.items() if act.offer in about]
        try:
            self._do(remover.remove(person.pseudonym, section, item, self.now))
        except NotFound:
            assert not found
        else:
            assert found
        if section == "interests" and person.told:
            person.told = (without(person.told[0], item), person.told[1])
        elif section != "interests":
            person.remove(found)
        # It is made anew before the answer: nothing that was removed is left, and all else is there.
        taste = self._do(self.house.taste(person.pseudonym, self.now, own=True))
        assert weighed(taste, self.now) == pytest.approx(self._expected(person), abs=0.02)
        self._do(self._nothing_from_before(person))

    def widen(self, random: Random) -> None:
        """A notice is widened: grants of the older one are suspended, and nothing of them is used or forgotten.

        Instead of the notice in force, the grants are numbered anew; that comes to the same.
        """
        purpose = random.choice([Purpose.ACTIVITY, Purpose.INTERESTS, Purpose.MEASUREMENT])
        for person in self.people:
            if person.allows(purpose):
                self._do(self.house.number_anew(person.pseudonym, purpose))
                person.suspended.add(purpose)
                self.made_anew = False
                self._permits_are_as_decided(person)
                self._do(self._nothing_from_before(person))

    def jump(self, random: Random) -> None:
        """The clock jumps, back or ahead."""
        seconds = random.choice(JUMPS_SECONDS)
        self.now += timedelta(seconds=seconds)
        self.made_anew = self.made_anew and seconds > 0
        for person in self.people:
            self._permits_are_as_decided(person)
            self._do(self._nothing_from_before(person))

    def erase(self, random: Random) -> None:
        """Erase somebody, perhaps cut off between the stores; who returns is somebody new.

        With the last guardian goes the child.
        """
        person = random.choice(self.people)
        erased = [person, *self._orphaned(person)]
        stores, scissors = self.house.stores, Scissors(random.choice([None, 1, 2, 3]), Killed)
        records = scissors.over(ErasureRecords(stores.database))
        eraser = Eraser(records, scissors.over(stores.online), self.house.residents, timedelta(days=9))
        with suppress(Killed):
            self._do(eraser.erase(self.ids[person.pseudonym], self.now))
        for each in erased:
            if scissors.cut:
                # The process that remembered the link is no more; every other one hears of it.
                self.house.residents.forget_link(self.ids[each.pseudonym])
            self.people.remove(each)
            self.gone.append(each.pseudonym)
            self.by_name[each.pseudonym] = Person(each.pseudonym)
            answer = self._do(stores.ledger.consents(each.pseudonym))
            assert not any(grant.granted for grant in (*answer.grants.values(), *answer.partners.values()))
        for each in erased:
            if isinstance(each, Child):
                self._bear(self.ids[each.pseudonym], random.choice(self._adults))
            else:
                self._enter(self.ids[each.pseudonym])

    def kill(self, random: Random) -> None:
        """A worker is killed after any of its calls to a store; what it was at comes again."""
        scissors = Scissors(random.randint(1, 12), Killed)
        worker = Scene(self.house).worker(scissors)
        what = random.choice([self._kill_taking_in, self._kill_taking_in, self._kill_hearing, self._kill_sweeping])
        what(worker, scissors, random)

    def _kill_taking_in(self, worker: Intake, scissors: Scissors, random: Random) -> None:
        batches = random.sample(self.under_way, min(3, len(self.under_way)))
        with suppress(Killed):
            self._do(worker.interactions(batches, self.now))
        for batch in batches if "write" in scissors.calls else ():
            self.by_name[batch.resident].take_in(batch, self.now)

    def _kill_hearing(self, worker: Intake, scissors: Scissors, random: Random) -> None:
        for change in random.sample(self.nudges, min(1, len(self.nudges))):
            with suppress(Killed):
                self._do(worker.consents_changed([change], self.now))
            if "forget" in scissors.calls:
                self.by_name[change.resident].forget(self.now)

    def _kill_sweeping(self, worker: Intake, scissors: Scissors, _: Random) -> None:
        before = self.now - timedelta(seconds=2)
        due = self._do(self.house.stores.ledger.overdue(before))
        with suppress(Killed):
            self._do(worker.sweep(self.now))
        for resident in due[: scissors.calls.count("forget")]:
            self.by_name[resident].forget(before)

    def show(self, random: Random) -> None:
        """Something is shown; the record of it, or of something before, arrives."""
        person = self._who_may(Purpose.MEASUREMENT, random)
        self.shown.append(Impression(uuid4().hex, person.pseudonym, self.now, "personal", ("test:1", "test:2")))
        if random.random() < 0.7:
            its = self.shown.pop(random.randrange(len(self.shown)))
            self._do(random.choice(self.house.workers).impressions([its]))
            self.by_name[its.resident].show(its)

    def tell(self, random: Random) -> None:
        """Tell interests, as the API takes them in."""
        person = self._who_may(Purpose.INTERESTS, random)
        permit = self._do(self.house.ledger.permit(person.pseudonym, Purpose.INTERESTS, self.now))
        if isinstance(permit, Permit):
            latest = Interests(keywords=(f"yso:p{random.randint(1, 9)}",))
            self._do(self.house.residents.tell(permit, latest, self.now))
            if person.allows(Purpose.INTERESTS):
                person.told = (latest, self.now)

    def sweep(self, random: Random) -> None:
        """The sweeper comes by."""
        self._sweep(random.choice(self.house.workers))

    def empty_redis(self, random: Random) -> None:
        """Redis loses everything, and is perhaps filled before the next thing happens."""
        self._do(self.house.stores.online._redis.flushdb())
        if random.random() < 0.5:
            self._do(random.choice(self.house.workers).refill(self.now))

    def wait(self, random: Random) -> None:
        """Time passes."""
        self.now += timedelta(seconds=random.choice([0.3, 1, 2.5, 30]))

    def settle(self, _: Random | None = None) -> None:
        """Let everything under way arrive and the sweeper come by; then compare with the model."""
        self.now = max(self.now, self.latest) + timedelta(milliseconds=1)
        worker = self.house.workers[0]
        self._do(wiring.eraser(Settings(), self.house.stores, self.house.residents).complete())
        if self.under_way:
            self._deliver(list(self.under_way), worker)
        self.now += timedelta(seconds=5)
        self._do(worker.refill(self.now))
        self.latest = self.now
        self._sweep(worker)
        if not self.made_anew:
            # What was made while a clock was behind, or a grant suspended, lacks what was not allowed then.
            self._do(worker.rebuild_all(self.now))
            self.made_anew = True
        self._do(worker.refresh_popularity(self.now))
        self._do(self._nobody_is_left())
        for person in self.people:
            person.unheard = False
            self._permits_are_as_decided(person)
        for person in self.people:
            self._do(self._compare(person))
        self._do(self._compare_popularity())
        self._do(self._relations_hold())
        for said in (generate_latest().decode(), repr(self.house.refused)):
            assert not any(pseudonym in said for pseudonym in self.by_name)

    async def _nobody_is_left(self) -> None:
        """Of the erased no row is left but entries of the ledger, and online only that nothing is allowed."""
        for table in HOLDING:
            query = f"SELECT resident FROM {table} WHERE resident = ANY(:gone)"  # noqa: S608 - ours
            assert await self.house.column(query, gone=self.gone) == []
        query = "SELECT pseudonym FROM residents WHERE pseudonym = ANY(:gone)"
        assert await self.house.column(query, gone=self.gone) == []
        for pseudonym in self.gone:
            assert (await self.house.held_of(pseudonym)).keys() <= {f"c:{pseudonym}"}
            flags = await self.house.stores.online.consents(pseudonym)
            assert flags is None or not any(grant.granted for grant in flags.grants.values())

    def _sweep(self, worker: Intake) -> None:
        self._do(worker.sweep(self.now))
        for person in self.people:
            person.forget(self.now - timedelta(seconds=2))

    def _deliver(
        self, batches: list[InteractionBatch], worker: Intake, beside: Sequence[InteractionBatch] = ()
    ) -> None:
        """Have a worker take batches in, and the second one others at the same time."""
        self.now += timedelta(milliseconds=1)
        taken = [worker.interactions(batches, self.now), self.house.workers[1].interactions(beside, self.now)]
        self._do(_all(*taken))
        for batch in (*batches, *beside):
            self.by_name[batch.resident].take_in(batch, self.now)
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

    def _decide(self, person: Person, purpose: Purpose, granted: bool, random: Random) -> None:
        """Decide as the API does: what is not allowed cannot be read from the moment of the answer."""
        guardian = self._voice(person, random)
        word = {"granted": granted, "notice": self._notice(purpose), "now": self.now, "guardian": guardian}
        self._do(self.house.ledger.record(person.pseudonym, purpose, **word))
        self._heard(person, guardian, purpose, granted)
        person.unheard = False
        self._permits_are_as_decided(person)
        held = self._do(self.house.held_of(person.pseudonym))
        assert person.allows(Purpose.ACTIVITY) or f"t:{person.pseudonym}" not in held
        assert person.allows(Purpose.INTERESTS) or f"i:{person.pseudonym}" not in held
        self._do(self._nothing_from_before(person))

    def _permits_are_as_decided(self, person: Person) -> None:
        for its in PURPOSES:
            answer = self._do(self.house.ledger.permit(person.pseudonym, its, self.now))
            allowed = person.may(its, self.now) and not person.paused(self.now)
            assert isinstance(answer, Permit) is allowed or (person.unheard and not allowed)

    async def _nothing_from_before(self, person: Person) -> None:
        """What is read now was made since the latest grants, whether or not any sweeper came by."""
        if person.unheard:
            return
        taste = weighed(await self.house.taste(person.pseudonym, self.now, own=True), self.now)
        assert taste.keys() <= self._most(person).keys()
        held = await self.house.told(person.pseudonym, self.now, own=True)
        assert held is None or (person.told is not None and person.told[1] >= person.since(Purpose.INTERESTS))
        assert held is None or held == person.told[0]
        if person.paused(self.now):
            assert await self.house.taste(person.pseudonym, self.now) is None
            assert await self.house.told(person.pseudonym, self.now) is None

    async def _compare(self, person: Person) -> None:
        house, name = self.house, person.pseudonym
        rows = await house.column("SELECT id FROM journal WHERE resident = :r", r=name)
        assert sorted(rows) == sorted(person.journal)
        known = await house.column("SELECT id FROM journal_ids WHERE resident = :r", r=name)
        assert sorted(known) == sorted([*person.journal, *person.removed])
        kept = await house.column("SELECT suggestion FROM impressions WHERE resident = :r", r=name)
        assert sorted(kept) == sorted(person.shown)
        latest = person.told[0] if person.told else None
        assert (await house.stores.residents.interests(name)) == latest
        assert await house.told(name, self.now, own=True) == (None if Purpose.INTERESTS in person.suspended else latest)
        # The denial itself stays: a flag in force for every process, with nothing else in it.
        allowed = {f"c:{name}"}
        allowed |= {f"t:{name}"} if person.allows(Purpose.ACTIVITY) else set()
        allowed |= {f"i:{name}"} if latest is not None else set()
        assert (await house.held_of(name)).keys() <= allowed
        taste = weighed(await house.taste(name, self.now, own=True), self.now)
        assert taste == pytest.approx(self._expected(person), abs=0.02)
        assert person.allows(Purpose.LOCATION) or not taste.keys() & place_keys(house.offers)

    async def _compare_popularity(self) -> None:
        rows = await self.house.column("SELECT offer || ' ' || residents FROM popularity")
        silent = [
            its.pseudonym for its in self.people if its.paused(self.now) or not its.may(Purpose.ACTIVITY, self.now)
        ]
        query = "SELECT DISTINCT resident || ' ' || offer FROM journal WHERE resident <> ALL(:silent)"
        did = await self.house.column(query, silent=silent)
        of = [pair.split(" ")[1] for pair in did]
        assert {row.split(" ")[0]: int(row.split(" ")[1]) for row in rows} == {offer: of.count(offer) for offer in of}

    def _expected(self, person: Person) -> dict[int, float]:
        """Return what is known and may be used now."""
        if not person.may(Purpose.ACTIVITY, self.now):
            return {}
        return weighed(person.taste(self.house.offers, located=person.may(Purpose.LOCATION, self.now)), self.now)

    def _most(self, person: Person) -> dict[int, float]:
        """Return what may be known: all that is allowed, were the clock right."""
        if not person.allows(Purpose.ACTIVITY):
            return {}
        return weighed(person.taste(self.house.offers, located=person.allows(Purpose.LOCATION)), self.now)

    def _enter(self, id_: UUID) -> None:
        person = Person(self._do(self.house.residents.enrol(id_)))
        assert person.pseudonym not in self.by_name
        self.people.append(person)
        self.ids[person.pseudonym], self.by_name[person.pseudonym] = id_, person

    def _who_may(self, purpose: Purpose, random: Random) -> Person:
        """Return a resident who has mostly allowed something: of deeds without leave the model sees little."""
        person = random.choice(self.people)
        if not person.allows(purpose) and random.random() < 0.7:
            self._decide(person, purpose, True, random)
            self.now += timedelta(milliseconds=1)
        return person

    def _notice(self, purpose: Purpose) -> int:
        return self.house.ledger.register.declaration(purpose).notice.version


async def _all(*work: Coroutine[Any, Any, None]) -> None:
    await asyncio.gather(*work)
