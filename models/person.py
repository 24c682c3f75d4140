"""A resident in front of a model, folded in from what they chose, and the arrays of what the model knows of offers.

Compiled loops read these arrays (`models.closer`). All that is read of one offer lies together: memory is what they
wait for.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.compilation import compiled, fetch
from models.collaborative import CONFIDENCE
from models.context import GATHERING
from models.matrix import DAY
from models.snapshot import RECENT_DAYS

ATTRIBUTES = (*GATHERING, "area", "kind", "weekday", "hour", "price", "language", "ages")
MEASURES = ("popular", "popular_7", "popular_30")
_FETCHED = 64
"""How many numbers `fetch` brings."""
_RECENT = RECENT_DAYS * DAY
_CONFIDENCE, _F32 = np.float32(CONFIDENCE), np.float32


class Offers(NamedTuple):
    """What rankers know of offers, by number.

    Attributes
    ----------
    at, columns, values
        What they say, as sparse rows of length 1.
    dense
        `models.content.Content.latent`, then `learned` and `mixed` of `models.collaborative.Factors`. Shape (offers,
        dimensions + 2 x factors).
    solution, inverse
        The ridge's matrix, and the inverse of what a resident's factors are solved with before they chose anything.
    ease_at, ease_offers, ease_weights
        `models.strongest.Strongest`, as sparse rows.
    codes
        For each of `ATTRIBUTES` the offer's value as a number, -1 for none. Shape (offers, attributes).
    facts
        What `MEASURES` say; 1 where nobody had chosen it, else 0; for each of `ATTRIBUTES` the logarithm of the share
        of choices that go to its value; and for each of `models.context.GATHERING` how many offers of the value had
        been chosen, and the draw, visitors and returning of it. Shape (offers, facts).
    moments
        When it starts and closes, and where it is: `starts`, `closes` and `points` of `models.context.Setting`. Shape
        (offers, 4).
    """

    at: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]
    dense: NDArray[np.float32]
    solution: NDArray[np.float32]
    inverse: NDArray[np.float32]
    ease_at: NDArray[np.int64]
    ease_offers: NDArray[np.int32]
    ease_weights: NDArray[np.float32]
    codes: NDArray[np.int32]
    facts: NDArray[np.float32]
    moments: NDArray[np.float64]


class Person(NamedTuple):
    """A resident as far as a closer look goes.

    Attributes
    ----------
    offers, worth
        What they chose, by number, and what is left of it after fading. Shape (n,).
    quiet
        Seconds since the latest of it.
    ridge
        What the latent space is multiplied with. Shape (dimensions,).
    folded
        Factors. Shape (factors,).
    """

    offers: NDArray[np.int32]
    worth: NDArray[np.float32]
    quiet: float
    ridge: NDArray[np.float32]
    folded: NDArray[np.float32]


@compiled
def come(its: Offers, offer: int) -> None:
    """Have what is known of an offer brought near the processor, while it is at work on the one before."""
    columns, values = its.columns.reshape(-1, 1), its.values.reshape(-1, 1)
    for m in range(its.at[offer], its.at[offer + 1], _FETCHED):
        fetch(columns, np.uint64(m))
        fetch(values, np.uint64(m))
    width, dense = its.dense.shape[1], its.dense.reshape(-1, 1)
    for k in range(0, width, _FETCHED):
        fetch(dense, np.uint64(offer * width + k))
    fetch(its.facts, np.uint64(offer))
    fetch(its.codes, np.uint64(offer))
    fetch(its.moments, np.uint64(offer))


@compiled
def find(keys: NDArray[np.uint64], numbers: NDArray[np.int32], offers: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Return the numbers of offers by the hashes of their ids, -1 for those that are not known.

    Parameters
    ----------
    keys, numbers
        The hashes of the known ones, ascending, and their numbers.
    """
    found = np.full(len(offers), -1, np.int32)
    for n in range(len(offers)):
        low, high = 0, len(keys)
        while low < high:
            middle = (low + high) // 2
            if keys[middle] < offers[n]:
                low = middle + 1
            else:
                high = middle
        if low < len(keys) and keys[low] == offers[n]:
            found[n] = numbers[low]
    return found


@compiled
def toward(
    folded: NDArray[np.float32], basis: NDArray[np.float32], covariance: NDArray[np.float32], worth: float
) -> NDArray[np.float32]:
    """Return a resident's factors along the directions of a basis, such that scores of offers spread by `worth`.

    Parameters
    ----------
    covariance
        How the factors of offers vary together. Shape (factors, factors).
    """
    spread, direction = 0.0, np.zeros(basis.shape[1], np.float32)
    for k in range(len(folded)):
        own = _F32(0)
        for m in range(len(folded)):
            own += covariance[k, m] * folded[m]
        spread += float(folded[k] * own)
        direction += folded[k] * basis[k]
    direction *= _F32(worth / max(spread, 1e-12) ** 0.5)
    return direction


@compiled
def person_of(its: Offers, numbers: NDArray[np.int32], when: NDArray[np.float64], now: float) -> Person:
    """Fold a resident in from what they chose, by number, and when; what is not known is left out."""
    offers, times = numbers[numbers >= 0], when[numbers >= 0]
    for offer in offers:
        come(its, offer)
    factors = its.inverse.shape[0]
    dimensions = its.dense.shape[1] - 2 * factors
    latent, worth = np.zeros(dimensions, np.float32), np.empty(len(offers), np.float32)
    own = np.empty((len(offers), factors), np.float32)
    for n in range(len(offers)):
        worth[n] = 0.5 ** ((now - times[n]) / _RECENT)
        latent += its.dense[offers[n], :dimensions]
        own[n] = its.dense[offers[n], dimensions : dimensions + factors]
    ridge = np.zeros(dimensions, np.float32)
    for k in range(dimensions):
        ridge += latent[k] * its.solution[k]
    return Person(offers, worth, now - float(times.max()), ridge, solved(its.inverse, own))


@compiled
def solved(inverse: NDArray[np.float32], own: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the factors of somebody who chose offers with factors `own`, as `models.collaborative.Factors.fold` does.

    There are mostly fewer of them than factors: what is solved is a matrix between the offers (Woodbury's identity).
    """
    near = own @ inverse
    between = _CONFIDENCE * (near @ own.T)
    for n in range(len(own)):
        between[n, n] += _F32(1)
    return (_F32(1) + _CONFIDENCE) * (np.linalg.solve(between, np.ones(len(own), np.float32)) @ near)
