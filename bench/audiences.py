"""`audience_count_ratio`, `audience_count` and `audience_memory`: an index of a city, in a process of its own.

Residents, what they told and what they allow are made up; they go into the index one by one, as the feed puts them.
"""

import asyncio
import gc
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
import psutil
from numpy.typing import NDArray

from bench.figures import Figure, Promise
from bench.ground import Ground
from campaigns.audience import All, Interest, Needs, PrefersKind, Speaks
from campaigns.caps import week
from campaigns.counting import Counting
from campaigns.evaluation import Evaluation
from campaigns.facts import Facts, addressed, capped
from campaigns.index import Index
from engine.counts import Counts
from engine.marketing import CHANNELS, identifiers
from engine.offers import Access, Kind

RATIO = Promise(name="audience_count_ratio", unit="ratio", bound=10, better="lower")
COUNT = Promise(name="audience_count", unit="ms", bound=5, better="lower")
MEMORY = Promise(name="audience_memory", unit="MB", bound=300, better="lower")
PREDICATES = 300
_REPEATS = 200
_FIRST = ("fi", "sv", "en", "other", "unknown")
_TREE = All(
    of=(
        Speaks(language="fi"),
        Interest(keyword="k0"),
        PrefersKind(kind=Kind.COURSE),
        Needs(need=Access.QUIET),
        Interest(keyword="k1"),
    )
)
_ASKED = ("language:fi", "interest:k0", "kind:course", "access:quiet", "interest:k1")


class Measured(NamedTuple):
    """What came of one index: microseconds of both ways and of a whole answer, and its memory in MB."""

    ours: list[float]
    theirs: list[float]
    whole: list[float]
    megabytes: float
    marks: int
    found: int


async def measure(ground: Ground) -> Sequence[Figure]:
    """Fill an index in a process of its own, and count with it."""
    people, rounds = ground.size.indexed, ground.size.rounds
    ground.say(f"audiences: {people:,} residents x {PREDICATES} predicates go into an index")
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        its = await asyncio.get_running_loop().run_in_executor(pool, _measured, people, rounds)
    ours, theirs, whole = (statistics.median(runs) for runs in (its.ours, its.theirs, its.whole))
    ground.say(f"audiences: {ours:.0f} us against {theirs:.0f} us, {whole:.2f} ms whole, {its.megabytes:.0f} MB")
    return [
        RATIO.measured(
            [a / b for a, b in zip(its.ours, its.theirs, strict=True)],
            f"bitwise_and of 5 packed rows of {people:,} bits and bitwise_count in numpy: {theirs:.1f} us; "
            f"the tree over bitmaps, and dead numbers left out: {ours:.1f} us; {its.found:,} residents either way",
        ),
        COUNT.measured(
            its.whole,
            f"the same audience of {people:,}, by {len(CHANNELS)} channels, 5 languages and 5 reasons to drop out",
        ),
        MEMORY.measured(
            [its.megabytes],
            f"resident memory that {people:,} residents x {PREDICATES} predicates add, {its.marks / people:.1f} "
            "of them hold of each; pseudonyms both ways included; nothing that they did",
        ),
    ]


def _measured(people: int, rounds: int) -> Measured:
    shares = _shares()
    gc.collect()
    before = _megabytes()
    index, marks = _filled(people, shares)
    gc.collect()
    megabytes = _megabytes() - before
    now = datetime.now(UTC)
    rows = [_packed(index, mark) for mark in _ASKED]
    evaluation = Evaluation(index, now)
    found = len(evaluation.members(_TREE))
    if found != _and(rows):
        raise RuntimeError("Both ways should count the same residents.")
    ours, theirs = list[float](), list[float]()
    for _ in range(rounds):
        ours.append(_microseconds(lambda: len(evaluation.members(_TREE))))
        theirs.append(_microseconds(lambda: _and(rows)))
    return Measured(ours, theirs, asyncio.run(_whole(index, now, rounds)), megabytes, marks, found)


def _shares() -> dict[str, float]:
    """Return predicates, and of which share of the residents they hold: a few of many, most of few."""
    marketing = {purpose: 0.3 for purpose, _, _ in identifiers()}
    monday = week(datetime.now(UTC))
    reached = {addressed(channel): 0.6 for channel in CHANNELS} | {capped(c, monday): 0.1 for c in CHANNELS}
    common = dict.fromkeys(_ASKED, 0.5)
    born = {f"born:{year}": 0.01 for year in range(1930, 2010)}
    known = {**marketing, **reached, **common, **born, **{f"first:{code}": 0.2 for code in _FIRST}}
    rest = PREDICATES - len(known)
    return known | {f"interest:k{n + 2}": 0.2 / (1 + n / 10) for n in range(rest)}


def _filled(people: int, shares: dict[str, float]) -> tuple[Index, int]:
    index, marks = Index(), 0
    for facts in _crowd(people, shares):
        index.put(facts)
        marks += len(facts.marks)
    return index, marks


def _crowd(people: int, shares: dict[str, float], at_once: int = 10_000) -> Iterator[Facts]:
    rng, names = np.random.default_rng(1), np.array(list(shares))
    chances = np.array(list(shares.values()))
    for first in range(0, people, at_once):
        drawn = rng.random((min(at_once, people - first), len(names))) < chances
        for row in drawn:
            yield Facts(resident=secrets.token_urlsafe(16), marks=frozenset(names[row].tolist()))


def _packed(index: Index, mark: str) -> NDArray[np.uint64]:
    bits = np.zeros(-(-len(index) // 64) * 64, np.bool_)
    bits[np.frombuffer(index.marked(mark).to_array(), np.uint32)] = True
    return np.packbits(bits).view(np.uint64)


def _and(rows: Sequence[NDArray[np.uint64]]) -> int:
    found = rows[0] & rows[1]
    for row in rows[2:]:
        np.bitwise_and(found, row, out=found)
    return int(np.bitwise_count(found).sum())


def _microseconds(call: Callable[[], int]) -> float:
    began = time.perf_counter()
    for _ in range(_REPEATS):
        call()
    return (time.perf_counter() - began) / _REPEATS * 1e6


@dataclass(frozen=True)
class _Here:
    """What holds an index that stays as it is."""

    index: Index


async def _whole(index: Index, now: datetime, rounds: int) -> list[float]:
    """Return the milliseconds of a whole counting in each round."""
    counting, runs = Counting(_Here(index), Counts(b"a secret")), list[float]()
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(_REPEATS // 10):
            await counting.count(_TREE, "library", CHANNELS, now)
        runs.append((time.perf_counter() - began) / (_REPEATS // 10) * 1e3)
    return runs


def _megabytes() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6
