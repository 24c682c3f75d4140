"""Whatever a worker is doing and wherever it is cut off, the repetition ends where an uninterrupted run does."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from itertools import product
from typing import Any

import pytest

from engine.errors import StoreUnavailable
from engine.intake import Intake
from tests.integration.forgetting import House
from tests.integration.scene import ROLES, Scene
from tests.integration.scissors import ENDS, Killed, Scissors

pytestmark = pytest.mark.integration
Work = Callable[[Scene, Intake], Coroutine[Any, Any, object]]


@pytest.fixture(scope="module")
def house(addresses) -> Iterator[House]:
    opened = House(addresses)
    yield opened
    opened.close()


def interactions(scene: Scene, worker: Intake) -> Coroutine[Any, Any, object]:
    return worker.interactions(scene.batches, scene.at(20))


def withdrawals(scene: Scene, worker: Intake) -> Coroutine[Any, Any, object]:
    return worker.consents_changed(scene.nudges, scene.at(20))


def sweep(scene: Scene, worker: Intake) -> Coroutine[Any, Any, object]:
    return worker.sweep(scene.at(20))


def offers(scene: Scene, worker: Intake) -> Coroutine[Any, Any, object]:
    return worker.offers(scene.changes, scene.at(20))


def impressions(scene: Scene, worker: Intake) -> Coroutine[Any, Any, object]:
    return worker.impressions(scene.shown)


async def refill(scene: Scene, worker: Intake) -> None:
    if not scene.emptied:
        scene.emptied = True
        await scene.house.stores.online._redis.flushdb()
    await worker.refill(scene.at(20))


async def played(house: House, work: Work, at: int | None = None, error: type[Exception] = Killed) -> tuple[Scene, Any]:
    """Set the scene, do the work, and where it was cut off do it again; return what is then held, and what was cut."""
    scene, scissors = Scene(house), Scissors(at, error)
    await scene.set()
    worker = scene.worker(scissors)
    try:
        await work(scene, worker)
    except (Killed, StoreUnavailable):
        if error is Killed:
            worker = scene.worker(Scissors(None, error))
        await work(scene, worker)
    return scene, scissors


@pytest.mark.parametrize(
    ("work", "error"),
    # What a worker remembers of offers matters to these two alone.
    [*product([interactions, offers], ENDS), *product([withdrawals, sweep, impressions, refill], [Killed])],
)
def test_wherever_it_is_cut_off_the_repetition_makes_it_whole(house, work, error):
    scene, whole = house.run(played(house, work))
    expected = house.run(scene.state())
    assert whole.calls
    for at in range(1, len(whole.calls) + 1):
        scene, scissors = house.run(played(house, work, at, error))
        assert scissors.calls[:at] == whole.calls[:at]
        assert house.run(scene.state()) == expected, f"cut off after {at}. {whole.calls[at - 1]}"


def test_work_changes_what_it_should(house):
    # What the test above compares would otherwise prove nothing.
    async def nothing(_scene: Scene, _worker: Intake) -> None:
        """Leave the scene as it is."""

    def held(work: Work) -> Any:
        return house.run(house.run(played(house, work))[0].state())

    before = held(nothing)
    after = {work: held(work) for work in (interactions, withdrawals, sweep, offers, impressions)}
    assert all(state != before for state in after.values())
    for role in ("keen", "evicted", "unknown", "new", "again"):
        assert len(after[interactions][role]["journal"]) > len(before[role]["journal"])
    for role in ("silent", "gone"):
        assert after[interactions][role]["journal"] == before[role]["journal"]
    assert before["unheard"]["journal"]
    assert after[withdrawals]["unheard"] == after[sweep]["unheard"] != before["unheard"]
    assert after[sweep]["unheard"]["journal"] == []


@pytest.mark.parametrize("error", ENDS)
def test_who_withdraws_while_a_worker_is_cut_off_leaves_nothing_behind(house, error):
    async def withdrawn(at: int) -> bool:
        scene, scissors = Scene(house), Scissors(at, error)
        await scene.set()
        worker = scene.worker(scissors)
        try:
            await worker.interactions(scene.batches, scene.at(20))
        except (Killed, StoreUnavailable):
            await scene.all_withdraw(25)
            again = scene.worker(Scissors(None, error)) if error is Killed else worker
            await again.interactions(scene.batches, scene.at(30))
            await again.sweep(scene.at(60))
            left = await scene.state()
            for role in ROLES:
                assert left[role]["journal"] == left[role]["ids"] == [], (role, at, scissors.calls[at - 1])
                assert left[role]["taste"] == {}, (role, at, scissors.calls[at - 1])
        return scissors.cut

    at = 1
    while house.run(withdrawn(at)):
        at += 1
    assert at > 5


def test_a_redis_that_is_filled_only_in_part_does_not_count_as_filled(house):
    async def half(at: int) -> bool:
        scene = Scene(house)
        await scene.set()
        scissors = Scissors(at, Killed)
        with suppress(Killed):
            await refill(scene, scene.worker(scissors))
        assert scissors.cut
        return await house.stores.online.filled()

    at = 1
    while not house.run(half(at)):
        at += 1
    _, whole = house.run(played(house, refill))
    assert whole.calls[at - 1] == "end_filling"
