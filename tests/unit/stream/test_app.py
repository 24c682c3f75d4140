"""A worker's app: what it reads and does again and again, and how it starts and ends."""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import mode
import pytest

from engine.errors import StoreUnavailable
from stream.agents import readers
from stream.app import Chore, create_app, run
from stream.topics import GROUP
from tests.factories import NOW
from tests.unit.stream.waiting import until

SOON = 0.02


class Server(mode.Service):
    """What `run` starts and stops, as a Faust app is one; it may crash, or never come to its end."""

    def __init__(self, *, endless: bool = False) -> None:
        self.steps: list[str] = []
        self.endless = endless
        super().__init__()

    def finalize(self) -> None:
        self.steps.append("finalize")

    async def on_start(self) -> None:
        self.steps.append("start")

    async def on_stop(self) -> None:
        self.steps.append("stop")
        if self.endless:
            await asyncio.Event().wait()


class Idle:
    """An intake that takes in nothing."""

    async def nothing(self, *_: Any) -> None:
        """Take it."""

    interactions = impressions = consents_changed = offers = nothing


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def app(*chores: Chore) -> Any:
    idle: Any = Idle()
    return create_app("a:1,b:2", 4, readers(idle, idle.nothing, lambda: NOW, 600.0), list(chores))


def test_every_topic_but_the_refused_has_an_agent_of_its_own():
    assert sorted(app().agents) == ["consents", "impressions", "interactions", "offers"]


def test_nothing_that_was_accepted_is_passed_over():
    conf = app().conf
    assert conf.id == GROUP
    assert conf.processing_guarantee.name == "AT_LEAST_ONCE"
    assert conf.consumer_auto_offset_reset == "earliest"


def test_every_broker_is_known_and_no_port_is_opened():
    conf = app().conf
    assert [str(url) for url in conf.broker] == ["kafka://a:1", "kafka://b:2"]
    assert conf.web_enabled is False


@pytest.mark.parametrize("failure", [StoreUnavailable(), ValueError("whatever")])
async def test_a_chore_that_fails_is_done_again_the_next_time_and_harms_no_other(failure):
    done: list[str] = []

    async def fail() -> None:
        done.append("fails")
        raise failure

    async def do() -> None:
        done.append("works")

    made = app(Chore("one", SOON, fail), Chore("two", SOON, do))
    timers = [asyncio.create_task(timer()) for timer in made._app_tasks]
    await until(lambda: min(done.count("fails"), done.count("works")) >= 2)
    for timer in timers:
        timer.cancel()


async def test_a_worker_works_until_it_is_asked_to_stop_and_finishes_what_it_has_begun():
    stopping, stops, server = asyncio.Event(), list[str](), Server()
    working = asyncio.create_task(run(server, stopping, stops.append))
    await until(lambda: "start" in server.steps)
    assert not working.done()
    stopping.set()
    await working
    assert server.steps == ["finalize", "start", "stop"]
    assert stops == []


async def test_a_worker_that_crashes_says_why_and_is_stopped_in_order():
    server = Server()
    working = asyncio.create_task(run(server, asyncio.Event(), pytest.fail))
    await until(lambda: server.started)
    await server.crash(ValueError("its reason"))
    with pytest.raises(ValueError, match="its reason"):
        await working
    assert server.steps[-1] == "stop"


async def test_what_cannot_be_finished_in_time_ends_loudly_instead_of_hanging():
    stopping, stops = asyncio.Event(), list[str]()
    stopping.set()
    await run(Server(endless=True), stopping, stops.append, SOON)
    assert stops == ["What it has begun cannot be finished: a part is away."]
