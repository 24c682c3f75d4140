"""The ledger's chain in PostgreSQL: written under contention, checked from outside, spoilt in every way."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from engine.chain import Verdict, verify
from engine.consent import Purpose
from engine.errors import StoreUnavailable
from engine.records.chain import ChainRecords
from engine.records.database import Database

NOW = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC)
UNLOCK = "ALTER TABLE ledger DISABLE TRIGGER USER"


async def decide(own, resident: str, granted: bool = True, purpose: Purpose = Purpose.ACTIVITY, minute: int = 0):
    at = NOW + timedelta(minutes=minute)
    return await own.records.append(resident, purpose, granted=granted, notice=1, time=at)


async def checked(own) -> Verdict:
    async with own.chain.snapshot() as snapshot:
        return await verify(snapshot, [], lambda _done, _of: None)


async def five(own) -> None:
    for n, resident in enumerate(("ann", "bea", 'c"\\ä€\x7f', "ann", "bea")):
        await decide(own, resident, granted=n < 3, minute=n)


async def test_the_database_and_the_auditor_agree_on_every_hash(own):
    assert (await checked(own)).fault is None
    await five(own)
    verdict = await checked(own)
    assert (verdict.entries, verdict.fault) == (5, None)
    assert verdict.head == await own.chain.head()


async def test_many_writers_in_several_processes_make_one_chain(own):
    other = Database(own.database.url.render_as_string(hide_password=False))
    second = type(own)(other, own.online)
    residents = [secrets.token_urlsafe(16) for _ in range(10)]
    await asyncio.gather(
        *(
            decide(house, resident, granted=minute % 2 == 0, purpose=purpose, minute=minute)
            for minute in range(6)
            for resident in residents
            for purpose in (Purpose.ACTIVITY, Purpose.INTERESTS)
            for house in (own, second)
        )
    )
    await other.close()
    verdict = await checked(own)
    assert verdict.fault is None
    assert verdict.entries == verdict.head.seq >= 20


async def test_an_unchanged_word_writes_nothing_and_a_withdrawal_orders_a_forgetting(own):
    first = await decide(own, "ann")
    assert await decide(own, "ann", minute=1) == first
    assert (await decide(own, "ann", granted=False, minute=2)).seq == 2
    assert await own.records.backlog() == 1
    assert (await checked(own)).entries == 2


async def test_two_tabs_at_once_end_in_the_same_word_everywhere(own):
    answers = await asyncio.gather(*(decide(own, "ann", granted=n % 2 == 0, minute=n) for n in range(20)))
    latest = max(answers, key=lambda consents: consents.seq)
    assert await own.records.consents("ann") == latest
    assert [entry.seq for entry in await own.records.history("ann")] == list(range(1, latest.seq + 1))


@pytest.mark.parametrize(
    ("spoiling", "seq"),
    [
        ("UPDATE ledger SET granted = NOT granted WHERE seq = 2", 2),
        ("UPDATE ledger SET time = time + interval '1 microsecond' WHERE seq = 4", 4),
        ("UPDATE ledger SET resident = 'eve' WHERE seq = 1", 1),
        ("UPDATE ledger SET hash = sha256(hash) WHERE seq = 5", 5),
        ("DELETE FROM ledger WHERE seq = 1", 1),
        ("DELETE FROM ledger WHERE seq = 3", 3),
        ("DELETE FROM ledger WHERE seq >= 4", 4),
        ("DELETE FROM ledger", 1),
        ("UPDATE ledger SET seq = 9 WHERE seq = 2", 2),
        ("DELETE FROM ledger_head", 6),
        ("INSERT INTO ledger SELECT 6, resident, purpose, true, 1, time, hash FROM ledger WHERE seq = 5", 6),
        ("UPDATE consents SET granted = true WHERE resident = 'ann'", 4),
        ("UPDATE consents SET since = '2020-01-01Z' WHERE resident = 'ann'", 4),
        ("INSERT INTO consents VALUES ('eve', 'activity', true, 1, now(), 77)", 77),
    ],
)
async def test_whatever_is_spoilt_is_found_and_named(own, spoiling, seq):
    await five(own)
    await own.sql(UNLOCK, spoiling)
    verdict = await checked(own)
    assert verdict.fault is not None
    assert verdict.fault.seq == seq


@pytest.mark.parametrize("statement", ["UPDATE ledger SET notice = 2", "DELETE FROM ledger", "TRUNCATE ledger"])
async def test_nothing_is_changed_by_an_ordinary_hand(own, statement):
    await five(own)
    with pytest.raises(StoreUnavailable):
        await own.sql(statement)
    assert (await checked(own)).fault is None


async def test_entries_from_before_the_chain_are_chained(database_url):
    old = Database(database_url)
    await old.migrate("0002")
    async with old.begin() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO ledger (resident, purpose, granted, notice, time) "
            "SELECT 'r' || n, 'activity', true, 1, now() FROM generate_series(1, 9) n"
        )
        await connection.exec_driver_sql(
            "INSERT INTO consents SELECT resident, purpose, granted, notice, time, seq FROM ledger"
        )
    await old.migrate()
    async with ChainRecords(old).snapshot() as snapshot:
        verdict = await verify(snapshot, [], lambda _done, _of: None)
    await old.close()
    assert (verdict.entries, verdict.fault) == (9, None)


async def test_a_grant_of_a_newer_notice_goes_on_where_the_older_one_began(own):
    await decide(own, "ann")
    for notice in (2, 3):
        later = NOW + timedelta(minutes=notice)
        consents = await own.records.append("ann", Purpose.ACTIVITY, granted=True, notice=notice, time=later)
    assert consents.grants[Purpose.ACTIVITY].since == NOW
    await decide(own, "ann", granted=False, minute=5)
    again = await decide(own, "ann", minute=6)
    assert again.grants[Purpose.ACTIVITY].since == NOW + timedelta(minutes=6)
    assert (await checked(own)).fault is None
    await own.sql("UPDATE consents SET since = since - interval '1 minute'")
    assert (await checked(own)).fault.seq == again.seq
