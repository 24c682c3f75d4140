"""All that a report on a run tells, worked out: `api.commands.evaluation_report` makes a page of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import metrics, slices
from models.bootstrap import Estimate
from models.calibration import Calibration
from models.evaluation import CUTOFFS, TOP, Judgement, difference, judge
from models.runs import Lists
from models.splits import Split, Subset

LENGTHS = (1, 2, 3, 5, 10, 20, 50)
"""The lengths of list by which recall and NDCG are told."""
MAIN = f"ndcg@{TOP}"
"""The figure by which runs and slices are compared."""
LEAST_RESIDENTS = 20
"""A slice of fewer residents is not told of."""
LORENZ_POINTS = 101

Estimates = Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposure:
    """How what was shown is shared among offers.

    Attributes
    ----------
    curve
        The share of all showings that the least shown 0 %, 1 %, ... 100 % of the offers have, of shape (101,).
    """

    coverage: float
    gini: float
    curve: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice:
    """Some queries or offers: how many queries are judged, run -> `MAIN`, and other run -> how much we are above it."""

    queries: int
    main: Estimates
    gains: Estimates


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Report:
    """What is told of a run, beside any others.

    Attributes
    ----------
    runs
        What they are called; the first is the one that the report is about.
    figures
        Run -> figure -> its mean.
    gains
        Other run -> figure -> how much the first is above it.
    by_length
        "recall" and "ndcg" -> run -> one estimate for each of `LENGTHS`.
    too_few
        Slices of too few residents to tell of.
    """

    split: str
    subset: Subset
    queries: int
    runs: tuple[str, ...]
    figures: Mapping[str, Estimates]
    gains: Mapping[str, Estimates]
    by_length: Mapping[str, Mapping[str, Sequence[Estimate]]]
    slices: Mapping[str, Slice]
    too_few: tuple[str, ...]
    exposure: Mapping[str, Exposure]
    calibration: Calibration | None = None


def report(
    split: Split,
    runs: Mapping[str, Lists],
    subset: Subset = "all",
    *,
    by_offer: slices.Masks | None = None,
    calibration: Calibration | None = None,
) -> Report:
    """Judge runs of a split and tell of the first, compared with the others.

    Parameters
    ----------
    by_offer
        Slices of offers; without it kinds, languages and districts. Slices are always taken of the whole catalogue.

    Raises
    ------
    InvalidInput
        A list could not have been shown (`models.evaluation.judge`).
    ValueError
        There is no run.
    """
    if not runs:
        raise ValueError("A report is about a run; give one.")
    lengths = sorted({*CUTOFFS, *LENGTHS})
    found = {name: judge(split, lists, subset, cutoffs=lengths) for name, lists in runs.items()}
    ours, *others = found
    estimates = {name: judged.estimates() for name, judged in found.items()}
    told, too_few = _slices(split, runs, by_offer)
    return Report(
        split=split.name,
        subset=subset,
        queries=len(found[ours]),
        runs=tuple(found),
        figures=estimates,
        gains={other: difference(found[ours], found[other]) for other in others},
        by_length={
            what: {name: [one[f"{what}@{k}"] for k in LENGTHS] for name, one in estimates.items()}
            for what in ("recall", "ndcg")
        },
        slices=told,
        too_few=too_few,
        exposure={name: _exposure(judged) for name, judged in found.items()},
        calibration=calibration,
    )


def _slices(
    split: Split, runs: Mapping[str, Lists], by_offer: slices.Masks | None
) -> tuple[dict[str, Slice], tuple[str, ...]]:
    masks = slices.of_offers(split.items) if by_offer is None else by_offer
    judged = {name: slices.judged(split, lists, masks, cutoffs=(TOP,)) for name, lists in runs.items()}
    ours, *others = judged
    small = {name for name, one in judged[ours].items() if len(np.unique(one.people)) < LEAST_RESIDENTS}
    told = {
        name: Slice(
            queries=len(judged[ours][name]),
            main={run: of[name].estimates([MAIN])[MAIN] for run, of in judged.items()},
            gains={o: difference(judged[ours][name], judged[o][name], [MAIN])[MAIN] for o in others},
        )
        for name in judged[ours]
        if name not in small
    }
    return told, tuple(sorted(small))


def _exposure(judged: Judgement) -> Exposure:
    """Return the exposure of a run; the curve is the mean of those of its folds."""
    shares = np.linspace(0, 1, LORENZ_POINTS)
    curves = [
        np.interp(shares, np.linspace(0, 1, len(counts) + 1), metrics.lorenz(counts)) for counts in judged.exposures()
    ]
    curve = np.mean(curves, axis=0) if curves else np.full(LORENZ_POINTS, np.nan)
    return Exposure(coverage=judged.coverage, gini=judged.gini, curve=np.asarray(curve))
