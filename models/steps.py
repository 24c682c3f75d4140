"""Columns in steps: the numbers of a table as few distinct ones, at quantiles of what is in it.

scikit-learn finds the steps by itself, but where examples have weights it sorts every column anew for each step, which
takes as long as growing all the trees does.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.forest import Forest

MOST = 255
"""How many steps a column has at most: as many as scikit-learn tells apart."""
_LOOKED_AT = 50_000
"""From about so many rows the quantiles are taken."""

Table = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Steps:
    """Where the steps of each column lie.

    Attributes
    ----------
    edges
        For each column the values at which a step ends, itself included; ascending.
    """

    edges: tuple[NDArray[np.float32], ...]

    @classmethod
    def of(cls, table: Table) -> "Steps":
        """Return the steps of a table of shape (rows, columns), in which nan is a missing value."""
        some = table[:: max(1, len(table) // _LOOKED_AT)]
        return cls(tuple(_edges(column[np.isfinite(column)]) for column in some.T))

    def numbered(self, table: Table) -> Table:
        """Return the number of the step that each value is on; nan stays."""
        found = np.empty(table.shape, np.float32, order="F")
        for n, edges in enumerate(self.edges):
            column = table[:, n]
            found[:, n] = np.where(np.isnan(column), np.nan, np.searchsorted(edges, column, side="left"))
        return found

    def undone(self, forest: Forest) -> Forest:
        """Return trees that were grown over numbers of steps as trees over the values themselves."""
        nodes, thresholds = forest.nodes, forest.nodes.threshold.copy()
        for n, edges in enumerate(self.edges):
            own = np.flatnonzero((nodes.column == n) & (thresholds < len(edges)))
            thresholds[own] = edges[np.floor(thresholds[own]).astype(np.intp)]
        return replace(forest, nodes=nodes._replace(threshold=thresholds))


def _edges(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the ends of all steps but the last, which has none."""
    distinct = np.unique(values)
    if len(distinct) <= MOST:
        return distinct[:-1]
    shares = np.linspace(0, 1, MOST + 1)[1:-1]
    return np.unique(np.quantile(values, shares, method="inverted_cdf")).astype(np.float32)
