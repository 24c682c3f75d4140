"""Offers as vectors of what they say, one space for all languages; the same words always give the same vector."""

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import normalize

from models.concepts import Concepts
from models.item import Item
from models.words import Atom, Words

N_FEATURES = 2**18
"""Columns. Features are hashed into them, so words that no training has seen have a place too."""
MEANING = 2.0
"""How much the cosine of an embedding counts beside that of words."""


_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(dict[str, dict[str, str]]).decode


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
        space = cls(Concepts.of(items) | (concepts or Concepts()), np.ones(N_FEATURES, np.float32))
        if items:
            idf = TfidfTransformer().fit(space._counts(items)).idf_
            space.idf = idf.astype(np.float32)
        return space

    def transform(self, items: Sequence[Item]) -> csr_array:
        """Return vectors of length 1, of shape (items, N_FEATURES), float32; all zero for an item that says nothing."""
        counts = self._counts(items)
        counts.data *= self.idf[counts.indices]
        return csr_array(normalize(counts, copy=False)) if items else counts

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that the space consists of."""
        told = {"labels": self.concepts.labels, "also": self.concepts.also}
        return {"idf": self.idf} | {name: np.frombuffer(_encode(labels), np.uint8) for name, labels in told.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "TextSpace":
        """Return the space that consists of `arrays`."""
        labels, also = (_decode(arrays[name].tobytes()) for name in ("labels", "also"))
        return cls(Concepts(labels, also), np.asarray(arrays["idf"], np.float32))

    def _counts(self, items: Sequence[Item]) -> csr_array:
        """Return how much of each feature items have, of shape (items, N_FEATURES)."""
        columns: dict[Atom, int] = {}
        occurring, counts, ends = array("i"), array("d"), array("i", [0])
        for item in items:
            atoms = self._words.read(item)
            occurring.extend([columns.setdefault(atom, len(columns)) for atom in atoms])
            counts.extend(atoms.values())
            ends.append(len(counts))
        if not columns:
            return csr_array((len(items), N_FEATURES), dtype=np.float32)
        # The hundredth time a word is said tells less than the first.
        damped = np.log2(1 + np.array(counts)).astype(np.float32)
        said = csr_array((damped, np.array(occurring), np.array(ends)), shape=(len(items), len(columns)))
        return said @ csr_array(self._hasher.transform(self._words.features(atom) for atom in columns))


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
