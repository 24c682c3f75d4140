"""After the answer to a withdrawal, a pause or an erasure nothing is sent, not even what was with the channel."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import psycopg
import pytest

from campaigns.channels import Accepted, Note
from engine.choices import Choice
from engine.consent import Purpose
from engine.erasure import Eraser
from engine.records.erasures import ErasureRecords
from engine.records.underway import Underway
from tests.integration.campaigns.town import Town, town
from tests.integration.crowd import until

MAIL, BOX = "marketing_library_email", "marketing_library_inbox"
BREAK = """
    SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND l.mode = 'ShareLock' AND d.datname = current_database()
"""


@pytest.fixture
async def place(addresses):
    async with town(addresses) as its:
        yield its


class Gated:
    """A channel that takes nothing over until it is let."""

    def __init__(self, handfuls: int = 1) -> None:
        self.waits, self.gate, self.taken = asyncio.Event(), asyncio.Event(), list[str]()
        self._before = handfuls

    async def deliver(self, notes: Sequence[Note]) -> list[Accepted]:
        self._before -= 1
        if self._before == 0:
            self.waits.set()
            await self.gate.wait()
        self.taken += [note.to.partition("@")[0] for note in notes]
        return [Accepted() for _ in notes]

    async def close(self) -> None: ...


async def begun(place: Town, channel: Gated) -> asyncio.Task[None]:
    its = place.sending()
    its.dispatcher._handful, its.dispatcher._channels = 8, {"email": channel}
    running = asyncio.create_task(place.run(its, place.plan()))
    await channel.waits.wait()
    return running


async def answered(channel: Gated, saying: "asyncio.Task[object]") -> bool:
    """Say whether the answer waited for the message, and what came of it is so afterwards."""
    done, _ = await asyncio.wait({saying}, timeout=0.3)
    early = bool(done)
    channel.gate.set()
    await saying
    return not early


@pytest.mark.parametrize("how", ["withdrawal", "pause", "erasure"])
async def test_the_answer_waits_for_what_is_with_the_channel_and_nothing_goes_after_it(place: Town, how):
    await place.enrol(24, MAIL)
    channel = Gated(2)
    running = await begun(place, channel)
    rows = await place.rows("SELECT resident FROM deliveries WHERE state = 'handed'")
    resident = rows[0][0]
    eraser = Eraser(ErasureRecords(place.stores.database), place.stores.online, place.residents, timedelta(days=9))
    saying = asyncio.ensure_future({
        "withdrawal": lambda: place.say(resident, MAIL, granted=False),
        "pause": lambda: place.ledger.choose(resident, Choice.PAUSE, on=True, now=place.now),
        "erasure": lambda: eraser.erase(place.people[resident], place.now),
    }[how]())  # fmt: skip
    assert await answered(channel, saying)
    assert resident in channel.taken
    await running
    assert channel.taken.count(resident) == 1


async def test_whose_message_has_not_come_to_its_turn_is_answered_at_once_and_gets_none(place: Town):
    who = await place.enrol(24, MAIL)
    channel = Gated(2)
    running = await begun(place, channel)
    rows = await place.rows("SELECT resident FROM deliveries WHERE state IN ('handed', 'sent')")
    later = next(resident for resident in who if (resident,) not in rows)
    await asyncio.wait_for(place.say(later, MAIL, granted=False), 2)
    channel.gate.set()
    await running
    assert later not in channel.taken
    assert len(channel.taken) == 23


async def test_a_withdrawal_is_in_force_elsewhere_while_its_answer_waits(place: Town):
    await place.enrol(8, MAIL)
    channel = Gated()
    running = await begun(place, channel)
    resident = place.members.residents[0]
    saying = asyncio.create_task(place.say(resident, MAIL, granted=False))

    async def in_force() -> bool:
        return not (await place.stores.online.consents(resident)).grants[Purpose(MAIL)].granted

    await until(in_force, 2)
    assert not saying.done()
    channel.gate.set()
    await saying
    await running


async def test_a_sender_that_is_gone_keeps_nobody_waiting(place: Town):
    its = Underway(place.stores.database, longest_seconds=30)
    async with its.holding(["a", "b"]):
        waiting = asyncio.create_task(its.gone("b"))
        done, _ = await asyncio.wait({waiting}, timeout=0.2)
        assert not done
        async with await psycopg.AsyncConnection.connect(place.settings.database, autocommit=True) as other:
            await other.execute(BREAK)
        await asyncio.wait_for(waiting, 5)
    async with its.holding(["a", "b"]):
        await asyncio.wait_for(its.gone("c"), 5)
    await asyncio.wait_for(its.gone("b"), 5)


async def test_of_a_provider_that_does_not_answer_the_wait_has_an_end(place: Town):
    its = Underway(place.stores.database, longest_seconds=0.1)
    async with its.holding(["a"]):
        await asyncio.wait_for(its.gone("a"), 5)


async def test_two_senders_hold_the_same_resident_and_two_withdrawals_wait_for_both(place: Town):
    its = Underway(place.stores.database, longest_seconds=30)
    async with its.holding(["a"]):
        async with its.holding(["a", "b"]):
            waiting = [asyncio.create_task(its.gone("a")) for _ in range(2)]
        done, _ = await asyncio.wait(waiting, timeout=0.2)
        assert not done
    await asyncio.wait_for(asyncio.gather(*waiting), 5)


async def test_of_a_slow_channel_a_handful_is_small_and_of_a_quick_one_it_grows_again(place: Town):
    await place.enrol(60, MAIL)

    sizes: list[int] = []

    class Slow(Gated):
        async def deliver(self, notes: Sequence[Note]) -> list[Accepted]:
            sizes.append(len(notes))
            await asyncio.sleep(0.25 * len(notes) if len(sizes) < 3 else 0)
            return await super().deliver(notes)

    channel, its = Slow(0), place.sending()
    its.dispatcher._channels = {"email": channel}
    await place.run(its, place.plan())
    assert len(channel.taken) == 60
    first, second, *others = sizes
    assert first == 4
    assert second < first
    assert max(others) > 4 * second
    assert all(size <= 2 * before for before, size in pairwise(sizes))
