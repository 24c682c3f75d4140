"""Boosted trees as plain arrays of nodes, walked by one compiled loop: what scikit-learn grew, without scikit-learn.

Such a forest can be written to a file and read back without running anything that the file says, and answers as
`HistGradientBoostingClassifier.decision_function` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from engine.compilation import compiled

_FARTHEST = np.finfo(np.float64).max


class Nodes(NamedTuple):
    """The nodes of all trees, one tree after another; arrays of shape (nodes,).

    Attributes
    ----------
    roots
        Where each tree begins, of shape (trees,).
    column
        Which column of a table a node looks at; -1 for a leaf.
    threshold
        A value of at most this goes left.
    missing_left
        Whether a missing value goes left.
    left, right
        Where the two ways lead.
    value
        What a leaf adds; of a node on the way, what it would add if it were a leaf.
    """

    roots: NDArray[np.int32]
    column: NDArray[np.int32]
    threshold: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees whose leaves are added to a baseline."""

    baseline: float
    nodes: Nodes

    @classmethod
    def of(cls, grown: HistGradientBoostingClassifier) -> "Forest":
        """Return the trees of a classifier of two classes and without categories."""
        trees = [stage[0].nodes for stage in grown._predictors]  # noqa: SLF001 - there is no open way to the nodes
        roots = np.cumsum([0, *(len(tree) for tree in trees[:-1])]).astype(np.int32)
        shift = np.repeat(roots, [len(tree) for tree in trees])
        all_ = np.concatenate(trees)
        leaf = all_["is_leaf"].astype(np.bool_)
        nodes = Nodes(
            roots=roots,
            column=np.where(leaf, -1, all_["feature_idx"]).astype(np.int32),
            threshold=np.minimum(np.where(leaf, 0.0, all_["num_threshold"]), _FARTHEST),
            missing_left=all_["missing_go_to_left"].astype(np.bool_),
            left=(all_["left"] + shift).astype(np.int32),
            right=(all_["right"] + shift).astype(np.int32),
            value=np.where(leaf, 1.0, grown.learning_rate) * all_["value"],
        )
        return cls(float(np.ravel(grown._baseline_prediction)[0]), nodes)  # noqa: SLF001 - as above

    def scores(self, table: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the log-odds of each row of a table of shape (rows, columns); nan is a missing value."""
        return walk(self.nodes, np.ascontiguousarray(table), self.baseline)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that the forest consists of."""
        return {"baseline": np.array([self.baseline]), **self.nodes._asdict()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Forest":
        """Return the forest that consists of `arrays`.

        Raises
        ------
        ValueError
            A way leads out of the forest, or backwards, so that a walk would not end.
        """
        nodes = Nodes(**{name: arrays[name] for name in Nodes._fields})
        here, inner = np.arange(len(nodes.column)), nodes.column >= 0
        if any(len(array) != len(here) for array in nodes[1:]) or not np.isin(nodes.roots, here).all():
            raise ValueError("A tree is not whole.")
        if any((inner & ((way <= here) | (way >= len(here)))).any() for way in (nodes.left, nodes.right)):
            raise ValueError("A tree's branch leads nowhere.")
        return cls(float(arrays["baseline"][0]), nodes)


@compiled
def walk(nodes: Nodes, table: NDArray[np.float32], baseline: float) -> NDArray[np.float64]:
    """Return the baseline and what all trees add, for each row of a table."""
    found = np.empty(len(table), np.float64)
    for row in range(len(table)):
        found[row] = baseline
        for root in nodes.roots:
            at = root
            while nodes.column[at] >= 0:
                value = table[row, nodes.column[at]]
                left = nodes.missing_left[at] if np.isnan(value) else value <= nodes.threshold[at]
                at = nodes.left[at] if left else nodes.right[at]
            found[row] += nodes.value[at]
    return found
