"""Slices of a judgement: kinds of queries and kinds of offers, which may overlap.

A mean over everybody hides whom a model serves worse. So each slice is judged by itself: a slice of queries keeps some
residents' lists whole; a slice of offers keeps everybody's, with only its offers in the lists and in what was chosen.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.evaluation import CUTOFFS, Judgement, judge
from models.item import NO_LANGUAGE, Item
from models.runs import Lists
from models.splits import Split

EXPERIENCED = 5
"""A resident with fewer interactions before the fold starts is new."""
MOST_LABELS = 12
"""How many kinds, languages or districts are told apart: those with the most offers."""

Mask = NDArray[np.bool_]
Masks = Mapping[str, Mask]
"""What a slice is called -> whether a query, or an offer, is in it."""


def of_residents(split: Split, judgement: Judgement) -> dict[str, Mask]:
    """Return the queries of new and of experienced residents, of shape (queries,)."""
    counts = np.zeros(len(judgement), np.int64)
    for fold in split.folds:
        own = judgement.folds == fold.number
        done = np.bincount(split.history(fold).people, minlength=len(split.people))
        counts[own] = done[judgement.people[own]]
    return {"new residents": counts < EXPERIENCED, "experienced residents": counts >= EXPERIENCED}


def of_offers(items: Sequence[Item]) -> dict[str, Mask]:
    """Return the offers of each kind, language and district that is known, of shape (offers,)."""
    return {
        **labelled(items, "kind", lambda item: [item.kind] if item.kind else []),
        **labelled(items, "language", lambda item: sorted({*item.title, *item.text} - {NO_LANGUAGE})),
        **labelled(items, "district", lambda item: [item.area] if item.area else []),
    }


def labelled(items: Sequence[Item], what: str, labels: Callable[[Item], Iterable[str]]) -> dict[str, Mask]:
    """Return the offers that have each label, called ``what: label``, of shape (offers,)."""
    own = [frozenset(labels(item)) for item in items]
    counts = Counter(label for some in own for label in some)
    chosen = sorted(counts, key=lambda label: (-counts[label], label))[:MOST_LABELS]
    return {f"{what}: {label}": np.array([label in some for some in own]) for label in chosen}


def judged(
    split: Split, lists: Lists, by_offer: Masks | None = None, *, cutoffs: Sequence[int] = CUTOFFS
) -> dict[str, Judgement]:
    """Judge a run by slices: known and new offers, new and experienced residents, and the slices of offers given.

    Without `by_offer` these are kinds, languages and districts. A slice without a query is left out.
    """
    masks = of_offers(split.items) if by_offer is None else by_offer
    whole = judge(split, lists, cutoffs=cutoffs)
    found = {
        "known offers": judge(split, lists, "warm", cutoffs=cutoffs),
        "new offers": judge(split, lists, "cold", cutoffs=cutoffs),
        **{name: whole.taken(mask) for name, mask in of_residents(split, whole).items()},
        **{name: judge(split, lists, offers=mask, cutoffs=cutoffs) for name, mask in masks.items()},
    }
    return {name: judgement for name, judgement in found.items() if len(judgement)}
