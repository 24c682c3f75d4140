"""Runs on real stores and a mail server on a real socket."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta

import pytest

from api.gdpr_tree import tree
from api.vault import Vault
from campaigns.quiet import HELSINKI
from campaigns.records.inbox import InboxRecords
from campaigns.records.runs import Tally
from campaigns.run import Standing
from engine.consent import Purpose
from engine.erasure import Eraser
from engine.errors import NotFound, StoreUnavailable, TooFew
from engine.events import Notification
from engine.records.erasures import ErasureRecords
from engine.records.leaks import LeakRecords
from engine.records.personal import PersonalRecords
from tests.integration.campaigns.town import Speech, Town, town
from tests.smtp_server import SmtpServer, serving

MAIL, BOX, SMS = "marketing_library_email", "marketing_library_inbox", "marketing_library_sms"


@pytest.fixture
async def server():
    async with serving(SmtpServer()) as its:
        yield its


@pytest.fixture
async def place(addresses, server):
    async with town(addresses, mail=f"smtp://127.0.0.1:{server.port}", mail_timeout_seconds=1.0) as its:
        yield its


def reached(server: SmtpServer) -> list[str]:
    return sorted(mail.to.partition("@")[0] for mail in server.accepted)


async def test_everybody_who_allows_it_gets_one_mail_and_nobody_else_any(place: Town, server):
    glad = await place.enrol(70, MAIL)
    await place.enrol(5)
    gone = await place.enrol(5, MAIL)
    for resident in gone:
        await place.say(resident, MAIL, granted=False)
    place.addresses.without = set(await place.enrol(3, MAIL))
    its = place.sending()
    await place.run(its, place.plan())
    assert reached(server) == sorted(glad)
    assert len({mail.id for mail in server.accepted}) == 70
    people, tallies = await its.runs.tallies("run")
    assert people == 83
    assert sorted(tallies, key=lambda tally: tally.reason) == [
        Tally("sent", "email", "", 70),
        Tally("skipped", "", "never_granted", 5),
        Tally("skipped", "", "no_address", 3),
        Tally("skipped", "", "withdrawn", 5),
    ]
    assert await its.runs.finish(place.now) == ["c-run"]
    assert await its.runs.standing("run") is Standing.FINISHED
    await its.close()


async def test_for_whom_nothing_can_be_picked_the_message_is_left_out_and_takes_no_place_of_the_week(
    place: Town, server
):
    glad, other = await place.enrol(1, MAIL), await place.enrol(1, MAIL)

    class Picky(Speech):
        async def picks(self, plan, permits, language):  # noqa: ARG002
            return [None if permit.resident in other else () for permit in permits]

    its = place.sending(speech=Picky())
    await place.run(its, place.plan())
    assert reached(server) == glad
    assert await place.ends() == {glad[0]: ("sent", None), other[0]: ("skipped", "nothing_to_pick")}
    for n in range(3):
        await place.run(place.sending(), place.plan(f"more-{n}", priority=1))
    assert reached(server).count(other[0]) == 3
    await its.close()


async def test_the_same_notifications_again_send_nothing_again_whoever_takes_them(place: Town, server):
    await place.enrol(20, MAIL)
    its, other = place.sending(), place.sending()
    plan = place.plan()
    await its.runs.begin(plan)
    await its.expander.expand(plan, place.now)
    for worker in (its, its, other):
        await worker.dispatcher.take(list(place.log.messages), place.now)
    assert len(server.accepted) == 20
    for worker in (its, other):
        await worker.close()


async def test_an_expansion_goes_on_where_it_stopped(place: Town, server):
    await place.enrol(120, MAIL)
    its = place.sending()
    plan = place.plan()
    await its.runs.begin(plan)
    notifications, calls = place.log.notifications, []

    async def breaks(some):
        calls.append(len(some))
        await notifications(some)
        if len(calls) == 2:  # it is on the topic, and not noted
            raise StoreUnavailable

    place.log.notifications = breaks
    with pytest.raises(StoreUnavailable):
        await its.expander.expand(plan, place.now)
    place.log.notifications = notifications
    assert await place.sending().expander.go_on(place.now) == 0  # another may be at it still
    place.now += timedelta(minutes=1)
    assert await place.sending().expander.go_on(place.now) == 70
    told = [who for message in place.log.messages for who in message.residents]
    assert (len(told), set(told)) == (170, set(place.members.residents))
    await its.dispatcher.take(place.log.messages, place.now)
    assert reached(server) == sorted(place.members.residents)
    await its.close()


async def test_an_expansion_whose_place_is_lost_begins_anew_and_nobody_hears_twice(place: Town, server):
    who = await place.enrol(100, MAIL)
    its = place.sending()
    plan = place.plan()
    await its.runs.begin(plan)
    await its.expander.expand(plan, place.now)
    async with place.stores.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE runs SET expanded = false")
    place.members.residents = [one for one in who if one != who[-1]]  # the one it would go on from has left
    await its.expander.go_on(place.now)
    await its.dispatcher.take(place.log.messages, place.now)
    assert reached(server) == sorted(who)
    await its.close()


async def test_who_withdraws_during_a_run_gets_nothing_from_then_on(place: Town, server):
    who = await place.enrol(64, MAIL)
    its = place.sending()
    its.dispatcher._handful, its.dispatcher._sizes = 16, {"email": 16}
    leaving: list[asyncio.Task[None]] = []
    answered: dict[str, int] = {}
    deliver = its.dispatcher._channels["email"].deliver

    class Watched:
        async def deliver(self, notes):
            if len(server.accepted) == 16:
                held = [resident for resident in who if resident not in reached(server)]
                leaving.extend(asyncio.create_task(leave(resident)) for resident in held[:40])
                await asyncio.sleep(0.5)
            return await deliver(notes)

        async def close(self): ...

    async def leave(resident: str) -> None:
        await place.say(resident, MAIL, granted=False)
        answered[resident] = len(server.accepted)

    its.dispatcher._channels = {"email": Watched()}
    await place.run(its, place.plan())
    await asyncio.gather(*leaving)
    got = [mail.to.partition("@")[0] for mail in server.accepted]
    # The handful that was with the channel when they spoke, and of that nothing after the answer.
    before = [who for who in answered if who in got]
    assert 0 < len(before) <= 16
    assert all(got.index(who) < answered[who] for who in before)
    assert len(got) == 64 - 40 + len(before)
    assert {state for state, _ in (await place.ends()).values()} == {"sent"}


async def test_who_withdrew_and_allows_it_anew_does_not_get_the_same_again(place: Town, server):
    who = await place.enrol(10, MAIL, SMS)
    its = place.sending()
    plan = place.plan(channels=("email", "sms", "inbox"))
    await its.runs.begin(plan)
    await its.expander.expand(plan, place.now)
    messages = list(place.log.messages)
    await its.dispatcher.take(messages, place.now)
    place.now += timedelta(minutes=1)
    for resident in who:
        await place.say(resident, MAIL, granted=False)
        await place.stores.ledger.forget(place.now, place.now, resident)
    assert await place.ends() == {}
    place.now += timedelta(minutes=1)
    for resident in who[:5]:
        await place.say(resident, MAIL, granted=True)
    await place.sending().dispatcher.take(messages, place.now)
    assert len(server.accepted) == 10
    await its.close()


async def test_a_withdrawal_and_an_erasure_leave_no_row_and_the_leak_scan_finds_what_stays(place: Town):
    withdrawn, erased, glad = await place.enrol(3, MAIL, BOX)
    its = place.sending()
    await place.run(its, place.plan("mail"))
    await place.run(its, place.plan("box", channels=("inbox",)))
    assert len(await place.rows("SELECT FROM deliveries")) == 6
    assert len(await place.rows("SELECT FROM inbox")) == 3
    leaks = LeakRecords(place.stores.database)
    later = place.now + timedelta(minutes=5)
    for purpose in (MAIL, BOX):
        await place.say(withdrawn, purpose, granted=False, now=place.now + timedelta(seconds=1))
    assert await leaks.withdrawn(later) == {"deliveries": 2, "inbox": 1}
    await place.stores.ledger.forget(later, later, withdrawn)
    held = await PersonalRecords(place.stores.database, Vault([b"k" * 32], "addresses")).of(place.people[glad])
    assert [(one.channel, one.state, one.subject) for one in held.messages] == [
        ("email", "sent", None),
        ("inbox", "sent", "Uutisia"),
    ]
    assert [child.key for child in tree(held).children] == ["CONSENTS", "MESSAGES"]
    eraser = Eraser(ErasureRecords(place.stores.database), place.stores.online, place.residents, timedelta(days=9))
    await eraser.erase(place.people[erased], later)
    assert set(await place.ends("mail")) | set(await place.ends("box")) == {glad}
    assert await place.rows("SELECT resident FROM inbox") == [(glad,)]
    assert await leaks.withdrawn(later) == {}
    await its.close()


async def test_a_paused_run_stops_within_a_handful_waits_and_goes_on(place: Town, server):
    who = await place.enrol(80, MAIL)
    its = place.sending()
    its.dispatcher._handful = 16
    deliver, runs = its.dispatcher._channels["email"].deliver, its.runs

    class Pausing:
        async def deliver(self, notes):
            if len(server.accepted) > 30:
                await runs.pause("c-run")
            return await deliver(notes)

        async def close(self): ...

    its.dispatcher._channels = {"email": Pausing()}
    await place.run(its, place.plan())
    assert len(server.accepted) <= 57
    assert set((await place.ends()).values()) == {("sent", None), ("deferred", "paused")}
    assert await its.dispatcher.take_up(place.now) == 0
    await its.runs.resume("c-run")
    its.dispatcher._channels = place.sending().dispatcher._channels
    await its.dispatcher.take_up(place.now)
    assert reached(server) == sorted(who)
    await its.close()


async def test_what_waits_for_a_cancelled_run_is_never_sent(place: Town, server):
    await place.enrol(10, MAIL)
    its = place.sending()
    plan = place.plan()
    await its.runs.begin(plan)
    await its.runs.pause("c-run")
    await its.expander.expand(plan, place.now)
    await its.dispatcher.take([Notification("run", 0, place.now, tuple(place.members.residents))], place.now)
    await its.runs.cancel("c-run")
    await its.dispatcher.take_up(place.now + timedelta(days=1))
    assert server.accepted == []
    assert set((await place.ends()).values()) == {("skipped", "cancelled")}


@pytest.mark.parametrize("eve", [date(2026, 10, 24), date(2027, 3, 27), date(2026, 11, 24)])
async def test_the_night_defers_and_loses_nothing_also_when_clocks_change(addresses, server, eve):
    async with town(addresses, mail=f"smtp://127.0.0.1:{server.port}") as place:
        place.settings = place.settings.model_copy(update={"quiet_from": 21, "quiet_until": 8})
        place.now = datetime.combine(eve, time(22), HELSINKI).astimezone(UTC)
        who = await place.enrol(12, MAIL)
        its = place.sending()
        await place.run(its, place.plan())
        assert server.accepted == []
        assert set((await place.ends()).values()) == {("deferred", None)}
        place.now = datetime.combine(eve + timedelta(days=1), time(7, 59), HELSINKI)
        assert await its.dispatcher.take_up(place.now) == 0
        place.now += timedelta(minutes=1)
        assert await its.dispatcher.take_up(place.now) == 12
        assert reached(server) == sorted(who)
        await its.close()


async def test_a_week_has_room_for_three_mails_over_all_departments_two_of_one(place: Town, server):
    who = await place.enrol(8, MAIL, BOX)
    its = place.sending()
    for name, department in (("a", "sport"), ("b", "sport"), ("c", "sport"), ("d", "library"), ("e", "library")):
        await place.run(its, place.plan(name, department=department, channels=("email", "inbox")))
    sent = await place.rows(
        "SELECT run, channel, count(*) FROM deliveries WHERE state = 'sent' GROUP BY 1, 2 ORDER BY 1"
    )
    # The third of sport and the second of the library find no room, and go to the inbox.
    assert sent == [("a", "email", 8), ("b", "email", 8), ("c", "inbox", 8), ("d", "email", 8), ("e", "inbox", 8)]
    assert len(server.accepted) == 24
    place.now += timedelta(days=7)
    await place.run(its, place.plan("f", department="sport"))
    assert len(server.accepted) == 32
    assert len(who) == 8
    await its.close()


async def test_two_departments_at_once_cannot_both_take_the_last_place(place: Town):
    await place.enrol(30, MAIL)
    workers = [place.sending() for _ in range(4)]
    plans = [place.plan(name, department=name) for name in "abcd"]
    for worker, plan in zip(workers, plans, strict=True):
        await worker.runs.begin(plan)
    everybody = tuple(place.members.residents)
    await asyncio.gather(
        *(
            worker.dispatcher.take([Notification(plan.id, 0, plan.planned, everybody)], place.now)
            for worker, plan in zip(workers, plans, strict=True)
        )
    )
    counts = await place.rows("SELECT count(*) FROM deliveries WHERE state = 'sent' GROUP BY resident")
    assert counts == [(3,)] * 30
    for worker in workers:
        await worker.close()


async def test_of_two_messages_at_once_the_urgent_one_gets_the_last_place(place: Town, server):
    who = await place.enrol(40, MAIL)
    its = place.sending()
    for name in "ab":
        await place.run(its, place.plan(name, department=name))
    plans = [place.plan("usual", department="c"), place.plan("urgent", department="d", priority=1)]
    for plan in plans:
        await its.runs.begin(plan)
    await its.dispatcher.take([Notification(plan.id, 0, plan.planned, tuple(who)) for plan in plans], place.now)
    assert set((await place.ends("urgent")).values()) == {("sent", None)}
    assert await place.ends("usual") == {}
    assert len(server.accepted) == 3 * len(who)
    await its.close()


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (b"451 4.7.1 greylisted", "deferred", "greylisted"),
        (b"550 5.7.1 blocked", "failed", "policy"),
        (b"550 5.1.1 nobody", "failed", "no_mailbox"),
    ],
)
async def test_what_a_server_refuses_waits_or_fails_and_a_mailbox_that_is_gone_is_left_alone(
    place: Town, server, answer, state, reason
):
    who = await place.enrol(6, MAIL)
    refused = f"{who[2]}@post.example"
    server.says = lambda stage, to: (
        answer if stage == "rcpt" and to == refused else {"data": b"354 go on"}.get(stage, b"250 fine")
    )
    its = place.sending()
    await place.run(its, place.plan())
    assert (await place.ends())[who[2]] == (state, reason)
    assert len(server.accepted) == 5
    server.says = SmtpServer().says
    place.now += timedelta(minutes=6)
    await its.dispatcher.take_up(place.now)
    assert len(server.accepted) == (6 if state == "deferred" else 5)
    await place.run(its, place.plan("next"))
    assert len(server.accepted) == (12 if state == "deferred" else 11 if reason == "policy" else 10)
    if reason == "no_mailbox":
        _, tallies = await its.runs.tallies("next")
        assert Tally("skipped", "", "suppressed", 1) in tallies
        await place.say(who[2], MAIL, granted=False, now=place.now)
        await place.stores.ledger.forget(place.now, place.now, who[2])
        assert await place.rows("SELECT FROM suppressions") == []
    await its.close()


async def test_while_the_server_is_away_all_wait_and_then_all_get_it(addresses):
    async with serving(SmtpServer()) as server:
        pass
    async with town(addresses, mail=f"smtp://127.0.0.1:{server.port}", mail_timeout_seconds=1.0) as place:
        who = await place.enrol(20, MAIL)
        its = place.sending()
        await place.run(its, place.plan())
        assert set((await place.ends()).values()) == {("deferred", "away")}
        place.now += timedelta(hours=1)
        its = place.sending()
        async with serving(server):
            assert await its.dispatcher.take_up(place.now) == 20
            assert reached(server) == sorted(who)
            await its.close()


async def test_a_store_that_fails_after_the_sending_costs_nobody_a_second_mail(place: Town, server):
    who = await place.enrol(40, MAIL)
    its = place.sending()
    plan = place.plan()
    await its.runs.begin(plan)
    turn, calls = its.deliveries.turn, []

    async def fails(*given):
        calls.append(given)
        if len(calls) in (2, 4):
            raise StoreUnavailable
        return await turn(*given)

    its.deliveries.turn = fails
    message = Notification("run", 0, place.now, tuple(who))
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await its.dispatcher.take([message], place.now)
    await its.dispatcher.take([message], place.now)
    assert reached(server) == sorted(who)
    assert set((await place.ends()).values()) == {("sent", None)}
    await its.close()


async def test_a_handful_whose_handing_out_was_never_told_goes_when_the_store_is_back(place: Town, server):
    who = await place.enrol(40, MAIL)
    its = place.sending()
    plan = place.plan()
    await its.runs.begin(plan)
    turn, calls = its.deliveries.turn, []

    async def loses_the_answer(*given):
        may = await turn(*given)
        calls.append(may)
        if len(calls) in (1, 3):
            raise StoreUnavailable
        return may

    its.deliveries.turn = loses_the_answer
    message = Notification("run", 0, place.now, tuple(who))
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await its.dispatcher.take([message], place.now)
    await its.dispatcher.take([message], place.now)
    assert reached(server) == sorted(who)
    assert set((await place.ends()).values()) == {("sent", None)}
    await its.close()


async def test_two_messages_with_the_same_residents_at_once_send_nothing_twice(place: Town, server):
    who = await place.enrol(80, MAIL)
    its = place.sending()
    await its.runs.begin(place.plan())
    messages = [Notification("run", number, place.now, tuple(who)) for number in range(4)]
    await its.dispatcher.take(messages, place.now)
    assert reached(server) == sorted(who)
    await its.close()


async def test_a_worker_thought_dead_finds_nothing_left_to_send(place: Town):
    who = await place.enrol(10, MAIL)
    slow, quick = place.sending(), place.sending()
    plan = place.plan()
    await slow.runs.begin(plan)
    claims = {resident: f"{number:026}" for number, resident in enumerate(who)}
    room = slow.dispatcher._caps.room("email", 5)
    for worker in (slow, quick):
        assert len((await worker.deliveries.claim(plan, "email", MAIL, claims, room, place.now)).mine) == 10
    assert await slow.deliveries.turn([], "run", who, place.now) == set()
    assert await quick.deliveries.turn([], "run", who, place.now) == set(who)


async def test_of_what_a_dead_worker_had_handed_out_nothing_is_sent_again(place: Town, server):
    who = await place.enrol(20, MAIL)
    dead, its = place.sending(), place.sending()
    plan = place.plan()
    await its.runs.begin(plan)
    claims = {resident: f"{number:026}" for number, resident in enumerate(who)}
    await dead.deliveries.claim(plan, "email", MAIL, claims, dead.dispatcher._caps.room("email", 5), place.now)
    await dead.deliveries.turn([], "run", who[:4], place.now)
    await its.dispatcher.take([Notification("run", 0, place.now, tuple(who))], place.now)
    assert reached(server) == sorted(who[4:])
    assert [(await place.ends())[resident] for resident in who[:4]] == [("failed", "unknown")] * 4
    await its.close()


async def test_a_run_that_nobody_knows_is_refused(place: Town):
    with pytest.raises(NotFound):
        await place.sending().dispatcher.take([Notification("none", 0, place.now, ("a",))], place.now)


async def test_the_inbox_is_read_with_a_permit_and_its_content_is_whole(place: Town):
    (who,) = await place.enrol(1, BOX)
    its = place.sending()
    await place.run(its, place.plan(channels=("sms", "inbox")))
    inbox = InboxRecords(place.stores.database)
    permit = await place.ledger.permit(who, Purpose(BOX), place.now)
    (letter,) = await inbox.of([permit], place.now)
    assert letter.content.subject == "Uutisia"
    assert letter.read is None
    assert await inbox.mark([permit], letter.id, read=True, now=place.now)
    assert (await inbox.of([permit], place.now))[0].read == place.now
    assert await inbox.delete(who, letter.id)
    assert await inbox.of([permit], place.now) == []


async def test_a_run_for_too_few_speaks_to_nobody_and_tells_why(place: Town, server):
    class Few:
        async def of(self, *_):
            raise TooFew
            yield []

    its = place.sending(members=Few())
    await its.runs.begin(place.plan())
    for _ in range(2):
        await its.expander.go_on(place.now)
    assert await its.runs.standing("run") is Standing.CANCELLED
    assert await its.runs.tallies("run") == (0, [Tally("skipped", "", "too_few", 0)])
    assert server.accepted == []


async def test_links_are_counted_for_who_allows_it_and_plain_for_others(place: Town, server):
    some, others = await place.enrol(3, MAIL, "measurement"), await place.enrol(3, MAIL)
    await place.run(place.sending(), place.plan())
    measured = {
        mail.to.partition("@")[0]
        for mail in server.accepted
        if "<!--measured" in mail.mail.get_body(("html",)).get_content()
    }
    assert measured == set(some)
    assert reached(server) == sorted([*some, *others])
