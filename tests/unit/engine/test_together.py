import asyncio

import pytest

from engine.errors import StoreUnavailable, VinkkiError
from engine.records.together import Together


class Store:
    """Writes when it is let; what came in which call is in `calls`."""

    def __init__(self, error=None):
        self.error, self.calls, self.free = error, [], asyncio.Event()

    async def commit(self, ones):
        self.calls.append(list(ones))
        await self.free.wait()
        if self.error is not None:
            raise self.error
        return len(ones)


async def begun(together, *ones):
    tasks = [asyncio.create_task(together.write(one)) for one in ones]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_what_comes_during_a_call_goes_into_the_next_one_together():
    store = Store()
    together = Together(store.commit, "lost")
    first = await begun(together, 1)
    later = await begun(together, 2, 3)
    store.free.set()
    assert await asyncio.gather(*first, *later) == [1, 2, 2]
    assert store.calls == [[1], [2, 3]]


async def test_a_failure_reaches_each_whose_call_it_was_and_nobody_else():
    store = Store(StoreUnavailable())
    together = Together(store.commit, "lost")
    first = await begun(together, 1)
    later = await begun(together, 2)
    store.free.set()
    for task in (*first, *later):
        with pytest.raises(StoreUnavailable):
            await task
    store.error = None
    assert await together.write(4) == 1


async def test_who_asked_may_go_and_the_others_are_answered():
    store = Store()
    together = Together(store.commit, "lost")
    await begun(together, 1)
    gone, stays = await begun(together, 2, 3)
    gone.cancel()
    store.free.set()
    assert await stays == 2


async def test_what_broke_off_for_an_unknown_reason_says_that_it_is_lost():
    store = Store(RuntimeError("a secret"))
    together = Together(store.commit, "It was lost.")
    store.free.set()
    with pytest.raises(VinkkiError, match=r"^It was lost\.$"):
        await together.write(1)
    with pytest.raises(RuntimeError):
        await together._writing
