"""Intake on the real stores: what an event, a repetition, a withdrawal and an emptied Redis change."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text

from api.wiring import Stores, connect, intake, prepare
from engine.consent import Permit, Purpose, Register
from engine.errors import StoreUnavailable
from engine.events import ConsentChange, Impression, Interaction, InteractionBatch, InteractionType, OfferChange
from engine.intake import Intake
from engine.language import Localized
from engine.ledger import ConsentLedger
from engine.offers import Keyword, Kind, Offer, Place, encode
from engine.online import Online
from engine.residents import Interests, Residents
from engine.settings import Settings
from engine.taste import Taste
from tests.factories import in_force

pytestmark = pytest.mark.integration
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
async def stores(addresses) -> AsyncIterator[Stores]:
    settings = Settings(kafka=addresses.kafka, database=addresses.database, redis=addresses.redis)
    opened = connect(settings)
    await prepare(settings, opened, NOW)
    yield opened
    await opened.close()


@pytest.fixture
def refused() -> list:
    return []


@pytest.fixture
async def taker(stores, refused) -> Intake:
    async def refuse(refusals) -> None:
        refused.extend(refusals)

    made = intake(Settings(), stores)
    made._refuse = refuse
    await made.offers([change("swim"), change("jazz", keyword="yso:p4484")], NOW)
    return made


@pytest.fixture
def ledger(stores) -> ConsentLedger:
    return ConsentLedger(stores.ledger, stores.online, Register.read())


def change(name: str, keyword: str = "yso:p1") -> OfferChange:
    offer = Offer(
        id=f"test:{name}",
        source="test",
        kind=Kind.COURSE,
        name=Localized(fi=name),
        keywords=(Keyword(keyword),),
        place=Place("tprek:1", lat=60.2, lon=24.9),
        starts=NOW + timedelta(days=2),
    )
    return OfferChange(offer.id, "test", NOW, msgspec.Raw(encode(offer)))


def batch(resident: str, *ids: str, offer: str = "swim", at: datetime | None = None) -> InteractionBatch:
    at = at or NOW + timedelta(seconds=1)
    events = tuple(Interaction(id_, f"test:{offer}", InteractionType.SAVE, at) for id_ in ids)
    return InteractionBatch(resident, at, events)


async def someone(stores, ledger, *purposes: str) -> str:
    pseudonym = await Residents(stores.residents, stores.online).enrol(uuid4())
    for purpose in purposes:
        await ledger.record(pseudonym, purpose, granted=True, notice=in_force(purpose), now=NOW)
    return pseudonym


async def taste(stores, resident: str) -> Taste | None:
    sealed = await stores.online.sealed(resident)
    permit = sealed.consents.permit(Purpose.ACTIVITY, NOW + timedelta(minutes=1))
    return sealed.taste(permit) if isinstance(permit, Permit) else None


async def journalled(stores, resident: str) -> int:
    async with stores.database.begin() as connection:
        query = text("SELECT count(*) FROM journal WHERE resident = :resident")
        return (await connection.execute(query, {"resident": resident})).scalar_one()


def later(seconds: float = 2) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def test_a_consented_event_is_journalled_and_folded_once_however_often_it_comes(stores, ledger, taker):
    resident = await someone(stores, ledger, "activity")
    await taker.interactions([batch(resident, "a", "b")], later())
    once = (await taste(stores, resident)).weights(later(), located=False)
    await taker.interactions([batch(resident, "a", "b")], later())
    await taker.interactions([batch(resident, "b", at=later())], later())
    again = (await taste(stores, resident)).weights(later(), located=False)
    assert await journalled(stores, resident) == 2
    assert dict(zip(*map(list, once), strict=True)) == pytest.approx(dict(zip(*map(list, again), strict=True)))


async def test_without_consent_nothing_of_the_person_is_kept(stores, ledger, taker):
    resident = await someone(stores, ledger)
    await taker.interactions([batch(resident, "a")], later())
    assert await journalled(stores, resident) == 0
    assert await taste(stores, resident) is None


async def test_what_happened_before_the_grant_is_never_folded(stores, ledger, taker):
    resident = await someone(stores, ledger, "activity")
    await taker.interactions([batch(resident, "a", at=NOW - timedelta(minutes=5))], later())
    assert await journalled(stores, resident) == 0


async def test_a_crash_between_journal_and_redis_is_made_good_by_the_repetition(stores, ledger, taker):
    resident = await someone(stores, ledger, "activity")
    await taker.interactions([batch(resident, "a")], later())
    expected = (await taste(stores, resident)).weights(later(), located=False)
    await stores.online._redis.delete(f"t:{resident}")
    await taker.interactions([batch(resident, "a")], later())
    assert list((await taste(stores, resident)).weights(later(), located=False)[0]) == list(expected[0])


async def test_a_withdrawal_is_in_force_at_once_and_its_forgetting_leaves_nothing(stores, ledger, taker):
    resident = await someone(stores, ledger, "activity", "interests")
    await taker.interactions([batch(resident, "a", "b")], later())
    await ledger.record(resident, "activity", granted=False, notice=None, now=later())
    assert await stores.online._redis.exists(f"t:{resident}") == 0
    # An event that was under way lands after the withdrawal, and the nudge comes only then.
    await taker.interactions([batch(resident, "c")], later())
    await taker.consents_changed([ConsentChange(resident, "activity", False, later())], later(3))
    assert await journalled(stores, resident) == 0
    assert await stores.online._redis.exists(f"t:{resident}") == 0
    async with stores.database.begin() as connection:
        ids = await connection.execute(text("SELECT count(*) FROM journal_ids WHERE resident = :r"), {"r": resident})
        assert ids.scalar_one() == 0


@pytest.mark.parametrize("measured", [False, True])
async def test_what_was_shown_goes_with_learning_unless_measuring_holds_it(stores, ledger, taker, measured):
    purposes = ("measurement", "learning") if measured else ("learning",)
    resident = await someone(stores, ledger, *purposes)
    shown = Impression(uuid4().hex, resident, later(), "popular", ("test:swim",), purpose=purposes[0])
    await taker.impressions([shown])
    await ledger.record(resident, "learning", granted=False, notice=None, now=later(3))
    await taker.consents_changed([ConsentChange(resident, "learning", False, later(3))], later(4))
    async with stores.database.begin() as connection:
        found = await connection.execute(
            text("SELECT suggestion FROM impressions WHERE resident = :r"), {"r": resident}
        )
        assert found.scalars().all() == [shown.suggestion] * measured


async def test_the_sweeper_completes_what_a_lost_nudge_left(stores, ledger, taker):
    resident = await someone(stores, ledger, "activity")
    await taker.interactions([batch(resident, "a")], later())
    await ledger.record(resident, "activity", granted=False, notice=None, now=later())
    await taker.sweep(later(30))
    assert await journalled(stores, resident) == 0
    assert await stores.ledger.backlog() == 0


async def test_who_consents_anew_starts_anew(stores, ledger, taker):
    resident = await someone(stores, ledger, "activity")
    await taker.interactions([batch(resident, "a")], later())
    await ledger.record(resident, "activity", granted=False, notice=None, now=later(3))
    await ledger.record(resident, "activity", granted=True, notice=1, now=later(4))
    await taker.interactions([batch(resident, "old", at=later(2)), batch(resident, "new", at=later(5))], later(6))
    await taker.sweep(later(30))
    async with stores.database.begin() as connection:
        ids = await connection.execute(text("SELECT id FROM journal WHERE resident = :r"), {"r": resident})
        assert list(ids.scalars()) == ["new"]


async def test_an_emptied_redis_is_restored_from_sql(stores, ledger, taker):
    resident = await someone(stores, ledger, "activity", "interests")
    sealed = await stores.online.sealed(resident)
    permit = sealed.consents.permit(Purpose.INTERESTS, later())
    told = Interests(keywords=("yso:p1",), birth_year=1980)
    await Residents(stores.residents, stores.online).tell(permit, told, later())
    await taker.interactions([batch(resident, "a", "b")], later())
    before = (await taste(stores, resident)).pack()
    await stores.online._redis.flushall()
    assert await taker.refill(later(3))
    assert not await taker.refill(later(3))
    assert (await taste(stores, resident)).pack() == before
    assert (await stores.online.sealed(resident)).interests(permit) == told


async def test_unknown_offers_and_ancient_events_are_refused_with_a_reason_and_harm_nothing_else(
    stores, ledger, taker, refused
):
    resident = await someone(stores, ledger, "activity")
    old = batch(resident, "ancient", at=NOW - timedelta(days=8))
    await taker.interactions([old, batch(resident, "lost", offer="nowhere"), batch(resident, "good")], later())
    assert {refusal.code for refusal in refused} == {"too_old", "unknown_offer"}
    assert resident not in msgspec.json.encode(refused).decode()
    assert await journalled(stores, resident) == 1


async def test_two_workers_at_one_resident_lose_and_double_nothing(stores, ledger, taker):
    other = intake(Settings(), stores)
    resident = await someone(stores, ledger, "activity")
    twice = [(worker, n) for n in range(8) for worker in (taker, other)]
    await asyncio.gather(*(worker.interactions([batch(resident, f"{n}", f"{n}x")], later()) for worker, n in twice))
    assert await journalled(stores, resident) == 16
    rebuilt_from = (await taste(stores, resident)).weights(later(), located=False)
    await taker.rebuild([resident], later())
    rebuilt = (await taste(stores, resident)).weights(later(), located=False)
    assert list(rebuilt[1]) == pytest.approx(list(rebuilt_from[1]), rel=1e-5)


async def test_popularity_counts_residents_and_forgets_with_them(stores, ledger, taker):
    resident = await someone(stores, ledger, "activity")
    await taker.interactions([batch(resident, "p", offer="jazz")], later())
    await taker.refresh_popularity(later(5))
    assert "test:jazz" in {offer for offer, *_ in await stores.journal.popularity()}
    await ledger.record(resident, "activity", granted=False, notice=None, now=later(6))
    await taker.sweep(later(30))
    await taker.refresh_popularity(later(31))
    assert "test:jazz" not in {offer for offer, *_ in await stores.journal.popularity()}


async def test_popularity_leaves_out_whom_a_wider_notice_suspends_and_who_has_just_withdrawn(stores, ledger, taker):
    await taker.offers([change("choir")], NOW)
    staying, suspended, leaving = [await someone(stores, ledger, "activity") for _ in range(3)]
    await taker.interactions([batch(one, "c", offer="choir") for one in (staying, suspended, leaving)], later())
    # A grant of a version before the oldest that holds: what is left of an older, narrower notice.
    await stores.ledger.append(suspended, Purpose.ACTIVITY, granted=True, notice=0, time=later(3))
    await ledger.record(leaving, "activity", granted=False, notice=None, now=later(3))
    await taker.refresh_popularity(later(5))
    assert {offer: people for offer, _, people in await stores.journal.popularity()}["test:choir"] == 1


async def test_a_client_that_tells_whole_seconds_is_heard_right_after_the_grant(stores, ledger, taker):
    resident = await someone(stores, ledger, "activity")
    told = InteractionBatch(
        resident, later(0.5), (Interaction("a", "test:swim", InteractionType.SAVE, NOW.replace(microsecond=0)),)
    )
    await taker.interactions([told], later())
    assert await journalled(stores, resident) == 1


async def test_states_asked_for_at_once_are_each_residents_own(stores, ledger, taker):
    allowing, silent = await someone(stores, ledger, "activity"), await someone(stores, ledger)
    await taker.interactions([batch(allowing, "a")], later())
    stranger = "nobody"
    wanted = [allowing, silent, stranger, allowing]
    sealed = await asyncio.gather(*map(stores.online.sealed, wanted))
    assert [s.resident for s in sealed] == wanted
    permits = [s.consents and s.consents.permit(Purpose.ACTIVITY, later()) for s in sealed]
    assert [isinstance(permit, Permit) for permit in permits] == [True, False, False, True]
    assert sealed[0].taste(permits[0]).pack() == sealed[3].taste(permits[3]).pack()


async def test_states_cannot_be_read_while_redis_is_away():
    away = Online("redis://127.0.0.1:1/0")
    outcomes = await asyncio.gather(*(away.sealed(name) for name in "ab"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable, StoreUnavailable]
    await away.close()
