"""Models for catalogues of tests: factors of some offers, and a firm opinion."""

from dataclasses import dataclass

import numpy as np

from bench.ranking import Directions
from engine.ranker import PARTS, Opinions
from engine.taste import key


def directions(vectors):
    """A model that gives offers these factors, by id."""
    keys = np.array([key(id_) for id_ in vectors], np.uint64)
    factors = np.stack(list(vectors.values())) if vectors else np.zeros((0, 2), np.float32)
    return Directions("of a test", factors, keys)


@dataclass
class Believer:
    """A model that thinks what it is told to of each offer, by id: how much of each part, in log-odds.

    `asked` gathers what it was told of residents: what they chose, and which parts are off.
    """

    beliefs: dict
    name: str = "believer"
    sharing: float = 0.0

    def __post_init__(self):
        self.asked = []
        self._numbers = {key(id_): n for n, id_ in enumerate(self.beliefs)}
        self.factors = np.zeros((len(self.beliefs), 1), np.float32)
        self.direction = np.zeros(1, np.float32)

    def numbers(self, offers):
        return np.array([self._numbers.get(int(hashed), -1) for hashed in offers], np.int32)

    def facing(self, chosen, _now, off):
        self.asked.append((chosen, off))
        return self

    def opinions(self, numbers, _seats):
        told = [*self.beliefs.values(), {}]
        parts = np.zeros((len(numbers), PARTS), np.float32)
        for n, number in enumerate(numbers.tolist()):
            for part, amount in told[number].items():
                parts[n, part] = amount
        return Opinions(parts.sum(axis=1), parts)
