"""The recommender on trial: what it would have suggested at each moment of a split, knowing what was known then."""

from collections.abc import Callable
from math import isfinite
from typing import NamedTuple

import numpy as np

from models.content import Content
from models.context import Setting
from models.embedding import Embedding, MeaningSpace
from models.exposure import share
from models.lessons import HORIZON, Past
from models.popular import Popularity
from models.recommender import LONGEST, Ranked, Recommender
from models.runs import Lists, Odds
from models.splits import Fold, Numbers, Split, Subset
from models.text import MOST_KEPT, TextSpace


class Suggested(NamedTuple):
    """What is suggested to everybody who is asked about, and with which log-odds each is said to be chosen."""

    lists: Lists
    odds: Odds


def suggested(
    split: Split,
    subset: Subset = "all",
    told: Callable[[str], None] = lambda _: None,
    embedding: Embedding | None = None,
) -> Suggested:
    """Return what the recommender suggests to everybody who is asked about.

    Parameters
    ----------
    subset
        Which candidates are ranked; what is learned is the same for each.
    told
        Hears how far it is.
    embedding
        By which is told what offers mean; None where their words alone are to count.
    """
    found: dict[tuple[int, int], Ranked] = {}
    told(f"Reading what {len(split.items):,} offers say")
    past = _past(split, embedding)
    for n, fold in enumerate(split.folds, 1):
        told(f"Fold {n} of {len(split.folds)}: {len(fold.candidates):,} offers, {len(fold.people):,} residents")
        ranked = fold.candidates[fold.among(subset)[fold.candidates]]
        if len(ranked):
            recommender = Recommender.fit(past, fold.starts, fold.candidates)
            people = np.unique(fold.people).astype(np.intp)
            shared = share(list(recommender.ranked(people, ranked)), len(ranked))
            told(
                f"Exposure: Gini {shared.gini:.3f} among the first ten, shared out with strength {shared.strength:.2f}"
            )
            found |= {(fold.number, one.person): one for one in shared.ranked}
    return Suggested({key: one.offers for key, one in found.items()}, {key: one.odds for key, one in found.items()})


def _past(split: Split, embedding: Embedding | None) -> Past:
    (space, texts), setting = TextSpace.fit_transform(split.items, MOST_KEPT), Setting.of(split.items)
    meaning = MeaningSpace.fit(split.items, embedding, space.concepts).transform(split.items) if embedding else None
    facets = {attribute.name: attribute.members for attribute in setting.attributes}
    content = Content.of(texts, facets, meaning)
    return Past(split.train, len(split.people), content, setting, _horizon(split.folds))


def _horizon(folds: tuple[Fold, ...]) -> float:
    """Return how far ahead of its moment a ranking is judged, in seconds."""
    spans = [fold.ends - fold.starts for fold in folds if isfinite(fold.starts) and isfinite(fold.ends)]
    return spans[0] if spans else HORIZON


def popular(split: Split, subset: Subset = "all") -> Lists:
    """Return what is popular at each moment, for everybody the same: what any ranker must beat."""
    lists: dict[tuple[int, int], Numbers] = {}
    for fold in split.folds:
        before = split.history(fold)
        ranked = fold.candidates[fold.among(subset)[fold.candidates]]
        counts = Popularity.fit(before, len(split.items), fold.starts).counts[ranked]
        best = ranked[np.argsort(-counts, kind="stable")]
        had = before.matrix(len(split.people), len(split.items))
        for person in np.unique(fold.people):
            own = had.indices[had.indptr[person] : had.indptr[person + 1]]
            lists[fold.number, int(person)] = best[~np.isin(best, own)][:LONGEST]
    return lists
