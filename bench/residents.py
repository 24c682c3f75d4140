"""`redis_per_resident`: what the state of an active resident takes in Redis."""

import statistics
from collections.abc import Sequence

from redis.asyncio import Redis

from bench.figures import Figure, Promise
from bench.ground import ACTIVE, Ground

MEMORY = Promise(name="redis_per_resident", unit="B", bound=1_300, better="lower")
_COPIES = "1"


async def measure(ground: Ground) -> list[Figure]:
    """Add up what Redis says of all keys of each of some active residents, tables of the server itself left out."""
    people = await ground.active(max(ground.size.residents // 5, 20))
    settings = await ground.settings()
    async with Redis.from_url(settings.redis or "") as redis:
        keys = [[f"{kind}:{person.pseudonym}" for kind in "cti"] for person in people]
        sizes = [await _sizes(redis, its) for its in keys]
        grown = await _grown(redis, [key for its in keys for key in its]) / len(people)
    each = ", ".join(f"{name} {statistics.fmean(column):.0f} B" for name, column in _columns(sizes))
    ground.say(f"redis_per_resident: {each}; used_memory grows by {grown:.0f} B")
    reference = f"{ACTIVE}: {each}; used_memory grows by {grown:.0f} B a resident"
    # A mean, since that is what a city's memory is: the value of one run over all of them.
    runs = [statistics.fmean(map(sum, sizes[n :: ground.size.rounds])) for n in range(ground.size.rounds)]
    return [MEMORY.measured(runs, reference)]


async def _sizes(redis: Redis, keys: Sequence[str]) -> list[int]:
    return [int(await redis.memory_usage(key, samples=0) or 0) for key in keys]


def _columns(sizes: Sequence[Sequence[int]]) -> list[tuple[str, tuple[int, ...]]]:
    return list(zip(("consents", "taste", "interests"), zip(*sizes, strict=True), strict=True))


async def _grown(redis: Redis, keys: Sequence[str]) -> int:
    """Return by how much the server grows when the keys are copied to an empty database of it."""
    before = int((await redis.info("memory"))["used_memory"])
    for key in keys:
        await redis.copy(key, key, destination_db=_COPIES)
    return int((await redis.info("memory"))["used_memory"]) - before
