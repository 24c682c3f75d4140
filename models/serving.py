"""A published model, ready to answer: for one resident at a time, and of a hundred offers what each deserves.

What is known of offers lies in arrays that compiled loops read (`models.closer`); who asks is folded in, and forgotten
with the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import local

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelRefused
from engine.offers import Offer
from engine.ranker import PARTS, Chosen, Facing, Opinions, Part
from engine.taste import key
from models import closer
from models.artefact import Artefact
from models.blend import Blend
from models.collaborative import Ease
from models.context import GATHERING, Attribute, Commonly, Setting
from models.item import item
from models.model import Model
from models.snapshot import Snapshot

COARSE = 16
"""Dimensions of the factors for the first stage: the most telling directions of all."""
WORTH = 0.1
"""By how much the first stage's scores spread with the factors."""
_TOPIC = ("likeness", "likeness_lately", "ridge")
_ALIKE = ("ease", "factors", "mapped")
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
    return Part.REST if name == "days_quiet" else _PART_OF.get(name.partition("_")[0], Part.REST)


_PARTS = np.array([_part(name) for name in closer.NAMES], np.int64)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A model in front of one resident (`engine.ranker.Facing`)."""

    ranker: "ServingRanker"
    who: closer.Person
    now: float
    off: frozenset[Part]
    direction: NDArray[np.float32]

    def opinions(self, numbers: NDArray[np.int32]) -> Opinions:
        """Return what the model thinks of offers, by their numbers in it; -1 for one that it does not know."""
        open_ = np.flatnonzero((numbers >= 0) & ~np.isin(numbers, self.who.offers))
        parts = np.zeros((len(numbers), PARTS), np.float32)
        if len(open_):
            told = closer.describe(self.ranker.offers, self.who, numbers[open_], self.now, self.ranker.scratch())
            # What is off is neither looked at nor, where trees count that it is missing, held for or against an offer.
            if self.off:
                told[:, np.isin(_PARTS, list(self.off))] = np.nan
            parts[open_] = closer.judge(self.ranker.judges, told)
            parts[:, list(self.off)] = 0
        return Opinions(parts.sum(axis=1), parts)


@dataclass(frozen=True, slots=True)
class ServingRanker:
    """A model with all that an answer needs of it (`engine.ranker.Ranker`).

    Attributes
    ----------
    factors, basis, covariance
        The coarse factors of offers, their directions among all factors, and how all factors vary together.
    """

    name: str
    model: Model
    offers: closer.Offers
    judges: closer.Judges
    factors: NDArray[np.float32]
    basis: NDArray[np.float32]
    covariance: NDArray[np.float32]
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
        return cls._of(artefact.name, artefact.model, _judges(artefact))

    @classmethod
    def _of(
        cls, name: str, model: Model, judges: closer.Judges, basis: NDArray[np.float32] | None = None
    ) -> "ServingRanker":
        mixed = model.snapshot.factors.mixed
        told = mixed[np.abs(mixed).sum(axis=1) > 0]
        covariance = np.cov(told.T).astype(np.float32) if len(told) > 1 else np.eye(mixed.shape[1], dtype=np.float32)
        if basis is None:
            directions: NDArray[np.float32] = np.linalg.eigh(covariance)[1].astype(np.float32)
            basis = np.ascontiguousarray(directions[:, ::-1][:, :COARSE])
        keys = np.array([key(its.id) for its in model.items], np.uint64)
        order = np.argsort(keys)
        coarse = np.ascontiguousarray(mixed @ basis, np.float32)
        offers = _offers(model)
        return cls(name, model, offers, judges, coarse, basis, covariance, keys[order], order.astype(np.int32))

    def numbers(self, offers: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the offers' numbers by the hashes of their ids; -1 for one that the model does not know."""
        at = np.minimum(np.searchsorted(self._keys, offers), max(len(self._keys) - 1, 0))
        return np.where(self._keys[at] == offers, self._numbers[at], np.int32(-1))

    def facing(self, chosen: Chosen, now: float, off: frozenset[Part]) -> Facing | None:
        """Return the model in front of a resident; None where it knows nothing that they chose."""
        numbers = self.numbers(chosen.offers)
        known = numbers >= 0
        if not known.any():
            return None
        who = closer.person_of(self.offers, numbers[known], chosen.times[known], now)
        direction = np.zeros(self.basis.shape[1], np.float32)
        if Part.ALIKE not in off:
            spread = float(np.sqrt(np.maximum(who.folded @ self.covariance @ who.folded, 1e-12)))
            direction = (who.folded @ self.basis) * np.float32(WORTH / spread)
        return _Asked(self, who, now, off, direction)

    def knowing(self, offers: Sequence[Offer]) -> "ServingRanker":
        """Return the ranker with what is now told of offers; new ones get vectors and factors from what they say."""
        model = self.model.knowing([item(offer) for offer in offers])
        return self._of(self.name, model, self.judges, self.basis)

    def scratch(self) -> closer.Scratch:
        """Return room of this thread's own."""
        if not hasattr(self._local, "scratch"):
            width = self.model.snapshot.content.vectors.shape[1]
            profile, together = np.zeros((width, 2), np.float32), np.zeros(len(self.offers.new), np.float32)
            self._local.scratch = closer.Scratch(profile, together)
        found: closer.Scratch = self._local.scratch
        return found


def _offers(model: Model) -> closer.Offers:
    known, setting = model.snapshot, Setting.of(model.items)
    vectors, factors = known.content.vectors, known.factors
    if isinstance(known.ease, Ease):
        raise TypeError("What is published has the strongest weights alone.")
    weights = known.ease.weights
    measures = known.popularity.measures()
    attributes = {attribute.name: attribute for attribute in setting.attributes}
    told = [_attribute(attributes.get(name), known) for name in closer.ATTRIBUTES]
    gathering = told[: len(GATHERING)]
    missing = np.full(len(model.items), np.nan, np.float32)
    return closer.Offers(
        at=vectors.indptr.astype(np.int64),
        columns=vectors.indices.astype(np.int32),
        values=vectors.data.astype(np.float32),
        latent=np.ascontiguousarray(known.content.latent),
        solution=np.ascontiguousarray(known.ridge.solution),
        learned=np.ascontiguousarray(factors.learned),
        mixed=np.ascontiguousarray(factors.mixed),
        gram=np.ascontiguousarray(factors.gram),
        ease_at=weights.indptr.astype(np.int64),
        ease_offers=weights.indices.astype(np.int32),
        ease_weights=weights.data.astype(np.float32),
        counted=np.stack([measures.get(name, missing) for name in closer.MEASURES], axis=1).astype(np.float32),
        new=(known.popularity.counts == 0).astype(np.float32),
        codes=np.stack([its.codes for its in told]),
        usual=np.stack([its.usual for its in told]),
        held=np.stack([its.held for its in gathering]),
        gathered=np.stack([its.gathered for its in gathering]),
        starts=setting.starts,
        points=np.ascontiguousarray(setting.points, np.float64),
    )


@dataclass(frozen=True, slots=True)
class _Valued:
    """What is known of each offer's value of an attribute (`models.closer.Offers`)."""

    codes: NDArray[np.int32]
    usual: NDArray[np.float32]
    held: NDArray[np.float32]
    gathered: NDArray[np.float32]


def _attribute(attribute: Attribute | None, known: Snapshot) -> _Valued:
    n = len(known.popularity.counts)
    if attribute is None:
        nothing = np.full(n, np.nan, np.float32)
        return _Valued(np.full(n, -1, np.int32), nothing, nothing, np.stack([nothing] * 3))
    codes, common = attribute.codes, Commonly.of(attribute, known)
    value = np.maximum(codes, 0)
    gathered = np.stack([common.draw[value], common.visitors[value], common.returning[value]])
    usual, held = common.usual[value].astype(np.float32), common.held[value].astype(np.float32)
    return _Valued(codes.astype(np.int32), usual, held, gathered.astype(np.float32))


def _judges(artefact: Artefact) -> closer.Judges:
    """Return an artefact's re-ranker with columns as `closer.NAMES` has them."""
    blend: Blend = artefact.model.blend
    if unknown := [name for name in blend.names if name not in closer.NAMES]:
        raise ModelRefused(
            f"The model {artefact.name} looks at {', '.join(unknown)}, which nothing here knows; train anew."
        )
    columns = np.array([closer.NAMES.index(name) for name in blend.names], np.int32)
    nodes = blend.trees.nodes
    moved = nodes._replace(column=np.where(nodes.column < 0, -1, columns[np.maximum(nodes.column, 0)]).astype(np.int32))
    gains, inner = np.zeros(len(nodes.value)), np.flatnonzero(nodes.column >= 0)
    for way in (nodes.left, nodes.right):
        gains[way[inner]] = nodes.value[way[inner]] - nodes.value[inner]
    line, new_line = (np.zeros(len(closer.NAMES)) for _ in range(2))
    weights = blend.line.weights / blend.line.spread
    steady = columns[blend.steady]
    line[steady], new_line[steady] = weights[: len(steady)], weights[len(steady) :]
    return closer.Judges(moved, gains, line, new_line, _PARTS)
