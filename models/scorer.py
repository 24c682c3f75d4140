"""Boosted trees as tests and leaves, which many rows go through side by side without a branch.

Of each tree the leaves are numbered from left to right. A row begins with all of them; each test that it fails takes
away the leaves of the test's left side; what is left first is where it ends. Tests need no order, so each is put to all
rows at once.

References
----------
Lucchese, C. et al. (2015), QuickScorer, SIGIR; (2016), Exploiting CPU SIMD extensions to speed-up document scoring with
tree ensembles, SIGIR.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.compilation import compiled
from models.forest import Nodes

MOST_LEAVES, MOST_PARTS = 32, 10
"""How many leaves a tree may have, and how many parts a whole."""
_U32, _I64 = np.uint32, np.int64
_NOTHING = np.float32(0)
_ALL = _U32(0xFFFFFFFF)
_MAGIC, _SHIFT = _U32(0x077CB531), _U32(27)
_PLACES = np.array([(0x077CB531 << n & 0xFFFFFFFF) >> 27 for n in range(32)], np.int64).argsort().astype(np.int64)
"""Where the one bit of a number stands, by the number times a de Bruijn sequence."""


class Scorer(NamedTuple):
    """Trees as tests and leaves.

    Attributes
    ----------
    column, threshold, missing_fails, tree, left
        Of each test: what it looks at, what is more than this fails, whether what is missing does, which tree it is of,
        and the leaves that stay where it is failed. Shape (tests,).
    trees
        How many there are.
    leaves
        What each leaf adds, by part of the whole. Shape (trees, `MOST_LEAVES`, `MOST_PARTS`).
    """

    column: NDArray[np.int32]
    threshold: NDArray[np.float32]
    missing_fails: NDArray[np.bool_]
    tree: NDArray[np.int32]
    left: NDArray[np.uint32]
    trees: int
    leaves: NDArray[np.float32]


def scorer_of(nodes: Nodes, part: NDArray[np.int64], parts: int) -> Scorer:
    """Return the scorer that trees make.

    Of a way through a tree, each step from a node to the next is what the feature looked at adds (A. Saabas, 2014); the
    steps add up to the leaf, but for what the root says of everybody.

    Parameters
    ----------
    part
        The part of the whole that each column belongs to. Shape (columns,).

    Raises
    ------
    ValueError
        A tree has more than `MOST_LEAVES` leaves, or there are more than `MOST_PARTS` parts.
    """
    if parts > MOST_PARTS:
        raise ValueError(f"There are more than {MOST_PARTS} parts.")
    tests: list[tuple[int, int, int]] = []
    leaves = np.zeros((len(nodes.roots), MOST_LEAVES, MOST_PARTS), np.float32)
    for tree, root in enumerate(nodes.roots.tolist()):
        tests += _walked(nodes, part, root, leaves[tree], tree)
    at = np.array([node for node, _, _ in tests], np.intp)
    return Scorer(
        column=nodes.column[at],
        threshold=_below(nodes.threshold[at]),
        missing_fails=~nodes.missing_left[at],
        tree=np.array([tree for _, tree, _ in tests], np.int32),
        left=np.array([mask for _, _, mask in tests], np.uint32),
        trees=len(nodes.roots),
        leaves=leaves,
    )


def _walked(
    nodes: Nodes, part: NDArray[np.int64], root: int, leaves: NDArray[np.float32], tree: int
) -> Sequence[tuple[int, int, int]]:
    """Write a tree's leaves, and return its tests: node, tree, and the leaves that stay where it is failed."""
    tests, count = list[tuple[int, int, int]](), 0

    def go(node: int, told: NDArray[np.float64]) -> None:
        nonlocal count
        if nodes.column[node] < 0:
            if count == MOST_LEAVES:
                raise ValueError(f"A tree has more than {MOST_LEAVES} leaves.")
            leaves[count], count = told, count + 1
            return
        first = count
        for way in (nodes.left, nodes.right):
            step = told.copy()
            step[part[nodes.column[node]]] += nodes.value[way[node]] - nodes.value[node]
            go(int(way[node]), step)
            if way is nodes.left:
                tests.append((node, tree, int(_ALL) & ~((1 << count) - (1 << first))))

    go(root, np.zeros(leaves.shape[1]))
    return tests


def _below(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest single-precision numbers that are not above some: what is more than one is more than both."""
    with np.errstate(over="ignore"):  # what lies above all of them becomes infinite, and then the largest there is
        near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)


@compiled
def score(its: Scorer, columns: NDArray[np.float32], shares: NDArray[np.float32]) -> None:
    """Add to each row's shares what the trees say.

    Parameters
    ----------
    columns
        The table on its side. Shape (columns, rows).
    shares
        Shape (rows, parts).
    """
    rows = columns.shape[1]
    left = np.full((its.trees, rows), _ALL, np.uint32)
    for test in range(len(its.column)):
        values, own = columns[its.column[test]], left[its.tree[test]]
        threshold, kept = its.threshold[test], its.left[test]
        if its.missing_fails[test]:
            for n in range(rows):
                own[n] &= _ALL if values[n] <= threshold else kept
        else:
            for n in range(rows):
                own[n] &= kept if values[n] > threshold else _ALL
    for n in range(rows):
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = s9 = _NOTHING
        for tree in range(its.trees):
            bits = left[tree, n]
            leaf = its.leaves[tree, _PLACES[_I64(_U32(_U32(bits & (~bits + _U32(1))) * _MAGIC) >> _SHIFT)]]
            s0, s1, s2, s3, s4 = s0 + leaf[0], s1 + leaf[1], s2 + leaf[2], s3 + leaf[3], s4 + leaf[4]
            s5, s6, s7, s8, s9 = s5 + leaf[5], s6 + leaf[6], s7 + leaf[7], s8 + leaf[8], s9 + leaf[9]
        # One by one, so that they stay in the processor: in an array of its own each tree would write them to memory.
        sums = (s0, s1, s2, s3, s4, s5, s6, s7, s8, s9)
        for part in range(shares.shape[1]):
            shares[n, part] += sums[part]
