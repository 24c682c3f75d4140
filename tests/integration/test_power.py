"""Pausing, removing single things and erasing, on the real stores: in force at once, and for good."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

import msgspec
import pytest

from api import wiring
from engine.chain import verify
from engine.choices import PAUSE_LASTS, Choice
from engine.consent import Permit, Purpose
from engine.errors import NotFound
from engine.events import Impression, InteractionBatch
from engine.records.chain import ChainRecords
from engine.records.removals import RemovalRecords
from engine.records.residents import ResidentRecords
from engine.removal import Remover
from engine.residents import Interests, Residents
from engine.settings import Settings
from tests.factories import in_force
from tests.integration.forgetting import House, Person, batch_of, weighed

pytestmark = pytest.mark.integration
TOLD = Interests(keywords=("yso:p1", "yso:p2"), birth_year=1984)
LEFT = Interests(keywords=("yso:p2",), birth_year=1984)
OURS = ("journal", "journal_ids", "impressions", "interests", "consents", "forgettings", "accesses", "partner_handles")


class Resident:
    """Somebody in a house who allows everything, and what they do there; seconds count from the house's start."""

    def __init__(self, house: House) -> None:
        house.run(house.empty())
        self.house, self.id = house, uuid4()
        self.person = Person(house.run(house.residents.enrol(self.id)))
        self.name = self.person.pseudonym
        for purpose in Purpose:
            if not purpose.marketing:
                house.run(
                    house.ledger.record(self.name, purpose, granted=True, notice=in_force(purpose), now=self.at(0))
                )

    def at(self, seconds: float) -> datetime:
        return self.house.start + timedelta(seconds=seconds)

    def act(self, *offers: str, seconds: float = 1) -> InteractionBatch:
        return batch_of(self.person, list(offers), self.at(seconds), timedelta(0))

    def take_in(self, *batches: InteractionBatch, seconds: float = 2, worker: int = 0) -> None:
        self.house.run(self.house.workers[worker].interactions(batches, self.at(seconds)))

    async def leave(self) -> Permit:
        permit = await self.house.ledger.permit(self.name, Purpose.INTERESTS, self.at(1))
        assert isinstance(permit, Permit)
        return permit

    def tell(self, interests: Interests) -> None:
        self.house.run(self.house.residents.tell(self.house.run(self.leave()), interests, self.at(1)))

    def remove(self, section: str, item: str, seconds: float = 10) -> None:
        remover = wiring.remover(Settings(), self.house.stores)
        self.house.run(remover.remove(self.name, section, item, self.at(seconds)))

    def pause(self, seconds: float) -> None:
        self.house.run(self.house.ledger.pause(self.name, self.at(seconds)))

    def resume(self, seconds: float) -> None:
        self.house.run(self.house.ledger.choose(self.name, Choice.PAUSE, on=False, now=self.at(seconds)))

    def journal(self) -> set[str]:
        return set(self.house.run(self.house.column("SELECT id FROM journal WHERE resident = :r", r=self.name)))

    def taste(self, seconds: float = 20) -> dict[int, float]:
        return weighed(self.house.run(self.house.taste(self.name, self.at(seconds))), self.at(seconds))

    def told(self, seconds: float = 20) -> Interests | None:
        return self.house.run(self.house.told(self.name, self.at(seconds)))


@pytest.fixture(scope="module")
def house(addresses) -> Iterator[House]:
    opened = House(addresses)
    yield opened
    opened.close()


@pytest.fixture
def resident(house) -> Resident:
    return Resident(house)


def ids(batch: InteractionBatch) -> list[str]:
    return [event.id for event in batch.events]


def test_a_removed_act_never_comes_back_whatever_is_replayed_sent_again_or_rebuilt(resident):
    kept, removed = resident.act("test:1"), resident.act("test:2")
    resident.take_in(kept)
    before = resident.taste()
    resident.take_in(removed)
    assert resident.taste() != before
    resident.remove("activity", *ids(removed))
    assert resident.taste() == pytest.approx(before)
    sent_again = msgspec.structs.replace(removed, accepted=resident.at(12))
    for worker in (0, 1):
        resident.take_in(removed, kept, sent_again, seconds=13, worker=worker)
    resident.house.run(resident.house.stores.online._redis.flushdb())
    resident.house.run(resident.house.workers[1].refill(resident.at(14)))
    assert resident.journal() == set(ids(kept))
    assert resident.taste() == pytest.approx(before)
    with pytest.raises(NotFound):
        resident.remove("activity", *ids(removed))


def test_the_id_of_a_removed_act_is_all_that_is_left_of_it_and_goes_when_it_can_come_no_more(resident):
    removed = resident.act("test:2")
    resident.take_in(removed)
    resident.remove("activity", *ids(removed))
    left = "SELECT to_jsonb(j) - 'resident' - 'accepted' FROM journal_ids j WHERE resident = :r"
    assert resident.house.run(resident.house.column(left, r=resident.name)) == [{"id": ids(removed)[0]}]
    day = timedelta(days=1).total_seconds()
    resident.house.run(resident.house.workers[0].keep_house(resident.at(14 * day)))
    assert len(resident.house.run(resident.house.column(left, r=resident.name))) == 1
    resident.house.run(resident.house.workers[0].keep_house(resident.at(16 * day)))
    assert resident.house.run(resident.house.column(left, r=resident.name)) == []


def test_what_was_learned_goes_with_every_act_that_taught_it_and_no_other(resident):
    # test:0 and test:3 share yso:p50; test:1 has it not.
    taught, other = resident.act("test:0", "test:3"), resident.act("test:1")
    resident.take_in(other)
    before = resident.taste()
    resident.take_in(taught)
    resident.remove("taste", "keyword:yso:p50")
    assert resident.journal() == set(ids(other))
    assert resident.taste() == pytest.approx(before)
    resident.take_in(taught, seconds=13, worker=1)
    assert resident.taste() == pytest.approx(before)


def test_somebody_elses_act_of_the_same_id_stays(resident, house):
    other = Person(house.run(house.residents.enrol(uuid4())))
    house.run(house.ledger.record(other.pseudonym, "activity", granted=True, notice=1, now=resident.at(0)))
    mine = resident.act("test:1")
    resident.take_in(mine, msgspec.structs.replace(mine, resident=other.pseudonym))
    resident.remove("activity", *ids(mine))
    rows = house.run(house.column("SELECT resident FROM journal WHERE id = :id", id=ids(mine)[0]))
    assert rows == [other.pseudonym]


class Overtaken(RemovalRecords):
    """Removes, while another worker that has read the interests just before puts them online."""

    def __init__(self, resident: Resident) -> None:
        super().__init__(resident.house.stores.database)
        self._resident = resident

    async def interest(self, resident: str, item: str) -> bool:
        read = (await self._resident.house.stores.residents.told([resident]))[resident]
        found = await super().interest(resident, item)
        await self._resident.house.stores.online.put_interests(await self._resident.leave(), read, anew=True)
        return found


class Late(ResidentRecords):
    """Reads and writes; what it does first is followed at once by a removal, before whoever asked can go on."""

    def __init__(self, resident: Resident) -> None:
        super().__init__(resident.house.stores.database)
        self._resident, self._removed = resident, False

    async def told(self, residents):
        found = await super().told(residents)
        await self._remove()
        return found

    async def tell(self, resident, interests, now):
        await super().tell(resident, interests, now)
        await self._remove()

    async def _remove(self) -> None:
        if not self._removed:
            self._removed = True
            remover = wiring.remover(Settings(), self._resident.house.stores)
            await remover.remove(self._resident.name, "interests", "keyword:yso:p1", self._resident.at(9))


def test_a_removed_interest_is_not_brought_back_by_who_read_it_before(resident, house):
    resident.tell(TOLD)
    rebuild = partial(house.workers[0].rebuild, replace=True)
    remover = Remover(Overtaken(resident), house.stores.online, rebuild)
    house.run(remover.remove(resident.name, "interests", "keyword:yso:p1", resident.at(10)))
    assert resident.told() == LEFT
    assert house.run(house.residents.interests(resident.name)) == LEFT


@pytest.mark.parametrize("replace", [False, True])
def test_a_rebuild_that_a_removal_overtakes_puts_right_what_it_held(resident, house, replace):
    resident.tell(TOLD)
    house.run(house.stores.online.drop(resident.name))
    stores = dataclasses.replace(house.stores, residents=Late(resident))
    worker = wiring.intake(Settings(), stores)
    house.run(worker.rebuild([resident.name], resident.at(10), replace=replace))
    assert resident.told() == LEFT


def test_what_one_tab_tells_does_not_bring_back_what_another_has_removed_meanwhile(resident, house):
    telling = Residents(Late(resident), house.stores.online)
    house.run(telling.tell(house.run(resident.leave()), TOLD, resident.at(8)))
    assert resident.told() == LEFT


def test_while_paused_no_event_is_taken_in_neither_late_nor_again_after(resident):
    before, during, late = (resident.act("test:1", seconds=n) for n in (1, 5, 6))
    resident.take_in(before)
    taste = resident.taste()
    resident.pause(4)
    resident.take_in(during, seconds=7)
    assert resident.taste() == {}
    resident.resume(8)
    resident.take_in(during, late, seconds=9, worker=1)
    assert resident.journal() == set(ids(before))
    assert resident.taste() == pytest.approx(taste)
    after = resident.act("test:2", seconds=10)
    resident.take_in(after, seconds=11)
    assert resident.journal() == {*ids(before), *ids(after)}


def test_a_pause_that_redis_never_heard_of_holds_in_sql(resident, house):
    house.run(house.stores.ledger.append(resident.name, Choice.PAUSE, granted=True, notice=0, time=resident.at(4)))
    resident.take_in(resident.act("test:1", seconds=5), seconds=6)
    shown = Impression("s-1", resident.name, resident.at(5), "popular", ("test:1",), purpose=Purpose.MEASUREMENT)
    house.run(house.workers[0].impressions([shown]))
    house.run(house.stores.residents.tell(resident.name, TOLD, resident.at(6)))
    assert resident.journal() == set()
    assert house.run(house.column("SELECT suggestion FROM impressions")) == []
    assert house.run(house.column("SELECT resident FROM interests")) == []


def test_a_pause_ends_by_itself_and_a_later_one_is_a_pause_of_its_own(resident, house):
    day, month = timedelta(days=1).total_seconds(), PAUSE_LASTS.total_seconds()
    resident.pause(4)
    resident.pause(day)
    held = house.run(house.ledger.consents(resident.name))
    assert held.paused_until(resident.at(day)) == resident.at(4 + month)
    assert held.paused_until(resident.at(4 + month)) is None
    resident.pause(2 * month)
    held = house.run(house.ledger.consents(resident.name))
    assert held.paused_until(resident.at(2 * month + day)) == resident.at(3 * month)


def test_what_the_paused_did_counts_neither_in_popularity_nor_as_a_visit(resident, house):
    resident.take_in(resident.act("test:1"))
    day = resident.at(2).date()
    visits = house.run(house.stores.online.visitors("tprek:1", day))
    resident.pause(4)
    elsewhere = resident.act("test:2", seconds=5)
    resident.take_in(elsewhere, seconds=6)
    assert house.run(house.stores.online.visitors("tprek:1", day)) == visits == 1
    assert house.run(house.stores.online.visitors("tprek:2", day)) == 0
    house.run(house.workers[0].refresh_popularity(resident.at(7)))
    assert house.run(house.stores.journal.popularity()) == []
    resident.resume(8)
    house.run(house.workers[0].refresh_popularity(resident.at(9)))
    assert [(offer, people) for offer, _, people in house.run(house.stores.journal.popularity())] == [("test:1", 1)]


def test_choices_order_no_forgetting_and_leave_the_chain_whole(resident, house):
    resident.tell(TOLD)
    resident.take_in(resident.act("test:1"))
    taste = resident.taste()
    for choice in Choice:
        for on in (True, False):
            house.run(house.ledger.choose(resident.name, choice, on=on, now=resident.at(5)))
    house.run(house.workers[0].sweep(resident.at(60)))
    assert house.run(house.column("SELECT purpose FROM forgettings")) == []
    assert (resident.taste(), resident.told()) == (pytest.approx(taste), TOLD)

    async def verdict():
        async with ChainRecords(house.stores.database).snapshot() as snapshot:
            return await verify(snapshot, (), lambda _done, _of: None)

    assert house.run(verdict()).fault is None


def left_of(house: House, name: str) -> dict[str, int]:
    counts = {table: house.run(house.column(f"SELECT 1 FROM {table} WHERE resident = :r", r=name)) for table in OURS}  # noqa: S608 - our own tables
    return {table: len(found) for table, found in counts.items() if found}


def test_after_an_erasure_nothing_is_left_and_nothing_under_way_comes_back(resident, house):
    under_way = resident.act("test:2", seconds=3)
    resident.tell(TOLD)
    resident.take_in(resident.act("test:1"))
    house.run(house.ledger.choose(resident.name, Choice.WITHOUT_AREA, on=True, now=resident.at(4)))
    resident.pause(5)
    assert {"journal", "interests", "consents"} <= left_of(house, resident.name).keys()
    eraser = wiring.eraser(Settings(), house.stores, house.residents)
    assert house.run(eraser.erase(resident.id, resident.at(6)))
    for worker in (0, 1):
        resident.take_in(under_way, seconds=7, worker=worker)
    assert left_of(house, resident.name) == {}
    assert house.run(house.column("SELECT pseudonym FROM residents WHERE person = :p", p=resident.id)) == []
    held = house.run(house.held_of(resident.name))
    assert held.keys() == {f"c:{resident.name}"}
    assert house.run(house.stores.online.consents(resident.name)).grants == {}
