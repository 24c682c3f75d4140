"""All single rankers, fitted to what was known at a moment: the first stage of every ranking.

A snapshot scores every candidate for some residents by each ranker, and finds those worth a closer look: the best of
each ranker. `models.context` then describes each such pair of a resident and an offer, and `models.blend` orders them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from models.collaborative import Ease, Factors
from models.content import Alike, Content, Ridge, Scores
from models.matrix import DAY, Interactions
from models.popular import Popularity
from models.strongest import Strongest

KEPT = 120
"""How many of the best of each ranker get a closer look."""
AT_ONCE = 2_000_000
"""How many scores of a ranker are held at a time: each costs some hundred bytes until the best are found."""
MOST_AT_ONCE = 200
"""How many residents are looked at together at most."""
RECENT_DAYS = 60.0
"""The half-life of what was chosen, for likeness to what is chosen lately."""

EVEN = 1e-9
"""A spread of no more than this is rounding: all scores are the same."""

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was known at a moment, and the rankers fitted to it.

    Attributes
    ----------
    at
        Unix seconds; infinity where times are unknown.
    histories
        Who chose what before it: ones, of shape (people, offers).
    faded
        The same, each choice worth half after `RECENT_DAYS`; None where times are unknown.
    last
        Each person's latest choice in Unix seconds, of shape (people,); nan for none.
    shared
        What the rankers learned from, of shape (people, offers); None in a published model, which holds nobody.
    visitors
        In a published model, attribute -> how many people had chosen something of the same value; of shape (offers,).
    """

    at: float
    content: Content
    histories: csr_array
    faded: csr_array | None
    last: NDArray[np.float64]
    popularity: Popularity
    ease: Ease | Strongest
    factors: Factors
    ridge: Ridge
    shared: csr_array | None = None
    visitors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    @classmethod
    def fit(  # noqa: PLR0913 - what was known, of how many, when
        cls, before: Interactions, content: Content, people: int, at: float, seed: int = 0, least: int = 1
    ) -> "Snapshot":
        """Return the rankers fitted to interactions, all of them from before `at`.

        Parameters
        ----------
        people
            How many there are, with or without a history.
        least
            Of offers that fewer people chose nothing is learned: to the rankers they are new.
        """
        shape = (people, content.vectors.shape[0])
        histories = ones(before, shape)
        shared = np.bincount(histories.indices, minlength=shape[1]) >= least
        learned = among(histories, shared)
        popularity = Popularity.fit(before, shape[1], at).among(shared)
        return cls(
            at=at,
            content=content,
            histories=histories,
            faded=_faded(before, shape, at),
            last=_last(before, people),
            popularity=popularity,
            ease=Ease.fit(learned),
            factors=Factors.fit(learned, content, seed),
            ridge=Ridge.fit(content, popularity.counts > 0),
            shared=learned,
        )

    def facing(self, before: Interactions, people: int, at: float) -> "Snapshot":
        """Return the same rankers in front of other people, who are known by what they chose before `at`."""
        shape = (people, self.content.vectors.shape[0])
        histories, faded = ones(before, shape), _faded(before, shape, at)
        return replace(self, at=at, histories=histories, faded=faded, last=_last(before, people))

    def scores(self, people: Indices, candidates: NDArray[np.int32], alike: Alike | None = None) -> dict[str, Scores]:
        """Return each ranker's scores, of shape (people, candidates).

        Parameters
        ----------
        alike
            How alike what these people chose and the candidates are, where that is known already.
        """
        histories = self.histories[people]
        kin = alike or Alike.of(self.content, histories.indices, candidates)
        folded = self.factors.fold(histories)
        scores = {
            "likeness": kin.likeness(histories),
            "ridge": self.ridge.scores(self.content, histories, candidates),
            "ease": self.ease.scores(histories)[:, candidates],
            "factors": folded @ self.factors.learned[candidates].T,
            "mapped": folded @ self.factors.mixed[candidates].T,
        }
        if self.faded is not None:
            scores["likeness_lately"] = kin.likeness(self.faded[people])
        for name, counts in self.popularity.measures().items():
            scores[name] = np.broadcast_to(counts[candidates], scores["ease"].shape)
        return scores

    def chosen(self, people: Indices, candidates: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Say which candidates are in a resident's history already, of shape (people, candidates)."""
        return np.asarray(self.histories[people][:, candidates].toarray() > 0)


def ones(before: Interactions, shape: tuple[int, int]) -> csr_array:
    """Return who chose what, once or more: ones, of shape (people, offers)."""
    histories = before.matrix(*shape)
    histories.sum_duplicates()
    histories.data[:] = 1.0
    return histories


def among(histories: csr_array, offers: NDArray[np.bool_]) -> csr_array:
    """Return histories with some offers alone; the very same where these are all that was chosen."""
    if offers[histories.indices].all():
        return histories
    kept = histories.copy()
    kept.data[~offers[kept.indices]] = 0.0
    kept.eliminate_zeros()
    return kept


def _faded(before: Interactions, shape: tuple[int, int], at: float) -> csr_array | None:
    if not np.isfinite(at):
        return None
    worth = 0.5 ** ((at - before.times) / (RECENT_DAYS * DAY))
    return csr_array((worth.astype(np.float32), (before.people, before.offers)), shape=shape)


def _last(before: Interactions, people: int) -> NDArray[np.float64]:
    last = np.full(people, -np.inf)
    np.fmax.at(last, before.people, before.times)
    return np.where(np.isfinite(last), last, np.nan)


@dataclass(frozen=True, slots=True)
class Found:
    """Pairs of a resident and an offer that get a closer look, with what the single rankers say of them.

    Attributes
    ----------
    people
        Who was asked about.
    rows
        For each pair the resident's position in `people`; ascending.
    columns
        For each pair the offer's position among the candidates.
    features
        Name -> value of each pair; float32.
    """

    people: Indices
    rows: Indices
    columns: Indices
    features: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


def found(snapshot: Snapshot, people: Indices, candidates: NDArray[np.int32], *, kept: int = KEPT) -> Iterator[Found]:
    """Yield the pairs that get a closer look, for some people at a time."""
    some = max(1, min(MOST_AT_ONCE, AT_ONCE // max(len(candidates), 1)))
    alike = Alike.of(snapshot.content, snapshot.histories[people].indices, candidates)
    for start in range(0, len(people), some):
        yield _find(snapshot, people[start : start + some], candidates, kept, alike)


def _find(snapshot: Snapshot, people: Indices, candidates: NDArray[np.int32], kept: int, alike: Alike) -> Found:
    closed = snapshot.chosen(people, candidates)
    scores = snapshot.scores(people, candidates, alike)
    looked_at = np.zeros(closed.shape, np.bool_)
    for values in scores.values():
        best = _best(np.where(closed, -np.inf, values), kept)
        np.put_along_axis(looked_at, best, values=True, axis=1)
    rows, columns = np.nonzero(looked_at & ~closed)
    features: dict[str, NDArray[np.float32]] = {}
    for name, values in scores.items():
        features[name] = values[rows, columns]
        features[f"{name}_standing"] = _standings(rows, features[name], len(people))
    return Found(people, rows, columns, features)


def _best(scores: Scores, kept: int) -> Indices:
    """Return the columns of the best of each row, in no order, of shape (people, at most `kept`)."""
    most = min(kept, scores.shape[1])
    if most == scores.shape[1]:
        return np.broadcast_to(np.arange(most), scores.shape)
    return np.argpartition(-scores, most - 1, axis=1)[:, :most]


def _standings(rows: Indices, scores: Scores, people: int) -> Scores:
    """Return how many standard deviations a score is above the mean of all that is looked at for the same resident."""
    n = np.maximum(np.bincount(rows, minlength=people), 1)
    above = scores - (np.bincount(rows, scores, people) / n)[rows]
    spread = np.sqrt(np.bincount(rows, above**2, people) / n)
    return np.asarray(above / np.where(spread > EVEN, spread, 1.0)[rows], np.float32)
