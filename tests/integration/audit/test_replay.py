"""What was ended after a backup is ended once more when the backup has been restored."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from api import wiring
from api.endings import Endings
from api.seal import Seal
from campaigns.records.runs import RunRecords
from campaigns.run import Plan, Standing
from engine.consent import Purpose, Register
from engine.errors import InvalidInput
from engine.ledger import ConsentLedger
from engine.records.database import Database
from engine.records.endings import Ended, EndingRecords
from engine.residents import Residents
from engine.settings import Settings
from tests.factories import in_force
from tests.integration.crowd import settings as settings_of

TABLES = ("residents", "consents", "journal", "journal_ids", "interests")


@pytest.fixture
async def house(parts, tmp_path):
    """Databases of its own on the shared servers, since all of it is put back."""
    name = f"replay_{uuid4().hex[:8]}"
    server = Database(parts.addresses.database)
    async with server.alone() as connection:
        await connection.exec_driver_sql(f"CREATE DATABASE {name}")
    await server.close()
    its = settings_of(parts.addresses)
    url = its.database.replace("/vinkki?", f"/{name}?")
    assert url != its.database
    redis = its.redis.rpartition("/")[0] + "/9"
    mine = its.model_copy(update={"database": url, "redis": redis, "home": tmp_path})
    stores = wiring.connect(mine)
    await wiring.prepare(mine, stores, datetime.now(UTC))
    yield mine, stores
    await stores.close()


async def someone(stores, *purposes: str) -> tuple:
    person = uuid4()
    resident = await Residents(stores.residents, stores.online).enrol(person)
    ledger = ConsentLedger(stores.ledger, stores.online, Register.read())
    for purpose in purposes:
        await ledger.record(resident, purpose, granted=True, notice=in_force(purpose), now=datetime.now(UTC))
    return person, resident


async def rows(stores) -> dict[str, list]:
    async with stores.database.begin() as connection:
        return {
            table: [dict(row._mapping) for row in await connection.execute(text(f"SELECT * FROM {table}"))]  # noqa: S608 - ours
            for table in TABLES
        }


async def put_back(stores, backup: dict[str, list]) -> None:
    """Bring the tables to what they were, as restoring a backup does; the erasures are not in it."""
    async with stores.database.begin() as connection:
        for table in (*TABLES, "forgettings", "erasures"):
            await connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - ours
        for table, held in backup.items():
            for row in held:
                names = ", ".join(row)
                values = ", ".join(f":{name}" for name in row)
                await connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)  # noqa: S608 - ours


def replay(settings: Settings, *words: str) -> subprocess.CompletedProcess:
    names = {f"VINKKI_{name.upper()}": getattr(settings, name) for name in ("kafka", "database", "redis")}
    command = [sys.executable, "-m", "api", "audit", "replay", *words, "--home", str(settings.home)]
    return subprocess.run(
        command, env={**os.environ, **names}, capture_output=True, text=True, timeout=120, check=False
    )


async def test_what_was_ended_after_the_backup_is_ended_again(house):
    settings, stores = house
    (gone, gone_as), (_, left_as), (_, staying_as) = [await someone(stores, "activity", "learning") for _ in range(3)]
    backup = await rows(stores)
    ledger = ConsentLedger(stores.ledger, stores.online, Register.read())
    await wiring.eraser(settings, stores).erase(gone, datetime.now(UTC))
    await ledger.record(left_as, "activity", granted=False, notice=None, now=datetime.now(UTC))
    endings = Endings(settings.home, Seal.of(settings).secret)
    endings.append(await EndingRecords(stores.database).since(endings.newest()))
    assert gone_as not in endings.path.read_text()
    await put_back(stores, backup)
    assert await stores.residents.pseudonym(gone) == gone_as

    told = await asyncio.to_thread(replay, settings)
    assert told.returncode == 0, told.stderr
    assert "1 erasures and 1 withdrawals" in told.stdout
    assert await stores.residents.pseudonym(gone) is None
    held = await stores.ledger.consents(left_as)
    assert {purpose: word.granted for purpose, word in held.grants.items()} == {
        Purpose.ACTIVITY: False,
        Purpose.LEARNING: True,
    }
    assert all(word.granted for word in (await stores.ledger.consents(staying_as)).grants.values())
    assert await stores.ledger.backlog() == 0

    again = await asyncio.to_thread(replay, settings)
    assert "0 erasures and 0 withdrawals" in again.stdout


async def test_an_erasure_that_adds_no_entry_to_the_ledger_is_told_of_once(house):
    settings, stores = house
    gone, _ = await someone(stores, "activity")
    still, _ = await someone(stores)
    endings, records = Endings(settings.home, Seal.of(settings).secret), EndingRecords(stores.database)
    for person in (gone, still):
        await wiring.eraser(settings, stores).erase(person, datetime.now(UTC))
        for _ in range(2):
            endings.append(await records.since(endings.newest()))
    assert [one.purpose for one in endings.read()] == [None, None]
    anew = Endings(settings.home, Seal.of(settings).secret)
    anew.append(await records.since(anew.newest()))
    assert len(anew.read()) == 2


async def test_without_the_file_it_says_so(house, tmp_path):
    settings, _ = house
    told = await asyncio.to_thread(replay, settings, str(tmp_path / "nowhere.jsonl"))
    assert (told.returncode, "There is no file" in told.stderr) == (1, True)


def test_a_line_that_a_crash_cut_off_is_left_out_and_a_broken_one_is_named(tmp_path: Path):
    endings = Endings(tmp_path, b"secret")
    at = datetime(2026, 11, 26, tzinfo=UTC)
    endings.append([Ended(3, "someone", at, "activity"), Ended(5, "other", at, None)])
    assert endings.newest() == 5
    with endings.path.open("ab") as file:
        file.write(b'{"seq": 7, "resi')
    assert [(one.seq, one.purpose) for one in endings.read()] == [(3, "activity"), (5, None)]
    assert endings.read()[0].resident == endings.digest("someone") != Endings(tmp_path, b"other").digest("someone")
    Endings(tmp_path, b"secret").append([Ended(7, "third", at, "learning")])
    assert [one.seq for one in endings.read()] == [3, 5, 7]
    endings.path.write_bytes(b"junk\n" + endings.path.read_bytes())
    with pytest.raises(InvalidInput, match="Line 1"):
        endings.read()


async def test_a_run_that_was_under_way_is_cancelled_since_nobody_knows_what_it_sent(house):
    _, stores = house
    runs = RunRecords(stores.database)
    now = datetime.now(UTC)
    await runs.begin(Plan("under-way", "c", 1, "library", "library", ("email",), now))
    assert [plan.id for plan in await runs.unexpanded()] == ["under-way"]
    assert await runs.end_open() == 1
    assert (await runs.unexpanded(), await runs.standing("under-way")) == ([], Standing.CANCELLED)
    assert await runs.end_open() == 0
