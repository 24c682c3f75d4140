"""A town whose suggestions are judged."""

import math

import numpy as np

from models.item import Item
from models.matrix import Interactions
from models.report import LEAST_RESIDENTS
from models.splits import Fold, Split

PEOPLE = 2 * LEAST_RESIDENTS
OFFERS = 12


def town() -> Split:
    """Forty residents who each choose one of twelve offers; a few of the offers are in a small place."""
    people = np.arange(PEOPLE, dtype=np.int32)
    fold = Fold(
        number=0,
        starts=math.inf,
        ends=math.inf,
        candidates=np.arange(OFFERS, dtype=np.int32),
        people=people,
        queries=tuple(f"0|u{person}" for person in people),
        truth={int(person): np.array([1 + person % (OFFERS - 1)], np.int32) for person in people},
        cold=np.arange(OFFERS) > 0,
    )
    items = tuple(Item(id=f"o{n}", area="Suomenlinna" if n == 3 else "Kallio") for n in range(OFFERS))
    train = Interactions.of([0], [0])
    return Split(name="town", folds=(fold,), people=tuple(f"u{n}" for n in people), items=items, train=train)


def best(split: Split) -> dict[tuple[int, int], np.ndarray]:
    """A run that lists what was chosen and nothing else."""
    return {(0, person): chosen for person, chosen in split.folds[0].truth.items()}
