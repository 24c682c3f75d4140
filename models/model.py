"""What a training publishes: the rankers and the re-ranker as arrays about offers. Nobody is in it.

Residents are folded in at the moment of use, from what they chose (`Model.facing`); offers that came after the
training are folded in from what they say (`Model.knowing`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from models.blend import Blend
from models.collaborative import Ease, Factors
from models.content import Content, Ridge
from models.context import GATHERING, Setting, visitors
from models.embedding import MeaningSpace, bundled
from models.facets import Facets
from models.item import Item
from models.matrix import Interactions
from models.popular import Popularity
from models.projection import Projection
from models.recommender import Recommender
from models.snapshot import Snapshot
from models.strongest import Strongest
from models.text import MOST_KEPT, TextSpace

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that is needed to rank offers for anybody.

    Attributes
    ----------
    items
        The offers, in the order of all arrays, without their texts.
    snapshot
        The single rankers, in front of nobody.
    meaning
        Where offers lie that came after the training by what they mean; None where that has no part in the model, or
        the embedding that it was trained with is not installed.
    """

    items: tuple[Item, ...]
    text: TextSpace
    facets: Facets
    projection: Projection
    snapshot: Snapshot
    blend: Blend
    meaning: MeaningSpace | None = None

    @classmethod
    def of(
        cls,
        recommender: Recommender,
        items: Sequence[Item],
        text: TextSpace,
        projection: Projection,
        meaning: MeaningSpace | None = None,
    ) -> "Model":
        """Return what a fitted recommender knows of offers.

        Parameters
        ----------
        projection
            Of the recommender's content.

        Raises
        ------
        ValueError
            It has no re-ranker.
        """
        fitted = recommender.snapshot
        if recommender.blend is None:
            raise ValueError("A model has a re-ranker.")
        counted = {
            attribute.name: np.append(visitors(attribute, fitted), np.float32(0))[attribute.codes]
            for attribute in recommender.setting.attributes
            if attribute.name in GATHERING
        }
        ease = Strongest.of(fitted.ease) if isinstance(fitted.ease, Ease) else fitted.ease
        snapshot = replace(_before_nobody(fitted), ease=ease, shared=None, visitors=counted)
        bare = tuple(_bare(item) for item in items)
        return cls(bare, text, Facets.of(items), projection, snapshot, recommender.blend, meaning)

    def facing(self, before: Interactions, people: int, at: float) -> Recommender:
        """Return the recommender for people who are known by what they chose before `at`, in Unix seconds.

        Parameters
        ----------
        before
            Its offers are numbers in `items`.
        """
        return Recommender(self.snapshot.facing(before, people, at), Setting.of(self.items), self.blend)

    def knowing(self, items: Sequence[Item]) -> "Model":
        """Return the model with what is now told of offers; those that it does not know yet come last."""
        told = {item.id: item for item in items}
        known = {item.id for item in self.items}
        fresh = [item for item in told.values() if item.id not in known]
        facts = tuple(_bare(told.get(item.id, item)) for item in self.items)
        if not fresh:
            return replace(self, items=facts)
        facets = self.facets.knowing(fresh)
        vectors = facets.vectors(self.text.transform(fresh, MOST_KEPT), fresh)
        meaning = self.meaning.transform(fresh) if self.meaning else None
        wider = _wider(self.snapshot, vectors, self.projection.latent(vectors, meaning))
        return replace(self, items=facts + tuple(map(_bare, fresh)), facets=facets, snapshot=wider)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that the model consists of, but for `items`."""
        rankers, vectors, weights = self.snapshot, self.snapshot.content.vectors, _weights(self.snapshot)
        lately = {f"lately.{life:g}": counts for life, counts in rankers.popularity.lately.items()}
        found = {
            "at": np.array([rankers.at]),
            **_prefixed("text", self.text.arrays()),
            "facets": self.facets.array(),
            **_prefixed("vectors", _sparse(vectors)),
            "latent": rankers.content.latent,
            "projection.columns": self.projection.columns,
            "projection.axes": self.projection.axes,
            "projection.meaning_axes": self.projection.meaning_axes,
            **_prefixed("meaning", self.meaning.arrays() if self.meaning else {}),
            **_prefixed("factors", {n: getattr(rankers.factors, n) for n in ("learned", "mixed", "gram", "map")}),
            "ridge": rankers.ridge.solution,
            **_prefixed("ease", _sparse(weights)),
            **_prefixed("popular", {"counts": rankers.popularity.counts, **lately}),
            **_prefixed("visitors", rankers.visitors),
            **_prefixed("blend", self.blend.arrays()),
        }
        return {name: np.ascontiguousarray(array) for name, array in found.items()}

    @classmethod
    def from_arrays(cls, items: Sequence[Item], arrays: Arrays) -> "Model":
        """Return the model that consists of `items` and `arrays`.

        Raises
        ------
        KeyError, ValueError
            An array is missing, or does not fit the others.
        """
        names = ("text", "meaning", "vectors", "ease", "popular", "visitors", "blend")
        part = {name: _part(name, arrays) for name in names}
        facets = Facets.from_array(arrays["facets"])
        content = Content(_matrix(part["vectors"], len(items), facets.width), arrays["latent"])
        lately = {float(n.removeprefix("lately.")): its for n, its in part["popular"].items() if n != "counts"}
        snapshot = Snapshot(
            at=float(arrays["at"][0]),
            content=content,
            histories=csr_array((0, len(items)), dtype=np.float32),
            faded=None,
            last=np.zeros(0),
            popularity=Popularity(part["popular"]["counts"], lately),
            ease=Strongest(_matrix(part["ease"], len(items), len(items))),
            factors=Factors(**_part("factors", arrays)),
            ridge=Ridge(arrays["ridge"]),
            visitors=part["visitors"],
        )
        _check(snapshot, len(items))
        dimensions = snapshot.content.latent.shape[1]
        # Models that were published before meaning had a part in them have no axes of it.
        meaning_axes = arrays.get("projection.meaning_axes", np.zeros((0, dimensions), np.float16))
        projection = Projection(arrays["projection.columns"], arrays["projection.axes"], meaning_axes)
        if any(its.shape[1] != dimensions for its in (projection.axes, meaning_axes)):
            raise ValueError("A direction is of another space.")
        text, blend = TextSpace.from_arrays(part["text"]), Blend.from_arrays(part["blend"])
        meaning = MeaningSpace.from_arrays(part["meaning"], bundled(), text.concepts) if part["meaning"] else None
        return cls(tuple(items), text, facets, projection, snapshot, blend, meaning)


def _bare(item: Item) -> Item:
    return msgspec.structs.replace(item, title={}, text={}, terms={}, labels={}, organiser_text=None)


def _before_nobody(snapshot: Snapshot) -> Snapshot:
    nobody = csr_array((0, snapshot.histories.shape[1]), dtype=np.float32)
    return replace(snapshot, histories=nobody, faded=None, last=np.zeros(0))


def _weights(snapshot: Snapshot) -> csr_array:
    if isinstance(snapshot.ease, Ease):
        raise TypeError("What is published has the strongest weights alone.")
    return snapshot.ease.weights


def _wider(known: Snapshot, vectors: csr_array, latent: NDArray[np.float32]) -> Snapshot:
    """Return the rankers with more offers, which nobody has chosen yet."""
    fresh, old = vectors.shape[0], known.content.vectors
    # Organisers and places that are new have columns of their own, in which no offer of before has anything.
    old = csr_array((old.data, old.indices, old.indptr), shape=(old.shape[0], vectors.shape[1]))
    n = old.shape[0] + fresh
    factors = known.factors
    lately = {life: _longer(counts, n) for life, counts in known.popularity.lately.items()}
    return replace(
        known,
        content=Content(csr_array(vstack([old, vectors])), np.vstack([known.content.latent, latent])),
        histories=csr_array((0, n), dtype=np.float32),
        popularity=Popularity(_longer(known.popularity.counts, n), lately),
        ease=Strongest(_weights(known)).wider(n),
        factors=replace(
            factors,
            learned=_longer(factors.learned, n),
            mixed=np.vstack([factors.mixed, latent @ factors.map]),
        ),
        visitors={name: _longer(its, n) for name, its in known.visitors.items()},
    )


def _longer(column: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    """Return an array with rows of noughts at its end, `rows` in all."""
    return np.concatenate([column, np.zeros((rows - len(column), *column.shape[1:]), np.float32)])


def _sparse(matrix: csr_array) -> Arrays:
    return {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}


def _matrix(arrays: Arrays, rows: int, columns: int) -> csr_array:
    parts = (arrays["data"], arrays["indices"], arrays["indptr"])
    matrix = csr_array(parts, shape=(rows, columns))
    matrix.check_format(full_check=True)
    return matrix


def _prefixed(prefix: str, arrays: Arrays) -> Arrays:
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def _part(prefix: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    return {n.removeprefix(f"{prefix}."): array for n, array in arrays.items() if n.startswith(f"{prefix}.")}


def _check(snapshot: Snapshot, offers: int) -> None:
    """See that every array has a row for each offer, and that those that are multiplied fit."""
    popularity, factors, latent = snapshot.popularity, snapshot.factors, snapshot.content.latent
    columns = (popularity.counts, *popularity.lately.values(), *snapshot.visitors.values())
    if any(len(its) != offers for its in (latent, factors.learned, factors.mixed, *columns)):
        raise ValueError("An array is not of all offers.")
    if (
        factors.map.shape != (latent.shape[1], factors.mixed.shape[1])
        or len(snapshot.ridge.solution) != latent.shape[1]
    ):
        raise ValueError("Two arrays do not fit.")
