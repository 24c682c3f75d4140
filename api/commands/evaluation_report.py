"""The page that tells how good a run is: one file that loads nothing, with a table of the figures beside each plot."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from api.commands import plots
from api.html import STYLE, Node, document, el, table
from models.bootstrap import Estimate
from models.evaluation import TOP
from models.report import LEAST_RESIDENTS, LENGTHS, LORENZ_POINTS, MAIN, Report
from models.slices import EXPERIENCED

_STYLE = """\
figure { margin: 1rem 0; } svg { display: block; width: 100%; height: auto; }
svg * { stroke-linejoin: round; stroke-linecap: butt; } figcaption { font-weight: 700; }
.scroll:focus-visible { outline: 3px solid var(--brand); outline-offset: 2px; }
td { font-variant-numeric: tabular-nums; }
"""
_NAMES = {"recall": "Recall", "ndcg": "NDCG"}
_SUBSETS = {"all": "all offers", "warm": "known offers only", "cold": "new offers only"}
_LEAST_SHOWN = (50, 80, 90, 99)
_NOTHING = "-"
_METHOD = (
    "A run learns from what was done before each fold starts, and is judged by what the residents chose after it.",
    "A query without a list counts as 0.",
    "A list that names an offer twice, one outside the catalogue or one that the resident already had is refused.",
    "Intervals cover 95 %: the percentile bootstrap, 2,000 times, over residents with all of their queries together.",
    "A chance is the re-ranker's log-odds, as they are; the bins hold about as many of the listed offers each.",
    "Coverage and Gini have no interval: residents drawn anew are always shown fewer offers.",
    f"New residents have fewer than {EXPERIENCED} interactions before the fold starts; new offers have none.",
    "A slice of offers leaves all others out of the lists and of what was chosen: compare runs in it, not slices.",
    "Many slices are compared at once: one interval in twenty misses the truth by chance.",
)

Cells = tuple[Node | str, ...]


def write_report(path: Path, found: Report) -> None:
    """Write the page of a report.

    Raises
    ------
    Misconfigured
        matplotlib is missing.
    """
    path.write_text(page(found), encoding="utf-8")


def page(found: Report) -> str:
    """Return the page of a report, in HTML."""
    title = f"How good are the suggestions: {found.split}"
    style = el("style", STYLE + _STYLE)
    return document(title, el("h1", title), *_sections(found), style=style)


def _sections(found: Report) -> Iterator[Node]:
    yield from _summary(found)
    yield from _figures(found)
    yield from _by_length(found)
    yield from _by_slice(found)
    yield from _exposure(found)
    yield from _calibration(found)
    yield from _method()


def _summary(found: Report) -> Iterator[Node]:
    ours = found.runs[0]
    yield el(
        "p",
        f"{found.queries:,} queries, {_SUBSETS[found.subset]}. The run “{ours}” has an NDCG@{TOP} of "
        f"{_interval(found.figures[ours][MAIN])}.",
    )
    if found.gains:
        yield el("ul", *(el("li", _verdict(other, gains[MAIN])) for other, gains in found.gains.items()))


def _verdict(other: str, gain: Estimate) -> str:
    if math.isnan(gain.value):
        return f"Nothing can be said of “{other}”: there is no query."
    word = {1: "better than", -1: "worse than", 0: "not told apart from"}[gain.sign]
    return f"It is {word} “{other}”: {_interval(gain, '+.3f')}, paired by query."


def _figures(found: Report) -> Iterator[Node]:
    yield el("h2", "Figures")
    names = [name for name in found.figures[found.runs[0]] if _told(name)]
    yield _table(
        "Means over queries, with 95 % intervals over residents",
        ("Figure", *found.runs),
        [(name, *(_interval(found.figures[run][name]) for run in found.runs)) for name in names],
    )
    if found.gains:
        yield _table(
            f"How much “{found.runs[0]}” is above the others, paired by query",
            ("Figure", *found.gains),
            [(name, *(_interval(gains[name], "+.3f") for gains in found.gains.values())) for name in names],
        )


def _told(name: str) -> bool:
    """Say whether a figure stands in the first table; those by other lengths have a place of their own."""
    return name.endswith((f"@{TOP}", "@20"))


def _by_length(found: Report) -> Iterator[Node]:
    yield el("h2", "By length of the list")
    labelled = {_NAMES[what]: runs for what, runs in found.by_length.items()}
    alt = "Recall and NDCG by the length of the list, for each run; the figures are in the tables below."
    yield _figure(plots.by_length(LENGTHS, labelled, alt), "Recall and NDCG by the length of the list; shaded: 95 %")
    for name, runs in labelled.items():
        rows = [(str(k), *(_interval(estimates[at]) for estimates in runs.values())) for at, k in enumerate(LENGTHS)]
        yield _table(f"{name} by the length of the list", ("k", *runs), rows)


def _by_slice(found: Report) -> Iterator[Node]:
    yield el("h2", "By slice")
    if found.slices:
        alt = f"NDCG@{TOP} of each slice with its interval, for each run; the figures are in the table below."
        drawn = {name: of.main for name, of in found.slices.items()}
        yield _figure(plots.by_slice(drawn, f"NDCG@{TOP}", alt), f"NDCG@{TOP} by slice; lines: 95 %")
        rows = [
            (name, f"{of.queries:,}", *map(_interval, of.main.values()), *map(_signed, of.gains.values()))
            for name, of in found.slices.items()
        ]
        above = tuple(f"above {other}" for other in found.gains)
        yield _table(f"NDCG@{TOP} by slice", ("Slice", "Queries", *found.runs, *above), rows)
    if found.too_few:
        few = f"Of fewer than {LEAST_RESIDENTS} residents, and so not told: {', '.join(found.too_few)}."
        yield el("p", few)


def _exposure(found: Report) -> Iterator[Node]:
    yield el("h2", "Exposure")
    yield el("p", f"How the {TOP} first places of all lists are shared among the offers of the catalogue.")
    yield from _compared_exposure(found)
    alt = "Lorenz curves of exposure, for each run, beside an even share; the figures are in the table below."
    curves = {run: exposure.curve for run, exposure in found.exposure.items()}
    yield _figure(plots.lorenz(curves, alt), "What share of all showings the least shown offers have")
    rows: list[Cells] = [
        ("Offers shown at all", *(_number(of.coverage) for of in found.exposure.values())),
        ("Gini (0: all alike, 1: one has all)", *(_number(of.gini) for of in found.exposure.values())),
    ]
    rows += [
        (f"Showings of the least shown {share} %", *(_number(_at(curve, share)) for curve in curves.values()))
        for share in _LEAST_SHOWN
    ]
    yield _table("Exposure", ("", *found.runs), rows)


def _compared_exposure(found: Report) -> Iterator[Node]:
    """Yield in words how much more evenly the first run shows offers than the others."""
    ours, *others = found.runs
    own = found.exposure[ours].gini
    told = [
        f"The Gini of “{ours}” is {own:.3f}, {_apart(own, of)} that of “{other}”, {of:.3f}."
        for other in others
        if (of := found.exposure[other].gini) > 0
    ]
    if told:
        yield el("ul", *(el("li", sentence) for sentence in told))


def _apart(own: float, other: float) -> str:
    share = 1 - own / other
    return f"{abs(share):.0%} {'below' if share >= 0 else 'above'}".replace("%", " %")


def _at(curve: NDArray[np.float64], share: int) -> float:
    return float(curve[share * (LORENZ_POINTS - 1) // 100])


def _calibration(found: Report) -> Iterator[Node]:
    yield el("h2", "Calibration")
    if found.calibration is None or not found.calibration.bins:
        yield el("p", "This run tells no chances, so nothing can be said of whether they come true.")
        return
    yield el(
        "p",
        f"Of every offer on a list of “{found.runs[0]}” the re-ranker says how likely the resident is to choose it. "
        f"Chances and what happened lie {found.calibration.error:.4f} apart, in the mean over predictions. It learns "
        "from residents who chose something, each of whom counts alike, so of those who choose much it expects too "
        "little. "
        "Of residents without a history no chance is told; they get what is popular.",
    )
    alt = "What happened against the predicted chance; the figures are in the table below."
    yield _figure(plots.calibration(found.calibration, alt), "Predicted chance and what happened; lines: 95 %")
    rows = [
        (f"{one.predicted:.4f}", _interval(one.happened, ".4f"), f"{one.cases:,}") for one in found.calibration.bins
    ]
    yield _table("Predicted chance and what happened", ("Predicted", "Happened", "Cases"), rows)


def _method() -> Iterator[Node]:
    yield el("h2", "How this was judged")
    yield el("ul", *(el("li", sentence) for sentence in _METHOD))


def _table(caption: str, heads: tuple[str, ...], rows: Sequence[Cells]) -> Node:
    """Return a table that a keyboard can scroll."""
    found = table(caption, tuple(head or "What" for head in heads), list(rows))
    found.attrib.update({"tabindex": "0", "role": "region", "aria-label": caption})
    return found


def _figure(drawn: Node, caption: str) -> Node:
    return el("figure", drawn, el("figcaption", caption))


def _signed(estimate: Estimate) -> str:
    return _interval(estimate, "+.3f")


def _interval(estimate: Estimate, form: str = ".3f") -> str:
    if math.isnan(estimate.value):
        return _NOTHING
    value, low, high = (format(end, form) for end in estimate)
    return f"{value} [{low}, {high}]"


def _number(value: float) -> str:
    return _NOTHING if math.isnan(value) else f"{value:.3f}"
