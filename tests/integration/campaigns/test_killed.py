"""A run over real Kafka, PostgreSQL, Redis and a mail server, while its worker is killed and started again."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.dispatch import HANDFUL
from stream import topics
from tests.integration.campaigns.town import Town, town
from tests.smtp_server import SmtpServer, serving

ROOT = Path(__file__).parents[3]
MAIL = "marketing_library_email"
NUMBER = 600


class Slow(SmtpServer):
    """Takes its time, so that a worker can be killed in the middle."""

    async def _say(self, writer, answer):
        if (answer or b"").startswith(b"250 2.0.0"):
            await asyncio.sleep(0.002)
        return await super()._say(writer, answer)


@pytest.fixture
async def server():
    async with serving(Slow()) as its:
        yield its


@pytest.fixture
async def place(own_parts, server):
    addresses = own_parts().addresses  # a broker of its own: another test's workers would read along
    async with town(addresses, mail=f"smtp://127.0.0.1:{server.port}", mail_timeout_seconds=5.0) as its:
        await topics.create(addresses.kafka, 4)
        yield its


@contextmanager
def worker(place: Town, log: Path):
    given = place.settings.model_dump(mode="json", include={
        "kafka", "database", "redis", "mail", "mail_timeout_seconds", "quiet_from", "quiet_until"
    })  # fmt: skip
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.campaigns.worker"],
            stdin=subprocess.PIPE, stdout=out, stderr=out, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    process.stdin.write(json.dumps({"settings": given, "members": place.members.residents}).encode())
    process.stdin.close()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def until(what, seconds: float = 90.0) -> None:
    async with asyncio.timeout(seconds):
        while not await what():  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.02)


async def test_whatever_is_killed_nobody_gets_it_twice_and_all_but_the_unknown_get_it_once(
    place: Town, server, tmp_path
):
    who = await place.enrol(NUMBER, MAIL)
    plan = place.plan(planned=datetime.now(UTC))
    await place.sending().runs.begin(plan)
    log = tmp_path / "worker.log"
    for after in (100, 300):
        with worker(place, log):

            async def enough(after=after):
                return len(server.accepted) >= after

            await until(enough)
    with worker(place, log):
        over = "SELECT count(*) FROM deliveries WHERE state IN ('sent', 'failed')"

        async def done():
            return (await place.rows(over))[0][0] == NUMBER

        await until(done)
    ends = await place.ends()
    accepted = Counter(mail.to.partition("@")[0] for mail in server.accepted)
    unknown = {resident for resident, end in ends.items() if end == ("failed", "unknown")}
    assert set(accepted.values()) == {1}
    assert len({mail.id for mail in server.accepted}) == len(server.accepted)
    assert len(unknown) <= 2 * HANDFUL
    assert set(accepted) | unknown == set(who)
    assert {resident for resident, end in ends.items() if end == ("sent", None)} == set(who) - unknown
    people, _ = await place.sending().runs.tallies("run")
    assert people >= NUMBER


async def test_a_worker_that_is_asked_to_stop_leaves_nothing_unknown(place: Town, server, tmp_path):
    await place.enrol(200, MAIL)
    await place.sending().runs.begin(place.plan(planned=datetime.now(UTC)))
    log = tmp_path / "worker.log"
    with worker(place, log) as first:

        async def some():
            return len(server.accepted) >= 50

        await until(some)
        first.terminate()
        assert await asyncio.to_thread(first.wait, 20) == 0
    with worker(place, log):

        async def all_of_them():
            return len(server.accepted) >= 200

        await until(all_of_them)
    assert set(Counter(mail.id for mail in server.accepted).values()) == {1}
    assert ("failed", "unknown") not in (await place.ends()).values()


async def test_a_pause_is_in_force_within_two_seconds_over_kafka(place: Town, server, tmp_path):
    who = await place.enrol(400, MAIL)
    its = place.sending()
    await its.runs.begin(place.plan(planned=datetime.now(UTC)))
    with worker(place, tmp_path / "worker.log"):

        async def some():
            return len(server.accepted) >= 60

        await until(some)
        await its.runs.pause("c-run")
        await asyncio.sleep(2.0)
        at_two_seconds = len(server.accepted)
        await asyncio.sleep(2.0)
        assert len(server.accepted) == at_two_seconds < 400
        await its.runs.resume("c-run")

        async def all_of_them():
            return len(server.accepted) >= 400

        await until(all_of_them)
    assert Counter(mail.to.partition("@")[0] for mail in server.accepted) == dict.fromkeys(who, 1)
