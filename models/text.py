"""Offers as vectors of what they say, one space for all languages; the same words always give the same vector."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack
from sklearn.feature_extraction import FeatureHasher
from sklearn.preprocessing import normalize

from models.concepts import Concepts
from models.item import Item
from models.words import Atom, Words

N_FEATURES = 2**18
"""Columns. Features are hashed into them, so words that no training has seen have a place too."""
MOST_KEPT = 192
"""With how many of its strongest features an offer is kept; of a city's offers that is five sixths of their length."""
_AT_ONCE = 1_000
MEANING = 3.0
"""How much the cosine of an embedding counts beside that of words."""


_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(dict[str, dict[str, str]]).decode
_decode_related = msgspec.json.Decoder(dict[str, dict[str, float]]).decode


class TextSpace:
    """The space that the texts, terms and tags of offers lie in.

    Parameters
    ----------
    concepts
        The vocabulary through which words of different languages meet.
    idf
        The inverse document frequency of each feature, of shape (N_FEATURES,).
    """

    def __init__(self, concepts: Concepts, idf: NDArray[np.float32]) -> None:
        self.concepts = concepts
        self.idf = idf
        self._words = Words(concepts)
        self._hasher = FeatureHasher(N_FEATURES, input_type="dict", dtype=np.float32, alternate_sign=False)

    @classmethod
    def fit(cls, items: Sequence[Item], concepts: Concepts | None = None) -> "TextSpace":
        """Return the space of some items.

        Parameters
        ----------
        concepts
            What the deployer has loaded. What the items themselves call a concept comes on top.
        """
        return cls._fitted(items, concepts)[0]

    @classmethod
    def fit_transform(
        cls, items: Sequence[Item], most: int | None = None, concepts: Concepts | None = None
    ) -> tuple["TextSpace", csr_array]:
        """Return the space of some items and their vectors (`transform`), at the cost of reading them once."""
        space, said = cls._fitted(items, concepts)
        return space, said.vectors(space.idf, most)

    def transform(self, items: Sequence[Item], most: int | None = None) -> csr_array:
        """Return vectors of length 1, of shape (items, N_FEATURES), float32; all zero for an item that says nothing.

        Parameters
        ----------
        most
            Of each item only so many of its strongest features are kept.
        """
        return self._said(items).vectors(self.idf, most)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that the space consists of."""
        told = {"labels": self.concepts.labels, "also": self.concepts.also, "related": self.concepts.related}
        return {"idf": self.idf} | {name: np.frombuffer(_encode(its), np.uint8) for name, its in told.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "TextSpace":
        """Return the space that consists of `arrays`."""
        labels, also = (_decode(arrays[name].tobytes()) for name in ("labels", "also"))
        related = _decode_related(arrays["related"].tobytes()) if "related" in arrays else {}
        return cls(Concepts(labels, also, related), np.asarray(arrays["idf"], np.float32))

    @classmethod
    def _fitted(cls, items: Sequence[Item], concepts: Concepts | None) -> tuple["TextSpace", "_Said"]:
        space = cls(Concepts.of(items) | (concepts or Concepts()), np.ones(N_FEATURES, np.float32))
        said, within = space._said(items), np.zeros(N_FEATURES, np.int64)
        for part in said.parts():
            within += np.bincount(part.indices, minlength=N_FEATURES)
        # As scikit-learn's `TfidfTransformer` does, which would need all of it at once.
        space.idf = (np.log((1 + len(items)) / (1 + within)) + 1).astype(np.float32)
        return space, said

    def _said(self, items: Sequence[Item]) -> "_Said":
        """Return what items say; each distinct atom is analysed once."""
        columns: dict[Atom, int] = {}
        occurring, counts, ends = array("i"), array("d"), array("i", [0])
        for item in items:
            atoms = self._words.read(item)
            occurring.extend([columns.setdefault(atom, len(columns)) for atom in atoms])
            counts.extend(atoms.values())
            ends.append(len(counts))
        # The hundredth time a word is said tells less than the first.
        damped = np.log2(1 + np.array(counts)).astype(np.float32)
        said = csr_array((damped, np.array(occurring, np.int32), np.array(ends)), shape=(len(items), len(columns)))
        if not columns:
            return _Said(said, csr_array((0, N_FEATURES), dtype=np.float32))
        return _Said(said, csr_array(self._hasher.transform(self._words.features(atom) for atom in columns)))


class _Said(NamedTuple):
    """What items say.

    Attributes
    ----------
    atoms
        How often they say each atom, of shape (items, atoms).
    meaning
        What an atom means, of shape (atoms, N_FEATURES).
    """

    atoms: csr_array
    meaning: csr_array

    def parts(self) -> Iterator[csr_array]:
        """Yield how much of each feature items have, some of them at a time: an offer has hundreds."""
        for first in range(0, self.atoms.shape[0], _AT_ONCE):
            yield csr_array(self.atoms[first : first + _AT_ONCE] @ self.meaning)

    def vectors(self, idf: NDArray[np.float32], most: int | None) -> csr_array:
        """Return vectors of length 1 (`TextSpace.transform`)."""
        parts = []
        for part in self.parts():
            part.data *= idf[part.indices]
            kept = part if most is None else strongest(part, most)
            parts.append(csr_array(normalize(kept, copy=False)))
        return csr_array(vstack(parts)) if parts else csr_array((0, N_FEATURES), dtype=np.float32)


def strongest(vectors: csr_array, most: int) -> csr_array:
    """Return vectors with at most so many features each, the largest."""
    lengths = np.diff(vectors.indptr)
    kept = np.ones(vectors.nnz, np.bool_)
    for row in np.flatnonzero(lengths > most):
        own = slice(vectors.indptr[row], vectors.indptr[row + 1])
        kept[own.start + np.argpartition(-vectors.data[own], most - 1)[most:]] = False
    ends = np.concatenate([[0], np.cumsum(np.minimum(lengths, most))])
    return csr_array((vectors.data[kept], vectors.indices[kept], ends), shape=vectors.shape)


class Vectors(NamedTuple):
    """Items as vectors: of words, of shape (items, N_FEATURES), and where there is an embedding, of meaning too."""

    words: csr_array
    meaning: NDArray[np.float32] | None = None


def similarity(a: Vectors, b: Vectors) -> NDArray[np.float32]:
    """Return how alike each of `a` is to each of `b`, of shape (a, b): for ranking, not for thresholds."""
    alike = (a.words @ b.words.T).toarray()
    if a.meaning is None or b.meaning is None:
        return np.asarray(alike)
    return np.asarray((alike + MEANING * (a.meaning @ b.meaning.T)) / (1 + MEANING))
