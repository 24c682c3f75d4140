import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis import Redis

from api.embedded import Addresses, CannotStart, InUse, Parts
from api.embedded.home import servers_in
from api.embedded.postgres import socket_folder

ROOT = Path(__file__).parents[2]
ELSEWHERE = {"kafka": "127.0.0.1:1", "database": "postgresql://nowhere"}  # so that Valkey alone starts, in 0.1 s
OWNER = """
import signal, sys
from pathlib import Path
from api.embedded import start, CannotStart
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it
try:
    parts = start(Path(sys.argv[1]), say=lambda sentence: print(sentence, flush=True))
except CannotStart as error:
    sys.exit(f"SORRY {error}")
print("READY", *(parts.pid(name) for name in parts.running()), flush=True)
sys.stdin.read()
"""

Begin = Callable[..., Parts]


def owner(home: Path, **environment: str) -> subprocess.Popen[str]:
    """Start a process that owns parts in `home`."""
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(home)],
        cwd=ROOT,
        env=os.environ | environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def pids_when_ready(process: subprocess.Popen[str]) -> list[int]:
    for line in process.stdout or ():
        if line.startswith("READY"):
            return [int(word) for word in line.split()[1:]]
    raise AssertionError(process.communicate()[1])


def still_running(home: Path) -> list[psutil.Process]:
    folders = (home / "kafka", home / "postgres", home / "postgres/data", home / "valkey")
    return [process for folder in folders for process in servers_in(folder)]


def gone_within(home: Path, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not still_running(home):
            return True
        time.sleep(0.1)
    return False


def write_row(addresses: Addresses, word: str) -> None:
    with psycopg.connect(addresses.database) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [word])


def rows(addresses: Addresses) -> list[str]:
    with psycopg.connect(addresses.database) as connection:
        return [word for (word,) in connection.execute("SELECT word FROM kept ORDER BY word")]


async def make_topic(addresses: Addresses) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=addresses.kafka)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1, topic_configs={"flush.messages": "1"})])
    await admin.close()


async def send(addresses: Addresses, word: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=addresses.kafka, acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait("kept", word.encode())


async def messages(addresses: Addresses, count: int) -> list[str]:
    consumer = AIOKafkaConsumer("kept", bootstrap_servers=addresses.kafka, auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(20):
        return [(await consumer.getone()).value.decode() for _ in range(count)]


def test_all_three_answer(parts: Parts, addresses: Addresses) -> None:
    assert parts.died() == []
    assert Redis.from_url(addresses.redis).ping()
    with psycopg.connect(addresses.database) as connection:
        settings = connection.execute(
            "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit') ORDER BY name"
        ).fetchall()
        letters = connection.execute("SELECT lower('ÄÖÅ')").fetchone()
    assert settings == [("fsync", "on"), ("synchronous_commit", "on")]
    assert letters == ("äöå",)


def test_the_terminals_ctrl_c_does_not_reach_the_servers(parts: Parts) -> None:
    for name in parts.running():
        pid = parts.pid(name)
        assert pid is not None
        assert os.getsid(pid) != os.getsid(0)


async def test_a_later_start_finds_what_was_kept_at_the_same_addresses_and_repairs_a_damaged_jar(
    own_parts: Begin, home: Path
) -> None:
    first = own_parts()
    write_row(first.addresses, "row")
    await make_topic(first.addresses)
    await send(first.addresses, "message")
    first.stop()
    assert still_running(home) == []
    jar = max((home / "jars").iterdir(), key=lambda path: path.stat().st_size)
    os.truncate(jar, 1000)
    said: list[str] = []
    second = own_parts(say=said.append)
    assert any(f"{jar.name} is damaged" in sentence for sentence in said)
    assert second.addresses == first.addresses
    assert rows(second.addresses) == ["row"]
    assert await messages(second.addresses, 1) == ["message"]


async def test_what_was_acknowledged_outlives_a_kill_of_each_server(own_parts: Begin) -> None:
    parts = own_parts()
    write_row(parts.addresses, "before")
    await make_topic(parts.addresses)
    await send(parts.addresses, "before")
    for name in ("kafka", "postgres", "valkey"):
        parts.kill(name)
        assert parts.died() == [name]
        parts.restart(name)
        assert parts.died() == []
    write_row(parts.addresses, "later")
    await send(parts.addresses, "later")
    assert rows(parts.addresses) == ["before", "later"]
    assert await messages(parts.addresses, 2) == ["before", "later"]
    assert Redis.from_url(parts.addresses.redis).dbsize() == 0


def test_a_kill_in_the_middle_of_a_long_query_leaves_no_backend_in_the_way(own_parts: Begin) -> None:
    parts = own_parts(kafka="127.0.0.1:1", redis="redis://nowhere")
    connection = psycopg.connect(parts.addresses.database)
    busy = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert busy is not None
    connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1e12::bigint)")
    parts.kill("postgres")
    parts.restart("postgres")
    assert not psutil.pid_exists(busy[0])
    connection.close()


def test_no_server_outlives_its_killed_owner(home: Path) -> None:
    process = owner(home)
    pids = pids_when_ready(process)
    assert len(pids) == 3
    process.kill()
    process.communicate()
    assert gone_within(home, 8)


def test_what_the_guard_could_not_end_the_next_start_ends(own_parts: Begin, home: Path) -> None:
    process = owner(home)
    pids = pids_when_ready(process)
    for child in psutil.Process(process.pid).children():
        if child.pid not in pids:
            child.kill()
    process.kill()
    process.communicate()
    assert len({child.pid for child in still_running(home)} & set(pids)) == 3
    said: list[str] = []
    parts = own_parts(say=said.append)
    assert sum("left behind" in sentence for sentence in said) == 3
    assert sorted(parts.running()) == ["kafka", "postgres", "valkey"]
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_ctrl_c_while_starting_leaves_nothing(home: Path) -> None:
    process = owner(home)
    for line in process.stdout or ():
        if "formatting" in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode not in {0, None}
    assert still_running(home) == []


def test_a_second_start_on_the_same_folder_is_refused(own_parts: Begin, home: Path) -> None:
    first = own_parts(**ELSEWHERE)
    with pytest.raises(InUse, match=f"process {os.getpid()}.*already runs on {home}"):
        own_parts(**ELSEWHERE)
    assert first.running() == ["valkey"]
    first.stop()
    own_parts(**ELSEWHERE)


def test_two_homes_never_meet(own_parts: Begin, tmp_path: Path) -> None:
    one = own_parts(tmp_path / "one", **ELSEWHERE)
    two = own_parts(tmp_path / "two", **ELSEWHERE)
    Redis.from_url(one.addresses.redis).set("mine", 1)
    assert Redis.from_url(two.addresses.redis).get("mine") is None


def test_a_taken_port_is_replaced_by_a_free_one(own_parts: Begin, tmp_path: Path) -> None:
    one = own_parts(tmp_path / "one", **ELSEWHERE)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "ports.json").write_text((tmp_path / "one" / "ports.json").read_text())
    two = own_parts(tmp_path / "two", **ELSEWHERE)
    assert one.addresses.redis != two.addresses.redis


def test_a_deep_and_strangely_named_folder_works(own_parts: Begin, tmp_path: Path) -> None:
    deep = tmp_path / 'kotihakemisto ä ö, "x" %41:' / ("syvä" * 20)
    deep.parent.mkdir()
    parts = own_parts(deep, kafka="127.0.0.1:1")
    write_row(parts.addresses, "deep")
    assert rows(parts.addresses) == ["deep"]
    sockets = socket_folder(deep / "postgres")
    assert not sockets.is_relative_to(deep)
    parts.stop()
    assert not sockets.exists()


async def test_the_broker_works_in_a_strangely_named_folder(own_parts: Begin, tmp_path: Path) -> None:
    parts = own_parts(tmp_path / "ä ö:\\n %41", database="postgresql://nowhere", redis="redis://nowhere")
    await make_topic(parts.addresses)
    await send(parts.addresses, "deep")
    assert await messages(parts.addresses, 1) == ["deep"]


def test_without_network_the_first_start_says_so_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    out, err = owner(home, **nowhere).communicate(timeout=60)
    assert "SORRY" in err
    assert "the first start needs a network" in err
    assert "VINKKI_KAFKA_JARS" in err
    assert "Traceback" not in err
    assert "READY" not in out
    assert still_running(home) == []


def test_a_folder_that_cannot_be_written_is_named(own_parts: Begin, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match=f"{tmp_path / 'file'}.* cannot be written"):
        own_parts(tmp_path / "file" / "home", **ELSEWHERE)


def test_a_server_that_ends_while_starting_is_quoted_and_nothing_is_left(own_parts: Begin, home: Path) -> None:
    own_parts(kafka="127.0.0.1:1", redis="redis://nowhere").stop()
    (home / "postgres" / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(CannotStart, match=r"PostgreSQL ended while starting: .*FATAL.*postgres\.log"):
        own_parts(kafka="127.0.0.1:1")
    assert still_running(home) == []


def test_with_all_addresses_given_nothing_is_started_nor_written(own_parts: Begin, home: Path) -> None:
    parts = own_parts(**ELSEWHERE, redis="redis://nowhere")
    assert parts.running() == []
    assert parts.addresses.redis == "redis://nowhere"
    assert not home.exists()


def test_residents_events_are_no_other_users_to_read(own_parts: Begin, home: Path) -> None:
    own_parts(kafka="127.0.0.1:1")
    for name in ("postgres", "valkey"):
        assert (home / name).stat().st_mode & 0o077 == 0
