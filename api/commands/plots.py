"""Plots as elements of a page, drawn with matplotlib, which only reports need: ``pip install 'vinkki[report]'``.

Each plot has a text alternative; what it shows is also told in a table beside it. Lines differ in their dashes and
marks, not in colour alone.
"""

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from api.html import Node
from engine.errors import Misconfigured
from models.bootstrap import Estimate
from models.calibration import Calibration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKS = (
    ("#0000bf", "-", "o"),
    ("#b34700", "--", "s"),
    ("#00664f", "-.", "^"),
    ("#8a2b8f", ":", "D"),
    ("#4d4d4d", (0, (1, 1, 5, 1)), "v"),
)
"""Colour, dashes and mark of each run; all colours stand out 4.5 to 1 against white."""
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#d9d9d9",
    "axes.axisbelow": True,
}
_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_INCHES_A_ROW = 0.13

Runs = Mapping[str, Sequence[Estimate]]


def by_length(lengths: Sequence[int], what: Mapping[str, Runs], alt: str) -> Node:
    """Return a panel for each figure: how it grows with the length of the list, for each run."""

    def draw(panels: Sequence["Axes"]) -> None:
        for panel, (name, runs) in zip(panels, what.items(), strict=True):
            for at, (run, estimates) in enumerate(runs.items()):
                _line(panel, lengths, estimates, run, at)
            panel.set(xlabel="Length of the list (k)", ylabel=name, xscale="log", ylim=(0, None))
            panel.set_xticks(lengths, [str(k) for k in lengths])
            panel.minorticks_off()

    return _drawn(draw, alt, panels=len(what), height=3.6)


def by_slice(slices: Mapping[str, Mapping[str, Estimate]], label: str, alt: str) -> Node:
    """Return one line a slice, with each run's figure and its interval."""

    def draw(panels: Sequence["Axes"]) -> None:
        (panel,) = panels
        runs = list(next(iter(slices.values())))
        for at, run in enumerate(runs):
            rows = np.arange(len(slices)) + (at - (len(runs) - 1) / 2) * 0.7 / len(runs)
            found = [of[run] for of in slices.values()]
            colour, _, mark = _look(at)
            panel.errorbar(
                [one.value for one in found], rows, xerr=_ends(found), label=run, color=colour, fmt=mark, markersize=4
            )
        panel.set(xlabel=label, ylim=(len(slices) - 0.5, -0.5), xlim=(0, None))
        panel.set_yticks(range(len(slices)), list(slices))

    rows = len(slices) * (1 + len(next(iter(slices.values()))))
    return _drawn(draw, alt, height=1.2 + _INCHES_A_ROW * rows)


def lorenz(curves: Mapping[str, NDArray[np.float64]], alt: str) -> Node:
    """Return the share of exposure that the least shown offers have, for each run, beside an even share."""

    def draw(panels: Sequence["Axes"]) -> None:
        (panel,) = panels
        panel.plot([0, 1], [0, 1], color="#767676", linewidth=1, label="all alike")
        for at, (run, curve) in enumerate(curves.items()):
            colour, dashes, _ = _look(at)
            panel.plot(np.linspace(0, 1, len(curve)), curve, color=colour, linestyle=dashes, label=run)
        panel.set(xlabel="Share of offers, the least shown first", ylabel="Share of showings", xlim=(0, 1), ylim=(0, 1))

    return _drawn(draw, alt, height=4.2)


def calibration(found: Calibration, alt: str) -> Node:
    """Return what happened against what was predicted."""

    def draw(panels: Sequence["Axes"]) -> None:
        (panel,) = panels
        most = max(max(one.predicted, one.happened.high) for one in found.bins)
        panel.plot([0, most], [0, most], color="#767676", linewidth=1, label="as predicted")
        shares = [one.happened for one in found.bins]
        predicted = [one.predicted for one in found.bins]
        colour, dashes, mark = LOOKS[0]
        values = [one.value for one in shares]
        panel.errorbar(
            predicted, values, yerr=_ends(shares), color=colour, linestyle=dashes, marker=mark, label="what happened"
        )
        panel.set(xlabel="Predicted chance", ylabel="Share that happened", xlim=(0, None), ylim=(0, None))

    return _drawn(draw, alt, height=4.2)


def _line(panel: "Axes", lengths: Sequence[int], estimates: Sequence[Estimate], run: str, at: int) -> None:
    colour, dashes, mark = _look(at)
    values = [one.value for one in estimates]
    panel.plot(lengths, values, color=colour, linestyle=dashes, marker=mark, markersize=4, label=run)
    low, high = [one.low for one in estimates], [one.high for one in estimates]
    panel.fill_between(lengths, low, high, color=colour, alpha=0.15, linewidth=0)


def _look(at: int) -> tuple[str, str | tuple[int, tuple[int, ...]], str]:
    return LOOKS[at % len(LOOKS)]


def _ends(estimates: Sequence[Estimate]) -> NDArray[np.float64]:
    """Return how far the intervals reach below and above their values, of shape (2, n)."""
    return np.array([(one.value - one.low, one.high - one.value) for one in estimates]).T.clip(0)


def _drawn(draw: Callable[[Sequence["Axes"]], None], alt: str, *, height: float, panels: int = 1) -> Node:
    try:
        from matplotlib import rc_context  # noqa: PLC0415 - only reports need it
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise Misconfigured(
            "A report is drawn with matplotlib, which is missing; install it with: pip install 'vinkki[report]'."
        ) from error
    out = io.StringIO()
    with (
        warnings.catch_warnings(),
        rc_context({**_SETTINGS, "svg.hashsalt": alt}),
    ):  # so that no two plots of a page share an id
        warnings.filterwarnings("ignore", "Glyph")  # the reader's fonts draw what ours here cannot
        figure = Figure(figsize=(8.0, height), layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        draw(axes)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3, frameon=False)
        figure.savefig(out, format="svg", metadata={"Date": None})
    return _inline(out.getvalue(), alt)


def _inline(drawn: str, alt: str) -> Node:
    """Return a drawing as part of a page: one image with a text alternative, which scales with the page."""
    svg = ET.fromstring(drawn)  # noqa: S314 - drawn a moment ago, by ourselves
    for parent in list(svg.iter()):
        for child in [child for child in parent if child.tag in (f"{_SVG}metadata", f"{_SVG}style")]:
            parent.remove(child)
    for node in svg.iter():
        node.tag = node.tag.removeprefix(_SVG)
        if (link := node.attrib.pop(_LINK, None)) is not None:
            node.set("href", link)
    return _named(svg, alt)


def _named(svg: Node, alt: str) -> Node:
    """Give a drawing its words, and take from it the ids that nothing refers to: a page has each only once."""
    whole = ET.tostring(svg, "unicode")
    for node in svg.iter():
        own = node.get("id")
        if own is not None and f"#{own}" not in whole:
            del node.attrib["id"]
    for name in ("width", "height", "version"):
        svg.attrib.pop(name, None)
    svg.attrib.update({"role": "img", "aria-label": alt})
    return svg
