"""Whose an offer is and where, as columns beside what it says: kept, so that offers of later find the same columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack
from sklearn.preprocessing import normalize

from models.content import FACETS
from models.item import Item
from models.text import N_FEATURES

Columns = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Facets:
    """The columns of an offer's vector that do not stand for what it says.

    Attributes
    ----------
    columns
        Attribute -> value -> column.
    """

    columns: Columns

    @classmethod
    def of(cls, items: Sequence[Item]) -> "Facets":
        """Return the columns that the attributes of some offers take (`models.context.Setting`, `Content.of`)."""
        return cls({name: {} for name in FACETS}).knowing(items)

    @property
    def width(self) -> int:
        """How long a vector is."""
        return N_FEATURES + sum(map(len, self.columns.values()))

    def knowing(self, items: Sequence[Item]) -> "Facets":
        """Return the columns with those of more offers; new values come last."""
        columns, width = {name: dict(known) for name, known in self.columns.items()}, self.width
        for name, known in columns.items():
            for value in (getattr(item, name) for item in items):
                if value is not None and value not in known:
                    known[value], width = width, width + 1
        return Facets(columns)

    def vectors(self, texts: csr_array, items: Sequence[Item]) -> csr_array:
        """Return the vectors of offers, all of whose values are known, of shape (offers, `width`).

        Parameters
        ----------
        texts
            What they say, of shape (offers, N_FEATURES).
        """
        cells = [
            (row, known[value] - N_FEATURES, FACETS[name])
            for row, item in enumerate(items)
            for name, known in self.columns.items()
            if (value := getattr(item, name)) is not None
        ]
        if not cells:
            return csr_array((texts.data, texts.indices, texts.indptr), shape=(len(items), self.width))
        rows, columns, weights = (np.array(column) for column in zip(*cells, strict=True))
        shape = (len(items), self.width - N_FEATURES)
        facets = csr_array((weights.astype(np.float32), (rows, columns)), shape=shape)
        return csr_array(normalize(csr_array(hstack([texts, facets], format="csr"))))

    def array(self) -> NDArray[np.uint8]:
        """Return all that this consists of."""
        return np.frombuffer(msgspec.json.encode(self.columns), np.uint8)

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> "Facets":
        """Return the columns that an array consists of."""
        return cls(msgspec.json.decode(array.tobytes(), type=dict[str, dict[str, int]]))
