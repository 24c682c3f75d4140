"""A collection split by time for judging: what was known, who is asked about, and what they went on to do.

A split is a folder of ``train.csv.gz`` (user_id, item_id, ts, weight), ``folds.csv`` (fold, t_start, t_end),
``cands.csv.gz`` (fold, item_id, cold), ``test.csv.gz`` (qid, user_id, fold, item_id, cold) and ``items.jsonl.gz``
(item_id and what is told of it). Columns for `ts`, `weight`, `cold` and `qid` may be missing.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.errors import InvalidInput
from models.item import Item
from models.matrix import Interactions
from models.split_files import Row, items, rows

Numbers = NDArray[np.int32]
Subset = Literal["all", "warm", "cold"]
SUBSETS: tuple[Subset, ...] = ("all", "warm", "cold")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """One moment at which suggestions are judged.

    Attributes
    ----------
    starts, ends
        Unix seconds. What is earlier than `starts` may be learned from; both are infinite where time is not known.
    candidates
        The offers that may be suggested, of shape (c,).
    people
        Who is asked about, of shape (q,), with the ids of their `queries` beside them.
    truth
        Person -> the offers that they went on to choose.
    cold
        Whether an offer is new: nobody had to do with it before the fold starts. Of shape (offers,).
    """

    number: int
    starts: float
    ends: float
    candidates: Numbers
    people: Numbers
    queries: tuple[str, ...]
    truth: Mapping[int, Numbers]
    cold: NDArray[np.bool_]

    def among(self, subset: Subset) -> NDArray[np.bool_]:
        """Say of each offer whether it is judged: all, only known ones ("warm") or only new ones ("cold")."""
        return np.ones(len(self.cold), np.bool_) if subset == "all" else self.cold == (subset == "cold")


class Before(NamedTuple):
    """What was done before a fold starts, as judging looks at it.

    Attributes
    ----------
    had
        Which offers those who are asked about had to do with, of shape (people, offers).
    times
        How often somebody had to do with each offer, of shape (offers,).
    known
        How many people had to do with any.
    """

    had: csr_array
    times: NDArray[np.int64]
    known: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """A collection with its folds.

    Attributes
    ----------
    people
        Number -> id.
    items
        Number -> offer; every offer that is named anywhere is in it, bare where nothing is told of it.
    train
        What was done, for all folds: a fold learns from `history`.
    """

    name: str
    folds: tuple[Fold, ...]
    people: tuple[str, ...]
    items: tuple[Item, ...]
    train: Interactions
    _before: dict[int, Before] = field(default_factory=dict, init=False, repr=False)

    def history(self, fold: Fold) -> Interactions:
        """Return what was done before a fold starts."""
        return self.train.before(fold.starts)

    def before(self, fold: Fold) -> Before:
        """Return what judging looks at of that: worked out once, however many slices are judged."""
        if fold.number not in self._before:
            history, asked = self.history(fold), np.zeros(len(self.people), np.bool_)
            asked[fold.people] = True
            self._before[fold.number] = Before(
                history.taken(asked[history.people]).matrix(len(self.people), len(self.items)),
                np.bincount(history.offers, minlength=len(self.items)),
                int(np.count_nonzero(np.bincount(history.people))),
            )
        return self._before[fold.number]


def read_split(folder: Path) -> Split:
    """Read a split.

    Raises
    ------
    InvalidInput
        The folder, a file or a needed column is missing, or a line cannot be read; it names file and line.
    """
    if not folder.is_dir():
        raise InvalidInput(f"There is no folder {folder}; give one that holds a split.", field=str(folder))
    told = list(items(folder / "items.jsonl.gz"))
    people, offers = _Table(), _Table(item.id for item in told)
    train = _train(folder / "train.csv.gz", people, offers)
    parts = _Parts.read(folder, people, offers)
    folds = tuple(_fold(number, span, parts, train, len(offers.ids)) for number, span in sorted(parts.spans.items()))
    bare = [Item(id=own_id) for own_id in list(offers.ids)[len(told) :]]
    return Split(name=folder.resolve().name, folds=folds, people=tuple(people.ids), items=(*told, *bare), train=train)


class _Table:
    """Ids and their numbers, in the order in which they came."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self.ids: dict[str, int] = {}
        for own_id in known:
            self.number(own_id)

    def number(self, own_id: str) -> int:
        return self.ids.setdefault(own_id, len(self.ids))


class _Parts(NamedTuple):
    """What the files tell of each fold: its span, its catalogue, its queries, and which offers are said to be new."""

    spans: dict[int, tuple[float, float]]
    candidates: dict[int, dict[int, None]]
    queries: dict[int, dict[int, str]]
    truth: dict[int, dict[int, dict[int, None]]]
    cold: dict[int, dict[int, bool]]

    @classmethod
    def read(cls, folder: Path, people: _Table, offers: _Table) -> "_Parts":
        spans = {
            row.number("fold"): (row.decimal("t_start"), row.decimal("t_end", math.inf))
            for row in rows(folder / "folds.csv", ("fold", "t_start"))
        }
        parts = cls(
            spans, defaultdict(dict), defaultdict(dict), defaultdict(lambda: defaultdict(dict)), defaultdict(dict)
        )
        for row in rows(folder / "cands.csv.gz", ("fold", "item_id")):
            parts.candidates[parts.known(row)][parts.offer(row, offers)] = None
        for row in rows(folder / "test.csv.gz", ("user_id", "fold", "item_id")):
            number, person = parts.known(row), people.number(row.text("user_id"))
            parts.truth[number][person][parts.offer(row, offers)] = None
            parts.queries[number].setdefault(person, row.text("qid", f"{number}|{row.text('user_id')}"))
        return parts

    def known(self, row: Row) -> int:
        number = row.number("fold")
        if number not in self.spans:
            raise row.wrong(f"fold {number} is not in folds.csv")
        return number

    def offer(self, row: Row, offers: _Table) -> int:
        offer = offers.number(row.text("item_id"))
        if said := row.text("cold", ""):
            self.cold[row.number("fold")][offer] = said != "0"
        return offer


def _train(path: Path, people: _Table, offers: _Table) -> Interactions:
    who, what, when, weights = list[int](), list[int](), list[float](), list[float]()
    for row in rows(path, ("user_id", "item_id")):
        who.append(people.number(row.text("user_id")))
        what.append(offers.number(row.text("item_id")))
        when.append(row.decimal("ts", math.nan))
        weights.append(row.decimal("weight", 1.0))
    return Interactions.of(who, what, when, weights)


def _fold(number: int, span: tuple[float, float], parts: _Parts, train: Interactions, offers: int) -> Fold:
    cold = np.bincount(train.before(span[0]).offers, minlength=offers) == 0
    for offer, said in parts.cold[number].items():
        cold[offer] = said
    truth = {person: np.array(list(chosen), np.int32) for person, chosen in parts.truth[number].items()}
    return Fold(
        number=number,
        starts=span[0],
        ends=span[1],
        candidates=np.array(list(parts.candidates[number]), np.int32),
        people=np.array(list(truth), np.int32),
        queries=tuple(parts.queries[number][person] for person in truth),
        truth=truth,
        cold=cold,
    )
