"""Judging a run of a split: each query's figures, their means with intervals, and how two runs differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models import metrics
from models.bootstrap import DRAWS, SEED, Estimate, means
from models.listed import Listed, listed
from models.runs import Lists
from models.splits import Numbers, Split, Subset

CUTOFFS = (5, 10, 20)
TOP = 10
"""How many offers of a list a resident is taken to see: MAP, hits, novelty, coverage and exposure are of these."""

Mask = NDArray[np.bool_]
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judgement:
    """The figures of each query of a run; arrays of shape (queries,) or (queries, ...).

    Attributes
    ----------
    folds, people
        Numbers in the split.
    clusters
        A number of the person, in the order of their ids.
    figures
        Name, such as ``ndcg@10`` -> the figure; nan where a query has none, as an empty list has no novelty.
    shown
        The first ten of each list that are judged, filled up with -1; of shape (queries, 10).
    catalogue
        Number of a fold -> the offers whose exposure is judged.
    """

    folds: Numbers
    people: Numbers
    clusters: NDArray[np.int64]
    figures: Mapping[str, Vector]
    shown: Numbers
    catalogue: Mapping[int, Numbers]

    def __len__(self) -> int:
        return len(self.people)

    def taken(self, mask: Mask) -> Self:
        """Return the judgement of some of the queries."""
        arrays = {name: getattr(self, name)[mask] for name in ("folds", "people", "clusters", "shown")}
        return replace(self, **arrays, figures={name: found[mask] for name, found in self.figures.items()})

    def estimates(self, names: Sequence[str] = (), draws: int = DRAWS, seed: int = SEED) -> dict[str, Estimate]:
        """Return the mean of each figure, or of those that are named, with its 95 % interval over residents."""
        chosen = names or tuple(self.figures)
        found = means(self.clusters, [self.figures[name] for name in chosen], draws, seed)
        return dict(zip(chosen, found, strict=True))

    def exposures(self) -> list[NDArray[np.int64]]:
        """Return how often each offer of a fold's catalogue was shown, for each fold that shows any."""
        counts = [self._exposure(fold, offers) for fold, offers in sorted(self.catalogue.items())]
        return [found for found in counts if found.any()]

    @property
    def coverage(self) -> float:
        """The share of the catalogue that anybody was shown; the mean over folds."""
        found = [metrics.coverage(counts) for counts in self.exposures()]
        return float(np.mean(found)) if found else 0.0

    @property
    def gini(self) -> float:
        """How unevenly exposure is shared; the mean over folds."""
        found = [metrics.gini(counts) for counts in self.exposures()]
        return float(np.mean(found)) if found else 1.0

    def _exposure(self, fold: int, offers: Numbers) -> NDArray[np.int64]:
        shown = self.shown[self.folds == fold]
        counts = np.bincount(shown[shown >= 0], minlength=int(offers.max(initial=-1)) + 1)
        return np.asarray(counts[offers], dtype=np.int64)


def judge(
    split: Split,
    lists: Lists,
    subset: Subset = "all",
    *,
    offers: Mask | None = None,
    cutoffs: Sequence[int] = CUTOFFS,
) -> Judgement:
    """Judge a run; a query that it misses scores 0.

    Parameters
    ----------
    subset, offers
        Only these offers are judged: they are taken out of the lists, in order, and out of what was chosen. `offers`
        is of shape (offers,).

    Raises
    ------
    InvalidInput
        A list names an offer twice, one outside the fold's catalogue, or one that the person already had.
    """
    judged = [fold.among(subset) & (True if offers is None else offers) for fold in split.folds]
    places = max(*cutoffs, TOP)
    parts = [listed(split, fold, lists, among, places) for fold, among in zip(split.folds, judged, strict=True)]
    people = _joined([part.people for part in parts], np.int32)
    return Judgement(
        folds=_joined([np.full(len(part.people), part.fold) for part in parts], np.int32),
        people=people,
        clusters=np.argsort(np.argsort(split.people))[people],
        figures=_figures(parts, places, cutoffs),
        shown=_joined([part.offers[:, :TOP] for part in parts], np.int32, TOP),
        catalogue={
            fold.number: fold.candidates[among[fold.candidates]]
            for fold, among, part in zip(split.folds, judged, parts, strict=True)
            if len(part.people)
        },
    )


def difference(
    ours: Judgement, theirs: Judgement, names: Sequence[str] = (), draws: int = DRAWS, seed: int = SEED
) -> dict[str, Estimate]:
    """Return how much higher our figures are, paired by query, with 95 % intervals over residents.

    Raises
    ------
    ValueError
        The two were not judged on the same queries.
    """
    if not (np.array_equal(ours.folds, theirs.folds) and np.array_equal(ours.people, theirs.people)):
        raise ValueError("Two runs are compared on the same queries; judge both with the same split and subset.")
    chosen = names or tuple(name for name in ours.figures if name in theirs.figures)
    apart = {name: ours.figures[name] - theirs.figures[name] for name in chosen}
    return replace(ours, figures=apart).estimates(chosen, draws, seed)


def _figures(parts: Sequence[Listed], places: int, cutoffs: Sequence[int]) -> dict[str, Vector]:
    hits = _joined([part.hits for part in parts], np.bool_, places)
    sizes = _joined([part.sizes for part in parts], np.int64)
    novelty = [metrics.listed_mean(part.offers[:, :TOP], part.surprise) for part in parts]
    new = [metrics.listed_mean(part.offers[:, :TOP], (part.times == 0).astype(np.float64)) for part in parts]
    return {
        **{f"recall@{k}": metrics.recall(hits, sizes, k) for k in cutoffs},
        **{f"ndcg@{k}": metrics.ndcg(hits, sizes, k) for k in cutoffs},
        f"map@{TOP}": metrics.average_precision(hits, sizes, TOP),
        f"hit@{TOP}": metrics.hit(hits, TOP),
        f"novelty@{TOP}": _joined(novelty, np.float64),
        f"cold_share@{TOP}": _joined(new, np.float64),
    }


def _joined(parts: Sequence[NDArray[Any]], type_: type[np.generic], *width: int) -> NDArray[Any]:
    """Return the parts one below the other, which may be none."""
    return np.concatenate([np.zeros((0, *width), type_), *(part.astype(type_) for part in parts)])
