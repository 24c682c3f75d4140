"""A published model, ready to answer: for one resident at a time, what each of some dozens of offers deserves.

What is known of offers lies in arrays that compiled loops read (`models.closer`); who asks is folded in, and forgotten
with the answer. Offers that came after the training are added from what they say.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelRefused
from engine.offers import Offer
from engine.ranker import PARTS, Chosen, Facing, Opinions, Part
from engine.taste import key
from models import closer, person
from models.artefact import Artefact
from models.collaborative import Ease
from models.context import GATHERING, closes_of, points_of, starts_of, values_of
from models.embedding import MeaningSpace
from models.facets import Facets
from models.item import Item, item
from models.model import Model
from models.projection import Projection
from models.scorer import scorer_of
from models.text import MOST_KEPT, TextSpace
from models.values import Valued, valued

COARSE = 16
"""Dimensions of the factors for the first stage: the most telling directions of all."""
WORTH = 0.1
"""By how much the first stage's scores spread with the factors."""
_TOPIC = ("likeness", "likeness_lately", "ridge")
_ALIKE = ("ease", "factors", "mapped")
_COMMON = ("_draw", "_visitors", "_return")
"""What is said of a place or an organiser whoever asks."""
_PART_OF = {
    "organiser": Part.ORGANISER,
    "venue": Part.PLACE,
    "area": Part.AREA,
    "kind": Part.KIND,
    "weekday": Part.TIME,
    "hour": Part.TIME,
    "far": Part.AREA,
    "popular": Part.POPULAR,
    "days": Part.SOON,
}


def _part(name: str) -> Part:
    """Return what a column belongs to, by the first word of its name."""
    if name.removesuffix("_standing") in _TOPIC:
        return Part.TOPIC
    if name.removesuffix("_standing") in _ALIKE:
        return Part.ALIKE
    if name.endswith(_COMMON):
        return Part.REST
    return Part.REST if name == "days_quiet" else _PART_OF.get(name.partition("_")[0], Part.REST)


_PARTS = np.array([_part(name) for name in closer.NAMES], np.int64)


@cache
def _off(parts: frozenset[Part]) -> NDArray[np.bool_]:
    """Return for each part whether it may not count."""
    return np.isin(np.arange(PARTS), list(parts))


@dataclass(frozen=True, slots=True)
class Asked:
    """A model in front of one resident (`engine.ranker.Facing`)."""

    ranker: "ServingRanker"
    who: person.Person
    now: float
    off: NDArray[np.bool_]
    direction: NDArray[np.float32]

    def opinions(self, numbers: NDArray[np.int32], seats: NDArray[np.int32]) -> Opinions:
        """Return what the model thinks of offers, by their numbers in it; -1 for one that it does not know."""
        ranker = self.ranker
        parts = closer.opine(
            ranker.offers, ranker.judges, self.who, numbers, seats, self.now, ranker.scratch(), self.off
        )
        return Opinions(parts.sum(axis=1), parts)


@dataclass(frozen=True, slots=True)
class ServingRanker:
    """A model with all that an answer needs of it (`engine.ranker.Ranker`).

    Attributes
    ----------
    factors, basis, covariance
        The coarse factors of offers, their directions among all factors, and how all factors vary together.
    values
        What is known of the values of each of `person.ATTRIBUTES`.
    sharing
        How strongly exposure is shared out, as was found when the model was trained.
    places
        Which column of `person.Offers` each feature is in: those that most offers have come first, so that what is read
        most lies together. Shape (features,).
    """

    name: str
    offers: person.Offers
    judges: closer.Judges
    factors: NDArray[np.float32]
    basis: NDArray[np.float32]
    covariance: NDArray[np.float32]
    values: Mapping[str, Valued]
    text: TextSpace
    meaning: MeaningSpace | None
    facets: Facets
    projection: Projection
    map: NDArray[np.float32]
    sharing: float
    places: NDArray[np.int32]
    _keys: NDArray[np.uint64]
    _numbers: NDArray[np.int32]
    _local: local = field(default_factory=local)

    @classmethod
    def of(cls, artefact: Artefact) -> "ServingRanker":
        """Return the ranker that an artefact makes.

        Raises
        ------
        ModelRefused
            Its re-ranker looks at what is not known of offers here.
        """
        model = artefact.model
        mixed = model.snapshot.factors.mixed
        told = mixed[np.abs(mixed).sum(axis=1) > 0]
        covariance = np.cov(told.T).astype(np.float32) if len(told) > 1 else np.eye(mixed.shape[1], dtype=np.float32)
        directions: NDArray[np.float32] = np.linalg.eigh(covariance)[1].astype(np.float32)
        basis = np.ascontiguousarray(directions[:, ::-1][:, :COARSE])
        values = {name: valued(name, model.items, model.snapshot) for name in person.ATTRIBUTES}
        places = _places(model.snapshot.content.vectors.indices, model.facets.width)
        return cls(
            name=artefact.name,
            offers=_offers(model, values, places),
            judges=_judges(artefact),
            factors=np.ascontiguousarray(mixed @ basis, np.float32),
            basis=basis,
            covariance=covariance,
            values=values,
            text=model.text,
            meaning=model.meaning,
            facets=model.facets,
            projection=model.projection,
            map=model.snapshot.factors.map,
            sharing=artefact.card.sharing,
            places=places,
            **_index(np.array([key(its.id) for its in model.items], np.uint64)),
        )

    def numbers(self, offers: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the offers' numbers by the hashes of their ids; -1 for one that the model does not know."""
        found: NDArray[np.int32] = person.find(self._keys, self._numbers, offers)
        return found

    def facing(self, chosen: Chosen, now: float, off: frozenset[Part]) -> Facing | None:
        """Return the model in front of a resident; None where it knows nothing that they chose."""
        numbers = self.numbers(chosen.offers)
        if not (numbers >= 0).any():
            return None
        who = person.person_of(self.offers, numbers, chosen.times, now)
        worth = 0.0 if Part.ALIKE in off else WORTH
        direction = person.toward(who.folded, self.basis, self.covariance, worth)
        return Asked(self, who, now, _off(off), direction)

    def knowing(self, offers: Sequence[Offer]) -> "ServingRanker":
        """Return the ranker with more offers, which nobody has chosen yet: they get vectors from what they say."""
        items = [item(offer) for offer in offers]
        facets = self.facets.knowing(items)
        vectors = facets.vectors(self.text.transform(items, MOST_KEPT), items)
        meaning = self.meaning.transform(items) if self.meaning else None
        latent = self.projection.latent(vectors, meaning)
        mixed = (latent @ self.map).astype(np.float32)
        known, n = self.offers, len(items)
        places = np.concatenate([self.places, np.arange(len(self.places), facets.width, dtype=np.int32)])
        values, codes = _with_values(self.values, items)
        fresh = person.Offers(
            at=known.at[-1] + vectors.indptr[1:].astype(np.int64),
            columns=places[vectors.indices],
            values=vectors.data.astype(np.float32),
            dense=np.concatenate([latent, np.zeros_like(mixed), mixed], axis=1),
            solution=known.solution,
            inverse=known.inverse,
            ease_at=np.full(n, known.ease_at[-1]),
            ease_offers=known.ease_offers[:0],
            ease_weights=known.ease_weights[:0],
            moments=_moments(items),
            **_columns(np.zeros((n, len(person.MEASURES)), np.float32), np.ones(n, np.float32), codes, values),
        )
        keys = np.concatenate(
            [self._keys[np.argsort(self._numbers)], np.array([key(its.id) for its in items], np.uint64)]
        )
        return replace(
            self,
            offers=_joined(known, fresh),
            factors=np.concatenate([self.factors, mixed @ self.basis]),
            values=values,
            facets=facets,
            places=places,
            _local=local(),
            **_index(keys),
        )

    def scratch(self) -> closer.Scratch:
        """Return room of this thread's own."""
        if not hasattr(self._local, "scratch"):
            self._local.scratch = closer.Scratch.of(self.facets.width, len(self.offers.facts))
        found: closer.Scratch = self._local.scratch
        return found

    def warm_up(self) -> None:
        """Have all that an opinion needs compiled before anybody asks: a minute once on a machine, then on disk."""
        if len(self._keys):
            facing = self.facing(Chosen(self._keys[:1], np.zeros(1)), 0.0, frozenset())
            if facing is not None:
                some = np.arange(min(2, len(self._keys)), dtype=np.int32)
                facing.opinions(some, np.full(len(some), -1, np.int32))


def _index(keys: NDArray[np.uint64]) -> dict[str, Any]:
    order = np.argsort(keys)
    return {"_keys": keys[order], "_numbers": order.astype(np.int32)}


_WHOLE = ("solution", "inverse")


def _joined(known: person.Offers, fresh: person.Offers) -> person.Offers:
    """Return offers with those that are fresh behind."""
    parts: dict[str, Any] = {
        name: both[0] if name in _WHOLE else np.concatenate([np.asarray(part) for part in both])
        for name, *both in zip(known._fields, known, fresh, strict=True)
    }
    return person.Offers(**parts)


_Codes = Mapping[str, NDArray[np.int32]]


def _with_values(values: Mapping[str, Valued], items: Sequence[Item]) -> tuple[dict[str, Valued], _Codes]:
    """Return what is known of values with those of more offers, and these offers' values as numbers."""
    theirs: dict[str, list[Hashable | None]] = values_of(items)
    wider = {name: its.knowing(theirs[name]) for name, its in values.items()}
    return wider, {name: its.of(theirs[name]) for name, its in wider.items()}


def _columns(
    counted: NDArray[np.float32], new: NDArray[np.float32], codes: _Codes, values: Mapping[str, Valued]
) -> dict[str, NDArray[Any]]:
    """Return `codes` and `facts` of `person.Offers`."""
    usual = [values[name].usual[codes[name]] for name in person.ATTRIBUTES]
    gathered = [
        column
        for name in GATHERING
        for column in (values[name].held[codes[name]], *values[name].gathered[:, codes[name]])
    ]
    facts: NDArray[np.float32] = np.column_stack([counted, new, *usual, *gathered]).astype(np.float32)
    return {
        "codes": np.stack([codes[name] for name in person.ATTRIBUTES], axis=1).astype(np.int32),
        "facts": np.ascontiguousarray(facts),
    }


def _moments(items: Sequence[Item]) -> NDArray[np.float64]:
    """Return when offers start and close, and where they are (`person.Offers`)."""
    found: NDArray[np.float64] = np.column_stack([starts_of(items), closes_of(items), points_of(items)])
    return found.astype(np.float64)


def _places(features: NDArray[np.integer], width: int) -> NDArray[np.int32]:
    """Return the rank of each feature by how often it occurs, the most frequent first. Shape (width,)."""
    places = np.empty(width, np.int32)
    places[np.argsort(-np.bincount(features, minlength=width), kind="stable")] = np.arange(width, dtype=np.int32)
    return places


def _offers(model: Model, values: Mapping[str, Valued], places: NDArray[np.int32]) -> person.Offers:
    known, vectors, factors = model.snapshot, model.snapshot.content.vectors, model.snapshot.factors
    if isinstance(known.ease, Ease):
        raise TypeError("What is published has the strongest weights alone.")
    weights, measures = known.ease.weights, known.popularity.measures()
    missing = np.full(len(model.items), np.nan, np.float32)
    told = values_of(model.items)
    counted = np.stack([measures.get(name, missing) for name in person.MEASURES], axis=1).astype(np.float32)
    new = (known.popularity.counts == 0).astype(np.float32)
    return person.Offers(
        at=vectors.indptr.astype(np.int64),
        columns=places[vectors.indices],
        values=vectors.data.astype(np.float32),
        dense=np.concatenate([known.content.latent, factors.learned, factors.mixed], axis=1, dtype=np.float32),
        solution=np.ascontiguousarray(known.ridge.solution),
        inverse=factors.inverse(),
        ease_at=weights.indptr.astype(np.int64),
        ease_offers=weights.indices.astype(np.int32),
        ease_weights=weights.data.astype(np.float32),
        moments=_moments(model.items),
        **_columns(counted, new, {name: its.of(told[name]) for name, its in values.items()}, values),
    )


def _judges(artefact: Artefact) -> closer.Judges:
    """Return an artefact's re-ranker with columns as `closer.NAMES` has them."""
    blend = artefact.model.blend
    if unknown := [name for name in blend.names if name not in closer.NAMES]:
        told = ", ".join(unknown)
        raise ModelRefused(f"The model {artefact.name} looks at {told}, which nothing here knows; train anew.")
    columns = np.array([closer.NAMES.index(name) for name in blend.names], np.int32)
    nodes = blend.trees.nodes
    at = np.where(nodes.column < 0, -1, columns[np.maximum(nodes.column, 0)]).astype(np.int32)
    trees = scorer_of(nodes._replace(column=at), _PARTS, PARTS)
    line, new_line = np.zeros(len(closer.NAMES), np.float32), np.zeros(len(closer.NAMES), np.float32)
    weights, steady = blend.line.weights / blend.line.spread, columns[blend.steady]
    line[steady], new_line[steady] = weights[: len(steady)], weights[len(steady) :]
    return closer.Judges(trees, line, new_line, _PARTS)
