"""The re-ranker: how much each ranker and each circumstance is to be believed, learned from what followed.

Two models look at the same features, and their log-odds are averaged: boosted trees, which find when to trust which,
and a logistic regression with weights of its own for new offers, which is steady where there is little to learn from.
Where little is known of offers the second is better, where much is known the first; together they beat both.

Trees never turn sense on its head: that a ranker puts an offer higher never lowers it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from models.forest import Forest
from models.steps import Steps

Table = NDArray[np.float32]
TREES, LEAVES, RATE, LEAST_IN_LEAF, SHRINKAGE = 150, 15, 0.06, 30, 5.0
SHARE_OF_FEATURES = 0.5
STRENGTH = 0.1
"""The inverse of the logistic regression's regularisation."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Pairs of a resident and an offer, and whether the offer was chosen.

    Attributes
    ----------
    features
        Name -> value of each pair, of shape (pairs,).
    chosen
        Of shape (pairs,).
    weights
        Each resident's choices weigh 1 together, of shape (pairs,).
    """

    features: Mapping[str, NDArray[np.float32]]
    chosen: NDArray[np.bool_]
    weights: NDArray[np.float32]


def joined(parts: Sequence[Examples]) -> Examples:
    """Return examples of several moments as one; a feature that one of them lacks is missing there."""
    names = dict.fromkeys(name for part in parts for name in part.features)
    columns = {
        name: np.concatenate([part.features.get(name, np.full(len(part.chosen), np.nan, np.float32)) for part in parts])
        for name in names
    }
    chosen = np.concatenate([part.chosen for part in parts])
    return Examples(columns, chosen, np.concatenate([part.weights for part in parts]))


@dataclass(frozen=True, slots=True)
class Line:
    """A logistic regression: what each column adds to the log-odds, once it is brought to one scale.

    Attributes
    ----------
    weights, middle, spread
        Of shape (columns,).
    """

    weights: NDArray[np.float64]
    intercept: float
    middle: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def fit(cls, wide: NDArray[np.float64], examples: Examples) -> "Line":
        """Return the line that a table of shape (pairs, columns) and what followed teach."""
        middle, spread = wide.mean(axis=0), wide.std(axis=0) + 1e-6
        fitted = LogisticRegression(C=STRENGTH, max_iter=400)
        fitted.fit((wide - middle) / spread, examples.chosen, sample_weight=examples.weights)
        return cls(fitted.coef_[0], float(fitted.intercept_[0]), middle, spread)

    def scores(self, wide: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of each row."""
        return np.asarray(((wide - self.middle) / self.spread) @ self.weights + self.intercept)


@dataclass(frozen=True, slots=True)
class Blend:
    """A fitted re-ranker.

    Attributes
    ----------
    names
        The features that it looks at, in the order of a table's columns.
    steady
        Which columns the logistic regression looks at.
    """

    names: tuple[str, ...]
    trees: Forest
    line: Line
    steady: NDArray[np.intp]
    new: int

    @classmethod
    def fit(cls, examples: Examples, seed: int = 0) -> "Blend":
        """Return the re-ranker that examples teach.

        Raises
        ------
        ValueError
            There are not both chosen and passed-over offers among them.
        """
        if examples.chosen.all() or not examples.chosen.any():
            raise ValueError("A re-ranker is learned from offers that were chosen and others that were not.")
        names = tuple(sorted(name for name, column in examples.features.items() if np.isfinite(column).any()))
        table = _table(names, examples.features)
        steps = Steps.of(table)
        trees = HistGradientBoostingClassifier(
            max_iter=TREES, learning_rate=RATE, max_leaf_nodes=LEAVES, min_samples_leaf=LEAST_IN_LEAF,
            l2_regularization=SHRINKAGE, max_features=SHARE_OF_FEATURES, early_stopping=False, random_state=seed,
            monotonic_cst=[_direction(name) for name in names],
        )  # fmt: skip
        # One thread: where others are at work too, threads that wait for each other take ten times as long.
        steady, new = _steady(names), names.index("new")
        with threadpool_limits(1):
            trees.fit(steps.numbered(table), examples.chosen, sample_weight=examples.weights)
            line = Line.fit(_wide(table, steady, new), examples)
        return cls(names, steps.undone(Forest.of(trees)), line, steady, new)

    def scores(self, features: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Return the log-odds of each pair, of shape (pairs,)."""
        table = _table(self.names, features)
        wide = _wide(table, self.steady, self.new)
        return (self.trees.scores(table) + self.line.scores(wide)) / 2

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that the re-ranker consists of."""
        told: dict[str, NDArray[Any]] = {
            "names": np.frombuffer(msgspec.json.encode(self.names), np.uint8),
            "weights": self.line.weights,
            "intercept": np.array([self.line.intercept]),
            "middle": self.line.middle,
            "spread": self.line.spread,
        }
        return told | {f"trees.{name}": array for name, array in self.trees.arrays().items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Blend":
        """Return the re-ranker that consists of `arrays`.

        Raises
        ------
        KeyError, ValueError
            An array is missing, or does not fit the others.
        """
        names = msgspec.json.decode(arrays["names"].tobytes(), type=tuple[str, ...])
        told = {name.removeprefix("trees."): array for name, array in arrays.items() if name.startswith("trees.")}
        trees, steady = Forest.from_arrays(told), _steady(names)
        line = Line(arrays["weights"], float(arrays["intercept"][0]), arrays["middle"], arrays["spread"])
        if trees.nodes.column.max(initial=-1) >= len(names) or len(line.weights) != 2 * len(steady):
            raise ValueError("A re-ranker looks at features that it does not name.")
        return cls(names, trees, line, steady, names.index("new"))


def foretold(taught: Examples, pairs: Examples) -> NDArray[np.float64]:
    """Return the chance that each pair is chosen, as a line that other examples teach has it. Shape (pairs,)."""
    names = tuple(sorted(name for name, column in taught.features.items() if np.isfinite(column).any()))
    steady, new = _steady(names), names.index("new")
    with threadpool_limits(1):
        line = Line.fit(_wide(_table(names, taught.features), steady, new), taught)
        return np.asarray(1 / (1 + np.exp(-line.scores(_wide(_table(names, pairs.features), steady, new)))))


def _table(names: Sequence[str], features: Mapping[str, NDArray[np.float32]]) -> Table:
    n = len(next(iter(features.values())))
    missing = np.full(n, np.nan, np.float32)
    return np.stack([features.get(name, missing) for name in names], axis=1)


def _direction(name: str) -> int:
    """Say whether trees may only rise with a feature (1), or do as they like (0)."""
    if name.startswith("popular"):
        return 0
    return int(name.endswith("_standing"))


def _steady(names: Sequence[str]) -> NDArray[np.intp]:
    return np.array([n for n, name in enumerate(names) if _is_steady(name)], np.intp)


def _is_steady(name: str) -> bool:
    """Say whether a feature is of one scale for everybody, so that a line can hold it."""
    ends = ("_standing", "_count", "_share", "_lately", "_lift", "_loyalty")
    return name.endswith(ends) or name in {"new", "popular", "days_to_start", "far_from_nearest"}


def _wide(table: Table, steady: NDArray[np.intp], new: int) -> NDArray[np.float64]:
    """Return the steady columns twice: for all offers, and once more for new ones only."""
    columns = np.nan_to_num(table[:, steady].astype(np.float64))
    return np.concatenate([columns, columns * table[:, [new]]], axis=1)
