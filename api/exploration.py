"""Hands Thompson sampling, which `models.exploration` knows, to the engine, which asks for it as its `Explorer`."""

import numpy as np

from engine.novelty import Numbers
from models.exploration import Counted, explore

DRAWS = 100
"""From a belief, for one answer: some 0.1 ms."""


class Thompson:
    """Chooses among new offers by what may become of them.

    Parameters
    ----------
    seed
        Of its chances; otherwise the machine's.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._rng = np.random.default_rng(seed)

    def choose(self, shown: Numbers, chosen: Numbers, expected: Numbers) -> tuple[int, float]:
        """Return which offer is chosen, and with what probability (`engine.novelty.Explorer`)."""
        belief = Counted(np.rint(shown).astype(np.int64), np.rint(chosen).astype(np.int64), expected)
        explored = explore(belief, self._rng, DRAWS)
        return explored.action, explored.propensity
