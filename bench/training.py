"""`training_ratio` and `training_memory`: learning factors of offers from a city's choices, against implicit alone.

Both are fitted to the same made-up choices, in a process of their own each, in turn; what counts is CPU time, since the
two share cores with whatever else there is. Ours begins with who chose what and ends with factors for known and new
offers: the matrix is built, rare offers are left out, and content is mapped to factors. The reference begins with a
finished matrix.
"""

import asyncio
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, random_array

from bench.figures import Figure, Promise
from bench.ground import Ground
from models.collaborative import FACTORS, ITERATIONS, Factors, bare
from models.content import DIMENSIONS, Content
from models.material import LEAST_CHOOSERS
from models.matrix import DAY, Interactions
from models.snapshot import among, ones

RATIO = Promise(name="training_ratio", unit="ratio", bound=1.3, better="lower")
MEMORY = Promise(name="training_memory", unit="GB", bound=3, better="lower")
CHOICES_EACH = 240 / 7
"""How often a resident chooses something in a year: 24 million choices of 700,000."""
_MOST_ROUNDS = 2
_AT_ONCE = 1_000_000
_WORDS = 2**14


class Cost(NamedTuple):
    """What a fit took: CPU seconds of all threads, seconds on the clock, and the most memory of its process in GB."""

    cpu: float
    clock: float
    memory: float


Fit = Callable[[int, int, int], Cost]
"""From how many people, offers and choices to what it costs."""


async def measure(ground: Ground) -> Sequence[Figure]:
    """Fit both in turn; say how far it is."""
    offers, choices = ground.size.offers, ground.size.choices
    people = max(1, round(choices / CHOICES_EACH))
    what = f"{people:,} x {offers:,} with {choices:,} choices"
    costs = list[tuple[Cost, Cost]]()
    for turn in range(1, min(ground.size.rounds, _MOST_ROUNDS) + 1):
        ground.say(f"training_ratio, round {turn}: implicit alone, {what}, {FACTORS} factors")
        theirs = await _apart(_bare, people, offers, choices)
        ground.say(f"training_ratio, round {turn}: {theirs.clock:.0f} s, {theirs.memory:.2f} GB; now ours")
        ours = await _apart(_ours, people, offers, choices)
        ground.say(f"training_ratio, round {turn}: {ours.clock:.0f} s, {ours.memory:.2f} GB")
        costs.append((ours, theirs))
    theirs = costs[-1][1]
    reference = (
        f"implicit on a finished matrix, {what}, {FACTORS} factors, {ITERATIONS} iterations: {theirs.cpu:.0f} CPU s, "
        f"{theirs.clock:.0f} s on the clock, {theirs.memory:.2f} GB; ours builds the matrix and maps content to factors"
    )
    held = f"{what}, held as arrays, with the matrix, the factors of people and those of offers; implicit alone: "
    return [
        RATIO.measured([ours.cpu / theirs.cpu for ours, theirs in costs], reference),
        MEMORY.measured([ours.memory for ours, _ in costs], f"{held}{theirs.memory:.2f} GB"),
    ]


async def _apart(fit: Fit, people: int, offers: int, choices: int) -> Cost:
    """Return what a fit costs in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, fit, people, offers, choices)


def made_up(people: int, offers: int, choices: int, seed: int = 1) -> Interactions:
    """Return who chose what in a year: a few offers are chosen much and most hardly, and so it is with residents."""
    rng = np.random.default_rng(seed)
    busy, liked = (_sums(rng.gamma(0.7, size=people)), _sums(1 / np.arange(3, offers + 3) ** 0.8))
    found = Interactions(
        np.empty(choices, np.int32), np.empty(choices, np.int32), np.empty(choices), np.ones(choices, np.float32)
    )
    for at in range(0, choices, _AT_ONCE):
        part = slice(at, min(at + _AT_ONCE, choices))
        n = part.stop - part.start
        found.people[part] = np.searchsorted(busy, rng.random(n))
        found.offers[part] = np.searchsorted(liked, rng.random(n))
        found.times[part] = rng.random(n) * 365 * DAY
    return found


def _sums(weights: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.cumsum(weights / weights.sum())


def _ours(people: int, offers: int, choices: int) -> Cost:
    told, rng = made_up(people, offers, choices), np.random.default_rng(2)
    texts = csr_array(random_array((offers, _WORDS), density=30 / _WORDS, rng=rng, dtype=np.float32))
    latent = rng.normal(0, 0.1, (offers, min(DIMENSIONS, offers))).astype(np.float32)
    content = Content(texts, latent)
    began = _now()
    histories = ones(told, (people, offers))
    learned = among(histories, np.bincount(histories.indices, minlength=offers) >= LEAST_CHOOSERS)
    del histories
    Factors.fit(learned, content)
    return _cost(*began)


def _bare(people: int, offers: int, choices: int) -> Cost:
    matrix = ones(made_up(people, offers, choices), (people, offers))
    began = _now()
    bare(matrix)
    return _cost(*began)


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _cost(cpu: float, clock: float) -> Cost:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return Cost(time.process_time() - cpu, time.perf_counter() - clock, most)
