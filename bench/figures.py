"""What a measurement ends in: a figure with its bound, a table for people, a file for machines."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, Self

from rich.console import Console
from rich.table import Table

Better = Literal["higher", "lower"]


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What is promised of a figure before it is measured.

    Attributes
    ----------
    unit
        Of the value, the bound and the spread; "ratio" where it has none.
    bound
        The worst value that keeps the promise.
    """

    name: str
    unit: str
    bound: float
    better: Better

    def measured(self, runs: Sequence[float], reference: str) -> "Figure":
        """Return the figure of several runs: their median, and from the lowest to the highest as the spread.

        Raises
        ------
        ValueError
            There are no runs.
        """
        if not runs:
            raise ValueError(f"{self.name} was not measured once.")
        return Figure(
            name=self.name,
            value=_rounded(statistics.median(runs)),
            unit=self.unit,
            bound=self.bound,
            better=self.better,
            reference=reference,
            spread=_rounded(max(runs) - min(runs)),
            runs=len(runs),
        )


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure, in the form of a line of `results.json`.

    Attributes
    ----------
    value
        The median of the runs.
    reference
        In words, what it was measured against or on, and what that came to.
    spread
        The highest run minus the lowest.
    runs
        How often it was measured.
    """

    name: str
    value: float
    unit: str
    bound: float
    better: Better
    reference: str
    spread: float
    runs: int

    @property
    def holds(self) -> bool:
        """Say whether the value keeps the bound.

        Examples
        --------
        >>> figure = Promise(name="x", unit="ms", bound=3.0, better="lower").measured([2.0, 9.0, 3.0], "")
        >>> figure.holds, figure.value, figure.spread
        (True, 3.0, 7.0)
        """
        return self.value >= self.bound if self.better == "higher" else self.value <= self.bound

    @classmethod
    def read(cls, line: dict[str, object]) -> Self:
        """Return the figure that a line of a file holds."""
        return cls(**line)  # type: ignore[arg-type]


def _rounded(value: float) -> float:
    """Keep four significant digits: more of them would be noise."""
    return float(f"{value:.4g}")


def write(path: Path, figures: Sequence[Figure]) -> None:
    """Write a suite's figures; those of an earlier run that were not measured now stay as they were."""
    known = {figure.name: figure for figure in read(path)}
    known.update({figure.name: replace(figure) for figure in figures})
    path.write_text(json.dumps([asdict(figure) for figure in known.values()], indent=2) + "\n", "utf-8")


def read(path: Path) -> list[Figure]:
    """Return the figures of a file; none where there is no such file."""
    if not path.exists():
        return []
    return [Figure.read(line) for line in json.loads(path.read_text("utf-8"))]


def show(figures: Sequence[Figure], machine: str, console: Console) -> None:
    """Print the table, and under it which bounds are missed."""
    table = Table(title=machine, title_justify="left", caption_justify="left")
    for heading in ("figure", "value", "bound", "spread", "runs", "", "measured against"):
        table.add_column(heading, justify="right" if heading in ("value", "bound", "spread", "runs") else "left")
    for f in figures:
        sign, mark = (">=", "<=")[f.better == "lower"], "holds" if f.holds else "MISSED"
        value, bound, spread = (f"{number:,.10g}" for number in (f.value, f.bound, f.spread))
        unit = "" if f.unit == "ratio" else f" {f.unit}"
        table.add_row(f.name, value + unit, f"{sign} {bound}", spread, str(f.runs), mark, f.reference)
    console.print(table)
    if missed := [figure.name for figure in figures if not figure.holds]:
        console.print(f"Missed: {', '.join(missed)}.")
    else:
        console.print(f"All {len(figures)} bounds hold.")
