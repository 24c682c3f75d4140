"""Families on the real stores: guardians' words, birthdays, codes and erasures."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import text

from engine.ages import birthday, outgrown
from engine.chain import verify
from engine.choices import PAUSE_LASTS, Choice
from engine.consent import Permit, Purpose, Refusal
from engine.erasure import Eraser
from engine.errors import InvalidInput, LastGuardian, NotForMinors, NotFound, StoreUnavailable
from engine.events import Impression, InteractionType
from engine.family import Family
from engine.invitations import Invitation
from engine.language import Localized
from engine.partners import Field, Partner
from engine.records.erasures import ErasureRecords
from engine.records.family import FamilyRecords
from engine.records.invitations import InvitationRecords
from engine.records.journal import Row
from engine.records.partners import PartnerRecords
from engine.residents import Interests
from engine.ties import Action
from tests.factories import in_force

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BORN = date(2016, 5, 4)
DAY = timedelta(days=1)
PARTNER = ("p", "Seura ry", Localized("a", "b", "c"), (Field.TASTE,), NOW + 5_000 * DAY)


@pytest.fixture
def family(own) -> Family:
    return Family(FamilyRecords(own.database), own.residents, own.ledger)


@pytest.fixture
def eraser(own) -> Eraser:
    return Eraser(ErasureRecords(own.database), own.online, own.residents, timedelta(days=9))


async def two_guardians(family) -> tuple:
    """Return two guardians and their child."""
    mother, father = uuid4(), uuid4()
    child = await family.register(mother, BORN, NOW)
    code = await family.invite(mother, child, NOW)
    assert await family.accept(father, code.code, NOW + DAY) == child
    return mother, father, child


async def say(family, own, guardian, child, *, granted, at=NOW, purpose="activity"):
    """Let a guardian say a word, as the door does."""
    by, resident = await family.guardian(guardian, child, at), await own.residents.enrol(child)
    assert by is not None
    return await own.ledger.record(resident, purpose, granted=granted, notice=in_force(purpose), now=at, guardian=by)


async def test_sql_and_python_know_the_same_birthdays(own):
    query = text("SELECT birthday(:born, :age), outgrown(:born, :since, :at)")
    for born in (BORN, date(2012, 2, 29), date(2013, 3, 31), date(2013, 10, 27), date(2008, 6, 1), date(2011, 2, 28)):
        for age in (13, 18):
            turn = birthday(born, age)
            for at in (turn - timedelta(microseconds=1), turn, turn + DAY):
                its = {"born": born, "age": age, "since": turn - 400 * DAY, "at": at}
                async with own.database.begin() as connection:
                    found = (await connection.execute(query, its)).one()
                assert tuple(found) == (turn, outgrown(born, its["since"], at))


async def test_of_two_words_the_more_protective_one_holds_and_both_stay(family, own):
    mother, father, child = await two_guardians(family)
    assert isinstance((await say(family, own, mother, child, granted=True)).permit(Purpose.ACTIVITY, NOW), Permit)
    consents = await say(family, own, father, child, granted=False, at=NOW + DAY)
    assert consents.permit(Purpose.ACTIVITY, NOW + DAY).reason == "withdrawn"
    consents = await say(family, own, mother, child, granted=True, at=NOW + 2 * DAY)
    assert consents.permit(Purpose.ACTIVITY, NOW + 2 * DAY).reason == "withdrawn"
    assert [(word.you, word.granted) for word in (await family.words(child, father))["activity"]] == [
        (True, False),
        (False, True),
    ]
    consents = await say(family, own, father, child, granted=True, at=NOW + 3 * DAY)
    assert isinstance(consents.permit(Purpose.ACTIVITY, NOW + 3 * DAY), Permit)


async def test_nobody_but_a_guardian_grants_anything_of_a_child(family, own):
    mother, _, child = await two_guardians(family)
    await say(family, own, mother, child, granted=False)
    resident = await own.residents.enrol(child)
    consents = await own.ledger.record(resident, "activity", granted=True, notice=1, now=NOW + DAY)
    assert not consents.grants[Purpose.ACTIVITY].granted
    stranger = await own.residents.enrol(uuid4())
    for purpose, guardian in (("location", None), ("activity", stranger)):
        await own.ledger.record(resident, purpose, granted=True, notice=1, now=NOW + DAY, guardian=guardian)
    assert [entry.granted for entry in await own.ledger.history(resident)] == [False]


async def test_a_grant_is_over_at_the_thirteenth_birthday_online_and_in_sql_and_then_in_the_ledger(family, own):
    mother, _, child = await two_guardians(family)
    await say(family, own, mother, child, granted=True)
    resident, turn = await own.residents.enrol(child), birthday(BORN, 13)
    held = await own.online.consents(resident)
    assert held.born == BORN
    assert isinstance(held.permit(Purpose.ACTIVITY, turn - timedelta(seconds=1)), Permit)
    assert held.permit(Purpose.ACTIVITY, turn).reason == "asked_again"
    assert await family.guardian(mother, child, turn) is None
    await family.come_of_age(turn + timedelta(seconds=5))
    entries = await own.ledger.history(resident)
    assert [(entry.granted, entry.time) for entry in entries] == [(True, NOW), (False, turn)]
    assert await family.words(child, mother) == {}
    # The clock jumps back: what was done stays done.
    assert await family.guardian(mother, child, NOW) is None
    assert not await family.may_act(mother, child, "consents:write", NOW)
    assert await family.may_act(child, child, "consents:write", NOW)
    consents = await own.ledger.record(resident, "activity", granted=True, notice=1, now=turn + DAY)
    assert isinstance(consents.permit(Purpose.ACTIVITY, turn + DAY), Permit)
    assert consents.permit(Purpose.ACTIVITY, birthday(BORN, 18)).reason == "asked_again"


async def test_an_interrupted_registration_is_completed_by_a_worker(family, own):
    mother, child = uuid4(), uuid4()
    resident = await own.residents.enrol(child)
    await own.ledger.record(resident, "activity", granted=True, notice=1, now=NOW)
    before = await own.online.consents(resident)

    class Away:
        async def refresh(self, _):
            raise StoreUnavailable

    broken = Family(family.records, own.residents, Away())
    with pytest.raises(StoreUnavailable):
        await broken.register(mother, BORN, NOW, dependant=child)
    assert (await own.online.consents(resident)).born is None
    await family.come_of_age(NOW)
    assert (await own.online.consents(resident)).born == BORN
    assert list(await family.records.untold(10)) == []
    # Somebody who had read the ledger before comes late.
    await own.online.enforce(before)
    later = msgspec.structs.replace(before, seq=before.seq + 1)
    await own.online.enforce(later)
    assert await own.online.consents(resident) == msgspec.structs.replace(later, born=BORN)


async def test_what_a_child_allowed_alone_never_held(family, own):
    child = uuid4()
    resident = await own.residents.enrol(child)
    await own.ledger.record(resident, "activity", granted=True, notice=1, now=NOW)
    await family.register(uuid4(), BORN, NOW + DAY, dependant=child)
    assert list(await family.records.untold(10)) == []
    assert not (await own.ledger.consents(resident)).grants[Purpose.ACTIVITY].granted


async def test_sql_writes_nothing_under_a_grant_that_was_outgrown(family, own):
    mother, _, child = await two_guardians(family)
    turn, resident = birthday(BORN, 13), await own.residents.enrol(child)
    await own.journal.ensure_partitions(turn)
    await say(family, own, mother, child, granted=True, purpose="measurement")
    await say(family, own, mother, child, granted=True)
    told = (await say(family, own, mother, child, granted=True, purpose="interests")).permit(Purpose.INTERESTS, NOW)

    async def write(at: datetime) -> tuple[int, int, bool]:
        id_ = str(at)
        await own.journal.write([Row(resident, id_, "test:1", InteractionType.SAVE, at, at)])
        await own.journal.impressions([Impression(id_, resident, at, "popular", ("test:1",), purpose="measurement")])
        await own.residents.tell(told, Interests(birth_year=at.year), at)
        async with own.database.begin() as connection:
            counts = "SELECT (SELECT count(*) FROM journal), (SELECT count(*) FROM impressions)"
            rows = (await connection.execute(text(counts))).one()
        return *rows, (await own.residents.interests(resident)).birth_year == at.year

    before, later = turn - timedelta(seconds=1), turn + DAY
    assert await write(before) == (1, 1, True)
    assert len((await own.journal.of([resident], before))[resident]) == 1
    assert await write(turn) == (1, 1, before.year == turn.year)
    assert (await own.residents.interests(resident)).birth_year == before.year
    assert await own.journal.of([resident], turn) == {resident: []}
    await own.journal.refresh_popularity(later, 1)
    async with own.database.begin() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM popularity"))).scalar_one() == 0
    assert {"journal", "impressions", "interests"} <= set(await own.leaks.withdrawn(later))


async def test_what_should_be_over_is_a_leak(family, own):
    mother, _, child = await two_guardians(family)
    await say(family, own, mother, child, granted=False)
    await family.allow(child, uuid4(), [Action.INTERESTS_READ], NOW + DAY, NOW)
    assert await own.leaks.withdrawn(NOW + DAY) == {}
    assert await own.leaks.withdrawn(NOW + 2 * DAY) == {"helpers": 1}
    found = await own.leaks.withdrawn(birthday(BORN, 18) + DAY)
    assert found == {"helpers": 1, "guardian_choices": 1, "guardians": 2}
    await family.come_of_age(birthday(BORN, 18))
    assert await own.leaks.withdrawn(birthday(BORN, 18) + DAY) == {}


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_guardians_say_in_whatever_order_a_grant_needs_a_yes_and_no_no(family, own, seed):
    """Two or three guardians, a service and a clock that now and then jumps back, against a few lines of Python."""
    random, at = Random(seed), NOW
    mother, father, child = await two_guardians(family)
    guardians = [mother, father]
    said: dict[UUID, bool] = {}
    for step in range(30):
        at += timedelta(seconds=random.choice([60, 60, 60, -90]))
        if step == 15:
            code = await family.invite(father, child, at)
            guardians.append(uuid4())
            await family.accept(guardians[-1], code.code, at)
        who, granted = random.choice([*guardians, None]), random.random() < 0.6
        resident = await own.residents.enrol(child)
        if who is None:
            granted = False
            consents = await own.ledger.record(resident, "activity", granted=False, notice=1, now=at)
        else:
            said[who] = granted
            consents = await say(family, own, who, child, granted=granted, at=at)
        expected = granted and all(said.values())
        assert consents.grants[Purpose.ACTIVITY].granted is expected
        assert await own.online.consents(resident) == consents
        words = (await family.words(child, mother)).get("activity", [])
        assert sorted(word.granted for word in words) == sorted(said.values())
        assert [word.granted for word in words if word.you] == [said[one] for one in (mother,) if one in said]
    async with own.chain.snapshot() as snapshot:
        assert (await verify(snapshot, [], lambda _done, _of: None)).fault is None


async def test_who_decides_first_after_the_birthday_finds_the_old_grant_ended_by_it(family, own):
    mother, _, child = await two_guardians(family)
    await say(family, own, mother, child, granted=True)
    resident, turn = await own.residents.enrol(child), birthday(BORN, 13)
    consents = await own.ledger.record(resident, "activity", granted=True, notice=1, now=turn + DAY)
    assert consents.permit(Purpose.ACTIVITY, turn + DAY).since == turn + DAY
    assert [entry.time for entry in await own.ledger.history(resident)] == [NOW, turn, turn + DAY]
    await family.come_of_age(turn + 2 * DAY)
    assert isinstance((await own.ledger.consents(resident)).permit(Purpose.ACTIVITY, turn + 2 * DAY), Permit)


async def test_at_eighteen_the_guardianship_ends_by_itself(family, own):
    mother, _, child = await two_guardians(family)
    turn = birthday(BORN, 18)
    assert await family.may_act(mother, child, "consents:read", turn - timedelta(seconds=1))
    assert not await family.may_act(mother, child, "consents:read", turn)
    assert (await family.ties(mother, mother, turn)).dependants == []
    await family.come_of_age(turn)
    await family.come_of_age(turn)
    assert not await family.may_act(mother, child, "consents:read", NOW)
    async with own.database.begin() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM guardians"))).scalar_one() == 0
    await family.come_of_age(birthday(BORN, 19))
    async with own.database.begin() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM dependants"))).scalar_one() == 0


async def test_what_a_guardian_chose_for_a_child_holds_while_one_chooses_it(family, own):
    mother, father, child = await two_guardians(family)
    resident = await own.residents.enrol(child)
    by = {who: await family.guardian(who, child, NOW) for who in (mother, father)}
    for on, who, holds in ((True, mother, True), (False, father, True), (False, mother, False), (True, father, True)):
        held = await own.ledger.choose(resident, Choice.WITHOUT_AREA, on=on, now=NOW, guardian=by[who])
        assert ("area" in held.off) is holds
        assert await own.online.consents(resident) == held
    # Nobody but a guardian takes a choice back; to protect, anybody may.
    assert (await own.ledger.choose(resident, Choice.WITHOUT_AREA, on=False, now=NOW)).off == {"area"}
    assert (await own.ledger.choose(resident, Choice.WITHOUT_TIME, on=True, now=NOW)).off == {"area", "time"}


async def test_a_childs_pause_ends_by_itself_and_any_guardian_begins_it_anew(family, own):
    mother, father, child = await two_guardians(family)
    resident = await own.residents.enrol(child)
    one, other = [await family.guardian(who, child, NOW) for who in (mother, father)]
    await own.ledger.pause(resident, NOW, one)
    held = await own.ledger.pause(resident, NOW + 20 * DAY, other)
    assert held.paused_until(NOW + 20 * DAY) == NOW + PAUSE_LASTS
    later = NOW + PAUSE_LASTS + DAY
    assert held.paused_until(later) is None
    held = await own.ledger.pause(resident, later, one)
    assert held.paused_until(later) == later + PAUSE_LASTS
    assert isinstance(held.permit(Purpose.ACTIVITY, later), Refusal)


async def test_at_eighteen_a_partner_is_asked_for_again(family, own):
    mother, teen = uuid4(), uuid4()
    await family.register(mother, date(2010, 1, 1), NOW, dependant=teen)
    resident, partner, turn = await own.residents.enrol(teen), Partner(*PARTNER), birthday(date(2010, 1, 1), 18)
    await PartnerRecords(own.database).register(partner, "key", NOW)
    assert (await own.ledger.record_partner(resident, partner.id, granted=True, now=NOW)).grants_partner("p", NOW)
    await family.come_of_age(turn + DAY)
    assert not (await own.records.consents(resident)).partners[partner.id].granted
    assert await PartnerRecords(own.database).handles(partner, "", 10) == []


async def test_a_code_is_good_once_for_a_week_and_for_somebody_else(family):
    mother, father, stranger = uuid4(), uuid4(), uuid4()
    child = await family.register(mother, BORN, NOW)
    old = await family.invite(mother, child, NOW)
    new = await family.invite(mother, child, NOW)
    for person, code, at in (
        (father, old.code, NOW),  # a newer one took its place
        (mother, new.code, NOW),
        (father, new.code, NOW + 7 * DAY),
        (father, "made up", NOW),
    ):
        with pytest.raises(NotFound):
            await family.accept(person, code, at)
    assert await family.accept(father, new.code, NOW + 6 * DAY) == child
    with pytest.raises(NotFound):
        await family.accept(stranger, new.code, NOW + 6 * DAY)
    teen = await family.register(mother, date(2010, 1, 1), NOW, dependant=uuid4())
    with pytest.raises(NotForMinors):
        await family.accept(teen, (await family.invite(father, child, NOW)).code, NOW)


async def test_of_two_who_use_a_code_at_once_one_becomes_a_guardian(family):
    mother = uuid4()
    child = await family.register(mother, BORN, NOW)
    code = await family.invite(mother, child, NOW)
    done = await asyncio.gather(*(family.accept(uuid4(), code.code, NOW) for _ in range(4)), return_exceptions=True)
    assert [one for one in done if not isinstance(one, NotFound)] == [child]
    assert (await family.ties(mother, mother, NOW)).dependants[0].guardians == 2


async def test_the_last_guardian_of_a_child_stays_even_if_both_leave_at_once(family):
    mother, father, child = await two_guardians(family)
    done = await asyncio.gather(*(family.leave(one, child, NOW) for one in (mother, father)), return_exceptions=True)
    assert sorted(map(type, done), key=str) == sorted([LastGuardian, type(None)], key=str)


async def test_a_birth_date_is_told_once(family):
    mother = uuid4()
    child = await family.register(mother, BORN, NOW)
    with pytest.raises(InvalidInput):
        await family.register(uuid4(), BORN + DAY, NOW, dependant=child)
    assert await family.register(uuid4(), BORN, NOW, dependant=child) == child


async def test_with_the_last_guardian_the_child_is_erased_and_the_chain_holds(family, own, eraser):
    mother, father, child = await two_guardians(family)
    resident = await own.residents.enrol(child)
    await say(family, own, mother, child, granted=True)
    assert await eraser.erase(mother, NOW + DAY)
    assert isinstance((await own.ledger.consents(resident)).permit(Purpose.ACTIVITY, NOW + DAY), Permit)
    teen = await family.register(father, date(2012, 1, 1), NOW, dependant=uuid4())
    await family.allow(father, uuid4(), [Action.CONSENTS_READ], NOW + DAY, NOW)
    assert await eraser.erase(father, NOW + DAY)
    assert await own.residents.pseudonym(child) is None
    assert await own.residents.pseudonym(teen) is not None
    assert (await own.ledger.consents(resident)).grants == {}
    async with own.database.begin() as connection:
        for table in ("guardians", "guardian_choices", "guardian_codes", "helpers"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0  # noqa: S608 - ours
    assert await own.leaks.withdrawn(NOW + DAY) == {}
    async with own.chain.snapshot() as snapshot:
        assert (await verify(snapshot, [], lambda _done, _of: None)).fault is None


async def test_both_guardians_erased_at_once_leave_no_child_behind(family, own, eraser):
    for _ in range(5):
        mother, father, child = await two_guardians(family)
        await asyncio.gather(
            say(family, own, mother, child, granted=True),
            eraser.erase(mother, NOW),
            eraser.erase(father, NOW),
            return_exceptions=True,
        )
        own.residents.forget_link(child)
        assert await own.residents.pseudonym(child) is None
    async with own.database.begin() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM dependants"))).scalar_one() == 0


async def test_an_invitation_reaches_the_guardians_of_its_birth_year_alone(family, own):
    records = InvitationRecords(own.database)
    mother, father, child = await two_guardians(family)
    other = uuid4()
    await family.register(other, date(2017, 1, 1), NOW)
    said = Localized("Tule!", "Kom!", "Come!")
    invitation = Invitation(uuid4(), 2016, said, said, NOW + 7 * DAY)
    await records.put(invitation, NOW)

    async def told(person, at=NOW):
        return [(one.invitation, one.dependants) for one in await records.of(await own.residents.enrol(person), at)]

    assert await told(mother) == await told(father) == [(invitation, [child])]
    assert await told(other) == await told(child) == []
    assert await told(mother, NOW + 7 * DAY) == []
