"""Erasure on the real stores: nothing of the person stays, the chain holds, and nothing comes back."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import text

from api.link_feed import LinkFeed
from engine.chain import verify
from engine.consent import Permit, Purpose
from engine.erasure import Eraser
from engine.errors import Erased, StoreUnavailable
from engine.events import Impression, Interaction, InteractionBatch, InteractionType, OfferChange
from engine.intake import Intake
from engine.language import Localized
from engine.offers import Keyword, Kind, Offer, encode
from engine.records.erasures import ErasureRecords
from engine.records.offers import OfferRecords
from engine.records.residents import ResidentRecords
from engine.residents import Interests, Residents
from tests.factories import in_force

NOW = datetime.now(UTC)
LIFE = timedelta(days=9)
TABLES = ("journal", "journal_ids", "impressions", "interests", "consents", "forgettings")


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
async def intake(own) -> Intake:
    async def refuse(_) -> None: ...

    offers = OfferRecords(own.database)
    made = Intake(
        online=own.online,
        journal=own.journal,
        ledger=own.records,
        residents=ResidentRecords(own.database),
        offers=offers,
        refuse=refuse,
    )
    offer = Offer(
        id="test:swim",
        source="test",
        kind=Kind.COURSE,
        name=Localized(fi="Uinti"),
        keywords=(Keyword("yso:p1"),),
        starts=later(90_000),
    )
    await made.offers([OfferChange(offer.id, "test", NOW, msgspec.Raw(encode(offer)))], NOW)
    await made.keep_house(NOW)
    return made


@pytest.fixture
def eraser(own) -> Eraser:
    return Eraser(ErasureRecords(own.database), own.online, own.residents, LIFE)


def saved(resident: str, id_: str, at: datetime) -> InteractionBatch:
    return InteractionBatch(resident, at, (Interaction(id_, "test:swim", InteractionType.SAVE, at),))


async def someone(own, intake) -> tuple[UUID, str]:
    """Return a person who allows everything, told something, did something, was shown something, withdrew something."""
    person = uuid4()
    resident = await own.residents.enrol(person)
    for purpose in Purpose:
        consents = await own.ledger.record(resident, purpose, granted=True, notice=in_force(purpose), now=NOW)
    await own.residents.tell(consents.permit(Purpose.INTERESTS, later(1)), Interests(keywords=("yso:p1",)), later(1))
    await intake.interactions([saved(resident, "a", later(1))], later(2))
    await intake.impressions([Impression("s-" + resident, resident, later(2), "popular", ("test:swim",))])
    await own.ledger.record(resident, Purpose.LOCATION, granted=False, notice=None, now=later(3))
    return person, resident


async def rows(own, resident: str) -> dict[str, int]:
    counts = ", ".join(f"(SELECT count(*) FROM {t} WHERE resident = :r) AS {t}" for t in TABLES)  # noqa: S608 - ours
    async with own.database.begin() as connection:
        return dict((await connection.execute(text("SELECT " + counts), {"r": resident})).mappings().one())


async def test_everything_of_the_person_goes_and_the_chain_holds(own, intake, eraser):
    person, resident = await someone(own, intake)
    assert all((await rows(own, resident)).values())
    assert await eraser.erase(person, later(5))
    assert not any((await rows(own, resident)).values())
    assert await own.residents.pseudonym(person) is None
    redis = own.online._redis
    assert await redis.exists(f"t:{resident}", f"i:{resident}") == 0
    assert 0 < await redis.ttl(f"c:{resident}") <= LIFE.total_seconds()
    history = await own.records.history(resident)
    assert {entry.purpose for entry in history if not entry.granted} == set(Purpose)
    async with own.chain.snapshot() as snapshot:
        verdict = await verify(snapshot, [], lambda _done, _of: None)
    assert (verdict.fault, verdict.entries) == (None, len(history))
    assert not await eraser.erase(person, later(6))


async def test_who_returns_is_somebody_new(own, intake, eraser):
    person, resident = await someone(own, intake)
    await eraser.erase(person, later(5))
    again = await own.residents.enrol(person)
    assert again != resident
    assert (await own.ledger.consents(again)).grants == {}


async def test_events_under_way_are_folded_and_journalled_nowhere(own, intake, eraser):
    person, resident = await someone(own, intake)
    await eraser.erase(person, later(5))
    for at in (later(1), later(6)):
        await intake.interactions([saved(resident, f"late-{at}", at)], later(7))
    await intake.impressions([Impression("late-" + resident, resident, later(2), "popular", ("test:swim",))])
    await intake.rebuild([resident], later(8))
    assert not any((await rows(own, resident)).values())
    assert await own.online._redis.exists(f"t:{resident}", f"i:{resident}") == 0


async def test_a_process_with_a_stale_link_or_stale_flags_resurrects_nothing(own, intake, eraser):
    person, resident = await someone(own, intake)
    stale, flags = Residents(ResidentRecords(own.database), own.online), await own.ledger.consents(resident)
    assert await stale.pseudonym(person) == resident
    await eraser.erase(person, later(5))
    with pytest.raises(Erased):
        await own.ledger.record(resident, "activity", granted=True, notice=1, now=later(6))
    permit = flags.permit(Purpose.INTERESTS, later(6))
    await stale.tell(permit, Interests(keywords=("yso:p2",)), later(6))
    await own.online.enforce(flags)
    assert not any((await rows(own, resident)).values())
    assert not isinstance((await own.ledger.consents(resident)).permit(Purpose.ACTIVITY, later(7)), Permit)
    assert await own.online._redis.exists(f"i:{resident}") == 0


async def test_while_events_pour_in_nothing_stays(own, intake, eraser):
    people = [await someone(own, intake) for _ in range(4)]

    async def pour(resident: str) -> None:
        for n in range(8):
            await intake.interactions([saved(resident, f"{n}", later(4))], later(5))

    await asyncio.gather(
        *(pour(resident) for _, resident in people), *(eraser.erase(person, later(5)) for person, _ in people)
    )
    for _, resident in people:
        assert not any((await rows(own, resident)).values())
        assert await own.online._redis.exists(f"t:{resident}", f"i:{resident}") == 0


async def test_every_process_forgets_the_link(own, intake, eraser):
    person, resident = await someone(own, intake)
    other = Residents(ResidentRecords(own.database), own.online)
    feed = LinkFeed(other, own.database, ErasureRecords(own.database))
    await feed.open()
    await asyncio.sleep(0.5)
    assert await other.pseudonym(person) == resident
    await eraser.erase(person, later(5))
    for _ in range(50):
        if await other.pseudonym(person) is None:
            break
        await asyncio.sleep(0.1)
    await feed.close()
    assert await other.pseudonym(person) is None


async def test_what_was_missed_is_caught_up_with(own, intake, eraser):
    person, resident = await someone(own, intake)
    other = Residents(ResidentRecords(own.database), own.online)
    assert await other.pseudonym(person) == resident
    feed = LinkFeed(other, own.database, ErasureRecords(own.database))
    await eraser.erase(person, later(5))
    await feed._catch_up()
    assert await other.pseudonym(person) is None


class Away:
    """A Redis that does not answer."""

    async def erase(self, *_) -> None:
        raise StoreUnavailable


async def test_an_erasure_that_redis_missed_is_completed_by_a_worker(own, intake, eraser):
    person, resident = await someone(own, intake)
    broken = Eraser(ErasureRecords(own.database), Away(), own.residents, LIFE)
    with pytest.raises(StoreUnavailable):
        await broken.erase(person, later(5))
    assert await own.online._redis.exists(f"i:{resident}") == 1
    await eraser.complete()
    assert await own.online._redis.exists(f"t:{resident}", f"i:{resident}") == 0
    assert await ErasureRecords(own.database).unfinished() == []
