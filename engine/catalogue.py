"""Every offer that may be suggested: columns to rank by, in memory, and cards to answer with.

Each API process holds one catalogue. A change costs a new row; what stood before is marked as gone, and now and then
the rows that are gone or over are dropped. A reader takes `live` once and reads nothing else, so it never sees half a
change.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.cards import Cards
from engine.columns import KIND_BITS, NEVER, Columns, Row, Trait, Vocabulary, aligned, encode_row, minute
from engine.offers import Offer, card, encode
from engine.panel import CURRENT, Contender, Panel
from engine.ranker import Ranker
from engine.taste import Key, key

T = TypeVar("T")
K_ANONYMITY = 10
"""Fewer different residents than this make nothing popular: what a small group does is not shown, not even by order."""

SOON_MINUTES = 7 * 24 * 60
ANY_DAY_MINUTES = 11 * 24 * 60
"""How far off what is there on any day is taken to be: after what is on this week, before what is next month."""
BLOCK = 256
"""Rows that a request skips together."""

_FIRST_ROWS = 256
_LOOSE_ROWS = 1_000
_LOOSE_SHARE = 0.25
_DRIFT_SHARE = 0.02
_REMEMBERED = 12
_TAIL_ROWS = 64
_TAIL_SHARE = 0.02
_NARROW_SLOTS = 1 << 16


@dataclass(frozen=True, slots=True)
class Postings:
    """For each slot the rows that have it: what a request leans to is few slots, and most rows have none of them.

    Attributes
    ----------
    starts
        Where each slot's rows begin among `rows`; ascending. Shape (slots + 1,).
    rows
        Rows of the catalogue, ascending for each slot.
    until
        The first row that is not in here yet.
    """

    starts: NDArray[np.int64]
    rows: NDArray[np.uint32]
    until: int

    @classmethod
    def build(cls, slots: NDArray[np.uint16] | NDArray[np.uint32], vocabulary: int) -> "Postings":
        """Turn the slots of each row into the rows of each slot. Shape (n, 20)."""
        order = np.argsort(slots, axis=None, kind="stable")
        starts = np.searchsorted(slots.ravel()[order], np.arange(vocabulary + 1))
        return cls(starts, (order // max(slots.shape[1], 1)).astype(np.uint32), len(slots))


@dataclass(frozen=True, slots=True)
class Live:
    """What may be suggested at one minute: the columns, and what of them depends on the time.

    Attributes
    ----------
    minute
        Now, in minutes since 1970.
    columns, dates, ids, cards
        Of all rows. A date is a start and an end in minutes; shape (dates, 2).
    postings
        Of all rows but the newest.
    keys, key_slots
        The hashes of all features' names, ascending, and their slots. Shape (slots,), as `idf` and `families`.
    idf
        Weight of each slot: of its family, times its inverse document frequency.
    families
        The number of each slot's family: its place in `engine.columns.FAMILY_WEIGHTS`, from 1; 0 for any other.
    slots
        How many slots the vocabulary has.
    rows
        Which rows are live, ascending.
    numbers
        The numbers of all rows. Shape (n,).
    next
        Start of the earliest date that is not over, `NEVER` for a row that is not live. Shape (n,).
    soon
        Soonness between 0 and 1: halved by each `SOON_MINUTES` until the next date. Shape (n,).
    blocks
        For each `BLOCK` rows: earliest `next`, latest `last`, whether any has several dates. Shape (n / `BLOCK`, 3).
    panel
        The models that `columns.number` and `columns.factors` are of.
    memory
        What readers have worked out, by what it was worked out from; gone with the next change and the next minute.
    """

    minute: int
    columns: Columns
    dates: NDArray[np.int32]
    ids: Sequence[str]
    cards: Cards
    postings: Postings
    keys: NDArray[np.uint64]
    key_slots: NDArray[np.int32]
    idf: NDArray[np.float32]
    families: NDArray[np.int8]
    slots: int
    rows: NDArray[np.intp]
    numbers: NDArray[np.uint32]
    next: NDArray[np.int32]
    soon: NDArray[np.float32]
    blocks: NDArray[np.int32]
    panel: Panel
    memory: dict[Hashable, Any] = field(default_factory=dict)
    mixes: dict[tuple[float, float], NDArray[np.float32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def ranker(self) -> Ranker | None:
        """The current model; None while there is none."""
        return self.panel.current

    def mix(self, popularity: float, soon: float) -> NDArray[np.float32]:
        """Return popularity and soonness added up by these weights: the same for everybody, so worked out once."""
        if (mixed := self.mixes.get((popularity, soon))) is None:
            mixed = self.columns.popularity[: len(self.next)] * np.float32(popularity) + self.soon * np.float32(soon)
            self.mixes[popularity, soon] = mixed
        return mixed

    def remembered(self, asked: Hashable, work: Callable[[], T]) -> T:
        """Return what `work` gives, worked out once for all who ask the same; the oldest answers make room."""
        found: T | None = self.memory.get(asked)
        if found is None:
            found = self.memory[asked] = work()
            if len(self.memory) > _REMEMBERED:
                del self.memory[next(iter(self.memory))]
        return found


class Catalogue:
    """The offers of this process. It is changed and read in one thread; a `Live` may be read in any."""

    def __init__(self) -> None:
        self.vocabulary = Vocabulary()
        self._panel = Panel()
        self._columns = Columns.empty(_FIRST_ROWS)
        self._dates = np.zeros((_FIRST_ROWS, 2), np.int32)
        self._dated = 0
        self._ids: list[str] = []
        self._cards = Cards()
        self._at: dict[Key, int] = {}
        self._idf = np.zeros(1, np.float32)
        self._keys, self._key_slots = self.vocabulary.index()
        self._ordered = self._weighted = self._drift = 0
        self._postings = Postings.build(self._columns.slots[:0], 1)
        self._live: Live | None = None

    def __len__(self) -> int:
        return len(self._at)

    def row(self, hashed: Key) -> int | None:
        """Return the row of the offer whose id has this hash (`engine.taste.key`)."""
        return self._at.get(hashed)

    def rows(self, hashed: Sequence[Key]) -> list[int]:
        """Return the rows of those of the offers that are here."""
        return [row for row in map(self._at.get, hashed) if row is not None]

    def apply(self, changes: Mapping[str, Offer | None]) -> None:
        """Put in new and changed offers, take out those that are None or that nobody can get into any more."""
        replaced = {id_: self._take_out(id_) for id_ in changes}
        first, dated = len(self._ids), self._dated
        rows, cards = list[Row](), list[bytes]()
        for id_, offer in changes.items():
            if offer is None or (row := encode_row(offer, self.vocabulary, dated)).until == 0:
                continue
            self._at[row.key] = first + len(rows)
            self._ids.append(id_)
            cards.append(encode(card(offer)))
            dated = row.dates_to
            rows.append(row)
        if rows:
            self._cards.extend(cards)
            self._write(first, rows)
            self._inherit(first, [replaced[id_] for id_ in self._ids[first:]])
        self._drift += len(changes)
        self._live = None

    def popularity(self, scores: Mapping[str, tuple[float, int]]) -> None:
        """Replace how popular offers are: by id, a score of any scale and how many different residents it is of."""
        self._columns.popularity[:], self._columns.visitors[:] = 0, 0
        highest = max((score for score, residents in scores.values() if residents >= K_ANONYMITY), default=0.0)
        for id_, (score, residents) in scores.items():
            if residents >= K_ANONYMITY and score > 0 and (row := self._at.get(key(id_))) is not None:
                self._columns.popularity[row] = math.log1p(score) / math.log1p(highest)
                self._columns.visitors[row] = residents

    def learn(self, ranker: Ranker | None, contender: Contender | None = None) -> None:
        """Have the offers looked at by another model, and by one on trial beside it; None for by none."""
        self._panel = Panel.of(ranker, contender)
        rows = len(self._columns.until)
        number = np.full((rows, len(self._panel.rankers)), -1, np.int32)
        factors = aligned((rows, self._panel.dimensions), np.float32)
        self._columns = replace(self._columns, number=number, factors=factors)
        self._know(0, len(self._ids))
        self._live = None

    def unknown(self, place: int = CURRENT) -> list[str]:
        """Return the ids of the offers that a model, by its place in the panel, does not know."""
        columns, rows = self._columns, len(self._ids)
        if place >= columns.number.shape[1]:
            return []
        unknown = (columns.number[:rows, place] < 0) & (columns.until[:rows] > 0)
        return [self._ids[row] for row in np.flatnonzero(unknown)]

    def live(self, now: datetime) -> Live:
        """Return what may be suggested at `now`; made anew once a minute and after a change."""
        if self._live is None or self._live.minute != minute(now):
            self._live = self._build(minute(now))
        return self._live

    def _build(self, now: int) -> Live:
        rows = np.flatnonzero(self._columns.until[: len(self._ids)] > now)
        if len(self._ids) - min(self._ordered, len(rows)) > max(_LOOSE_ROWS, _LOOSE_SHARE * len(rows)):
            rows = self._order(rows, self._next_starts(now)[rows])
        self._weigh()
        if len(self._keys) != len(self.vocabulary):
            self._keys, self._key_slots = self.vocabulary.index()
        if len(self._ids) - self._postings.until > max(_TAIL_ROWS, _TAIL_SHARE * len(self._ids)):
            self._postings = Postings.build(self._columns.slots[: len(self._ids)], len(self.vocabulary))
        next_starts = np.full(len(self._ids), NEVER, np.int32)
        next_starts[rows] = self._next_starts(now)[rows]
        wait = np.maximum(next_starts.astype(np.float32) - now, 0)
        wait[self._columns.traits[: len(wait)] >> Trait.ANY_DAY & 1 > 0] = ANY_DAY_MINUTES
        return Live(
            minute=now,
            columns=replace(self._columns),
            dates=self._dates,
            ids=self._ids,
            cards=self._cards,
            postings=self._postings,
            keys=self._keys,
            key_slots=self._key_slots,
            idf=self._idf,
            families=np.array(self.vocabulary.family_numbers, np.int8),
            slots=len(self.vocabulary),
            rows=rows,
            numbers=np.arange(len(self._ids), dtype=np.uint32),
            next=next_starts,
            soon=np.float32(SOON_MINUTES) / (np.float32(SOON_MINUTES) + wait),
            blocks=_blocks(self._columns.traits, next_starts, self._columns.last),
            panel=self._panel,
        )

    def _next_starts(self, now: int) -> NDArray[np.int32]:
        """Return, for every row, the start of its earliest date that is not over."""
        if not self._ids:
            return np.zeros(0, np.int32)
        starts, ends = self._dates[: self._dated].T
        ahead = np.where(ends > now, starts, NEVER).astype(np.int32)
        next_starts: NDArray[np.int32] = np.minimum.reduceat(ahead, self._columns.dates_from[: len(self._ids)])
        return next_starts

    def _take_out(self, id_: str) -> int | None:
        row = self._at.pop(key(id_), None)
        if row is not None:
            self._columns.until[row] = 0
        return row

    def _write(self, first: int, rows: Sequence[Row]) -> None:
        size, held = first + len(rows), len(self._columns.until)
        slot_type = np.uint16 if len(self.vocabulary) <= _NARROW_SLOTS else np.uint32
        if size > held or slot_type is not self._columns.slots.dtype.type:
            capacity = held if size <= held else max(size, 2 * held)
            self._columns = self._columns.taken(np.arange(first), capacity, slot_type)
        dates = np.array([date for row in rows for date in row.dates], np.int32)
        if (dated := self._dated + len(dates)) > len(self._dates):
            self._dates = np.concatenate([self._dates, np.zeros((max(dated, len(self._dates)), 2), np.int32)])
        self._dates[self._dated : dated] = dates
        self._dated = dated
        self._columns.put(first, rows)
        self._know(first, size)

    def _know(self, first: int, end: int) -> None:
        """Write what the models know of some rows."""
        columns = self._columns
        columns.number[first:end] = self._panel.numbers(columns.key[first:end])
        columns.factors[first:end] = self._panel.factors(columns.number[first:end])

    def _inherit(self, first: int, replaced: Sequence[int | None]) -> None:
        """Give rows what is known of the offers beside their content, from the rows they replace."""
        columns = self._columns
        for row, old in enumerate(replaced, first):
            if old is not None:
                columns.popularity[row], columns.visitors[row] = columns.popularity[old], columns.visitors[old]

    def _weigh(self) -> None:
        """Bring IDF weights and norms up to date: those of all rows after much has changed, else those of new rows."""
        if self._drift == 0:
            return
        rows = len(self._ids)
        slots = self._columns.slots[:rows]
        if self._drift > _DRIFT_SHARE * rows:
            current = slots[np.fromiter(self._at.values(), np.intp, len(self._at))]
            counts = np.bincount(current.ravel(), minlength=len(self.vocabulary))
            self._idf = _idf(counts, len(self._at), self.vocabulary)
            self._weighted = self._drift = 0
        if len(self.vocabulary) > len(self._idf):
            fresh = np.ones(len(self.vocabulary), np.int64)
            self._idf = np.concatenate([self._idf, _idf(fresh, len(self._at), self.vocabulary)[len(self._idf) :]])
        lengths = np.sqrt(np.square(self._idf[slots[self._weighted :]]).sum(axis=1))
        self._columns.norm[self._weighted : rows] = 1 / np.maximum(lengths, np.float32(1e-6))
        self._weighted = rows

    def _order(self, rows: NDArray[np.intp], next_starts: NDArray[np.int32]) -> NDArray[np.intp]:
        """Keep these rows only, by kind and start: a request for some kinds or days then skips whole blocks."""
        columns = self._columns
        rows = rows[np.lexsort((next_starts, columns.traits[rows] & KIND_BITS))]
        counts = (columns.dates_to - columns.dates_from)[rows]
        ends = np.cumsum(counts, dtype=np.int32)
        moved = columns.dates_from[rows] - (ends - counts)
        self._dates = self._dates[np.repeat(moved, counts) + np.arange(counts.sum())]
        self._columns = columns.taken(rows, max(len(rows), _FIRST_ROWS), columns.slots.dtype.type)
        self._columns.dates_from[: len(rows)], self._columns.dates_to[: len(rows)] = ends - counts, ends
        self._drift += len(self._ids) - len(rows) + 1
        self._ids, self._cards = [self._ids[row] for row in rows], self._cards.taken(rows.tolist())
        self._at = {hashed: row for row, hashed in enumerate(self._columns.key[: len(rows)].tolist())}
        self._dated, self._weighted, self._ordered = len(self._dates), 0, len(rows)
        self._postings = Postings.build(self._columns.slots[: len(rows)], len(self.vocabulary))
        return np.arange(len(rows))


def _idf(counts: NDArray[np.int64], offers: int, vocabulary: Vocabulary) -> NDArray[np.float32]:
    weights = np.array(vocabulary.weights) * np.log1p(offers / np.maximum(counts, 1))
    return weights.astype(np.float32)


def _blocks(traits: NDArray[np.uint32], starts: NDArray[np.int32], ends: NDArray[np.int32]) -> NDArray[np.int32]:
    rows = len(starts)
    if not rows:
        return np.zeros((0, 3), np.int32)
    first = np.arange(0, rows, BLOCK)
    several = np.bitwise_or.reduceat(traits[:rows], first) >> np.uint32(Trait.SEVERAL_DATES) & np.uint32(1)
    ends = np.where(starts < NEVER, ends[:rows], 0)
    columns = (np.minimum.reduceat(starts, first), np.maximum.reduceat(ends, first), several)
    return np.stack(columns, axis=1).astype(np.int32)
