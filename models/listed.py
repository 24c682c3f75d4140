"""The lists of one fold as arrays: what they name, and whether it was chosen later."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidInput
from models.runs import Lists, named
from models.splits import Fold, Numbers, Split


class Listed(NamedTuple):
    """The lists of a fold's queries; those of which nothing that is judged was chosen are left out.

    Attributes
    ----------
    people
        Of shape (queries,), as `sizes`: how many of the judged offers each went on to choose.
    offers
        What is judged of each list, best first and filled up with -1, of shape (queries, places).
    hits
        Whether it was chosen, of the same shape.
    times
        How often somebody had to do with each offer before the fold starts, of shape (offers,).
    known
        How many people had to do with any.
    """

    fold: int
    people: Numbers
    sizes: NDArray[np.int64]
    offers: Numbers
    hits: NDArray[np.bool_]
    times: NDArray[np.int64]
    known: int

    @property
    def surprise(self) -> NDArray[np.float64]:
        """How little known each offer is, in bits: -log2 of its share of the people; of shape (offers,)."""
        return np.asarray(-np.log2((self.times + 1) / (self.known + 1)))


def listed(split: Split, fold: Fold, lists: Lists, among: NDArray[np.bool_], places: int) -> Listed:
    """Lay out the lists of a fold, keeping of each the first `places` offers that are judged.

    Parameters
    ----------
    among
        Whether an offer is judged, of shape (offers,).

    Raises
    ------
    InvalidInput
        A list names an offer twice, one outside the catalogue, or one that the person already had.
    """
    check = _Check(split, fold)
    truth = {person: chosen[among[chosen]] for person, chosen in fold.truth.items()}
    people = [int(person) for person in fold.people if len(truth[int(person)])]
    offers = np.full((len(people), places), -1, np.int32)
    hits = np.zeros((len(people), places), np.bool_)
    for row, person in enumerate(people):
        legal = check.legal(person, named(lists, fold.number, person))
        first = legal[among[legal]][:places]
        offers[row, : len(first)] = first
        hits[row, : len(first)] = np.isin(first, truth[person])
    sizes = np.array([len(truth[person]) for person in people], np.int64)
    return Listed(fold.number, np.array(people, np.int32), sizes, offers, hits, check.times, check.known)


class _Check:
    """What may be listed in a fold, and what was done before it."""

    def __init__(self, split: Split, fold: Fold) -> None:
        before = split.before(fold)
        self._split, self._fold, self._had = split, fold, before.had
        self._in_catalogue = np.zeros(len(split.items), np.bool_)
        self._in_catalogue[fold.candidates] = True
        self.times, self.known = before.times, before.known

    def legal(self, person: int, found: Numbers) -> Numbers:
        had = self._had.indices[self._had.indptr[person] : self._had.indptr[person + 1]]
        if len(outside := found[~self._in_catalogue[found]]):
            raise self._wrong(person, int(outside[0]), "it is not in the fold's catalogue")
        if len(again := found[np.isin(found, had)]):
            raise self._wrong(person, int(again[0]), "they already had to do with it")
        if len(np.unique(found)) < len(found):
            raise self._wrong(person, int(np.sort(found)[:-1][np.diff(np.sort(found)) == 0][0]), "it is there twice")
        return found

    def _wrong(self, person: int, offer: int, why: str) -> InvalidInput:
        query = self._fold.queries[self._fold.people.tolist().index(person)]
        return InvalidInput(
            f"The run lists {self._split.items[offer].id} for {query}, but {why}; correct the run.", field=query
        )
