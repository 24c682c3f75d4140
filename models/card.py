"""The model card: what a model was made of, how good it was found to be, and for whom. It lies beside the arrays."""

import math
import platform
from collections.abc import Callable, Mapping
from datetime import date, datetime
from importlib.metadata import PackageNotFoundError, version

import msgspec

from models.bootstrap import Estimate
from models.report import Report

FORMAT = 1
"""The form of artefacts that this version writes and reads."""
LIBRARIES = ("vinkki", "numpy", "scipy", "scikit-learn", "implicit", "numba", "msgspec")

Disclosed = Callable[[int, str], int | None]
"""Tells a count of residents, defined by words, as it may be told (`engine.counts.Counts.disclose`)."""


class Figure(msgspec.Struct, frozen=True):
    """A mean over residents, and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


class Slice(msgspec.Struct, frozen=True):
    """How residents, or offers, of one kind are served: NDCG@10, and how much it is above each other ranker's.

    Attributes
    ----------
    residents
        How many were asked about, in whole tens; None for a small group.
    """

    residents: int | None
    found: Figure
    above: Mapping[str, Figure]


class Exposure(msgspec.Struct, frozen=True):
    """The share of the catalogue that was shown, and how unevenly (0 to 1)."""

    coverage: float
    gini: float


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What the trial showed.

    Attributes
    ----------
    since
        What was done from then on was held out, and to be foretold.
    figures
        Ranker -> figure -> its mean. This model is called "this".
    above
        Other ranker -> figure -> how much this one is above it, paired by resident.
    too_few
        Slices of too few residents to tell of, or to guard.
    running
        The model that it was compared with, and how; None for the first.
    """

    since: datetime
    figures: Mapping[str, Mapping[str, Figure]]
    above: Mapping[str, Mapping[str, Figure]]
    slices: Mapping[str, Slice]
    too_few: tuple[str, ...]
    exposure: Mapping[str, Exposure]
    running: str | None = None


class Counted(msgspec.Struct, frozen=True):
    """How much was learned from.

    Attributes
    ----------
    residents
        In whole tens; None for a small group.
    choices
        In whole tens.
    offers, live
        All offers of the model, and those that could be suggested when it was made.
    lists
        Lists of suggestions of which something was chosen, in whole tens; 0 where they were too few to learn from.
    """

    residents: int | None
    choices: int
    offers: int
    live: int
    lists: int = 0


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """The card.

    Attributes
    ----------
    since
        The day of the first choice that was learned from. The last moment is `made_at`.
    horizon_days
        How far ahead a ranking is to be right.
    least
        Of offers that fewer residents chose nothing was learned.
    position_power
        With which power of its place a place of these lists is looked at less than the first (`models.position`).
    sharing
        How strongly exposure is shared out (`models.exposure`): so that the trial's lists are as even as is wanted.
    embedding
        By which was told what offers mean; None where their words alone count.
    files
        Name -> SHA-256 of each file beside the card.
    """

    format: int = FORMAT
    made_at: datetime
    since: date
    horizon_days: float
    least: int
    seed: int
    counted: Counted
    judged: Judged
    features: tuple[str, ...]
    versions: Mapping[str, str]
    position_power: float | None = None
    sharing: float = 0.0
    embedding: str | None = None
    files: Mapping[str, str] = {}


def versions() -> dict[str, str]:
    """Return the versions of Python and of what a model is made with."""
    return {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}}


def judged(report: Report, since: datetime, running: str | None, disclosed: Disclosed) -> Judged:
    """Return what a report tells, as a card tells it: without what would name a small group."""
    ours = report.runs[0]
    return Judged(
        since=since,
        figures={run: _figures(its) for run, its in report.figures.items()},
        above={run: _figures(its) for run, its in report.gains.items()},
        slices={
            name: Slice(
                disclosed(its.queries, f"judged since {since.isoformat()}: {name}"),
                _figure(its.main[ours]),
                _figures(its.gains),
            )
            for name, its in report.slices.items()
        },
        too_few=report.too_few,
        exposure={run: Exposure(its.coverage, its.gini) for run, its in report.exposure.items()},
        running=running,
    )


def _figures(estimates: Mapping[str, Estimate]) -> dict[str, Figure]:
    """Return what could be estimated."""
    return {name: _figure(found) for name, found in estimates.items() if math.isfinite(found.value)}


def _figure(found: Estimate) -> Figure:
    return Figure(*found)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
