"""What added to the scores of an answer's offers, by what it is called: one loop for all of them.

`reasons` packs what is to be said of each (`engine.sayings`), so that Python only looks words up.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.columns import NEVER, Trait
from engine.compilation import compiled

MOST = 6
"""How many of the largest are told of an offer: three are said, but not what has no name for people."""
ABOUT_BITS, SLOT_BITS = 28, 30
"""A packed reason is, from the highest bits on: the number of its code, what it is about, a slot of the vocabulary."""
ANY_DAY = (1 << ABOUT_BITS) - 1
"""What a date and place are about where there is no date to tell."""

_ENOUGH = 0.2
"""What added less than this share of what added most moved little, and is not said."""
_Whole = int | np.int64
_ANY_DAY_BIT = np.uint32(1 << Trait.ANY_DAY)


class Entries(NamedTuple):
    """The features that were weighed: slot, number of what it is called, and what it adds. Shape (entries,), all.

    The number is -1 where it is not called anything.
    """

    slots: NDArray[np.int32]
    codes: NDArray[np.int64]
    adds: NDArray[np.float32]


class Offers(NamedTuple):
    """What is read of the offers shown: `engine.ranking.Ranked` and `engine.columns.Columns`."""

    rows: NDArray[np.uint32]
    waits: NDArray[np.int32]
    metres: NDArray[np.float64]
    slots: NDArray[Any]
    norm: NDArray[np.float32]
    popularity: NDArray[np.float32]
    visitors: NDArray[np.int32]


class Shown(NamedTuple):
    """What an answer shows (`engine.ranking.Ranked`), at what minute, and the point that was asked for, if any was."""

    rows: NDArray[np.uint32]
    starts: NDArray[np.int32]
    now: int
    x: float
    y: float
    near: bool


class Leaned(NamedTuple):
    """What an answer leans to: slots and what they add, those of several leanings after each other.

    `ends` is where each leaning's end; `numbers` gives for each leaning, by the number of a slot's family (`families`),
    the number of what such a feature is called, or -1. Shape (leanings,), (leanings, families + 1).
    """

    slots: NDArray[np.int32]
    adds: NDArray[np.float32]
    ends: NDArray[np.int64]
    numbers: NDArray[np.int64]
    families: NDArray[np.int8]


class Opinion(NamedTuple):
    """What a model added to the scores of an answer's offers; of no rows where none was asked.

    Attributes
    ----------
    moved
        What each part (`engine.ranker.Part`) added. Shape (offers, parts).
    named, bare
        What a part is called where the taste names what it is about, and where it does not; -1 for nothing. Shape
        (parts,).
    """

    moved: NDArray[np.float32]
    named: NDArray[np.int64]
    bare: NDArray[np.int64]


class Facts(NamedTuple):
    """What reasons read of offers: `engine.columns.Columns`."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    slots: NDArray[Any]
    norm: NDArray[np.float32]
    popularity: NDArray[np.float32]
    visitors: NDArray[np.int32]
    seats: NDArray[np.int32]
    opens: NDArray[np.int32]
    closes: NDArray[np.int32]
    traits: NDArray[np.uint32]
    place: NDArray[np.int32]
    area: NDArray[np.int32]


class Scales(NamedTuple):
    """How much circumstances add at their most, and as far as which people would call them a reason.

    Distances in metres, waits in minutes; `free` adds the same to all. `codes` is how many numbers there are, and the
    others with `_code` are those of circumstances.
    """

    codes: int
    near_code: int
    popular_code: int
    soon_code: int
    free_code: int
    near: float
    near_metres: float
    popular: float
    popular_from: float
    visitors_from: int
    soon: float
    soon_minutes: int
    free: float


class Plain(NamedTuple):
    """The numbers of the reasons that are facts, and as far as they are worth telling: seats, and minutes."""

    seats_code: int
    closing_code: int
    opened_code: int
    when_code: int
    seats: int
    closing_minutes: int
    opened_minutes: int


@compiled
def reasons(  # noqa: PLR0913 - a kernel takes arrays
    shown: Shown, facts: Facts, leaned: Leaned, opinion: Opinion, scales: Scales, plain: Plain
) -> NDArray[np.int64]:
    """Return what can be said of each offer, packed: a fact or -1, its date and place, then what added most.

    Shape (offers, 2 + `MOST`); -1 from where there is no more.
    """
    codes, first = np.empty(len(leaned.slots), np.int64), 0
    for leaning in range(len(leaned.ends)):
        for n in range(first, leaned.ends[leaning]):
            codes[n] = leaned.numbers[leaning, leaned.families[leaned.slots[n]]]
        first = leaned.ends[leaning]
    entries = Entries(leaned.slots, codes, leaned.adds)
    metres = np.full(len(shown.rows), np.inf)
    for n in range(len(shown.rows) if shown.near else 0):
        row = shown.rows[n]
        metres[n] = np.hypot(facts.x[row] - shown.x, facts.y[row] - shown.y)
    waits = (shown.starts - shown.now).astype(np.int32)
    offers = Offers(shown.rows, waits, metres, facts.slots, facts.norm, facts.popularity, facts.visitors)
    numbers, slots = contributions(offers, entries, opinion, scales)
    told = np.full((len(numbers), 2 + MOST), -1)
    for n in range(len(numbers)):
        row, start = shown.rows[n], np.int64(shown.starts[n])
        told[n, 0] = fact_of(facts, plain, row, shown.now)
        any_day = (facts.traits[row] & _ANY_DAY_BIT) != 0 and start <= shown.now
        told[n, 1] = pack(plain.when_code, ANY_DAY if any_day else start, facts.place[row])
        for m in range(min(MOST, scales.codes)):
            number = numbers[n, m]
            if number < 0:
                break
            about, slot = np.int64(0), slots[n, m]
            if number == scales.near_code:
                about = np.int64(round(metres[n]))
            elif number == scales.popular_code:
                slot = np.int64(facts.area[row])
            elif number == scales.soon_code:
                about = start
            told[n, 2 + m] = pack(number, about, slot)
    return told


@compiled
def fact_of(facts: Facts, plain: Plain, row: int, now: int) -> _Whole:
    """Return the fact most worth telling of an offer, packed, or -1."""
    seats, closes, opens = np.int64(facts.seats[row]), np.int64(facts.closes[row]), np.int64(facts.opens[row])
    if 1 <= seats <= plain.seats:
        return pack(plain.seats_code, seats, 0)
    if closes < NEVER and closes - now <= plain.closing_minutes:
        return pack(plain.closing_code, closes, 0)
    if 0 <= now - opens <= plain.opened_minutes:
        return pack(plain.opened_code, opens, 0)
    return -1


@compiled
def pack(number: _Whole, about: _Whole, slot: _Whole) -> _Whole:
    """Return a reason as one number (`engine.sayings`)."""
    return (np.int64(number) << ABOUT_BITS | np.int64(about)) << SLOT_BITS | np.int64(slot)


@compiled
def contributions(
    offers: Offers, entries: Entries, opinion: Opinion, scales: Scales
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each offer the numbers of what added most, the largest first, and the slots that added most of it.

    Shape (offers, codes), both; -1 from where there is no more, and slot 0 where it is no feature.
    """
    shape = (len(offers.rows), scales.codes)
    numbers, slots = np.full(shape, -1), np.zeros(shape, np.int64)
    for n in range(len(offers.rows)):
        adds, most = by_features(entries, scales.codes, offers.slots[offers.rows[n]], offers.norm[offers.rows[n]])
        add_circumstances(adds, offers, n, scales)
        if n < len(opinion.moved):
            add_opinion(adds, opinion, n)
        found = largest(adds)
        numbers[n, : len(found)] = found
        slots[n, : len(found)] = most[found]
    return numbers, slots


@compiled
def by_features(
    entries: Entries, codes: int, slots: NDArray[Any], norm: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return what an offer's features add, by number, and the slot that adds most of it; the first of equal ones."""
    adds, most, of = np.zeros(codes), np.zeros(codes), np.zeros(codes, np.int64)
    for slot in slots:
        if slot == 0:
            break
        for n in range(len(entries.slots)):
            if entries.slots[n] == slot and entries.codes[n] >= 0:
                code, gain = entries.codes[n], np.float64(entries.adds[n])
                adds[code] += gain * norm
                if gain > most[code]:
                    most[code], of[code] = gain, slot
    return adds, of


@compiled
def add_circumstances(adds: NDArray[np.float64], offers: Offers, n: int, scales: Scales) -> None:
    """Put in what else added to the score of an offer."""
    row, wait, metres = offers.rows[n], offers.waits[n], offers.metres[n]
    if metres <= scales.near_metres:
        adds[scales.near_code] = scales.near / (1 + (metres / 2_000) ** 2)
    if offers.popularity[row] >= scales.popular_from and offers.visitors[row] >= scales.visitors_from:
        adds[scales.popular_code] = scales.popular * offers.popularity[row]
    if 0 <= wait <= scales.soon_minutes:
        adds[scales.soon_code] = scales.soon / (1 + wait / (7 * 24 * 60))
    adds[scales.free_code] = scales.free


@compiled
def add_opinion(adds: NDArray[np.float64], opinion: Opinion, n: int) -> None:
    """Put in what a model added to the score of an offer.

    What it made of a topic, a place or the like is said where the resident's own taste names it: to claim an interest
    of theirs takes more than that an offer is at a place that draws many. What is common knowledge (popular, soon) is
    made more or less of, but no reason where it was none.
    """
    for part in range(len(opinion.named)):
        named, bare = opinion.named[part], opinion.bare[part]
        if named >= 0 and adds[named] > 0:
            adds[named] += opinion.moved[n, part]
        elif bare >= 0:
            adds[bare] += opinion.moved[n, part]


@compiled
def largest(adds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the numbers of what added most, the largest first, without what moved little or away."""
    found, n, left = np.empty(len(adds), np.int64), 0, adds.copy()
    enough = _ENOUGH * adds.max()
    while n < len(adds):
        number = np.argmax(left)
        if left[number] <= 0 or left[number] < enough:
            break
        found[n], left[number] = number, -np.inf
        n += 1
    return found[:n]
