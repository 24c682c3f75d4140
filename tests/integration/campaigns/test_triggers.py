"""What happens becomes mail: on real stores and a mail server, whatever is killed between, while it is allowed."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from api.audience_feed import AudienceFeed
from api.campaigning import Campaigning, campaigning
from api.commands.sender import Members
from api.gdpr_tree import tree
from api.vault import Vault
from campaigns.audience import Draft as AudienceDraft
from campaigns.audience import Everyone
from campaigns.audit import Act, Detail
from campaigns.campaign import Campaign, CampaignKind, Draft, State, new
from campaigns.concerned import Concerned
from campaigns.counting import Counting
from campaigns.message import Message
from campaigns.records.facts import FactRecords
from campaigns.records.happenings import KEPT, HappeningRecords
from campaigns.schedule import (
    Birthday,
    JournalEvent,
    NewOffer,
    OfferChanged,
    OfferEvent,
    SavedOfferTomorrow,
    Schedule,
    Trigger,
    Webhook,
)
from campaigns.triggering import Triggering
from engine.choices import Choice
from engine.counts import Counts
from engine.erasure import Eraser
from engine.errors import StoreUnavailable
from engine.events import InteractionType, OfferChange
from engine.language import Localized
from engine.offers import Kind, Offer, Status, encode
from engine.records.erasures import ErasureRecords
from engine.records.family import FamilyRecords
from engine.records.journal import Row
from engine.records.leaks import LeakRecords
from engine.records.personal import PersonalRecords
from engine.records.removals import RemovalRecords
from engine.rules import Revision, Target
from tests.integration.campaigns.town import SECRET, Town, town
from tests.smtp_server import SmtpServer, serving

MAIL = "marketing_library_email"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CANCELLED = OfferChanged(changes=(OfferEvent.CANCELLED,))
FREED = OfferChanged(changes=(OfferEvent.SEAT_FREED, OfferEvent.ENROLMENT_OPENS))
replace = msgspec.structs.replace


@pytest.fixture
async def server():
    async with serving(SmtpServer()) as its:
        yield its


@pytest.fixture
async def place(addresses, server):
    async with town(addresses, mail=f"smtp://127.0.0.1:{server.port}", mail_timeout_seconds=1.0) as its:
        await its.stores.journal.ensure_partitions(its.now)
        its.now = its.now.replace(hour=8, minute=0, second=0, microsecond=0)  # in Helsinki it is ten or eleven
        yield its


class Life:
    """One life of a worker."""

    def __init__(self, place: Town, happenings: HappeningRecords | None = None) -> None:
        database = place.stores.database
        self.place = place
        self.side: Campaigning = campaigning(place.settings, database, place.stores.offers, SECRET)
        self.happenings = happenings or HappeningRecords(database)
        facts = FactRecords(database)
        self.feed = AudienceFeed(facts, database, place.clock)
        counting = Counting(self.feed, Counts(SECRET))
        members = Members(self.feed, counting, Concerned(self.happenings, facts, counting))
        self.sending = place.sending(members=members)
        side = self.side
        self.triggering = Triggering(
            side.campaigns, side.audiences, side.runs, self.happenings, place.stores.offers, side.desk
        )

    async def look(self) -> None:
        await self.triggering.look(self.place.now)

    async def go(self) -> None:
        """Look, expand and send, as far as there is anything."""
        await self.look()
        await self.sending.expander.go_on(self.place.now)
        while self.place.log.messages:
            await self.sending.dispatcher.take([self.place.log.messages.pop(0)], self.place.now)

    async def close(self) -> None:
        await self.sending.close()
        await self.feed.close()


@pytest.fixture
async def life(place: Town):
    its = Life(place)
    yield its
    await its.close()


async def listening(life: Life, trigger: Trigger, *, everyone: bool = False, **schedule: Any) -> Campaign:
    """Let a campaign run."""
    place, audience = life.place, None
    if everyone:
        audience = "everyone"
        its = AudienceDraft(department="library", name="Everybody", tree=Everyone())
        await life.side.audiences.add(Revision(1, audience, 1, its, "maija", place.now, ended=False))
    draft = Draft(
        name="Books", department="library", kind=CampaignKind.TRIGGERED, topic="library", channels=("email",),
        message=Message(), audience=audience, schedule=Schedule(trigger=trigger, **schedule),
    )  # fmt: skip
    made = new(draft, "maija", place.now)
    act = Act(time=place.now, who="maija", what="create", subject=f"campaign:{made.id}", version=1, detail=Detail())
    its = replace(made, state=State.SCHEDULED)
    await life.side.campaigns.write(its, act)
    await life.look()
    place.now += MINUTE
    return its


async def write(place: Town, *offers: Offer) -> None:
    changes = [OfferChange(its.id, its.source, place.now, msgspec.Raw(encode(its))) for its in offers]
    await place.stores.offers.write(changes, place.now)


async def act(place: Town, resident: str, of: Offer, kind: str = "save") -> None:
    row = Row(resident, str(uuid4()), of.id, InteractionType(kind), place.now, place.now)
    assert await place.stores.journal.write([row])


def course(place: Town, id_: str = "t:course", **more: Any) -> Offer:
    starts = place.now + 9 * DAY
    usual = {"source": "t", "kind": Kind.COURSE, "name": Localized(fi="Kurssi"), "starts": starts, "seats_left": 3}
    return Offer(id=id_, **(usual | more))


def reached(server: SmtpServer) -> list[str]:
    return sorted(mail.to.partition("@")[0] for mail in server.accepted)


async def count(place: Town, table: str) -> int:
    return (await place.rows(f"SELECT count(*) FROM {table}"))[0][0]  # noqa: S608 - a table of ours


async def test_while_nobody_listens_nothing_is_noted_and_old_offers_are_never_new(place: Town, life: Life):
    its = [course(place, f"t:{n}") for n in range(50)]
    await write(place, *its)
    (who,) = await place.enrol(1, MAIL, "activity")
    await act(place, who, its[0])
    assert [await count(place, table) for table in ("happenings", "reactions", "happening_residents")] == [0, 0, 0]
    await listening(life, NewOffer(target=Target()), everyone=True)
    await write(place, *(replace(one, free=True) for one in its))
    assert await count(place, "happenings") == 0


async def test_what_happens_is_noted_in_the_transaction_that_writes_it_or_neither_is_kept(place: Town, life: Life):
    its = course(place)
    await write(place, its)
    await listening(life, CANCELLED)
    off = replace(its, status=Status.CANCELLED)
    async with place.stores.database.begin() as connection:
        await connection.exec_driver_sql("ALTER FUNCTION happen RENAME TO broken")
    with pytest.raises(StoreUnavailable):
        await write(place, off)
    assert (await place.stores.offers.get(its.id)).status is Status.SCHEDULED
    async with place.stores.database.begin() as connection:
        await connection.exec_driver_sql("ALTER FUNCTION broken RENAME TO happen")
    await write(place, off)
    await write(place, off)
    assert await count(place, "reactions") == 1


class Mortal(HappeningRecords):
    """Dies at a step."""

    def __init__(self, place: Town, step: str) -> None:
        super().__init__(place.stores.database)
        self.step = step

    async def close(self, happening: int) -> None:
        if self.step == "close":
            raise StoreUnavailable
        await super().close(happening)

    async def settle(self, campaign: str, happenings_) -> None:
        if self.step == "settle":
            raise StoreUnavailable
        await super().settle(campaign, happenings_)


@pytest.mark.parametrize("step", ["close", "settle"])
async def test_a_worker_that_is_killed_on_the_way_leaves_it_to_another_and_it_is_said_once(
    place: Town, life: Life, server, step
):
    its = course(place)
    await write(place, its)
    keen, _ = await place.enrol(2, MAIL, "activity")
    await act(place, keen, its)
    await listening(life, CANCELLED)
    await write(place, replace(its, status=Status.CANCELLED))
    dying = Life(place, Mortal(place, step))
    with pytest.raises(StoreUnavailable):
        await dying.look()
    await dying.close()
    others = [Life(place), Life(place)]
    await asyncio.gather(*(other.look() for other in others))
    await life.go()
    await life.go()
    for other in others:
        await other.go()
        await other.close()
    assert reached(server) == [keen]
    assert await count(place, "reactions") == 0


async def test_who_takes_back_what_it_rests_on_hears_nothing_even_if_the_message_waits_already(
    place: Town, life: Life, server
):
    its = course(place)
    await write(place, its)
    keen, early, late, paused = await place.enrol(4, MAIL, "activity")
    for who in (keen, early, late, paused):
        await act(place, who, its)
    await listening(life, CANCELLED)
    await write(place, replace(its, status=Status.CANCELLED))
    await place.say(early, "activity", granted=False)
    await place.ledger.choose(paused, Choice.PAUSE, on=True, now=place.now)
    await life.look()
    await life.sending.expander.go_on(place.now)
    assert sorted(who for its in place.log.messages for who in its.residents) == sorted([keen, late])
    await place.say(late, "activity", granted=False)
    await life.sending.dispatcher.take(place.log.messages, place.now)
    assert reached(server) == [keen]


async def test_a_delay_is_kept_and_what_is_a_day_late_is_not_said_any_more(place: Town, life: Life, server):
    its = course(place, seats_left=0)
    await write(place, its)
    (keen,) = await place.enrol(1, MAIL, "activity")
    await act(place, keen, its)
    await listening(life, OfferChanged(changes=(OfferEvent.SEAT_FREED,), delay_minutes=60))
    await write(place, replace(its, seats_left=1))
    place.now += 59 * MINUTE
    await life.go()
    assert reached(server) == []
    place.now += MINUTE
    await life.go()
    assert reached(server) == [keen]
    await write(place, its)
    place.now += 2 * HOUR
    await write(place, replace(its, seats_left=1))
    place.now += 2 * DAY
    await life.go()
    assert (reached(server), await count(place, "reactions")) == ([keen], 0)


async def test_enrolment_opens_by_the_clock_for_those_who_saved_it_and_are_not_in(place: Town, life: Life, server):
    soon, past = (
        course(place, enrolment_opens=place.now + HOUR),
        course(place, "t:past", enrolment_opens=place.now - DAY),
    )
    await write(place, soon, past)
    keen, inside = await place.enrol(2, MAIL, "activity")
    for its in (soon, past):
        await act(place, keen, its)
        await act(place, inside, its, "register")
    campaign = await listening(life, FREED)
    await life.go()
    assert reached(server) == []
    place.now += HOUR
    await life.go()
    await write(place, replace(soon, free=True))
    await life.go()
    assert reached(server) == [keen]
    (run,) = await life.side.runs.of(campaign.id)
    assert (await life.side.runs.plan(run[0])).offers == (soon.id,)


async def test_with_an_audience_a_free_seat_is_told_to_all_of_it_and_a_cancellation_to_those_who_meant_to_go(
    place: Town, life: Life, server
):
    its = course(place, seats_left=0)
    await write(place, its)
    people = await place.enrol(25, MAIL)
    (keen,) = await place.enrol(1, MAIL, "activity")
    await place.rows(
        "INSERT INTO addresses (resident, means, sealed, confirmed) SELECT unnest(CAST(:who AS text[])), 'email', "
        "'sealed', :now RETURNING resident",
        who=[*people, keen],
        now=place.now,
    )
    await act(place, keen, its)
    life.feed.start()
    async with asyncio.timeout(30):
        while life.feed._index is None:  # noqa: ASYNC110 - another task's work
            await asyncio.sleep(0.05)
    await listening(life, OfferChanged(changes=(OfferEvent.SEAT_FREED, OfferEvent.CANCELLED)), everyone=True)
    await write(place, replace(its, seats_left=1))
    await life.go()
    assert reached(server) == sorted([*people, keen])
    await write(place, replace(its, status=Status.CANCELLED))
    await life.go()
    assert reached(server) == sorted([*people, keen, keen])


async def test_new_offers_that_fit_are_told_together_once_a_day(place: Town, life: Life):
    await place.enrol(1, MAIL)
    campaign = await listening(life, NewOffer(target=Target(kinds=(Kind.COURSE,))), everyone=True)
    starts = place.now + 9 * DAY
    fit = [course(place, f"t:{n:02}", starts=starts - n * HOUR) for n in range(14)]
    await write(place, *fit, course(place, "t:event", kind=Kind.EVENT))
    await life.look()
    await life.look()
    (run,) = await life.side.runs.of(campaign.id)
    assert (await life.side.runs.plan(run[0])).offers == tuple(f"t:{n:02}" for n in range(13, 3, -1))
    place.now += 21 * HOUR
    await life.look()
    later, _ = await life.side.runs.of(campaign.id)
    assert (await life.side.runs.plan(later[0])).offers == tuple(f"t:{n:02}" for n in range(3, -1, -1))


async def test_what_was_saved_and_starts_tomorrow_is_remembered_at_its_hour_once(place: Town, life: Life, server):
    tomorrow = course(place, starts=place.now + DAY)
    later = course(place, "t:later", starts=place.now + 3 * DAY)
    await write(place, tomorrow, later)
    keen, sorry = await place.enrol(2, MAIL, "activity")
    for who in (keen, sorry):
        await act(place, who, tomorrow)
        await act(place, who, later)
    await act(place, sorry, tomorrow, "unsave")
    await listening(life, SavedOfferTomorrow(hour=16))
    await life.go()
    assert reached(server) == []
    place.now += 8 * HOUR
    await life.go()
    again = Life(place)
    await again.go()
    await again.close()
    assert reached(server) == [keen]


async def test_who_does_something_hears_of_it_once_a_day_and_what_names_them_goes_with_their_leave(
    place: Town, life: Life, server
):
    its = course(place)
    await write(place, its)
    keen, second, gone, erased, far = await place.enrol(5, MAIL, "activity")
    await listening(life, JournalEvent(interaction=InteractionType.REGISTER, target=Target(offers=(its.id,))))
    await write(place, other := course(place, "t:other"))
    for who in (keen, gone, erased):
        await act(place, who, its, "register")
    await act(place, keen, its, "register")
    await act(place, keen, its, "save")
    await act(place, far, other, "register")
    assert await count(place, "happening_residents WHERE purpose = 'activity'") == 4
    assert await count(place, "happenings") == 2
    await life.go()
    assert reached(server) == []

    held = tree(await PersonalRecords(place.stores.database, Vault([b"k" * 32], "addresses")).of(place.people[keen]))
    (node,) = (child for part in held.children for child in part.children if child.key == "MAY_BE_SPOKEN_OF")
    assert [(child.key, child.value) for child in node.children][0::2] == [
        ("KIND", "journal_event:register"),
        ("OFFER", its.id),
    ]
    removals = RemovalRecords(place.stores.database)
    (event,) = await place.rows("SELECT id FROM journal WHERE resident = :who", who=far)
    assert await removals.act(far, event[0])

    leaks = LeakRecords(place.stores.database)
    await place.say(gone, "activity", granted=False)
    assert (await leaks.withdrawn(place.now + HOUR))["happening_residents"] == 1
    await place.stores.ledger.forget(place.now + MINUTE, place.now, gone)
    assert "happening_residents" not in await leaks.withdrawn(place.now + HOUR)
    eraser = Eraser(ErasureRecords(place.stores.database), place.stores.online, place.residents, 9 * DAY)
    await eraser.erase(place.people[erased], place.now)
    assert {who for (who,) in await place.rows("SELECT resident FROM happening_residents")} == {keen}

    place.now += 2 * MINUTE
    await life.go()
    assert reached(server) == [keen]
    await act(place, second, its, "register")
    await act(place, keen, its, "register")
    place.now += 2 * MINUTE
    await life.go()
    assert reached(server) == sorted([keen, second])
    place.now += KEPT
    await life.happenings.sweep(place.now)
    assert [await count(place, table) for table in ("happenings", "happening_residents")] == [0, 0]


async def test_guardians_hear_of_a_birthday_while_the_child_allows_it(place: Town, life: Life, server):
    place.now -= 3 * HOUR  # before nine
    day = (place.now + 14 * DAY).date()
    born = date(day.year - 7, day.month, min(day.day, 28) if day.month == 2 else day.day)
    families = FamilyRecords(place.stores.database)
    glad, silent, other = await place.enrol(3, MAIL, "interests")
    children = await place.enrol(3, "interests")
    for guardian, child, date_ in zip((glad, silent, other), children, (born, born, born + DAY), strict=True):
        assert await families.add(guardian, child, date_, 0, place.now, 20)
    for guardian, child in zip((glad, silent, other), children, strict=True):
        for granted in (False, True) if guardian != silent else (False,):
            await families_say(place, guardian, child, granted=granted)
    await listening(life, Birthday(ages=(7,), days_before=14))
    await life.go()
    assert reached(server) == []
    for _ in range(2):
        place.now += 3 * HOUR
        await life.go()
    assert reached(server) == [glad]


async def families_say(place: Town, guardian: str, child: str, *, granted: bool) -> None:
    since = place.now - HOUR
    await place.ledger.record(child, "interests", granted=granted, notice=1, now=since, guardian=guardian)


async def test_a_system_of_the_city_says_whom_it_is_about_and_says_it_once(place: Town, life: Life, server):
    named, silent, other = await place.enrol(3, MAIL)
    (none,) = await place.enrol(1)
    await place.say(silent, MAIL, granted=False)
    await listening(life, Webhook(name="card_given"))
    say = life.happenings.webhook
    assert await say("card_given", "1", [named, silent, none, "nobody"], ["t:x"], place.now)
    assert not await say("card_given", "1", [other], [], place.now)
    assert await say("another", "1", [other], [], place.now)
    assert await say("card_given", "2", [none], [], place.now)
    assert {who for (who,) in await place.rows("SELECT resident FROM happening_residents")} == {named, other}
    await life.go()
    assert reached(server) == [named]
    await place.say(other, MAIL, granted=False)
    await place.stores.ledger.forget(place.now + MINUTE, place.now, other)
    assert {who for (who,) in await place.rows("SELECT resident FROM happening_residents")} == {named}


async def test_a_campaign_that_is_over_listens_no_more(place: Town, life: Life):
    its = course(place)
    await write(place, its)
    ends = place.now + HOUR
    campaign = await listening(life, CANCELLED, ends=ends)
    assert await count(place, "listeners") == 1
    await write(place, replace(its, status=Status.CANCELLED))
    place.now = ends
    await life.look()
    assert (await life.side.campaigns.get(campaign.id)).state is State.FINISHED
    assert [await count(place, table) for table in ("listeners", "reactions", "runs")] == [0, 0, 0]


async def test_a_moment_is_the_same_whatever_zone_it_is_written_in(place: Town):
    found = await place.rows("SELECT moment('2026-11-22T10:00:00Z'), moment('2026-11-22T12:00:00+02:00')")
    assert found == [(datetime(2026, 11, 22, 10, tzinfo=UTC),) * 2]
